"""Lambda's resource policies (one a qualifier) and tags."""

import json
import re

from .. import ids, policy
from ..wire.errors import AwsError

_LIMIT = 20 * 1024


class Access:
    """Mixed into `Lambda`."""

    def _qualified(self, call, p):
        function, qualifier = self.find(call, p["FunctionName"])
        qualifier = p.get("Qualifier") or qualifier
        if qualifier == "$LATEST":
            raise AwsError("InvalidParameterValueException", "We currently do not support adding policies for $LATEST.", 400)
        if qualifier:
            self.resolve(function, qualifier)
        return function, qualifier

    def AddPermission(self, call, p):
        function, qualifier = self._qualified(call, p)
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,100}", p["StatementId"]):
            raise AwsError("ValidationException", "1 validation error detected: Value at 'statementId' failed to satisfy constraint", 400)
        if not re.fullmatch(r"(lambda:[*]|lambda:[a-zA-Z]+|[*])", p["Action"]):
            raise AwsError("ValidationException", "1 validation error detected: Value at 'action' failed to satisfy constraint", 400)
        statements = function.policies.setdefault(qualifier, [])
        self._check_revision(function, qualifier, p)
        if any(each["Sid"] == p["StatementId"] for each in statements):
            raise AwsError("ResourceConflictException", f"The statement id ({p['StatementId']}) provided already exists. Please provide a new statement id, or remove the existing statement.", 409)
        made = self._statement(function, qualifier, p)
        if len(json.dumps([*statements, made])) > _LIMIT:
            raise AwsError("PolicyLengthExceededException", "The final policy size is bigger than the limit (20480).", 400)
        statements.append(made)
        function.policy_revisions[qualifier] = ids.unique()
        return {"Statement": json.dumps(made)}

    def _statement(self, function, qualifier, p):
        who = p["Principal"]
        if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", who):
            principal = {"Service": who}
        elif re.fullmatch(r"\d{12}", who):
            principal = {"AWS": f"arn:aws:iam::{who}:root"}
        elif who == "*" or who.startswith("arn:"):
            principal = who if who == "*" else {"AWS": who}
        else:
            raise AwsError("InvalidParameterValueException", "The provided principal was invalid. Please check the principal and try again.", 400)
        made = {
            "Sid": p["StatementId"], "Effect": "Allow", "Principal": principal, "Action": p["Action"],
            "Resource": function.arn + (f":{qualifier}" if qualifier else ""),
        }
        conditions = {}
        if p.get("SourceAccount"):
            conditions["StringEquals"] = {"AWS:SourceAccount": p["SourceAccount"]}
        if p.get("SourceArn"):
            conditions["ArnLike"] = {"AWS:SourceArn": p["SourceArn"]}
        if conditions:
            made["Condition"] = conditions
        return made

    def _check_revision(self, function, qualifier, p):
        if p.get("RevisionId") and p["RevisionId"] != function.policy_revisions.get(qualifier):
            raise AwsError("PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId.", 412)

    def RemovePermission(self, call, p):
        function, qualifier = self._qualified(call, p)
        statements = function.policies.get(qualifier, [])
        self._check_revision(function, qualifier, p)
        left = [each for each in statements if each["Sid"] != p["StatementId"]]
        if len(left) == len(statements):
            raise AwsError("ResourceNotFoundException", f"Statement {p['StatementId']} is not found in resource policy.", 404)
        function.policies[qualifier] = left
        function.policy_revisions[qualifier] = ids.unique()
        return {}

    def GetPolicy(self, call, p):
        function, qualifier = self._qualified(call, p)
        statements = function.policies.get(qualifier)
        if not statements:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        return {"Policy": json.dumps(document), "RevisionId": function.policy_revisions[qualifier]}

    def allows(self, function, qualifier, principal, source_arn):
        """Whether a service may invoke a function through that qualifier on behalf of `source_arn`."""
        document = {"Statement": function.policies.get(qualifier, [])}
        arn = function.arn + (f":{qualifier}" if qualifier else "")
        context = {"aws:SourceArn": source_arn, "aws:SourceAccount": self.account.id}
        return policy.decide(document, {"Service": principal}, "lambda:InvokeFunction", arn, context) == "Allow"

    # Neither can be made here. Source: API reference, GetFunctionUrlConfig, ListEventSourceMappings.

    def GetFunctionUrlConfig(self, call, p):
        self.find(call, p["FunctionName"])
        raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)

    def ListEventSourceMappings(self, call, p):
        return {"EventSourceMappings": []}

    def ListTags(self, call, p):
        return {"Tags": self.find(call, p["Resource"])[0].tags}

    def TagResource(self, call, p):
        self.find(call, p["Resource"])[0].tags.update(p.get("Tags") or {})
        return {}

    def UntagResource(self, call, p):
        tags = self.find(call, p["Resource"])[0].tags
        for key in p.get("TagKeys") or []:
            tags.pop(key, None)
        return {}
