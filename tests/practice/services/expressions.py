"""The expressions of schedules: `rate`, `cron`, `at`. Source: EventBridge user guide, schedule expressions."""

import re
from datetime import datetime

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# The fields in order: least, most, names, and what a day may be beyond numbers.
_FIELDS = (
    (0, 59, (), ""), (0, 23, (), ""), (1, 31, (), r"\?|L|LW|\d{1,2}W"), (1, 12, _MONTHS, ""),
    (1, 7, _DAYS, r"\?|L|[1-7]L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5]"), (1970, 2199, (), ""),
)


def is_rate(text, strict):
    """`rate(5 minutes)`; `strict`: one takes the singular, more take the plural, as rules want it."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", text)
    if not found or int(found.group(1)) < 1:
        return False
    return not strict or (int(found.group(1)) == 1) == (found.group(3) == "")


def is_cron(text):
    """`cron(0 10 * * ? *)`: six fields, a question mark in exactly one of the two that name days."""
    found = re.fullmatch(r"cron\((.+)\)", text)
    fields = found.group(1).split() if found else []
    if len(fields) != 6 or (fields[2] == "?") == (fields[4] == "?"):
        return False
    return all(_field(value, *rule) for value, rule in zip(fields, _FIELDS))


def _field(value, least, most, names, special):
    return all(_part(part, least, most, names, special) for part in value.split(","))


def _part(part, least, most, names, special):
    if special and re.fullmatch(special, part.upper()):
        return True
    base, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) > 0):
        return False
    if base == "*":
        return True
    ends = [_number(end, least, names) for end in base.split("-")]
    return 1 <= len(ends) <= 2 and all(n is not None and least <= n <= most for n in ends)


def _number(text, least, names):
    if text.upper() in names:
        return names.index(text.upper()) + max(least, 1)
    return int(text) if text.isdigit() else None


def is_at(text):
    """`at(2030-01-01T00:00:00)`, without a zone."""
    found = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", text)
    if not found:
        return False
    try:
        datetime.fromisoformat(found.group(1))
    except ValueError:
        return False
    return True
