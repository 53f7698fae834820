"""Requests and answers of the visitors' ports as HTTP has them."""

import re
from email.utils import formatdate

from aiohttp import web

from .message import Headers, Request


async def read(raw):
    """`(request, host)` of an aiohttp request."""
    path, _, query = raw.raw_path.partition("?")
    if re.match(r"https?://", path):
        path = "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"
    pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in raw.raw_headers]
    headers = Headers(pairs)
    scheme = headers.get("x-practice-scheme", "https")
    headers.remove("x-practice-scheme")
    if headers.get("expect", "").lower() == "100-continue":
        raw.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await raw.content.read()
    host = headers.get("host", "").partition(":")[0].lower()
    return Request(raw.method, path, query, headers, body, raw.remote or "127.0.0.1", scheme), host


def write(response):
    """An aiohttp answer."""
    body = response.body if response.status not in (204, 304) else None
    out = web.Response(status=response.status, reason=response.reason or None, body=body)
    for name, value in response.headers.pairs:
        if name in ("content-length", "transfer-encoding", "connection"):
            continue
        out.headers.add(name, value)
    if "content-type" not in response.headers:
        # aiohttp would name a type of its own; an answer without one has none.
        out.headers.popall("content-type", None)
    if "date" not in response.headers:
        out.headers["date"] = formatdate(usegmt=True)
    if "server" not in response.headers:
        out.headers["server"] = "CloudFront"
    return out
