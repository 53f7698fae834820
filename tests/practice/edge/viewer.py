"""The visitors' ports: CloudFront's pipeline from the viewer's request to the answer, and APIs asked directly.

Order: distribution, behaviour, scheme, method, viewer-request function, cache, origin, compression, conditions and
ranges, viewer-response function. Source: CloudFront guide, how CloudFront works.
"""

import copy
import re

from ..services.cloudfront_domains import aliases
from ..services.route53_names import covers
from ..services.s3_objects import one_range, parse_date
from . import cache as caching
from . import firewall
from . import functions as edge_functions
from . import http, origins
from .api import ApiServer
from .cache import Cache
from .functions import Functions
from .lags import Lags
from .lambda_run import Lambdas
from .message import Headers, Response, accepted, compress
from .pages import page, redirect_to_https
from .policies import CACHE_POLICIES, CachePolicy

_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")
# What a 304 carries: RFC 9110, 15.4.5, with the age and the server's name. It is not documented whether S3's metadata
# (x-amz-meta-*) comes too; here it does not, so that a viewer-response function must do without it.
_OF_A_304 = {"cache-control", "etag", "expires", "last-modified", "vary", "age", "server", "date", "set-cookie", "content-location"}
_NO_POLICY = CachePolicy("legacy", 0, 86400, 31536000, False)


