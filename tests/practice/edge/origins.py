"""Origins: what CloudFront gets from S3 through an origin access control, and from an API through its host name."""

import json
import re
import urllib.parse

from .. import policy
from ..services.s3_objects import http_date
from .message import Headers, Response
from .policies import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES

_S3_HOST = re.compile(r"(?P<bucket>.+)\.s3(?:[.-](?P<region>[a-z]+-[a-z-]+-\d))?\.amazonaws\.com")
_API_HOST = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")


class Unreachable(Exception):
    """The origin does not answer: 502 to the viewer."""


async def ask(edge, distribution, behavior, request):
    """The origin's answer to a request."""
    origin = next(o for o in distribution.config["Origins"]["Items"] if o["Id"] == behavior["TargetOriginId"])
    if origin.get("S3OriginConfig") is not None:
        return _s3(edge.account, distribution, origin, request)
    found = _API_HOST.fullmatch(origin["DomainName"])
    if not found:
        raise Unreachable(f"no such host here: {origin['DomainName']}")
    headers = _origin_headers(distribution, behavior, origin, request)
    query = request.query if behavior.get("OriginRequestPolicyId") else ""
    target = origin.get("OriginPath", "") + request.path
    return await edge.api.serve(
        found.group("api"), found.group("region"), request.method, target, query, headers, request.body, request.ip
    )


# -- S3 --------------------------------------------------------------------------------------------------------


def _s3(account, distribution, origin, request):
    found = _S3_HOST.fullmatch(origin["DomainName"])
    bucket = account.s3.buckets.get(found.group("bucket"))
    if bucket is None:
        return _s3_error(404, "NoSuchBucket", "The specified bucket does not exist", f"<BucketName>{found.group('bucket')}</BucketName>")
    if found.group("region") and found.group("region") != bucket.region:
        return _s3_error(301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.")
    if request.method not in ("GET", "HEAD"):
        return _s3_error(403, "AccessDenied", "Access Denied")
    key = urllib.parse.unquote(origin.get("OriginPath", "") + request.path).removeprefix("/")
    may = _asker(account, distribution, origin, bucket)
    if not may("s3:GetObject", f"arn:aws:s3:::{bucket.name}/{key}") or not key:
        return _s3_error(403, "AccessDenied", "Access Denied")
    version = bucket.current(key)
    if version is None:
        # Whoever may not list a bucket does not learn what is missing. Source: S3 API reference, GetObject.
        if may("s3:ListBucket", f"arn:aws:s3:::{bucket.name}"):
            return _s3_error(404, "NoSuchKey", "The specified key does not exist.", f"<Key>{_xml(key)}</Key>")
        return _s3_error(403, "AccessDenied", "Access Denied")
    return _s3_object(bucket, version)


def _asker(account, distribution, origin, bucket):
    """A question to the bucket's policy on behalf of this distribution."""
    control = account.cloudfront.controls.get(origin.get("OriginAccessControlId") or "")
    signs = control is not None and control.config["SigningBehavior"] != "never"
    document = json.loads(bucket.policy) if bucket.policy else {}
    context = {"aws:SecureTransport": "true"}
    principal = {"Anonymous": "*"}
    if signs:
        principal = {"Service": "cloudfront.amazonaws.com"}
        context.update({"aws:SourceArn": distribution.arn, "aws:SourceAccount": account.id})
    # RestrictPublicBuckets leaves a public grant to the account's own and to services.
    restricted = bucket.block and bucket.block["RestrictPublicBuckets"] and policy.is_public(document) and not signs
    return lambda action, resource: not restricted and policy.decide(document, principal, action, resource, context) == "Allow"


def _s3_object(bucket, version):
    names = {
        "ContentType": "content-type", "CacheControl": "cache-control", "ContentEncoding": "content-encoding",
        "ContentDisposition": "content-disposition", "ContentLanguage": "content-language", "Expires": "expires",
        "WebsiteRedirectLocation": "x-amz-website-redirect-location",
    }
    headers = Headers([("content-length", str(len(version.body))), ("accept-ranges", "bytes"), ("server", "AmazonS3")])
    for name, wire in names.items():
        if name in version.headers:
            headers.set(wire, str(version.headers[name]))
    headers.set("etag", version.etag)
    headers.set("last-modified", http_date(version.modified))
    headers.set("x-amz-server-side-encryption", "AES256")
    if bucket.versioning:
        headers.set("x-amz-version-id", version.version)
    for name, value in version.metadata.items():
        headers.set(f"x-amz-meta-{name}", value)
    return Response(200, headers, version.body, "OK")


def _s3_error(status, code, message, more=""):
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>'
    return Response(status, Headers([("content-type", "application/xml"), ("server", "AmazonS3")]), body.encode())


def _xml(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


# -- custom origins --------------------------------------------------------------------------------------------

# Headers of the hop between viewer and edge, and those that CloudFront never passes on.
_HOP = ("connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "expect")


def _origin_headers(distribution, behavior, origin, request):
    """The headers of the origin request, by the behaviour's policies."""
    all_viewer = ORIGIN_REQUEST_POLICIES.get(behavior.get("OriginRequestPolicyId"), "").startswith("AllViewer")
    headers = Headers([p for p in request.headers.pairs if p[0] not in _HOP and p[0] != "host"] if all_viewer else [])
    if not all_viewer:
        headers.set("user-agent", "Amazon CloudFront")
        for name in ("content-type", "content-length"):
            if name in request.headers:
                headers.set(name, request.headers.get(name))
    cached = CACHE_POLICIES.get(behavior.get("CachePolicyId"))
    if cached and cached.encodings:
        headers.set("accept-encoding", "br,gzip")
    before = request.headers.get("x-forwarded-for")
    headers.set("x-forwarded-for", f"{before}, {request.ip}" if before else request.ip)
    headers.set("via", "2.0 practice.cloudfront.net (CloudFront)")
    headers.set("x-amz-cf-id", request.id)
    headers.set("host", origin["DomainName"])
    # The origin's own headers win over the viewer's: a viewer cannot forge them.
    for each in (origin.get("CustomHeaders") or {}).get("Items") or []:
        headers.set(each["HeaderName"].lower(), each["HeaderValue"])
    return headers
