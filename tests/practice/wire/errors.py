"""AWS errors, and how each protocol writes one.

Source of the shapes: AWS protocol definitions (rest-xml, rest-json, json, query).
"""

import json
from xml.sax.saxutils import escape


class AwsError(Exception):
    """What a service answers when it refuses.

    `code` is AWS's own name of the error, `status` the HTTP status; None means "as the service's model says, else 400".
    """

    def __init__(self, code, message="", status=None, headers=None, extra=None):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class Dropped(Exception):
    """The connection is closed without an answer."""


def status_of(error, service):
    """The HTTP status of an error: given, or declared by the service's model, or 400."""
    if error.status:
        return error.status
    return service.error_statuses.get(error.code, 400) if service else 400


def write_error(error, service, request_id):
    """`(status, headers, body)` of an error in the shape of the service's protocol."""
    status = status_of(error, service)
    protocol = service.protocol if service else "rest-xml"
    name = service.name if service else "s3"
    writer = {"rest-xml": _s3 if name == "s3" else _xml, "query": _xml, "ec2": _ec2, "smithy-rpc-v2-cbor": _cbor}.get(protocol, _json)
    headers, body = writer(error, service, request_id, status)
    headers.update(error.headers)
    return status, headers, body


def _s3(error, _service, request_id, _status):
    more = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in error.extra.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>{more}"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return {"content-type": "application/xml", "x-amz-request-id": request_id}, body.encode()


def _xml(error, service, request_id, status):
    kind = "Receiver" if status >= 500 else "Sender"
    space = f' xmlns="{service.namespace}"' if service and service.namespace else ""
    body = (
        f'<?xml version="1.0"?>\n<ErrorResponse{space}><Error><Type>{kind}</Type>'
        f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return {"content-type": "text/xml", "x-amzn-requestid": request_id}, body.encode()


def _ec2(error, _service, request_id, _status):
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return {"content-type": "text/xml"}, body.encode()


def _json(error, service, request_id, _status):
    headers = {"content-type": f"application/x-amz-json-{service.json_version}", "x-amzn-requestid": request_id}
    if service.protocol == "rest-json":
        headers["content-type"] = "application/json"
        headers["x-amzn-errortype"] = error.code
        return headers, json.dumps({"message": error.message, **error.extra}).encode()
    if "awsQueryCompatible" in service.model.metadata:
        headers["x-amzn-query-error"] = f"{error.code};Sender"
    prefix = "com.amazonaws.dynamodb.v20120810#" if service.name == "dynamodb" else ""
    return headers, json.dumps({"__type": prefix + error.code, "message": error.message, **error.extra}).encode()


def _cbor(error, service, request_id, _status):
    # Here, since that module needs this one.
    from . import rpc

    return rpc.error(service, error.code, error.message, error.extra, request_id)
