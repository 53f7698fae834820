"""The edge: CloudFront, API Gateway and Lambda at work, for whatever was published to the account.

A second port. The Host header chooses: a distribution's domain name, an API's own host, or, while there is only one
distribution, anything.
"""

import collections
import logging
import re
import urllib.parse

from aiohttp import web

from .answer import error_page
from .functions import Functions
from .gateway import Gateway
from .published import Published
from .viewer import Request, Viewer

log = logging.getLogger("practice.edge")
_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")


class Edge:
    """Answers every request to the edge's port."""

    def __init__(self, account):
        self.account, self.published = account, Published(account)
        self.lines = collections.deque(maxlen=2000)
        self.functions = Functions(account)
        self.gateway = Gateway(self.published, self.functions)
        self.viewer = Viewer(self.published, self.gateway, self.lines)
        self.address = ""

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
        distributions = self.published.distributions()
        chosen = [(i, d, c) for i, (d, c) in distributions.items() if d == host or host in _aliases(c)]
        if not chosen and len(distributions) == 1:
            chosen = [(i, d, c) for i, (d, c) in distributions.items()]
        if not chosen:
            there = ", ".join(sorted(d for d, _ in distributions.values())) or "none yet"
            return error_page(404, "", f"No distribution answers for {host!r}. Distributions of the practice account: {there}.")
        return await self.viewer.answer(*chosen[0], request)

    def describe(self):
        """The edge's state, as JSON."""
        return {
            "address": self.address,
            "distributions": {i: {"domain": d, "aliases": _aliases(c)} for i, (d, c) in self.published.distributions().items()},
            "cache": {"entries": len(self.viewer.cache.kept), "hits": self.viewer.cache.hits, "misses": self.viewer.cache.misses},
            "environments": self.functions.describe(),
        }

    def logs(self, name=""):
        """What a Lambda function printed; without a name what CloudFront functions logged."""
        lines = self.functions.logs.get(name, ()) if name else self.lines
        return "".join(line + "\n" for line in lines)

    async def reset(self):
        """Nothing cached, nothing running."""
        self.viewer.cache = type(self.viewer.cache)()
        self.lines.clear()
        await self.functions.reset()

    async def close(self):
        """End what runs."""
        await self.functions.close()


def _aliases(config):
    return list((config.get("Aliases") or {}).get("Items") or [])


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
    body = await request.read()
    address = request.remote or "127.0.0.1"
    safe = urllib.parse.quote(path, safe="%/-._~!$&'()*+,;=:@\"<>[]\\^`{|}")
    return Request(request.method, safe, query, headers, body, address, viewer=address)


def _respond(request, answer):
    made = web.Response(status=answer.status, body=answer.body if answer.status not in (204, 304) else None)
    for name, value in answer.headers.items():
        for each in value if isinstance(value, list) else [value]:
            if name == "content-length" and request.method != "HEAD":
                continue
            made.headers.add(name, each)
    if "content-type" not in answer.headers:
        # aiohttp would say octet-stream, which nobody said.
        made.headers.popall("content-type", None)
    return made
