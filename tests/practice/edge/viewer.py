"""The visitors' port. The Host header chooses: a distribution's domain name or alias, an API's own host, or, while
there is only one distribution, anything.
"""

import logging
import re
import urllib.parse

from aiohttp import web

from .answer import error_page
from .cloudfront import CloudFront, Request
from .cloudfront_function import EdgeFunctions
from .functions import Lambdas
from .gateway import Gateway
from .published import Published

log = logging.getLogger("practice.edge")
_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


class Edge:
    """Answers every request to the edge's port."""

    def __init__(self, account):
        self.account, self.address = account, ""
        self.published = Published(account)
        self.functions = EdgeFunctions(self.published)
        self.lambdas = Lambdas(account)
        self.gateway = Gateway(self.published, self.lambdas)
        self.cloudfront = CloudFront(self.published, self.functions, self.gateway)
        self.cache = self.cloudfront.cache

    async def handle(self, request):
        """One HTTP request."""
        try:
            answer = await self._answer(await _read(request))
        except Exception:
            # A fault of the practice account itself: loud, and never mistaken for AWS's answer.
            log.exception("%s %s", request.method, request.raw_path)
            return web.json_response({"practice": "the edge failed; see its output"}, status=599)
        return _respond(request, answer)

    async def _answer(self, request):
        host = request.headers.get("host", "").partition(":")[0].lower()
        found = _API_HOST.fullmatch(host)
        if found:
            return await self.gateway.answer(found.group(1), found.group(2), request)
        every = self.published.distributions()
        chosen = [d for d in every if d.domain == host or host in _aliases(d)] or (every if len(every) == 1 else [])
        if not chosen:
            there = ", ".join(sorted(d.domain for d in every)) or "none yet"
            return error_page(404, "", f"No distribution answers for {host!r}. The practice account has: {there}.")
        return await self.cloudfront.answer(chosen[0].id, chosen[0].domain, chosen[0].config, request)

    def describe(self):
        """The edge's state, as JSON."""
        return {
            "address": self.address,
            "distributions": {d.id: {"domain": d.domain, "aliases": _aliases(d)} for d in self.published.distributions()},
            "cache": {"entries": len(self.cache.kept), "hits": self.cache.hits, "misses": self.cache.misses},
            "environments": self.lambdas.describe(),
        }

    def logs(self, name=""):
        """What a Lambda function printed; without a name what CloudFront functions logged."""
        lines = self.lambdas.logs.get(name, ()) if name else self.functions.lines
        return "".join(line + "\n" for line in lines)

    async def reset(self):
        """Nothing cached, nothing running."""
        self.cache.clear()
        self.cache.hits = self.cache.misses = 0
        self.functions.reset()
        await self.lambdas.reset()


def _aliases(distribution):
    return list((distribution.config.get("Aliases") or {}).get("Items") or [])


async def _read(request):
    path, _, query = request.raw_path.partition("?")
    if path.startswith(("http://", "https://")):
        path = "/" + path.split("/", 3)[-1] if path.count("/") > 2 else "/"
    headers = {}
    for name, value in request.raw_headers:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
        joint = "; " if key == "cookie" else ","
        headers[key] = f"{headers[key]}{joint}{text}" if key in headers else text
    for name in ("connection", "keep-alive", "te", "expect", "upgrade", "proxy-connection", "transfer-encoding"):
        headers.pop(name, None)
    body = await request.content.read()
    address = request.remote or "127.0.0.1"
    # Bytes that a path may not hold come to a function percent-encoded.
    path = urllib.parse.quote(path, safe="%/-._~!$&'()*+,;=:@\"<>[]\\^`{|}")
    return Request(request.method, path, query, headers, body, address, viewer=address)


def _respond(request, answer):
    bare = request.method == "HEAD" or answer.status in (204, 304)
    made = web.Response(status=answer.status, body=None if bare else answer.body)
    for name, value in answer.headers.items():
        for each in value if isinstance(value, list) else [value]:
            if name != "content-length" or request.method == "HEAD":
                made.headers.add(name, each)
    return made
