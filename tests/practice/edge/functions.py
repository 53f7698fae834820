"""CloudFront Functions: the published text, run for an event, and its result held to CloudFront's rules.

Source: CloudFront guide, restrictions on edge functions, event structure.
"""

import copy
import json
import re
from dataclasses import dataclass, field

from .grammar import undocumented
from .lags import Seen
from .message import Headers, Response
from .script import make_engine

_READ_ONLY_REQUEST = ("content-length", "host", "transfer-encoding", "via")
_READ_ONLY_RESPONSE = ("content-encoding", "content-length", "transfer-encoding", "warning", "via")
_DISALLOWED = re.compile(
    r"connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|trailer|upgrade|"
    r"x-accel-.*|x-amz-cf-.*|x-amzn-auth|x-amzn-cf-.*|x-amzn-errortype|x-amzn-fle-profile|x-amzn-header-.*|"
    r"x-amzn-lambda-integration-tag|x-amzn-requestid|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip"
)


@dataclass
class Run:
    """What came of one run; `error` is None when it ended well."""

    output: object = None
    error: str | None = None
    logs: list = field(default_factory=list)
    utilization: int = 0
    reads: int = 0


class Invalid(Exception):
    """A result that CloudFront would refuse: 502 to the viewer."""


class Functions:
    """Runs functions; remembers what went wrong last, for people."""

    def __init__(self, account, lags):
        self.account, self.lags, self.engine, self.troubles = account, lags, make_engine(), []

    def run(self, stage, event, place=None):
        """Run a stage's code for an event, with the store it is associated with as a place of the edge sees it."""
        from ..services.cloudfront_functions import stores_of

        beyond = undocumented(stage.code.decode("utf-8", "replace"))
        if beyond:
            return Run(error=f"SyntaxError: not in the documented runtime: {', '.join(beyond)}")
        arns = stores_of(stage.config)
        store = next((s for s in self.account.cloudfront.stores.values() if s.arn in arns), None)
        if store is not None and place is not None:
            store = Seen(self.lags, place, store)
        return Run(**self.engine.run(stage.code.decode(), event, store, int(self.account.clock.now() * 1000)))

    def live(self, arn):
        """The LIVE stage of a function, or None."""
        found = next((f for f in self.account.cloudfront.code.values() if f.arn == arn), None)
        return found.live if found else None

    def trouble(self, where, text):
        """Note an error of a function, the newest last."""
        self.troubles = [*self.troubles[-49:], f"{where}: {text}"]


def request_event(request, distribution, kind):
    """The event for `kind`, from a request as it is at that moment."""
    return {
        "version": "1.0",
        "context": {
            "distributionDomainName": distribution.domain, "distributionId": distribution.id, "eventType": kind,
            "requestId": request.id, "endpoint": distribution.domain,
        },
        "viewer": {"ip": request.ip},
        "request": {
            "method": request.method,
            "uri": request.path,
            "querystring": _query(request.query),
            "headers": _headers(request.headers, without=("cookie", "connection", "expect", "keep-alive", "upgrade", "transfer-encoding")),
            "cookies": _cookies(request.headers),
        },
    }


def response_event(request, response, distribution):
    """The event for `viewer-response`.

    `request` is the one that the viewer-request function left: its uri, query and headers. The guide says only that
    the request is there, not which one (event structure); a function should not lean on either.
    """
    event = request_event(request, distribution, "viewer-response")
    cookies = {}
    for line in response.headers.all("set-cookie"):
        pair, _, attributes = line.partition(";")
        name, _, value = pair.partition("=")
        _several(cookies, name.strip(), {"value": value.strip(), "attributes": attributes.strip()})
    event["response"] = {
        "statusCode": response.status,
        "statusDescription": response.reason,
        "headers": _headers(response.headers, without=("set-cookie", "connection", "transfer-encoding")),
        "cookies": cookies,
    }
    return event


def _several(into, name, value):
    if name not in into:
        into[name] = value
        return
    first = into[name]
    into[name] = {**first, "multiValue": [*first.get("multiValue", [{k: v for k, v in first.items()}]), value]}


def _query(raw):
    out = {}
    for pair in raw.split("&") if raw else []:
        name, _, value = pair.partition("=")
        _several(out, name, {"value": value})
    return out


def _headers(headers, without):
    out = {}
    for name, value in headers.pairs:
        if name not in without:
            _several(out, name, {"value": value})
    return out


def _cookies(headers):
    out = {}
    for line in headers.all("cookie"):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name:
                _several(out, name, {"value": value})
    return out


