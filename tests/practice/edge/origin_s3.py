"""An S3 origin: the bucket's policy judged for CloudFront, and S3's answer.

Source: CloudFront developer guide, restricting access to an S3 origin; S3 API reference, GetObject (403 instead of
404 without s3:ListBucket).
"""

import json
import urllib.parse
from xml.sax.saxutils import escape

from .. import ids, policy
from ..services.s3_objects import http_date
from .answer import Answer

_NAMES = {
    "ContentType": "content-type",
    "CacheControl": "cache-control",
    "ContentEncoding": "content-encoding",
    "ContentDisposition": "content-disposition",
    "ContentLanguage": "content-language",
    "Expires": "expires",
}


def from_bucket(published, distribution_id, origin, method, path):
    """What the bucket answers to CloudFront, signed by the origin access control."""
    bucket = published.bucket(origin["DomainName"])
    if bucket is None:
        return _refusal(404, "NoSuchBucket", "The specified bucket does not exist")
    key = urllib.parse.unquote(path.lstrip("/"))
    if method not in ("GET", "HEAD"):
        return _refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    asks = _Asks(published.account, bucket, distribution_id, bool(origin.get("OriginAccessControlId")))
    found = bucket.current(key) if key else None
    if not asks.may("s3:GetObject", f"/{key}") or (found is None and not asks.may("s3:ListBucket", "")):
        return _refusal(403, "AccessDenied", "Access Denied")
    if found is None:
        return _refusal(404, "NoSuchKey", "The specified key does not exist.", f"<Key>{escape(key)}</Key>")
    headers = {wire: found.headers[name] for name, wire in _NAMES.items() if found.headers.get(name)}
    headers.update({f"x-amz-meta-{k.lower()}": v for k, v in found.metadata.items()})
    headers.update(
        {
            "etag": found.etag, "last-modified": http_date(found.modified), "accept-ranges": "bytes",
            "x-amz-server-side-encryption": "AES256", "server": "AmazonS3", "content-length": str(len(found.body)),
        }
    )
    if bucket.versioning:
        headers["x-amz-version-id"] = found.version
    return Answer(200, headers, found.body)


class _Asks:
    """What CloudFront may do with a bucket."""

    def __init__(self, account, bucket, distribution_id, signed):
        self.bucket, self.document = bucket, json.loads(bucket.policy) if bucket.policy else None
        # Without an origin access control the request is anonymous.
        self.principal = {"Service": "cloudfront.amazonaws.com"} if signed else {"Anonymous": "*"}
        self.context = {"aws:SecureTransport": "true"}
        if signed:
            arn = f"arn:aws:cloudfront::{account.id}:distribution/{distribution_id}"
            self.context.update({"aws:SourceArn": arn, "aws:SourceAccount": account.id})

    def may(self, action, rest):
        """Whether the policy allows it and denies it nowhere."""
        resource = f"arn:aws:s3:::{self.bucket.name}{rest}"
        return policy.decide(self.document, self.principal, action, resource, self.context) == "Allow"


def _refusal(status, code, message, more=""):
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}'
        f"<RequestId>{ids.request()}</RequestId></Error>"
    )
    return Answer(status, {"server": "AmazonS3", "content-type": "application/xml"}, body.encode())
