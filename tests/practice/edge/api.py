"""API Gateway's HTTP APIs, served: stage, route, permission, payload 2.0 out and in.

Source: API Gateway developer guide, Lambda proxy integrations for HTTP APIs. That HTTP APIs hand over the path
decoded, cut at a decoded `?`, is from captures of live APIs (github.com/middleapi/standard-server, pull request 93).
"""

import base64
import json
import re
import time
import urllib.parse
import uuid
from datetime import datetime, timezone

from .message import Headers, Response

_BODY_LIMIT = 10 * 1024 * 1024
_PAYLOAD_LIMIT = 6 * 1024 * 1024


def _say(status, text):
    body = json.dumps({"message": text}).encode()
    return Response(status, Headers([("content-type", "application/json"), ("content-length", str(len(body)))]), body)


class Bucket:
    """A token bucket for a stage's throttling."""

    def __init__(self):
        self.tokens, self.at = None, time.monotonic()

    def take(self, rate, burst):
        """Whether one more request may pass."""
        now = time.monotonic()
        self.tokens = burst if self.tokens is None else min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class ApiServer:
    """Serves every API of the account."""

    def __init__(self, edge):
        self.edge, self.account, self.buckets = edge, edge.account, {}

    async def serve(self, ident, region, method, path, query, headers, body, ip):
        """Answer one request to `<ident>.execute-api.<region>.amazonaws.com`."""
        api = self.account.apis.apis.get(ident)
        if api is None or api.region != region:
            return _say(404, "Not Found")
        response = await self._serve(api, method, path, query, headers, body, ip)
        response.headers.set("apigw-requestid", uuid.uuid4().hex[:15] + "=")
        return response

    async def _serve(self, api, method, path, query, headers, body, ip):
        if api.shown.get("DisableExecuteApiEndpoint") and "via" not in headers:
            return _say(404, "Not Found")
        if len(body) > _BODY_LIMIT:
            return _say(413, "Request Entity Too Large")
        stage, path = _stage(api, path)
        if stage is None:
            return _say(404, "Not Found")
        route, labels = _route(api, method, path)
        if route is None:
            return _say(404, "Not Found")
        if not self._may_pass(api, stage):
            return _say(429, "Too Many Requests")
        if route.get("AuthorizationType", "NONE") != "NONE":
            return _say(401, "Unauthorized")
        integration = api.integrations.get((route.get("Target") or "").removeprefix("integrations/"))
        if integration is None or integration["IntegrationType"] != "AWS_PROXY":
            return _say(500, "Internal Server Error")
        event = _event(self.account.id, api, stage, route, labels, method, path, query, headers, body, ip)
        return await self._invoke(api, stage, route, integration, event)

    def _may_pass(self, api, stage):
        settings = stage.get("DefaultRouteSettings") or {}
        rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
        if not rate and not burst:
            return True
        key = (api.shown["ApiId"], stage["StageName"])
        return self.buckets.setdefault(key, Bucket()).take(rate or 10000, burst or 5000)

    async def _invoke(self, api, stage, route, integration, event):
        lambdas, broken = self.account.functions, _say(500, "Internal Server Error")
        found = re.search(r"arn:aws:lambda:([a-z0-9-]+):\d{12}:function:([\w-]+)(?::([\w$-]+))?", integration["IntegrationUri"])
        function = lambdas.functions.get((found.group(1), found.group(2)))
        qualifier = found.group(3) or ""
        source = f"arn:aws:execute-api:{api.region}:{self.account.id}:{api.shown['ApiId']}/{stage['StageName']}/{_source_route(route)}"
        if function is None or not lambdas.allows(function, qualifier, "apigateway.amazonaws.com", source):
            self.edge.note("api", f"{api.shown['Name']}: no function or no permission for {source}")
            return broken
        try:
            version = lambdas.resolve(function, qualifier)
        except Exception:
            return broken
        payload = json.dumps(event).encode()
        if len(payload) > _PAYLOAD_LIMIT:
            return _say(413, "Request Too Long")
        seconds = min(integration["TimeoutInMillis"] / 1000, 30)
        done = await self.edge.lambdas.invoke(function, version, payload, qualifier, at_most=seconds)
        if done.timed_out:
            return _say(503, "Service Unavailable")
        if done.error:
            self.edge.note("api", f"{function.name}: {done.payload[:300]!r}")
            return broken
        return _response(done.payload) or broken


def _stage(api, path):
    """`(stage, path within it)`: a named stage by the first segment, else `$default`."""
    first, _, rest = path.removeprefix("/").partition("/")
    if first and first in api.stages:
        return api.stages[first], "/" + rest
    return api.stages.get("$default"), path


def _route(api, method, path):
    """The most specific route and its path parameters. Source: guide, working with routes for HTTP APIs."""
    best, best_labels, best_rank = None, {}, None
    for route in api.routes.values():
        key = route["RouteKey"]
        if key == "$default":
            rank, labels = (3, 0, 0), {}
        else:
            verb, _, template = key.partition(" ")
            labels = _fit(template, path)
            if labels is None or verb not in (method, "ANY"):
                continue
            rank = (1 if "+}" in template else 0, 0 if verb == method else 1, -len(template))
        if best_rank is None or rank < best_rank:
            best, best_labels, best_rank = route, labels, rank
    return best, best_labels


