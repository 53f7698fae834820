"""The protocols without paths: json, query, ec2 and RPC v2 CBOR. Requests in, answers out, by the service's model.

Source: Smithy's protocol definitions awsJson1_1, awsQuery, ec2Query, rpcv2Cbor.
"""

import base64
import json
import urllib.parse
from datetime import datetime, timezone
from xml.sax.saxutils import escape

import cbor2

from . import read, write
from .errors import AwsError

CBOR = "smithy-rpc-v2-cbor"
PROTOCOLS = ("json", "query", "ec2", CBOR)


def parameters(op, protocol, body, raw_query):
    """The parameters of a call, by AWS's member names; what the model does not know is dropped."""
    shape = op.input_shape
    if shape is None:
        return {}
    if protocol == "json":
        return read._json_structure(shape, read._loads(body or b"{}"))
    if protocol == CBOR:
        return _from_cbor(shape, cbor2.loads(body) if body else {})
    form = body.decode("utf-8", "replace") or raw_query
    pairs = dict(urllib.parse.parse_qsl(form, keep_blank_values=True))
    return _from_query(shape, pairs, "", ec2=protocol == "ec2") or {}


def answer(service, op, out, request_id):
    """`(status, headers, body)` of a successful call."""
    shape, protocol = op.output_shape, service.protocol
    if protocol == "json":
        headers = {"content-type": f"application/x-amz-json-{service.json_version}"}
        return 200, headers, json.dumps(write._json(shape, out) if shape else {}).encode()
    if protocol == CBOR:
        headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return 200, headers, cbor2.dumps(_to_cbor(shape, out) if shape else {}, datetime_as_timestamp=True)
    body = _query_members(shape, out, protocol == "ec2") if shape else ""
    if protocol == "ec2":
        text = f'<{op.name}Response xmlns="{service.namespace}"><requestId>{request_id}</requestId>{body}</{op.name}Response>'
        return 200, {"content-type": "text/xml;charset=UTF-8"}, text.encode()
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    inner = f"<{wrapper}>{body}</{wrapper}>" if wrapper else body
    text = (
        f'<{op.name}Response xmlns="{service.namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{op.name}Response>"
    )
    return 200, {"content-type": "text/xml"}, text.encode()


# -- query -----------------------------------------------------------------------------------------------------


def _key(name, member, ec2):
    spec = member.serialization
    if ec2:
        plain = spec.get("queryName") or spec.get("name", name)
        return plain if spec.get("queryName") else plain[:1].upper() + plain[1:]
    return spec.get("name", name)


def _from_query(shape, pairs, prefix, ec2):
    kind = shape.type_name
    if kind == "structure":
        out = {}
        for name, member in shape.members.items():
            key = _key(name, member, ec2)
            value = _from_query(member, pairs, f"{prefix}.{key}" if prefix else key, ec2)
            if value is None and member.type_name == "list" and member.serialization.get("flattened"):
                key = member.member.serialization.get("name", key)
                value = _from_query(member, pairs, f"{prefix}.{key}" if prefix else key, ec2)
            if value is not None:
                out[name] = value
        return out if out or not prefix else None
    if kind == "list":
        return _query_list(shape, pairs, prefix, ec2)
    if kind == "map":
        return _query_map(shape, pairs, prefix)
    return read._scalar(shape, pairs[prefix]) if prefix in pairs else None


def _query_list(shape, pairs, prefix, ec2):
    names = [prefix] if ec2 or shape.serialization.get("flattened") else [
        f"{prefix}.{shape.member.serialization.get('name', 'member')}", f"{prefix}.member", prefix,
    ]
    for name in names:
        out, n = [], 1
        while any(key == f"{name}.{n}" or key.startswith(f"{name}.{n}.") for key in pairs):
            out.append(_from_query(shape.member, pairs, f"{name}.{n}", ec2))
            n += 1
        if out:
            return out
    return [] if prefix in pairs else None


def _query_map(shape, pairs, prefix):
    out, n = {}, 1
    start = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
    key = shape.key.serialization.get("name", "key")
    value = shape.value.serialization.get("name", "value")
    while f"{start}.{n}.{key}" in pairs:
        out[pairs[f"{start}.{n}.{key}"]] = _from_query(shape.value, pairs, f"{start}.{n}.{value}", False)
        n += 1
    return out or None


def _query_members(shape, value, ec2):
    out = []
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None:
            continue
        wire = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened") and not ec2:
            out.extend(_query_xml(member.member, each, member.member.serialization.get("name", wire), ec2) for each in item)
        else:
            out.append(_query_xml(member, item, wire, ec2))
    return "".join(out)


def _query_xml(shape, value, wire, ec2):
    kind = shape.type_name
    if kind == "structure":
        return f"<{wire}>{_query_members(shape, value, ec2)}</{wire}>"
    if kind == "list":
        item = shape.member.serialization.get("name", "item" if ec2 else "member")
        return f"<{wire}>{''.join(_query_xml(shape.member, each, item, ec2) for each in value)}</{wire}>"
    if kind == "map":
        key = shape.key.serialization.get("name", "key")
        item = shape.value.serialization.get("name", "value")
        entries = "".join(
            f"<entry><{key}>{escape(str(k))}</{key}>{_query_xml(shape.value, v, item, ec2)}</entry>" for k, v in value.items()
        )
        return f"<{wire}>{entries}</{wire}>"
    return f"<{wire}>{escape(write._text(shape, value))}</{wire}>"


# -- CBOR ------------------------------------------------------------------------------------------------------


def _from_cbor(shape, value):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            raise AwsError("SerializationException", "a structure is no map", 400)
        return {n: _from_cbor(m, value[n]) for n, m in shape.members.items() if value.get(n) is not None}
    if kind == "list":
        return [_from_cbor(shape.member, each) for each in value]
    if kind == "map":
        return {k: _from_cbor(shape.value, v) for k, v in value.items()}
    if kind == "timestamp" and not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), timezone.utc)
    return value


def _to_cbor(shape, value):
    kind = shape.type_name
    if kind == "structure":
        return {n: _to_cbor(m, value[n]) for n, m in shape.members.items() if value.get(n) is not None}
    if kind == "list":
        return [_to_cbor(shape.member, each) for each in value]
    if kind == "map":
        return {k: _to_cbor(shape.value, v) for k, v in value.items()}
    if kind in ("float", "double"):
        return float(value)
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    return value


def error(service, code, message, extra, request_id):
    """`(headers, body)` of an error in CBOR.

    The body names the error's shape; clients of services that once spoke query read the code from a header.
    Source: Smithy, awsQueryCompatible.
    """
    name = next((s.name for s in service.model.error_shapes if s.error_code == code), code)
    headers = {
        "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", "x-amzn-requestid": request_id,
        "x-amzn-query-error": f"{code};Sender",
    }
    return headers, cbor2.dumps({"__type": f"com.amazonaws.cloudwatch#{name}", "message": message, **extra})