def apply_request(event, output, request):
    """The request as the function left it, or the response it made instead; Invalid when it broke a rule."""
    if not isinstance(output, dict):
        raise Invalid("the function returned no object")
    if "statusCode" in output:
        return None, _made_response(output)
    given = event["request"]
    if output.get("method") != given["method"]:
        raise Invalid("the method was changed")
    uri = output.get("uri")
    if not isinstance(uri, str) or not uri.startswith("/") or re.search(r"[\x00-\x20\x7f]", uri):
        raise Invalid(f"the uri is not valid: {uri!r}")
    if "?" in uri or "#" in uri:
        raise Invalid("the uri must not hold a query")
    _check_headers(given["headers"], output.get("headers") or {}, _READ_ONLY_REQUEST)
    changed = copy.copy(request)
    changed.path = uri
    changed.query = _joined(output.get("querystring") or {})
    changed.headers = _read_headers(output.get("headers") or {})
    cookies = [f"{n}={v['value']}" for n, each in (output.get("cookies") or {}).items() for v in _values(each)]
    if cookies:
        changed.headers.set("cookie", "; ".join(cookies))
    return changed, None


def apply_response(event, output, response):
    """The response as the function left it; Invalid when it broke a rule."""
    if not isinstance(output, dict) or "statusCode" not in output:
        raise Invalid("the function returned no response")
    given = event["response"]
    _check_headers(given["headers"], output.get("headers") or {}, _READ_ONLY_RESPONSE)
    if "body" in output:
        # An origin's body cannot be seen; one given here replaces it. Source: event structure, response object.
        response.body = _body(output["body"])
    changed = Response(_status(output, 100), _read_headers(output.get("headers") or {}), response.body, output.get("statusDescription") or "")
    _set_cookies(changed.headers, output)
    return changed


def _made_response(output):
    response = Response(_status(output, 200), _read_headers(output.get("headers") or {}), b"", output.get("statusDescription") or "")
    _check_headers({}, output.get("headers") or {}, ("content-length", "transfer-encoding", "via"))
    if output.get("body") is not None:
        response.body = _body(output["body"])
    if len(response.body) > 40 * 1024:
        raise Invalid("the body of a generated response is over 40 KB")
    _set_cookies(response.headers, output)
    response.headers.set("server", "CloudFront")
    return response


def _body(body):
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, dict) and body.get("encoding") == "base64":
        import base64

        return base64.b64decode(body["data"])
    if isinstance(body, dict):
        return str(body.get("data", "")).encode()
    raise Invalid("the body is neither text nor an object")


def _status(output, least):
    status = output["statusCode"]
    if isinstance(status, bool) or not isinstance(status, (int, float)) or status != int(status) or not least <= status <= 599:
        raise Invalid(f"the status is not valid: {status!r}")
    return int(status)


def _check_headers(before, after, read_only):
    for name, each in after.items():
        if name != name.lower() or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name):
            raise Invalid(f"a header's name is not valid or not in lower case: {name!r}")
        if _DISALLOWED.fullmatch(name) and name not in before:
            raise Invalid(f"a header that functions may not add: {name}")
        for value in _values(each):
            if not isinstance(value.get("value"), str) or re.search(r"[\x00\r\n]", value["value"]):
                raise Invalid(f"the value of header {name} is not text")
    for name in read_only:
        if before.get(name) != after.get(name):
            raise Invalid(f"a read-only header was changed: {name}")
    if sum(len(n) + len(v["value"]) for n, each in after.items() for v in _values(each)) > 10240:
        raise Invalid("the headers are over 10,240 bytes")


def _values(each):
    if not isinstance(each, dict):
        raise Invalid(f"not an object with a value: {json.dumps(each)[:80]}")
    return each.get("multiValue") or [each]


def _read_headers(headers):
    return Headers([(name, value["value"]) for name, each in headers.items() for value in _values(each)])


def _joined(query):
    if not isinstance(query, dict):
        raise Invalid("the querystring is not an object")
    return "&".join(f"{n}={v.get('value', '')}" if v.get("value") else n for n, each in query.items() for v in _values(each))


def _set_cookies(headers, output):
    for name, each in (output.get("cookies") or {}).items():
        for value in _values(each):
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not isinstance(value.get("value"), str):
                raise Invalid(f"a cookie's name or value is not valid: {name!r}")
            if re.search(r"[\x00-\x1f\x7f]", value["value"] + (value.get("attributes") or "")):
                raise Invalid(f"the value of cookie {name} is not text")
            more = f"; {value['attributes']}" if value.get("attributes") else ""
            headers.add("set-cookie", f"{name}={value['value']}{more}")