class Edge:
    """The edge of one account: several places, each with a cache and a view of the stores of its own."""

    def __init__(self, account, places=1):
        self.account, self.addresses = account, []
        self.caches = [Cache(lambda: account.clock.now()) for _ in range(places)]
        self.lags = Lags(places)
        self.functions, self.lambdas = Functions(account, self.lags), Lambdas(account)
        self.api, self.notes = ApiServer(self), []

    def note(self, where, text):
        """Keep a line for whoever asks why."""
        self.notes = [*self.notes[-99:], f"{where}: {text}"]

    async def reset(self):
        """An edge that knows nothing."""
        for cache in self.caches:
            cache.clear()
        self.lags.clear()
        self.api.buckets.clear()
        self.notes, self.functions.troubles = [], []
        await self.lambdas.reset()

    def describe(self):
        """What the edge knows, for people."""
        return {
            "engine": self.functions.engine.name,
            "distributions": {d.domain: d.config["Comment"] for d in self.account.cloudfront.distributions.values()},
            "aliases": {
                name: {"distribution": d.domain, "deployed": name in d.answers(), "dns": self.account.route53.resolve(name, "A")}
                for d in self.account.cloudfront.distributions.values()
                for name in aliases(d.config)
            },
            "apis": [a.shown["ApiEndpoint"].removeprefix("https://") for a in self.account.apis.apis.values()],
            "cached": sum(len(cache.entries) for cache in self.caches),
            "troubles": self.functions.troubles,
            "notes": self.notes,
        }

    def logs(self, name):
        """What a function wrote."""
        return "\n".join(self.lambdas.logs.get(name, [])) + "\n"

    def invalidate(self, distribution, paths):
        """Forget everywhere what matches."""
        for cache in self.caches:
            cache.invalidate(distribution, paths)

    def handler(self, place):
        """What answers at the port of a place."""
        return lambda raw: self.handle(raw, place)

    async def handle(self, raw, place=0):
        """One HTTP request to a visitors' port."""
        request, host = await http.read(raw)
        request.place = place
        found = _API_HOST.fullmatch(host)
        if found:
            response = await self.api.serve(
                found.group(1), found.group(2), request.method, request.path, request.query, request.headers, request.body, request.ip
            )
        else:
            response = await self._viewer(request, host)
        return http.write(response)

    # -- CloudFront --------------------------------------------------------------------------------------------

    def _distribution(self, host):
        distributions = list(self.account.cloudfront.distributions.values())
        for each in distributions:
            if host == each.domain or host in each.answers():
                return each
        for each in distributions:
            # A wildcard stands back behind a name; a name that is not deployed yet is nobody's.
            if any(covers(name, host) for name in aliases(each.config)):
                return each if any(covers(name, host) for name in each.answers()) else None
        return distributions[0] if len(distributions) == 1 and not host.endswith(".cloudfront.net") else None

    async def _viewer(self, request, host):
        distribution = self._distribution(host)
        if distribution is None or not distribution.config["Enabled"]:
            return page(403, "Forbidden", "Bad request. We can't connect to the server for this app or website at this time.")
        if len(request.path) + len(request.query) > 8192:
            return page(414, "URI Too Long", "The request's URL is too long.")
        refused = self._firewall(distribution, request)
        response, generated = (refused, None) if refused else await self._answer(distribution, request)
        headers = response.headers
        headers.set("via", f"1.1 {distribution.domain} (CloudFront)")
        headers.set("x-amz-cf-pop", f"PRA5{request.place}-P1")
        headers.set("x-amz-cf-id", request.id)
        if generated:
            headers.set("x-cache", generated)
        if "http3" in distribution.config["HttpVersion"] or "and3" in distribution.config["HttpVersion"]:
            headers.set("alt-svc", 'h3=":443"; ma=86400')
        return response

    def _firewall(self, distribution, request):
        """The web ACL's refusal, or None. It is asked before everything else."""
        acl = self.account.waf.acls.get(distribution.config["WebACLId"])
        found = firewall.judge(acl, request, lambda text: self.note("web ACL", text)) if acl else None
        if found is None:
            return None
        self.note("web ACL", f"{request.method} {request.path} is blocked by {found.rule}")
        if found.body is not None:
            return Response(found.status, Headers([("content-type", "text/plain"), ("x-cache", "Error from cloudfront")]), found.body.encode())
        return page(found.status, "Forbidden", "Request blocked. We can't connect to the server for this app or website at this time.")

    async def _answer(self, distribution, request):
        """`(response, x-cache)` for a request; x-cache None when the page says it itself."""
        behavior = pick(distribution.config, request.path)
        refused = _refused(behavior, request)
        if refused:
            return refused, None
        links = {event: arn for event, arn in _links(behavior)}
        made = None
        if "viewer-request" in links:
            request, made = self._on_request(distribution, links["viewer-request"], request)
        if made is not None:
            return made, made.headers.get("x-cache", "FunctionGeneratedResponse from cloudfront")
        response, how = await self._cached(distribution, behavior, request)
        if how is None:
            return response, None
        if response.status < 400 and "viewer-response" in links:
            answered = self._on_response(distribution, links["viewer-response"], request, response)
            if answered is not None:
                return answered, answered.headers.get("x-cache", how)
        return response, how

    def _on_request(self, distribution, arn, request):
        event = edge_functions.request_event(request, distribution, "viewer-request")
        run = self._run(arn, event, request.place)
        if run.error:
            return request, self._broken(run.error)
        try:
            changed, made = edge_functions.apply_request(event, run.output, request)
        except edge_functions.Invalid as error:
            return request, self._invalid(error)
        return changed or request, made

    def _on_response(self, distribution, arn, request, response):
        event = edge_functions.response_event(request, response, distribution)
        run = self._run(arn, event, request.place)
        if run.error:
            return self._broken(run.error)
        try:
            return edge_functions.apply_response(event, run.output, response)
        except edge_functions.Invalid as error:
            return self._invalid(error)

    def _run(self, arn, event, place):
        stage = self.functions.live(arn)
        if stage is None:
            return edge_functions.Run(error="the function is not live")
        # The event is handed over as text and so cannot be changed behind the checks that follow.
        return self.functions.run(stage, copy.deepcopy(event), place)

    def _broken(self, text):
        self.functions.trouble("function", text)
        return page(503, "Service Unavailable", "The CloudFront function associated with the CloudFront distribution is invalid or could not run.", "FunctionExecutionError from cloudfront")

    def _invalid(self, error):
        self.functions.trouble("function result", str(error))
        return page(502, "Bad Gateway", f"The CloudFront function returned an invalid value: {error}.", "FunctionValidationError from cloudfront")

    async def _cached(self, distribution, behavior, request):
        """The answer out of the cache or from the origin, in the form this viewer may have."""
        policy = CACHE_POLICIES.get(behavior.get("CachePolicyId"), _NO_POLICY)
        codings = accepted(request.headers) if policy.encodings else ()
        key = (request.path, codings, behavior.get("PathPattern", "*"))
        cache = self.caches[request.place]
        kept = cache.get(distribution.id, key) if request.method in ("GET", "HEAD") else None
        if kept:
            response, age = kept
            response.headers.set("age", str(age))
            how = "Hit from cloudfront" if response.status < 400 else "Error from cloudfront"
        else:
            try:
                response = await origins.ask(self, distribution, behavior, _as_get(request, policy))
            except origins.Unreachable as error:
                self.note("origin", str(error))
                return page(502, "Bad Gateway", "CloudFront wasn't able to connect to the origin."), None
            how = "Miss from cloudfront" if response.status < 400 else "Error from cloudfront"
            if request.method in ("GET", "HEAD"):
                cache.put(distribution.id, key, response, caching.seconds(response, policy, distribution.config))
        return self._formed(behavior, request, response, codings), how

    def _formed(self, behavior, request, response, codings):
        """Compression, conditions and ranges."""
        ranged = request.headers.get("range") if request.method in ("GET", "HEAD") and response.status == 200 else None
        if behavior.get("Compress") and not ranged and request.method in ("GET", "HEAD"):
            compress(response, codings)
        if response.status != 200 or request.method not in ("GET", "HEAD"):
            return response
        if _unchanged(request, response):
            kept = Headers([p for p in response.headers.pairs if p[0] in _OF_A_304])
            return Response(304, kept, b"", "Not Modified")
        return _part(request, response, ranged) if ranged else response


