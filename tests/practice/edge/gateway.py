"""API Gateway's HTTP APIs: stage, route, integration, permission, the event in, the answer out.

Source: API Gateway developer guide, "Working with AWS Lambda proxy integrations for HTTP APIs", payload 2.0.
"""

import asyncio
import base64
import json
import re
import time
import urllib.parse

from .. import ids
from .answer import Answer

LARGEST = 10 * 1024 * 1024
"""Bytes of a request. Source: API Gateway quotas."""

_FUNCTION = re.compile(r"function:([A-Za-z0-9_-]+)(?::([A-Za-z0-9$_-]+))?(?:/invocations)?$")
# Bodies of these types come as text; all others base64. Learned from events of HTTP APIs, not documented.
_TEXT = re.compile(
    r"text/.*|application/(json|javascript|xml|x-www-form-urlencoded|.*\+json|.*\+xml)", re.IGNORECASE
)


class Gateway:
    """Answers for every published API."""

    def __init__(self, published, lambdas):
        self.published, self.lambdas, self.account = published, lambdas, published.account

    async def answer(self, api_id, region, request):
        """The API's answer to a request (method, raw path, raw query, headers, body, source address)."""
        made = await self._answer(api_id, region, request)
        made.headers.setdefault("apigw-requestid", base64.b64encode(ids.request().encode()[:12]).decode())
        made.headers["content-length"] = str(len(made.body))
        if request.method == "HEAD":
            made.body = b""
        return made

    async def _answer(self, api_id, region, request):
        api = self.published.api(region, api_id)
        if api is None:
            return _message(404, "Not Found")
        if len(request.body) > LARGEST:
            return _message(413, "Request Entity Too Large")
        stage, path = _stage(api, request.path)
        if stage is None:
            return _message(404, "Not Found")
        route, parameters = _route(api, request.method, urllib.parse.unquote(path))
        integration = api.integrations.get(route["Target"].removeprefix("integrations/")) if route else None
        if integration is None:
            return _message(404, "Not Found")
        found = _FUNCTION.search(integration.get("IntegrationUri", ""))
        if integration.get("IntegrationType") != "AWS_PROXY" or not found:
            return _message(500, "Internal Server Error")
        target = self.published.function(region, found.group(1), found.group(2))
        qualifier = found.group(2) or ""
        if target is None or not self._permitted(target[0], qualifier, api, stage, route):
            self.lambdas.note(found.group(1), "(practice) API Gateway has no permission here, or there is no such alias")
            return _message(500, "Internal Server Error")
        event = self._event(api, region, stage, route, path, parameters, request)
        seconds = integration["TimeoutInMillis"] / 1000
        task = asyncio.ensure_future(self.lambdas.invoke(*target, json.dumps(event).encode(), qualifier))
        try:
            # When API Gateway gives up, Lambda goes on until the function's own limit.
            done = await asyncio.wait_for(asyncio.shield(task), seconds)
        except asyncio.TimeoutError:
            self.lambdas.keep(task)
            return _message(503, "Service Unavailable")
        return _message(500, "Internal Server Error") if done.error else _translated(done.payload)

    def _permitted(self, function, qualifier, api, stage, route):
        key = route["RouteKey"]
        method, _, path = key.partition(" ")
        tail = f"{'*' if method == 'ANY' else method}{path}" if path else key
        source = f"arn:aws:execute-api:{function.region}:{self.account.id}:{api.shown['ApiId']}/{stage['StageName']}/{tail}"
        return self.account.functions.allows(function, qualifier, "apigateway.amazonaws.com", source)

    def _event(self, api, region, stage, route, path, parameters, request):
        api_id = api.shown["ApiId"]
        headers = {k: v for k, v in request.headers.items() if k not in ("cookie", "connection", "transfer-encoding")}
        headers.setdefault("x-forwarded-for", request.source)
        if request.through:
            headers["x-forwarded-for"] = f"{request.viewer}, {request.source}"
        headers.update({"x-forwarded-port": "443", "x-forwarded-proto": "https", "host": f"{api_id}.execute-api.{region}.amazonaws.com"})
        headers["x-amzn-trace-id"] = f"Root=1-{int(time.time()):08x}-{ids.request().replace('-', '')[:24]}"
        headers["content-length"] = str(len(request.body))
        now = time.time()
        # API Gateway decodes the path of HTTP APIs; the query stays as it came.
        decoded = urllib.parse.unquote(path)
        if stage["StageName"] != "$default":
            decoded = f"/{stage['StageName']}{decoded}"
        event = {
            "version": "2.0",
            "routeKey": route["RouteKey"],
            "rawPath": decoded,
            "rawQueryString": request.query,
            "headers": headers,
            "requestContext": {
                "accountId": self.account.id,
                "apiId": api_id,
                "domainName": headers["host"],
                "domainPrefix": api_id,
                "http": {
                    "method": request.method,
                    "path": decoded,
                    "protocol": "HTTP/1.1",
                    "sourceIp": request.source,
                    "userAgent": headers.get("user-agent", ""),
                },
                "requestId": base64.b64encode(ids.request().encode()[:12]).decode(),
                "routeKey": route["RouteKey"],
                "stage": stage["StageName"],
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
                "timeEpoch": int(now * 1000),
            },
            "isBase64Encoded": False,
        }
        cookies = [c.strip() for c in request.headers.get("cookie", "").split(";") if c.strip()]
        if cookies:
            event["cookies"] = cookies
        query = {}
        for name, value in urllib.parse.parse_qsl(request.query, keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        if query:
            event["queryStringParameters"] = query
        if parameters:
            event["pathParameters"] = parameters
        if stage.get("StageVariables"):
            event["stageVariables"] = stage["StageVariables"]
        if request.body:
            _put_body(event, request)
        return event


def _put_body(event, request):
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if _TEXT.fullmatch(kind) and "content-encoding" not in request.headers:
        try:
            event["body"] = request.body.decode()
            return
        except UnicodeDecodeError:
            pass
    event["body"], event["isBase64Encoded"] = base64.b64encode(request.body).decode(), True


def _message(status, text):
    return Answer(status, {"content-type": "application/json"}, json.dumps({"message": text}, separators=(",", ":")).encode())


def _stage(api, path):
    """The stage that a path means, and the path within it."""
    first, _, rest = path.lstrip("/").partition("/")
    if first in api.stages and first != "$default":
        return api.stages[first], "/" + rest
    return api.stages.get("$default"), path


def _route(api, method, path):
    """The most specific route, and its path's parameters."""
    best, best_score, values = None, None, {}
    for route in api.routes.values():
        wanted, _, pattern = route["RouteKey"].partition(" ")
        if not pattern:
            continue
        found = re.fullmatch(_pattern(pattern), path)
        if wanted not in (method, "ANY") or not found:
            continue
        score = ("+}" not in pattern, len(re.sub(r"\{[^}]*\}", "", pattern)), wanted != "ANY")
        if best is None or score > best_score:
            best, best_score, values = route, score, found.groupdict()
    if best is None:
        best = next((r for r in api.routes.values() if r["RouteKey"] == "$default"), None)
    return (best, values) if best and best.get("Target") else (None, {})


def _pattern(path):
    out = ""
    for part in re.split(r"(\{[^}]+\})", path):
        name = part.strip("{}+")
        out += f"(?P<{name}>{'.+' if part.endswith('+}') else '[^/]+'})" if part.startswith("{") else re.escape(part)
    return out


def _translated(raw):
    """A function's answer as HTTP; 500 when it is not one."""
    try:
        value = json.loads(raw)
    except ValueError:
        return _message(500, "Internal Server Error")
    if not isinstance(value, dict) or "statusCode" not in value:
        # Format 2.0 infers the rest from an answer that is no response.
        body = value if isinstance(value, str) else json.dumps(value)
        return Answer(200, {"content-type": "application/json"}, body.encode())
    try:
        status, body = int(value["statusCode"]), value.get("body") or ""
        if not isinstance(body, str) or not 100 <= status <= 599:
            raise ValueError("body or statusCode")
        body = base64.b64decode(body, validate=True) if value.get("isBase64Encoded") else body.encode()
        headers = {}
        for name, item in (value.get("headers") or {}).items():
            headers[name.lower()] = str(item).lower() if isinstance(item, bool) else str(item)
        for name, items in (value.get("multiValueHeaders") or {}).items():
            headers[name.lower()] = ",".join(map(str, items))
    except (ValueError, TypeError, AttributeError):
        return _message(500, "Internal Server Error")
    for name in ("connection", "transfer-encoding", "content-length", "date"):
        headers.pop(name, None)
    if value.get("cookies"):
        headers["set-cookie"] = list(map(str, value["cookies"]))
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    return Answer(status, headers, body)
