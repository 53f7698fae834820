"""Names and values of DNS as Route 53 takes and gives them. Source: Route 53 guide, DNS domain name format."""

import ipaddress
import re

_LABEL = re.compile(r"[^.]{1,63}")


def canonical(name):
    """A name in small letters, with its dot at the end and without escapes."""
    text = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), name)
    return text.lower().rstrip(".") + "."


def valid(name):
    """Whether a canonical name can be one: lengths of it and of its labels, no blanks."""
    labels = name[:-1].split(".")
    if len(name) > 255 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return re.fullmatch(r"[!-~]+", name) is not None


def escaped(name):
    """A canonical name as Route 53 shows it: whatever is no letter, digit, hyphen or underscore by its octal code."""
    return re.sub(r"[^a-z0-9_.-]", lambda found: f"\\{ord(found.group(0)):03o}", name)


def order(name):
    """What names are sorted by: the labels reversed, with the dot at the end."""
    return ".".join(reversed(name[:-1].split("."))) + "."


def within(name, zone):
    """Whether a name is a zone's own or below it."""
    return name == zone or name.endswith("." + zone)


def covers(pattern, name):
    """Whether a name of a certificate or an alias covers another: itself, or one label for the asterisk."""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    return pattern == name or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])


# -- values ----------------------------------------------------------------------------------------------------


def wrong_value(kind, value):
    """Route 53's complaint about a value of a record, or None."""
    check = _CHECKS.get(kind)
    problem = check(value) if check else None
    return f"Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''" if problem else None


def _address(version, problem):
    def check(value):
        try:
            fits = ipaddress.ip_address(value).version == version
        except ValueError:
            fits = False
        return None if fits else problem

    return check


def _name(value):
    if " " in value:
        return "DomainNameContainsSpaces (Value contains spaces)"
    return None if valid(canonical(value)) else "DomainLabelEmpty (Domain label is empty)"


def _texts(value):
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    if not re.fullmatch(r'"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*', value):
        return "InvalidCharacterString (Value should be enclosed in quotation marks)"
    if any(len(each) > 255 for each in strings):
        return "CharacterStringTooLong (Value is too long)"
    return None


def _authority(value):
    if re.fullmatch(r'\d{1,3} (issue|issuewild|iodef|issuemail|issuevmc) "[^"]*"', value):
        return None
    return "CAARRDATAInvalidValue (Value is not a flag, a tag and a value in quotation marks)"


def _mail(value):
    found = re.fullmatch(r"\d{1,5} (\S+)", value)
    return _name(found.group(1)) if found else "MXRRDATANotTwoFields (Value is not a priority and a name)"


_CHECKS = {
    "A": _address(4, "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
    "AAAA": _address(6, "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"),
    "CNAME": _name, "NS": _name, "PTR": _name, "TXT": _texts, "SPF": _texts, "CAA": _authority, "MX": _mail,
}
