"""Which service and which operation a request means."""

import json
import re
import urllib.parse

from . import ACCOUNT_ID
from .wire import models
from .wire.errors import AwsError

KVS = "cloudfront-keyvaluestore"

_BUCKET_HOST = re.compile(r"([a-z0-9.-]+)\.(?:localhost|s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com)")


def service_of(call, signature):
    """The service by the signature's scope; the key value store's data plane also by its host."""
    if call.host.startswith(ACCOUNT_ID + ".") or (signature and signature.service == KVS):
        return models.service(KVS)
    if signature is None:
        # Only S3 takes requests that nobody signed.
        return models.service("s3")
    found = models.by_signing_name(signature.service)
    if found is None:
        raise AwsError("InvalidSignatureException", f"Credential should be scoped to a valid service: {signature.service}", 403)
    return found.spoken(call.headers)


def identify(call):
    """Fill in the call's operation and, for REST services, its URI labels."""
    protocol = call.service.protocol
    if protocol.startswith("rest"):
        _rest(call)
    elif protocol == "json" or "x-amz-target" in call.headers:
        call.operation = call.headers.get("x-amz-target", "").rsplit(".", 1)[-1] or None
        call.params = _json(call.body)
    elif call.headers.get("smithy-protocol") == "rpc-v2-cbor":
        call.operation = call.raw_path.rsplit("/", 1)[-1]
    else:
        form = call.body.decode("utf-8", "replace") or call.raw_query
        call.params = dict(urllib.parse.parse_qsl(form, keep_blank_values=True))
        call.operation = call.params.get("Action")


def _json(body):
    try:
        value = json.loads(body or b"{}")
        return value if isinstance(value, dict) else {}
    except ValueError:
        return {}


def _rest(call):
    path = call.raw_path
    if call.service.name == "s3":
        found = _BUCKET_HOST.fullmatch(call.host.partition(":")[0])
        if found and not call.host.startswith("s3."):
            path = f"/{found.group(1)}{path if path != '/' else ''}"
    call.operation, call.labels = call.service.match(call.method, path, call.query, call.headers)


# Parameters that name what a call is about, best first.
_NAMING = (
    "Key", "Bucket", "Id", "Name", "FunctionName", "KvsARN", "TableName", "RoleName", "logGroupName", "ApiId",
    "Resource", "ResourceArn", "resourceArn", "VpcEndpointId", "NatGatewayId", "NetworkInterfaceId", "AllocationId",
    "InternetGatewayId", "RouteTableId", "SubnetId", "GroupId", "GroupName", "VpcId",
)


def resource_of(call):
    """The name of what the call is about, as well as can be told."""
    labels = {**call.params, **{k[:1].upper() + k[1:]: v for k, v in call.labels.items()}}
    if call.service.name == "s3":
        return "/".join(str(labels[n]) for n in ("Bucket", "Key") if labels.get(n))
    if call.service.name == KVS and labels.get("Key"):
        return str(labels["Key"])
    parts = [str(v) for v in call.labels.values()]
    if parts:
        return "/".join(parts)
    for name in _NAMING:
        if isinstance(labels.get(name), str):
            return labels[name]
    return ""
