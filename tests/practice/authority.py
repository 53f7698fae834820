"""What a running function may do: its role's policy, asked for every call.

The account's own user may do everything. Source: IAM user guide, policy evaluation; the service authorization
reference for the names of actions.
"""

from . import authority_arns
from .wire.errors import AwsError

# Operations whose action has another name.
_S3_ACTIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "DeleteObjects": "DeleteObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
}
_DYNAMODB_LISTS = {
    "TransactWriteItems": ("TransactItems", {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}),
    "TransactGetItems": ("TransactItems", {"Get": "GetItem"}),
}


def check(account, call):
    """AwsError when the caller is a role and its policy does not allow the call."""
    if call.principal.kind != "role":
        return
    for action, resource in _asked(account, call):
        if account.role_allows(call.principal.role, action, resource, _context(call)) != "Allow":
            raise denied(call, action, resource)


def _context(call):
    """What conditions are asked about. Source: S3 user guide, condition keys: a list has a prefix."""
    if call.service.name == "s3" and call.operation in ("ListObjectsV2", "ListObjects", "ListObjectVersions"):
        return {"s3:prefix": str(call.params.get("Prefix") or "")}
    return {}


def denied(call, action, resource):
    """The refusal, in the service's own words."""
    message = (
        f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {resource} because no "
        "identity-based policy allows the action"
    )
    if call.service.protocol == "json" or call.service.protocol.startswith("rest-json"):
        return AwsError("AccessDeniedException", message, 400 if call.service.protocol == "json" else 403)
    # EC2 has its own name for it. Source: EC2 API reference, Error codes.
    return AwsError("UnauthorizedOperation" if call.service.name == "ec2" else "AccessDenied", message, 403)


def _asked(account, call):
    if call.service.name == "s3":
        return [s3_question(call)]
    if call.service.name == "dynamodb":
        return list(_dynamodb(account, call))
    if call.service.name == "logs":
        group = call.params.get("logGroupName", "*")
        return [(f"logs:{call.operation}", f"arn:aws:logs:{call.region}:{account.id}:log-group:{group}:*")]
    if call.service.name == "sts" and call.operation == "GetCallerIdentity":
        return []
    named = authority_arns.asked(account, call)
    if named is not None:
        return named
    prefix = {"apigatewayv2": "apigateway"}.get(call.service.name, call.service.name)
    return [(f"{prefix}:{call.operation}", "*")]


def s3_question(call):
    """The action and the resource that a call to S3 means."""
    action = "s3:" + _S3_ACTIONS.get(call.operation, call.operation)
    bucket, key = call.labels.get("Bucket", ""), call.labels.get("Key")
    arn = f"arn:aws:s3:::{bucket}"
    return action, f"{arn}/{key}" if key and action != "s3:ListBucket" else arn


def _dynamodb(account, call):
    prefix = f"arn:aws:dynamodb:{call.region}:{account.id}:table/"
    operation, p = call.operation, call.params
    if operation in _DYNAMODB_LISTS:
        member, actions = _DYNAMODB_LISTS[operation]
        for item in p.get(member) or []:
            for kind, action in actions.items():
                if kind in item:
                    yield f"dynamodb:{action}", prefix + item[kind].get("TableName", "")
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table in p.get("RequestItems") or {}:
            yield f"dynamodb:{operation}", prefix + table
    else:
        resource = prefix + str(p.get("TableName", "*")).rsplit("table/", 1)[-1]
        if p.get("IndexName"):
            resource += f"/index/{p['IndexName']}"
        yield f"dynamodb:{operation}", resource


def check_absent(account, call, bucket):
    """AwsError 403 for a role that may not list the bucket: it does not learn that a key is absent.

    Source: S3 API reference, GetObject.
    """
    if call.principal.kind == "role" and account.role_allows(
        call.principal.role, "s3:ListBucket", f"arn:aws:s3:::{bucket}"
    ) != "Allow":
        raise denied(call, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
