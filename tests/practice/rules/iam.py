"""IAM: documents that are judged before moto keeps them."""

import json
import re

from ..policy import listed
from ..wire.errors import AwsError


def _refuse(text):
    raise AwsError("MalformedPolicyDocument", text, 400)


class Iam:
    """Checks trust and inline policies, and the names of roles."""

    def before(self, account, call):
        p = call.params
        if call.operation in ("CreateRole", "UpdateAssumeRolePolicy"):
            name = "AssumeRolePolicyDocument" if call.operation == "CreateRole" else "PolicyDocument"
            self._trust(account, _parsed(p.get(name, "")))
        if call.operation in ("PutRolePolicy", "CreatePolicy", "CreatePolicyVersion"):
            self._identity(_parsed(p.get("PolicyDocument", "")))
        if call.operation == "CreateRole" and not re.fullmatch(r"[\w+=,.@-]{1,64}", p.get("RoleName", "")):
            raise AwsError("ValidationError", "1 validation error detected: Value at 'roleName' failed to satisfy constraint", 400)
        if call.operation == "PutRolePolicy" and len(re.sub(r"\s", "", p["PolicyDocument"])) > 10240:
            raise AwsError("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {p.get('RoleName')}", 409)

    def after(self, account, call, status, headers, body):
        return status, headers, body

    def _trust(self, account, document):
        for statement in listed(document["Statement"]):
            _shape(statement)
            if "Resource" in statement:
                _refuse("Has prohibited field Resource")
            principal = statement.get("Principal")
            if principal is None:
                _refuse("Missing required field Principal")
            if isinstance(principal, dict):
                for kind, names in principal.items():
                    for name in listed(names):
                        self._principal(account, kind, name)

    def _principal(self, account, kind, name):
        if kind == "Service" and not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", name):
            _refuse(f'Invalid principal in policy: "SERVICE":"{name}"')
        found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)", name) if kind == "AWS" else None
        if found and found.group(1) == account.id and account.role(found.group(2)) is None:
            _refuse(f'Invalid principal in policy: "AWS":"{name}"')

    def _identity(self, document):
        for statement in listed(document["Statement"]):
            _shape(statement)
            if "Principal" in statement:
                _refuse("Policy document should not specify a principal.")
            if not ("Resource" in statement or "NotResource" in statement):
                _refuse("Policy statement must contain resources.")
            for resource in listed(statement.get("Resource")):
                if resource != "*" and not re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", resource):
                    _refuse(f'Resource {resource} must be in ARN format or "*".')


def _parsed(text):
    try:
        document = json.loads(text)
    except ValueError:
        _refuse("This policy contains invalid Json")
    if not isinstance(document, dict) or not document.get("Statement"):
        _refuse("Syntax errors in policy.")
    if document.get("Version") not in (None, "2012-10-17", "2008-10-17"):
        _refuse("The policy must contain a valid version string")
    return document


def _shape(statement):
    if statement.get("Effect") not in ("Allow", "Deny"):
        _refuse("Syntax errors in policy.")
    actions = listed(statement.get("Action", statement.get("NotAction")))
    if not actions:
        _refuse("Policy statement must contain actions.")
    for action in actions:
        if action != "*" and not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
            _refuse(f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. ({action})")
