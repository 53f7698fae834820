"""EventBridge's patterns: judged, and matched against events. Source: EventBridge user guide, event patterns."""

import fnmatch
import json
import operator

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
_FILTERS = ("prefix", "suffix", "exists", "anything-but", "numeric", "equals-ignore-case", "wildcard", "cidr")


def parse(text):
    """The pattern; ValueError says what is wrong with it."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise ValueError(f"JSON: {error}") from error
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError("Filter is not an object")
    _judge(pattern)
    return pattern


def _judge(pattern):
    for name, wanted in pattern.items():
        if name == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(each, dict) for each in wanted):
                raise ValueError("$or must be an array of at least two objects")
            for each in wanted:
                _judge(each)
        elif isinstance(wanted, dict):
            if not wanted:
                raise ValueError("Empty objects are not allowed")
            _judge(wanted)
        elif isinstance(wanted, list):
            _judge_values(name, wanted)
        else:
            raise ValueError(f'"{name}" must be an object or an array')


def _judge_values(name, wanted):
    if not wanted:
        raise ValueError("Empty arrays are not allowed")
    for each in wanted:
        if isinstance(each, list):
            raise ValueError(f'"{name}": an array in an array')
        if isinstance(each, dict) and (len(each) != 1 or next(iter(each)) not in _FILTERS):
            raise ValueError(f"Unrecognized match type {next(iter(each), '')}")


def matches(pattern, event):
    """Whether an event has everything that the pattern names."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            inner = event.get(name)
            if not matches(wanted, inner if isinstance(inner, dict) else {}):
                return False
        elif not any(_meets(each, event, name) for each in wanted):
            return False
    return True


def _meets(wanted, event, name):
    if isinstance(wanted, dict) and "exists" in wanted:
        return (name in event) == bool(wanted["exists"])
    if name not in event:
        return False
    values = event[name] if isinstance(event[name], list) else [event[name]]
    return any(_one(wanted, value) for value in values)


def _one(wanted, value):
    if not isinstance(wanted, dict):
        return type(wanted) is type(value) and wanted == value or _is_number(wanted) and _is_number(value) and wanted == value
    kind, given = next(iter(wanted.items()))
    if kind == "anything-but":
        others = given if isinstance(given, list) else [given]
        return not any(_one(each, value) for each in others)
    if kind == "numeric":
        pairs = zip(given[::2], given[1::2])
        return _is_number(value) and all(_COMPARE[sign](value, number) for sign, number in pairs)
    if not isinstance(value, str) or not isinstance(given, str):
        return False
    if kind == "prefix":
        return value.startswith(given)
    if kind == "suffix":
        return value.endswith(given)
    if kind == "equals-ignore-case":
        return value.lower() == given.lower()
    if kind == "wildcard":
        return fnmatch.fnmatchcase(value, given.replace("[", "[[]").replace("?", "[?]"))
    return False


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
