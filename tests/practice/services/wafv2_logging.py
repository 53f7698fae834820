"""Where a web ACL may log to. Source: WAF developer guide, logging destinations; API reference, LoggingConfiguration."""

import copy
import re

from ..wire.errors import AwsError
from .wafv2_rules import wrong

# WAF's words for any destination that it does not take, also for a name with the wrong beginning.
_NO_ARN = "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or slashes."
_REDACTABLE = {"UriPath", "QueryString", "SingleHeader", "Method"}


def checked(given, region, account):
    """The configuration as it is given back; AwsError when WAF would not take it."""
    made = copy.deepcopy(given)
    if len(made["LogDestinationConfigs"]) != 1:
        raise wrong("You can have one log destination.", "LOG_DESTINATION", "LogDestinationConfigs")
    destination = made["LogDestinationConfigs"][0]
    # CloudWatch Logs' own form ends in `:*`; WAF takes it and gives back the form without.
    bare = destination.removesuffix(":*")
    if not _there(bare, destination, region, account):
        raise AwsError("WAFLogDestinationPermissionIssueException", "The operation failed because you don't have the permissions that your logging configuration requires.", 400)
    made["LogDestinationConfigs"] = [bare]
    for field in made.get("RedactedFields") or []:
        if len(field) != 1 or not set(field) <= _REDACTABLE:
            raise wrong("You can redact the URI path, the query string, the method and single headers.", "FIELD_TO_MATCH", "RedactedFields")
    return {"LogType": "WAF_LOGS", "LogScope": "CUSTOMER", **made, "ManagedByFirewallManager": False}


def _there(arn, given, region, account):
    """Whether the destination exists; of delivery streams only the name is judged."""
    group = re.fullmatch(rf"arn:aws:logs:{region}:{account.id}:log-group:(aws-waf-logs-[\w./#-]+)", arn)
    if group:
        backend = account.standins.backend("logs", region)
        return backend is not None and group.group(1) in backend.groups
    bucket = re.fullmatch(r"arn:aws:s3:::(aws-waf-logs-[a-z0-9.-]+)", arn)
    if bucket:
        return bucket.group(1) in account.s3.buckets
    if re.fullmatch(rf"arn:aws:firehose:{region}:{account.id}:deliverystream/aws-waf-logs-[\w.-]+", arn):
        return True
    raise wrong(_NO_ARN, "LOG_DESTINATION", given)
