"""CloudWatch Logs: the retentions that there are, tags, policies; deliveries are played whole."""

import re

from .. import ids
from ..services.strict import check, parsed_policy
from ..wire import rpc
from ..wire.errors import AwsError
from .logs_deliveries import Deliveries

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)
"""Days. Source: Logs API reference, PutRetentionPolicy."""

_MOST_POLICIES = 10
_POLICY_LIMIT = 5120
_TAGGING = ("TagResource", "UntagResource", "ListTagsForResource")


class Logs:
    """Checks before moto answers; deliveries never reach moto."""

    def __init__(self):
        self.deliveries = Deliveries()

    def before(self, account, call):
        operation, p = call.operation, call.params
        if operation == "PutRetentionPolicy" and p.get("retentionInDays") not in RETENTIONS:
            raise AwsError(
                "InvalidParameterException",
                f"1 validation error detected: Value '{p.get('retentionInDays')}' at 'retentionInDays' failed "
                "to satisfy constraint: Member must satisfy enum value set",
            )
        model = call.service.operation(operation or "")
        method = getattr(self.deliveries, operation, None) if model else None
        if method:
            check(model, p, "ValidationException")
            return rpc.answer(call.service, model, method(account, call, p), ids.request())
        if operation in _TAGGING:
            return self._tags(account, call, p)
        if operation == "PutResourcePolicy":
            self._policy(account, call, p)
        return None

    def _tags(self, account, call, p):
        arn = p.get("resourceArn") or ""
        if not self.deliveries.has(arn):
            self._check_group(account, call, arn)
            return None
        tags = self.deliveries.tagged(arn)
        if call.operation == "TagResource":
            if len({**tags, **p["tags"]}) > 50:
                raise AwsError("TooManyTagsException", "A resource has at most 50 tags.", 400)
            tags.update(p["tags"])
        for key in p.get("tagKeys") or []:
            tags.pop(key, None)
        out = {"tags": dict(tags)} if call.operation == "ListTagsForResource" else {}
        return rpc.answer(call.service, call.service.operation(call.operation), out, ids.request())

    def _check_group(self, account, call, arn):
        """A log group's ARN stands here without `:*`. Source: Logs API reference, TagResource."""
        found = re.fullmatch(rf"arn:aws:logs:{call.region}:{account.id}:log-group:([\w./#-]+)", arn)
        if arn.endswith(":*") or not arn.startswith("arn:"):
            raise AwsError("InvalidParameterException", "1 validation error detected: the resource ARN is not valid", 400)
        backend = account.standins.backend("logs", call.region)
        if found and (backend is None or found.group(1) not in backend.groups):
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)

    def _policy(self, account, call, p):
        def invalid(text):
            return AwsError("InvalidParameterException", text, 400)

        if not p.get("policyName") or not p.get("policyDocument"):
            raise invalid("policyName and policyDocument are required.")
        parsed_policy(p["policyDocument"], invalid, account, limit=_POLICY_LIMIT)
        backend = account.standins.backend("logs", call.region)
        held = backend.resource_policies if backend else {}
        if p["policyName"] not in held and len(held) >= _MOST_POLICIES:
            raise AwsError("LimitExceededException", "Resource limit exceeded.", 400)

    def after(self, account, call, status, headers, body):
        return status, headers, body
