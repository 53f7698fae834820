"""A viewer's request on its way through CloudFront: behaviour, functions, cache, origin, answer.

Source: CloudFront developer guide: path patterns, allowed methods, customizing with functions, OAC, origin custom
headers, managed policies; the order of steps is the guide's.
"""

import fnmatch
import hashlib
import re
import secrets
import urllib.parse
from dataclasses import dataclass

from .. import ids
from . import cloudfront_function as js
from .answer import Answer, Cache, accepted, compress, confirm, cut, error_page, freshness
from .origin_s3 import from_bucket
from .policies import ORIGIN_REQUEST_POLICIES

EDGE_ADDRESS = "130.176.0.1"
"""From where an origin sees CloudFront's requests come."""
_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


@dataclass
class Request:
    """What goes to an origin, or came from a viewer."""

    method: str
    path: str
    query: str
    headers: dict
    body: bytes
    source: str
    viewer: str = ""
    through: bool = False


class CloudFront:
    """Serves every published distribution."""

    def __init__(self, published, functions, gateway):
        self.published, self.functions, self.gateway, self.cache = published, functions, gateway, Cache()

    async def answer(self, distribution_id, domain, config, request):
        """The answer to one viewer's request, complete."""
        request_id = secrets.token_urlsafe(39) + "=="
        scheme = request.headers.pop("x-practice-scheme", "https").lower()
        answer, kind = await self._answer(distribution_id, domain, config, request, request_id, scheme)
        answer.headers.setdefault("server", "CloudFront")
        answer.headers["x-cache"] = f"{kind} from cloudfront"
        answer.headers["via"] = f"1.1 {hashlib.md5(domain.encode()).hexdigest()}.cloudfront.net (CloudFront)"
        answer.headers["x-amz-cf-pop"] = "PRA1-C1"
        answer.headers["x-amz-cf-id"] = request_id
        if request.method == "HEAD":
            answer.body = b""
        return answer

    async def _answer(self, distribution_id, domain, config, request, request_id, scheme):
        if not config.get("Enabled"):
            return error_page(403, request_id, "The distribution is disabled."), "Error"
        behaviour = _behaviour(config, request.path)
        if scheme == "http":
            policy = behaviour.get("ViewerProtocolPolicy")
            if policy == "redirect-to-https":
                return _to_https(request), "Redirect"
            if policy == "https-only":
                return error_page(403, request_id, "Bad request."), "Error"
        if request.method not in (behaviour.get("AllowedMethods") or {}).get("Items", ["GET", "HEAD"]):
            text = "This distribution is not configured to allow the HTTP request method that was used for this request."
            return error_page(403, request_id, text), "Error"
        context = {"distributionDomainName": domain, "distributionId": distribution_id, "requestId": request_id}
        try:
            made = self._viewer_request(behaviour, context, request)
        except (js.FunctionError, js.InvalidReturn) as error:
            return self._broken(error, request_id), "FunctionGeneratedError"
        if made is not None:
            return made, "FunctionGeneratedResponse"
        answer, kind = await self._content(distribution_id, config, behaviour, request, request_id)
        if answer.status >= 400:
            return answer, "Error"
        if request.method in ("GET", "HEAD"):
            answer = confirm(answer, request.headers) or cut(answer, request.headers)
        if answer.status >= 400:
            return answer, "Error"
        try:
            self._viewer_response(behaviour, context, request, answer)
        except (js.FunctionError, js.InvalidReturn) as error:
            return self._broken(error, request_id), "FunctionGeneratedError"
        return answer, kind

    def _broken(self, error, request_id):
        self.functions.lines.append(f"{type(error).__name__}: {error}")
        if isinstance(error, js.InvalidReturn):
            return error_page(502, request_id, f"The CloudFront function returned an invalid value: {error}")
        text = "The CloudFront function associated with the CloudFront distribution is invalid or could not run."
        return error_page(503, request_id, text)

    def _run(self, behaviour, moment, context, event, raw_query):
        """What the behaviour's function of that moment returns; None without a function."""
        items = (behaviour.get("FunctionAssociations") or {}).get("Items") or []
        arn = next((i["FunctionARN"] for i in items if i["EventType"] == moment), None)
        if arn is None:
            return None
        stage = self.published.live(arn)
        if stage is None:
            raise js.FunctionError(f"{arn} has no LIVE stage")
        return self.functions.call(stage, {"version": "1.0", "context": {**context, "eventType": moment}, **event}, raw_query)

    def _viewer_request(self, behaviour, context, request):
        event = {"viewer": {"ip": request.viewer}, "request": _event_request(request)}
        before = dict(event["request"]["headers"])
        out = self._run(behaviour, "viewer-request", context, event, request.query)
        if out is None:
            if _has(behaviour, "viewer-request"):
                raise js.InvalidReturn("nothing was returned")
            return None
        if "statusCode" in out:
            js.check_headers(out.get("headers") or {}, {}, ())
            return _made(out)
        if not isinstance(out.get("uri"), str) or not out["uri"].startswith("/"):
            raise js.InvalidReturn("request.uri is missing or does not begin with /")
        if out.get("method") != request.method:
            raise js.InvalidReturn("request.method is read-only")
        js.check_headers(out.get("headers"), before, js.READ_ONLY_REQUEST)
        hidden = {k: v for k, v in request.headers.items() if js.forbidden(k)}
        request.headers = {**{k: _value(v) for k, v in out["headers"].items()}, **hidden}
        cookies = "; ".join(f"{n}={v['value']}" for n, e in (out.get("cookies") or {}).items() for v in e.get("multiValue", [e]))
        if cookies:
            request.headers["cookie"] = cookies
        if out.get("querystring") != event["request"]["querystring"]:
            request.query = _query(out.get("querystring") or {})
        request.path = out["uri"]
        return None

    def _viewer_response(self, behaviour, context, request, answer):
        if not _has(behaviour, "viewer-response"):
            return
        cookies = answer.headers.pop("set-cookie", None)
        headers = {k: {"value": str(v)} for k, v in answer.headers.items() if not js.forbidden(k)}
        response = {"statusCode": answer.status, "statusDescription": "", "headers": headers, "cookies": {}}
        event = {"viewer": {"ip": request.viewer}, "request": _event_request(request), "response": response}
        out = self._run(behaviour, "viewer-response", context, event, request.query)
        if not isinstance(out, dict) or not isinstance(out.get("statusCode"), int):
            raise js.InvalidReturn("response.statusCode is missing")
        js.check_headers(out.get("headers") or {}, headers, js.READ_ONLY_RESPONSE)
        answer.status = out["statusCode"]
        hidden = {k: v for k, v in answer.headers.items() if js.forbidden(k)}
        answer.headers = {**{k: _value(v) for k, v in (out.get("headers") or {}).items()}, **hidden}
        if cookies:
            answer.headers["set-cookie"] = cookies

    async def _content(self, distribution_id, config, behaviour, request, request_id):
        """The origin's answer or the cache's, compressed when the behaviour says so."""
        policy = self.published.cache_policy(behaviour)
        compressing = behaviour.get("Compress") and policy is not None and policy[1]
        encodings = accepted(request.headers.get("accept-encoding")) if compressing else ""
        keeping = policy is not None and request.method in ("GET", "HEAD")
        key = (distribution_id, request.path, encodings)
        if keeping:
            found = self.cache.get(key)
            if found:
                answer = found[0].copy()
                answer.headers["age"] = str(found[1])
                return answer, "Hit"
        answer = await self._origin(distribution_id, config, behaviour, request, request_id, encodings)
        if compressing:
            answer = compress(answer, encodings)
        if keeping:
            self.cache.put(key, answer, freshness(answer, policy[0]))
        return answer.copy(), "Miss"

    async def _origin(self, distribution_id, config, behaviour, request, request_id, encodings):
        origin = next((o for o in config["Origins"]["Items"] if o["Id"] == behaviour["TargetOriginId"]), None)
        if origin is None:
            return error_page(502, request_id, "The origin does not exist.")
        path = (origin.get("OriginPath") or "") + request.path
        if ".s3." in origin["DomainName"] or ".s3-" in origin["DomainName"]:
            # The whole object, whatever was asked: a HEAD and a range are cut from it at the end.
            return from_bucket(self.published, distribution_id, origin, request.method, path)
        found = _API_HOST.fullmatch(origin["DomainName"])
        if not found:
            return error_page(502, request_id, "CloudFront wasn't able to resolve the origin domain name.")
        forwarded = _forwarded(behaviour, request, encodings)
        for header in (origin.get("CustomHeaders") or {}).get("Items") or []:
            forwarded.headers[header["HeaderName"].lower()] = header["HeaderValue"]
        forwarded.headers["x-amz-cf-id"] = request_id
        forwarded.path = path
        return await self.gateway.answer(found.group(1), found.group(2), forwarded)


