"""What a service's own model says of its parameters: required, lengths, bounds, patterns, enumerations.

AWS checks these before anything else, with messages of one form. Source: the models; the form of the messages is
the one that the JSON services of AWS give.
"""

import re

from .errors import AwsError


def check(call, p, code="ValidationException", but=()):
    """AwsError `code` when a parameter breaks the model; members whose names are in `but` are not looked at."""
    shape = call.service.operation(call.operation).input_shape
    found = list(_structure(shape, p, "", but)) if shape else []
    if found:
        plural = "s" if len(found) > 1 else ""
        raise AwsError(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}", 400)


def _structure(shape, value, path, but):
    for name in shape.required_members:
        if value.get(name) is None and name not in but:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None and name not in but:
            yield from _value(member, value[name], _join(path, name), but)


def _join(path, name):
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _value(shape, value, path, but):
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path, but)
    elif kind == "list":
        yield from _length(shape, value, path, "length")
        for n, each in enumerate(value, 1):
            yield from _value(shape.member, each, f"{path}.{n}.member", but)
    elif kind == "map":
        yield from _length(shape, value, path, "length")
        for key, each in value.items():
            yield from _value(shape.key, key, f"{path}.key", but)
            yield from _value(shape.value, each, f"{path}.{key}.member", but)
    elif kind in ("integer", "long", "float", "double"):
        yield from _bounds(shape, value, path)
    elif kind == "string":
        yield from _length(shape, value, path, "length")
        yield from _text(shape, value, path)


def _failed(value, path, rule):
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {rule}"


def _length(shape, value, path, word):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _failed(value, path, f"have {word} greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _failed(value, path, f"have {word} less than or equal to {most}")


def _bounds(shape, value, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _failed(value, path, f"have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _failed(value, path, f"have value less than or equal to {most}")


def _text(shape, value, path):
    # `enum` is empty for plain strings.
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield _failed(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    # Python has no classes of Unicode categories; those patterns only say "letters, numbers and some signs".
    if pattern and "\\p{" not in pattern and not _fits(pattern, value):
        yield _failed(value, path, f"satisfy regular expression pattern: {pattern}")


def _fits(pattern, value):
    try:
        return re.fullmatch(pattern, value, re.ASCII) is not None
    except re.error:
        return True
