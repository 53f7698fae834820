"""Answers written by the service's model: from a dictionary of AWS's member names to status, headers and body."""

import base64
import json
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

# S3's model leaves out the root elements' names; clients check them. Source: S3 API reference.
S3_ROOTS = {
    "ListObjectsV2": "ListBucketResult",
    "ListObjects": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "DeleteObjects": "DeleteResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "ListParts": "ListPartsResult",
    "GetBucketTagging": "Tagging",
    "GetObjectTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetObjectAttributes": "GetObjectAttributesResponse",
}


def answer(service, op, out):
    """`(status, headers, body)` of a successful call."""
    shape = op.output_shape
    status = op.http.get("responseCode", 200)
    headers, rest = {}, []
    for name, member, place, spec in _members(shape) if shape else ():
        if place == "header":
            if out.get(name) is not None:
                headers[spec.get("name", name)] = _text(member, out[name], header=True)
        elif place == "headers":
            for key, value in (out.get(name) or {}).items():
                headers[spec.get("name", "") + key] = value
        elif place == "statusCode":
            status = out.get(name, status)
        else:
            rest.append(name)
    payload = shape.serialization.get("payload") if shape else None
    body = _body(service, op, shape, payload, rest, out)
    if body and "content-type" not in {h.lower() for h in headers}:
        headers["content-type"] = "text/xml" if service.protocol == "rest-xml" else "application/json"
    return status, headers, body


_MEMBERS = {}


def _members(shape):
    """`(name, member, location, serialization)` of an output's members; asked for once a shape."""
    found = _MEMBERS.get(id(shape))
    if found is None:
        rows = [(name, member, member.serialization.get("location"), member.serialization) for name, member in shape.members.items()]
        # The shape is kept with them, so that its id stays its own.
        found = _MEMBERS[id(shape)] = (shape, rows)
    return found[1]


def _body(service, op, shape, payload, rest, out):
    if payload:
        member = shape.members[payload]
        value = out.get(payload)
        if value is None:
            return b""
        if member.type_name in ("blob", "string"):
            return value if isinstance(value, bytes) else str(value).encode()
        if service.protocol == "rest-xml":
            root = member.serialization.get("name", member.name)
            return _document(service, member, value, root)
        return json.dumps(_json(member, value)).encode()
    if service.protocol == "rest-xml":
        if not rest:
            return b""
        root = S3_ROOTS.get(op.name, shape.name) if service.name == "s3" else shape.name
        return _document(service, shape, {k: out.get(k) for k in rest}, root)
    if shape is None or (op.http.get("responseCode") == 204):
        return b""
    return json.dumps(_json(shape, {k: out[k] for k in rest if out.get(k) is not None})).encode()


def _document(service, shape, value, root):
    space = service.namespace or "http://s3.amazonaws.com/doc/2006-03-01/"
    inner = _xml_members(shape, value) if shape.type_name == "structure" else _xml_list(shape, value)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{space}">{inner}</{root}>'.encode()


def _xml_members(shape, value):
    out = []
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None or member.serialization.get("xmlAttribute"):
            continue
        wire = member.serialization.get("name", name)
        if member.type_name == "list" and member.serialization.get("flattened"):
            wire = member.member.serialization.get("name", wire)
            out.extend(_xml(member.member, each, wire) for each in item)
        else:
            out.append(_xml(member, item, wire))
    return "".join(out)


def _xml_list(shape, value):
    wire = shape.member.serialization.get("name", "member")
    return "".join(_xml(shape.member, each, wire) for each in value)


def _xml(shape, value, wire):
    if shape.type_name == "structure":
        return f"<{wire}>{_xml_members(shape, value)}</{wire}>"
    if shape.type_name == "list":
        return f"<{wire}>{_xml_list(shape, value)}</{wire}>"
    return f"<{wire}>{escape(_text(shape, value))}</{wire}>"


def _text(shape, value, header=False):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if header:
            return format_datetime(value, usegmt=True)
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


def _json(shape, value):
    kind = shape.type_name
    if kind == "structure":
        out = {}
        for name, member in shape.members.items():
            if value.get(name) is not None:
                out[member.serialization.get("name", name)] = _json(member, value[name])
        return out
    if kind == "list":
        return [_json(shape.member, v) for v in value]
    if kind == "map":
        return {k: _json(shape.value, v) for k, v in value.items()}
    if kind == "blob" and isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if kind == "timestamp" and isinstance(value, datetime):
        if shape.serialization.get("timestampFormat") == "iso8601":
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        return value.timestamp()
    return value