def _forwarded(behaviour, request, encodings):
    """The request as the origin request policy lets it through."""
    policy = ORIGIN_REQUEST_POLICIES.get(behaviour.get("OriginRequestPolicyId"))
    if policy in ("AllViewerExceptHostHeader", "AllViewer"):
        headers, query = dict(request.headers), request.query
        if policy == "AllViewerExceptHostHeader":
            headers.pop("host", None)
    else:
        keep = ("content-type", "content-length", "content-encoding", "if-match", "if-none-match", "x-amz-content-sha256")
        headers, query = {k: v for k, v in request.headers.items() if k in keep}, ""
        headers["user-agent"] = "Amazon CloudFront"
        if encodings:
            headers["accept-encoding"] = encodings
    headers["via"] = "2.0 practice.cloudfront.net (CloudFront)"
    return Request(request.method, request.path, query, headers, request.body, EDGE_ADDRESS, request.viewer, True)


def _behaviour(config, path):
    for behaviour in (config.get("CacheBehaviors") or {}).get("Items") or []:
        pattern = behaviour["PathPattern"].lstrip("/").replace("[", "[[]")
        if fnmatch.fnmatchcase(path.lstrip("/") if path != "/" else "", pattern):
            return behaviour
    return config["DefaultCacheBehavior"]


