"""What moto does not enforce, enforced in front of it: one file a service.

`before` may raise an AwsError, or answer itself; `after` sees moto's answer and may correct it.
"""


def make():
    """Fresh rules: they remember which states are not over yet."""
    from .dynamodb import DynamoDb
    from .iam import Iam
    from .logs import Logs
    from .sts import Sts

    return {"dynamodb": DynamoDb(), "iam": Iam(), "logs": Logs(), "sts": Sts()}