def _as_get(request, policy):
    """The request as it goes to the origin: a HEAD that may be cached fetches the whole object."""
    if request.method == "HEAD" and policy.maximum > 0:
        request = copy.copy(request)
        request.method = "GET"
    return request


def _links(behavior):
    for each in (behavior.get("FunctionAssociations") or {}).get("Items") or []:
        yield each["EventType"], each["FunctionARN"]


def _refused(behavior, request):
    target = request.path + (f"?{request.query}" if request.query else "")
    if request.scheme == "http" and behavior["ViewerProtocolPolicy"] == "redirect-to-https":
        return redirect_to_https(request.headers.get("host", ""), target)
    if request.scheme == "http" and behavior["ViewerProtocolPolicy"] == "https-only":
        return page(403, "Forbidden", "This distribution is configured to only accept HTTPS requests.")
    if request.method not in behavior["AllowedMethods"]["Items"]:
        return page(403, "Forbidden", "This distribution is not configured to allow the HTTP request method that was used for this request. The distribution supports only cachable requests.")
    if request.method in ("GET", "HEAD") and request.body:
        return page(403, "Forbidden", "Bad request. A GET or HEAD request must not have a body.")
    return None


def pick(config, path):
    """The behaviour for a path: the first whose pattern fits, else the default one."""
    normal = _normal(path)
    for each in (config.get("CacheBehaviors") or {}).get("Items") or []:
        pattern = each["PathPattern"]
        pattern = pattern if pattern.startswith("/") else "/" + pattern
        regex = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
        if re.fullmatch(regex, normal, re.S):
            return each
    return config["DefaultCacheBehavior"]


def _normal(path):
    """A path normalised by RFC 3986 for the choice of a behaviour: dot segments gone, unreserved escapes decoded."""
    path = re.sub(r"%([0-9a-fA-F]{2})", _decode, path)
    out = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            if out:
                out.pop()
        elif segment != ".":
            out.append(segment)
    if path.endswith(("/.", "/..")):
        out.append("")
    return "/" + "/".join(out)


def _decode(found):
    char = chr(int(found.group(1), 16))
    return char if re.fullmatch(r"[A-Za-z0-9._~-]", char) else found.group(0).upper()


def _unchanged(request, response):
    wanted = request.headers.get("if-none-match")
    etag = response.headers.get("etag")
    if wanted is not None:
        given = [w.strip().removeprefix("W/") for w in wanted.split(",")]
        return bool(etag) and ("*" in given or etag.removeprefix("W/") in given)
    since, modified = parse_date(request.headers.get("if-modified-since", "")), parse_date(response.headers.get("last-modified", ""))
    return bool(since and modified and modified <= since)


def _part(request, response, text):
    condition = request.headers.get("if-range")
    if condition and condition not in (response.headers.get("etag"), response.headers.get("last-modified")):
        return response
    span = one_range(text, len(response.body))
    if span is None:
        return response
    if span == "bad":
        refused = page(416, "Requested Range Not Satisfiable", "The requested range is not satisfiable.")
        refused.headers.set("content-range", f"bytes */{len(response.body)}")
        return refused
    first, last = span
    headers = response.headers
    headers.set("content-range", f"bytes {first}-{last}/{len(response.body)}")
    headers.set("content-length", str(last - first + 1))
    return Response(206, headers, response.body[first : last + 1], "Partial Content")