def _has(behaviour, moment):
    return any(i["EventType"] == moment for i in (behaviour.get("FunctionAssociations") or {}).get("Items") or [])


def _to_https(request):
    query = f"?{request.query}" if request.query else ""
    location = f"https://{request.headers.get('host', '')}{request.path}{query}"
    return Answer(301, {"server": "CloudFront", "location": location, "content-type": "text/html"}, b"Moved Permanently")


def _event_request(request):
    headers = {k: {"value": v} for k, v in request.headers.items() if k != "cookie" and not js.forbidden(k)}
    return {
        "method": request.method, "uri": request.path, "headers": headers,
        "querystring": _fields(request.query.split("&")), "cookies": _fields(request.headers.get("cookie", "").split(";")),
    }


def _fields(parts):
    out = {}
    for part in parts:
        name, _, value = part.strip().partition("=")
        if not name:
            continue
        if name in out:
            out[name].setdefault("multiValue", [{"value": out[name]["value"]}]).append({"value": value})
        else:
            out[name] = {"value": value}
    return out


def _query(fields):
    pairs = [(n, v.get("value", "")) for n, e in fields.items() for v in e.get("multiValue", [e])]
    return "&".join(f"{urllib.parse.quote(n, safe='%+')}={urllib.parse.quote(v, safe='%+')}" if v else n for n, v in pairs)


def _value(entry):
    return ", ".join(v["value"] for v in entry.get("multiValue", [entry]))


def _made(out):
    body = out.get("body") or ""
    if isinstance(body, dict):
        body = body.get("data", "")
    headers = {"server": "CloudFront", **{k: _value(v) for k, v in (out.get("headers") or {}).items()}}
    headers["content-length"] = str(len(body.encode()))
    return Answer(int(out["statusCode"]), headers, body.encode())
