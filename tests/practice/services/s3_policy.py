"""What S3 checks of a bucket policy before it takes it. Source: S3 user guide; IAM policy grammar."""

import json
import re

from ..policy import listed
from ..wire.errors import AwsError

LIMIT = 20 * 1024
"""Bytes a bucket policy may have."""

# Actions of buckets; every other s3 action is one of objects. Those that a site's policy may name.
_BUCKET_ACTIONS = ("s3:ListBucket", "s3:GetBucket", "s3:PutBucket", "s3:DeleteBucket", "s3:ListBucketMultipartUploads")


def _refuse(text):
    raise AwsError("MalformedPolicy", text, 400)


def check_policy(text, bucket, account):
    """The parsed policy; AwsError `MalformedPolicy` when S3 would not take it."""
    if len(text) > LIMIT:
        _refuse("Policy exceeds the maximum allowed document size.")
    try:
        document = json.loads(text)
    except ValueError:
        _refuse("Policies must be valid JSON and the first byte must be '{'")
    if not isinstance(document, dict) or not document.get("Statement"):
        _refuse("Missing required field Statement")
    if document.get("Version") not in (None, "2012-10-17", "2008-10-17"):
        _refuse("Policy document version is not valid")
    for statement in listed(document["Statement"]):
        _check_statement(statement, bucket, account)
    return document


def _check_statement(statement, bucket, account):
    known = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    if set(statement) - known:
        _refuse(f"Unknown field {sorted(set(statement) - known)[0]}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        _refuse("Invalid effect")
    if not ("Principal" in statement or "NotPrincipal" in statement):
        _refuse("Missing required field Principal")
    _check_principal(statement.get("Principal", statement.get("NotPrincipal")), account)
    actions = listed(statement.get("Action", statement.get("NotAction")))
    if not actions:
        _refuse("Missing required field Action")
    for action in actions:
        if action != "*" and not re.fullmatch(r"s3:[A-Za-z*?]+", action):
            _refuse("Policy has invalid action")
    resources = listed(statement.get("Resource", statement.get("NotResource")))
    if not resources:
        _refuse("Missing required field Resource")
    for resource in resources:
        if resource != f"arn:aws:s3:::{bucket}" and not resource.startswith(f"arn:aws:s3:::{bucket}/"):
            _refuse("Policy has invalid resource")
    _check_pairs(actions, resources)


def _check_principal(principal, account):
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        _refuse("Invalid policy syntax.")
    for kind, names in principal.items():
        if kind not in ("AWS", "Service", "CanonicalUser", "Federated"):
            _refuse("Invalid policy syntax.")
        for name in listed(names):
            if kind == "Service" and not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", name):
                _refuse("Invalid principal in policy")
            if kind == "AWS" and not _aws_principal(name, account):
                _refuse("Invalid principal in policy")


def _aws_principal(name, account):
    if name == "*" or re.fullmatch(r"\d{12}", name) or re.fullmatch(r"arn:aws:iam::\d{12}:root", name):
        return True
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):(role|user)/(.+)", name)
    if not found:
        return False
    # Only this account's roles can be looked up; another account's are taken on trust.
    number, kind, path = found.groups()
    return number != account.id or kind == "user" or account.role(path.rsplit("/", 1)[-1]) is not None


def _check_pairs(actions, resources):
    """Every action must apply to a resource: an action of objects needs a resource with a key, and so on."""
    of_bucket = [r for r in resources if "/" not in r]
    of_object = [r for r in resources if "/" in r]
    for action in actions:
        if "*" in action:
            continue
        needed = of_bucket if action.startswith(_BUCKET_ACTIONS) else of_object
        if not needed:
            _refuse("Action does not apply to any resource(s) in statement")
