"""What the services that are played here have in common: parameters checked against AWS's own models, pages, tags.

Source of the constraints: botocore's models (required members, lengths, patterns, ranges, values of enumerations);
of the words: what services that are built on AWS's common framework answer.
"""

import functools
import json
import re
from datetime import datetime, timezone

from ..policy import decide, listed
from ..wire.errors import AwsError


def now():
    """The time, as the models want it."""
    return datetime.now(timezone.utc)


class Strict:
    """Base of a service whose operations see only what the model allows; `INVALID` is the code of the refusal."""

    INVALID = "ValidationException"

    def __init_subclass__(cls, **more):
        super().__init_subclass__(**more)
        for name in dir(cls):
            if name[0].isupper() and callable(getattr(cls, name)):
                setattr(cls, name, _checked(getattr(cls, name), name))


def _checked(method, name):
    @functools.wraps(method)
    def checked(self, call, p):
        check(call.service.operation(name), p, self.INVALID)
        return method(self, call, p)

    return checked


def check(operation, p, code):
    """AwsError `code` unless the parameters fit the operation's model."""
    shape = operation.input_shape
    found = list(_structure(shape, p, "")) if shape else []
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise AwsError(code, f"{count}: {'; '.join(found)}", 400)


def _said(name, value, shape, constraint):
    shown = " null" if value is None else "" if shape.metadata.get("sensitive") else f" '{value}'"
    return f"Value{shown} at '{name}' failed to satisfy constraint: Member must {constraint}"


def _structure(shape, value, path):
    for name, member in shape.members.items():
        inner = f"{path}.{name[:1].lower()}{name[1:]}".lstrip(".")
        if value.get(name) is None:
            if name in shape.required_members:
                yield _said(inner, None, member, "not be null")
        else:
            yield from _value(member, value[name], inner)


def _value(shape, value, path):
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _length(shape, value, path)
        for n, each in enumerate(value, 1):
            yield from _value(shape.member, each, f"{path}.{n}.member")
    elif kind == "map":
        yield from _length(shape, value, path)
        for key, each in value.items():
            yield from _value(shape.key, key, f"{path}.key")
            yield from _value(shape.value, each, f"{path}.{key}.member")
    elif kind in ("string", "blob"):
        yield from _length(shape, value, path)
        if kind == "string":
            yield from _text(shape, value, path)
    elif kind in ("integer", "long", "float", "double"):
        yield from _range(shape, value, path)


def _length(shape, value, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _said(path, value, shape, f"have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _said(path, value, shape, f"have length less than or equal to {most}")


def _range(shape, value, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _said(path, value, shape, f"have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _said(path, value, shape, f"have value less than or equal to {most}")


def _text(shape, value, path):
    if not isinstance(value, str):
        raise AwsError("SerializationException", f"'{path}' is no string", 400)
    if shape.enum and value not in shape.enum:
        yield _said(path, value, shape, f"satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _fits(pattern, value):
        yield _said(path, value, shape, f"satisfy regular expression pattern: {pattern}")


@functools.lru_cache(maxsize=None)
def _compiled(pattern):
    # The models' patterns are Java's: classes of Unicode are said otherwise here.
    for java, python in (("\\p{L}", "a-zA-Z\u00aa-\uffff"), ("\\p{Z}", "\\s"), ("\\p{N}", "0-9")):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def _fits(pattern, value):
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def page(items, p, size, limit="MaxResults", token="NextToken", code="InvalidNextToken"):
    """`(one page, the next token or None)`; the token is an index, and AwsError `code` when it is none."""
    given = str(p.get(token) or "0")
    if not given.isdigit() or int(given) > len(items):
        raise AwsError(code, "The specified token is not valid.", 400)
    start, count = int(given), p.get(limit) or size
    end = start + count
    return items[start:end], str(end) if end < len(items) else None


def tags_of(given, code):
    """Tags, a list of keys and values, as a dictionary; AwsError `code` for what AWS would not take."""
    tags = {each["Key"]: each.get("Value") or "" for each in given or []}
    if len(tags) != len(given or []):
        raise AwsError(code, "Duplicate tag keys found.", 400)
    if any(key.lower().startswith("aws:") for key in tags):
        raise AwsError(code, "Tag keys starting with aws: are reserved for system use.", 400)
    return tags


def tag_list(tags):
    """Tags as AWS lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def parsed_policy(text, refuse, account, limit=20480):
    """A resource policy, parsed; `refuse(text)` is raised when its form is wrong or a principal does not exist."""
    if len(text) > limit:
        raise refuse("The policy is too long.")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise refuse("The policy is no valid JSON.") from error
    if not isinstance(document, dict) or not document.get("Statement"):
        raise refuse("Missing required field Statement")
    for statement in listed(document["Statement"]):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise refuse("Invalid effect")
        if not ("Action" in statement or "NotAction" in statement):
            raise refuse("Missing required field Action")
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        if principal != "*" and not isinstance(principal, dict):
            raise refuse("Missing required field Principal")
        for name in listed((principal if isinstance(principal, dict) else {}).get("AWS")):
            found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", name)
            if found and found.group(1) == account.id and account.role(found.group(2)) is None:
                raise refuse("PrincipalNotFound: an unsupported or unknown principal is in the policy")
    return document


def assumable(account, arn, service, context=None):
    """Whether the role of that ARN exists and lets a service assume it."""
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.+/)?([^/]+)", arn or "")
    role = account.role(found.group(2)) if found and found.group(1) == account.id else None
    if role is None:
        return False
    trust = role.assume_role_policy_document
    document = json.loads(trust) if isinstance(trust, str) else trust
    return decide(document, {"Service": service}, "sts:AssumeRole", "", context or {}) == "Allow"


def function_of(account, arn):
    """`(function, qualifier)` of a function's ARN; `(None, "")` when there is none."""
    found = re.fullmatch(r"arn:aws:lambda:([a-z0-9-]+):\d{12}:function:([\w-]+)(?::([\w$-]+))?", arn)
    if not found:
        return None, ""
    return account.functions.functions.get((found.group(1), found.group(2))), found.group(3) or ""


async def run_function(account, function, qualifier, payload):
    """Run a function's real bootstrap; the end of the invocation. AwsError when the qualifier means nothing."""
    version = account.functions.resolve(function, qualifier)
    return await account.edge.lambdas.invoke(function, version, payload, qualifier)