def _fit(template, path):
    pattern = ""
    for part in re.split(r"(\{[^}]+\})", template):
        if part.startswith("{"):
            name = part[1:-1].rstrip("+")
            pattern += f"(?P<{re.sub('[^a-zA-Z0-9_]', '_', name)}>{'.+' if part.endswith('+}') else '[^/]+'})"
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, path)
    return {k: urllib.parse.unquote(v) for k, v in found.groupdict().items()} if found else None


def _source_route(route):
    return route["RouteKey"].replace(" ", "", 1) if route["RouteKey"] == "$default" else route["RouteKey"].replace(" /", "/", 1)


def _event(account, api, stage, route, labels, method, path, query, headers, body, ip):
    moment = datetime.now(timezone.utc)
    decoded = urllib.parse.unquote(path).partition("?")[0]
    host = f"{api.shown['ApiId']}.execute-api.{api.region}.amazonaws.com"
    seen = _event_headers(headers, host, ip, body)
    raw = decoded if stage["StageName"] == "$default" else f"/{stage['StageName']}{decoded}"
    event = {
        "version": "2.0",
        "routeKey": route["RouteKey"],
        "rawPath": raw,
        "rawQueryString": query,
        "headers": seen,
        "requestContext": {
            "accountId": account, "apiId": api.shown["ApiId"], "domainName": host,
            "domainPrefix": api.shown["ApiId"],
            "http": {
                "method": method, "path": raw, "protocol": "HTTP/1.1", "sourceIp": _source_ip(headers, ip),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex[:15] + "=", "routeKey": route["RouteKey"], "stage": stage["StageName"],
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"), "timeEpoch": int(moment.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    cookies = [c.strip() for line in headers.all("cookie") for c in line.split(";") if c.strip()]
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _parameters(query)
    if labels:
        event["pathParameters"] = labels
    if stage.get("StageVariables"):
        event["stageVariables"] = stage["StageVariables"]
    if body:
        event["isBase64Encoded"] = not _is_text(headers.get("content-type", ""), body)
        event["body"] = base64.b64encode(body).decode() if event["isBase64Encoded"] else body.decode()
    return event


def _event_headers(headers, host, ip, body):
    out = {}
    for name in headers.names():
        if name not in ("cookie", "connection", "transfer-encoding", "expect"):
            out[name] = ",".join(headers.all(name))
    out["host"] = host
    out["content-length"] = str(len(body))
    forwarded = out.get("x-forwarded-for")
    if "via" not in out:
        out["x-forwarded-for"] = f"{forwarded}, {ip}" if forwarded else ip
    else:
        # The gateway appends its own peer, an address of CloudFront.
        out["x-forwarded-for"] = f"{forwarded}, 130.176.0.1"
    out["x-forwarded-port"], out["x-forwarded-proto"] = "443", "https"
    out["x-amzn-trace-id"] = f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    return out


def _source_ip(headers, ip):
    return "130.176.0.1" if "via" in headers else ip


def _parameters(query):
    out = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        out[name] = f"{out[name]},{value}" if name in out else value
    return out


def _is_text(kind, body):
    """Whether API Gateway hands a body over as text; forms and uploads come in base64."""
    kind = kind.split(";")[0].strip().lower()
    text = kind.startswith("text/") or kind in ("application/json", "application/xml", "application/javascript")
    text = text or kind.endswith(("+json", "+xml"))
    if not text:
        return False
    try:
        body.decode()
        return True
    except UnicodeDecodeError:
        return False


def _response(payload):
    """A function's payload as a response; None when API Gateway could not read it."""
    try:
        value = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(value, dict) or "statusCode" not in value:
        # Without a status the whole payload is the body. Source: guide, payload format 2.0, format inference.
        return Response(200, Headers([("content-type", "application/json")]), json.dumps(value).encode())
    status = value["statusCode"]
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        return None
    body = value.get("body")
    body = "" if body is None else body
    if not isinstance(body, str):
        return None
    try:
        data = base64.b64decode(body, validate=True) if value.get("isBase64Encoded") else body.encode()
    except ValueError:
        return None
    return Response(status, _response_headers(value), data)


# Headers that API Gateway renames or sets itself. Source: API Gateway guide, important notes.
_REMAPPED = ("connection", "content-length", "date", "server", "transfer-encoding", "www-authenticate")


def _response_headers(value):
    headers = Headers()
    for name, each in (value.get("headers") or {}).items():
        name = name.lower()
        if name in _REMAPPED:
            if name != "content-length":
                headers.set(f"x-amzn-remapped-{name}", str(each))
            continue
        headers.set(name, str(each).lower() if isinstance(each, bool) else str(each))
    for name, many in (value.get("multiValueHeaders") or {}).items():
        headers.set(name.lower(), ",".join(str(m) for m in many))
    for cookie in value.get("cookies") or []:
        headers.add("set-cookie", str(cookie))
    if "content-type" not in headers:
        headers.set("content-type", "text/plain;charset=UTF-8")
    return headers
