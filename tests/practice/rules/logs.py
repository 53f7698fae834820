"""CloudWatch Logs: the retentions that there are."""

from ..wire.errors import AwsError

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)
"""Days. Source: Logs API reference, PutRetentionPolicy."""


class Logs:
    """Checks the retention; the rest is moto's."""

    def before(self, account, call):
        if call.operation == "PutRetentionPolicy" and call.params.get("retentionInDays") not in RETENTIONS:
            raise AwsError(
                "InvalidParameterException",
                f"1 validation error detected: Value '{call.params.get('retentionInDays')}' at 'retentionInDays' failed "
                "to satisfy constraint: Member must satisfy enum value set",
            )

    def after(self, account, call, status, headers, body):
        return status, headers, body
