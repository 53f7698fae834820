"""IAM policy documents: read, judged, and asked whether they are public.

Source: IAM user guide, policy evaluation logic; S3 user guide, the meaning of "public".
"""

import fnmatch
import re


def listed(value):
    """A value that may be one or a list, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def statements(document):
    """The statements of a parsed document."""
    return listed((document or {}).get("Statement"))


def decide(document, principal, action, resource, context):
    """"Deny", "Allow" or None (nothing applies) for one request.

    `principal` is `{"Service": name}` or `{"AWS": arn}`; None for identity policies, which name none.
    `context` maps condition keys to values.
    """
    verdict = None
    for statement in statements(document):
        if not _applies(statement, principal, action, resource, context):
            continue
        if statement.get("Effect") == "Deny":
            return "Deny"
        verdict = "Allow"
    return verdict


def _applies(statement, principal, action, resource, context):
    if principal is not None and not _principal_fits(statement, principal):
        return False
    if "NotAction" in statement:
        if _any_like(statement["NotAction"], action, fold=True):
            return False
    elif not _any_like(statement.get("Action"), action, fold=True):
        return False
    if "NotResource" in statement:
        if _any_like(statement["NotResource"], resource):
            return False
    elif "Resource" in statement and not _any_like(statement["Resource"], resource):
        return False
    return conditions_hold(statement.get("Condition") or {}, context)


def _principal_fits(statement, principal):
    if "NotPrincipal" in statement:
        return not _named(statement["NotPrincipal"], principal)
    return _named(statement.get("Principal"), principal)


def _named(given, principal):
    if given == "*":
        return True
    for kind, names in (given or {}).items():
        for name in listed(names):
            if kind == "AWS" and name == "*":
                return True
            if kind == "AWS" and "AWS" in principal:
                account = principal["AWS"].split(":")[4]
                if name in (principal["AWS"], account, f"arn:aws:iam::{account}:root"):
                    return True
            if kind != "AWS" and principal.get(kind) == name:
                return True
    return False


def like(pattern, value, fold=False):
    """IAM's wildcards: `*` and `?`, nothing else is special."""
    if fold:
        pattern, value = pattern.lower(), value.lower()
    pattern = re.sub(r"\[", "[[]", pattern)
    return fnmatch.fnmatchcase(value, pattern)


def _any_like(patterns, value, fold=False):
    return any(like(p, value, fold) for p in listed(patterns))


def conditions_hold(conditions, context):
    """Whether every operator and every key of a condition block holds."""
    folded = {k.lower(): v for k, v in context.items()}
    return all(
        _holds(operator, listed(wanted), folded.get(key.lower()))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator, wanted, given):
    every = operator.startswith("ForAllValues:")
    name = operator.split(":")[-1]
    if name == "Null":
        return (given is None) == (str(wanted[0]).lower() == "true")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if given is None:
        return optional or every or "Not" in name
    values = listed(given)
    if every:
        return all(_one(name, wanted, value) for value in values)
    return any(_one(name, wanted, value) for value in values)


def _one(name, wanted, value):
    value = str(value)
    wanted = [str(w) for w in wanted]
    if "Not" in name:
        return not _one(name.replace("Not", ""), wanted, value)
    if name in ("StringEquals", "NumericEquals"):
        return value in wanted
    if name == "StringEqualsIgnoreCase":
        return value.lower() in [w.lower() for w in wanted]
    if name == "Bool":
        return value.lower() in [w.lower() for w in wanted]
    if name in ("StringLike", "ArnLike", "ArnEquals"):
        return any(like(w, value) for w in wanted)
    if name.startswith("Numeric"):
        number = float(value)
        tests = {
            "NumericLessThan": lambda w: number < w,
            "NumericLessThanEquals": lambda w: number <= w,
            "NumericGreaterThan": lambda w: number > w,
            "NumericGreaterThanEquals": lambda w: number >= w,
        }
        return any(tests[name](float(w)) for w in wanted)
    # An operator that is not known here must not open anything.
    return False


# Condition keys whose fixed value makes a grant to everybody not public. Source: S3 user guide.
_FIXING = {
    "aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount",
    "aws:principalorgid", "aws:principalaccount", "aws:principalarn", "aws:userid", "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}


def is_public(document):
    """Whether S3 would call a bucket policy public."""
    for statement in statements(document):
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        everybody = principal == "*" or (isinstance(principal, dict) and "*" in listed(principal.get("AWS")))
        if everybody and not _fixed(statement.get("Condition") or {}):
            return True
    return False


def _fixed(conditions):
    for operator, keys in conditions.items():
        if "Not" in operator:
            continue
        for key, values in keys.items():
            if key.lower() in _FIXING and not any("*" in str(v) for v in listed(values)):
                return True
    return False
