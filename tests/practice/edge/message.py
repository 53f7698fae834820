"""Requests and responses inside the edge."""

import gzip
import uuid
from dataclasses import dataclass, field

import brotli


class Headers:
    """Headers in order, names in lower case, a name any number of times."""

    def __init__(self, pairs=()):
        self.pairs = [(name.lower(), value) for name, value in pairs]

    def get(self, name, default=None):
        """All values of a name, joined; the default when there is none."""
        found = self.all(name)
        return ", ".join(found) if found else default

    def all(self, name):
        """The values of a name, one by one."""
        return [v for n, v in self.pairs if n == name]

    def set(self, name, value):
        """Replace a name's values by one."""
        self.remove(name)
        self.pairs.append((name.lower(), value))

    def add(self, name, value):
        """One more value."""
        self.pairs.append((name.lower(), value))

    def remove(self, name):
        """Drop a name."""
        self.pairs = [(n, v) for n, v in self.pairs if n != name]

    def names(self):
        """Each name once, in order."""
        return list(dict.fromkeys(n for n, _ in self.pairs))

    def copy(self):
        """Another one of the same."""
        return Headers(self.pairs)

    def __contains__(self, name):
        return any(n == name for n, _ in self.pairs)


@dataclass
class Request:
    """A viewer's request; `path` and `query` are as sent, still encoded."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    ip: str
    scheme: str = "https"
    place: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex + "==")


@dataclass
class Response:
    """An answer; `body` is whole."""

    status: int
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    reason: str = ""


# Source: CloudFront guide, file types that CloudFront compresses.
COMPRESSIBLE = {
    "application/dash+xml", "application/eot", "application/font", "application/font-sfnt", "application/javascript",
    "application/json", "application/opentype", "application/otf", "application/pdf", "application/pkcs7-mime",
    "application/protobuf", "application/rss+xml", "application/truetype", "application/ttf",
    "application/vnd.apple.mpegurl", "application/vnd.mapbox-vector-tile", "application/vnd.ms-fontobject",
    "application/wasm", "application/xhtml+xml", "application/xml", "application/x-font-opentype",
    "application/x-font-truetype", "application/x-font-ttf", "application/x-httpd-cgi", "application/x-javascript",
    "application/x-mpegurl", "application/x-opentype", "application/x-otf", "application/x-perl", "application/x-ttf",
    "font/eot", "font/opentype", "font/otf", "font/ttf", "image/svg+xml", "text/css", "text/csv", "text/html",
    "text/javascript", "text/js", "text/plain", "text/richtext", "text/tab-separated-values", "text/xml",
    "text/x-component", "text/x-java-source", "text/x-script", "vnd.apple.mpegurl",
}


def accepted(headers):
    """The viewer's Accept-Encoding, normalised as CloudFront does: a tuple out of `br` and `gzip`."""
    named = {}
    for part in headers.get("accept-encoding", "").split(","):
        name, _, parameters = part.strip().lower().partition(";")
        named[name.strip()] = parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return tuple(coding for coding in ("br", "gzip") if named.get(coding))


def compress(response, codings):
    """Compress in place when CloudFront would; the ETag becomes a weak one."""
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    fits = (
        codings and response.status in (200, 403, 404) and kind in COMPRESSIBLE
        and 1000 <= len(response.body) <= 10_000_000 and "content-encoding" not in response.headers
    )
    if not fits:
        return
    coding = codings[0]
    response.body = brotli.compress(response.body, quality=5) if coding == "br" else gzip.compress(response.body, 6)
    response.headers.set("content-encoding", coding)
    response.headers.set("vary", "Accept-Encoding")
    response.headers.set("content-length", str(len(response.body)))
    etag = response.headers.get("etag")
    if etag and not etag.startswith("W/"):
        response.headers.set("etag", "W/" + etag)
