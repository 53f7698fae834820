"""S3's operations on objects."""

import hashlib
import re
import urllib.parse
from email.utils import format_datetime, parsedate_to_datetime

from .. import authority, ids
from ..wire.errors import AwsError
from . import s3_checksums

_KEPT = (
    "ContentType", "CacheControl", "ContentEncoding", "ContentDisposition", "ContentLanguage", "StorageClass",
    "WebsiteRedirectLocation",
)


class Object:
    """One version of an object, or a delete marker."""

    def __init__(self, body=b"", headers=None, metadata=None, checksum=None, version="null", etag=None, marker=False):
        from .s3 import now

        self.body, self.headers, self.metadata = body, headers or {}, metadata or {}
        self.checksum, self.version, self.marker = checksum or {}, version, marker
        self.etag = f'"{etag or hashlib.md5(body).hexdigest()}"'
        self.modified = now()


def not_found(key):
    """The error for an absent key."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, extra={"Key": key})


class Objects:
    """Mixed into `S3`."""

    def PutObject(self, call, p):
        bucket, key = self.bucket(call, p["Bucket"]), p["Key"]
        check_new(bucket, p)
        body = p.get("Body") or b""
        checksum = s3_checksums.check(call, body)
        _conditions_of_write(bucket, key, p)
        etag = s3_checksums.md5(call, body).hex()
        version = self.store(bucket, key, Object(body, _headers(p, call), p.get("Metadata"), checksum, etag=etag))
        out = {"ETag": version.etag, "ServerSideEncryption": "AES256", "ChecksumType": "FULL_OBJECT"}
        out.update(checksum)
        if bucket.versioning == "Enabled":
            out["VersionId"] = version.version
        return out

    def store(self, bucket, key, version):
        """Put a version on top of the key's others, as the bucket's versioning says."""
        versions = bucket.versions.setdefault(key, [])
        if bucket.versioning == "Enabled":
            version.version = ids.unique().replace("-", "")
        else:
            versions[:] = [v for v in versions if v.version != "null"]
        versions.append(version)
        return version

    def find(self, bucket, key, p):
        """The version that a read asks for."""
        wanted = p.get("VersionId")
        if not wanted:
            found = bucket.current(key)
            if found is None:
                raise not_found(key)
            return found
        for version in bucket.versions.get(key, []):
            if version.version == wanted:
                return version
        raise AwsError("NoSuchVersion", "The specified version does not exist.", 404)

    def HeadObject(self, call, p):
        out = self.GetObject(call, p)
        out.pop("Body", None)
        return out

    def GetObject(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        if not p.get("VersionId") and bucket.current(p["Key"]) is None:
            authority.check_absent(self.account, call, bucket.name)
        found = self.find(bucket, p["Key"], p)
        _conditions_of_read(found, p)
        out = {
            **found.headers,
            "Metadata": found.metadata,
            "ETag": found.etag,
            "LastModified": found.modified,
            "AcceptRanges": "bytes",
            "ContentLength": len(found.body),
            "ServerSideEncryption": "AES256",
            "Body": found.body,
        }
        if bucket.versioning:
            out["VersionId"] = found.version
        if p.get("Range"):
            _ranged(out, found.body, p["Range"])
        elif p.get("ChecksumMode") == "ENABLED":
            out.update(found.checksum, ChecksumType="FULL_OBJECT")
        for name in ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"):
            if p.get("Response" + name):
                out[name] = p["Response" + name]
        return out

    def DeleteObject(self, call, p):
        bucket, key = self.bucket(call, p["Bucket"]), p["Key"]
        if p.get("IfMatch"):
            found = bucket.current(key)
            if found is None:
                raise not_found(key)
            if p["IfMatch"] not in ("*", found.etag, found.etag.strip('"')):
                raise _failed("If-Match")
        return self.remove(bucket, key, p.get("VersionId"))

    def remove(self, bucket, key, version=None):
        """Delete a key or one of its versions; what AWS says of it."""
        versions = bucket.versions.get(key, [])
        if version:
            gone = [v for v in versions if v.version == version]
            _keep(bucket, key, [v for v in versions if v.version != version])
            return {"VersionId": version, **({"DeleteMarker": True} if gone and gone[0].marker else {})}
        if bucket.versioning == "Enabled":
            marker = self.store(bucket, key, Object(marker=True))
            return {"DeleteMarker": True, "VersionId": marker.version}
        _keep(bucket, key, [v for v in versions if v.version != "null"])
        return {}

    def DeleteObjects(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        wanted = (p.get("Delete") or {}).get("Objects") or []
        if not wanted or len(wanted) > 1000:
            raise AwsError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
        if "content-md5" not in call.headers and not s3_checksums.given(call.headers):
            raise AwsError(
                "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*", 400
            )
        s3_checksums.check(call, call.body)
        deleted = []
        for each in wanted:
            done = self.remove(bucket, each["Key"], each.get("VersionId"))
            deleted.append({"Key": each["Key"], "VersionId": each.get("VersionId"), "DeleteMarker": done.get("DeleteMarker")})
        return {} if p["Delete"].get("Quiet") else {"Deleted": deleted}

    def CopyObject(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        source, _, query = p["CopySource"].partition("?")
        name, _, key = urllib.parse.unquote(source).lstrip("/").partition("/")
        version = urllib.parse.parse_qs(query).get("versionId", [None])[0]
        old = self.find(self.bucket(call, name), key, {"VersionId": version})
        _conditions_of_read(old, {m: p.get("CopySource" + m) for m in ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")}, copy=True)
        replace = p.get("MetadataDirective") == "REPLACE"
        if (name, key) == (bucket.name, p["Key"]) and not (version or replace or p.get("StorageClass") or p.get("WebsiteRedirectLocation")):
            raise AwsError(
                "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes.", 400,
            )
        check_new(bucket, p)
        _conditions_of_write(bucket, p["Key"], p)
        headers, meta = (_headers(p, call), p.get("Metadata") or {}) if replace else (old.headers, old.metadata)
        made = self.store(bucket, p["Key"], Object(old.body, dict(headers), dict(meta), old.checksum))
        return {"CopyObjectResult": {"ETag": made.etag, "LastModified": made.modified}}

    def GetObjectAttributes(self, call, p):
        found = self.find(self.bucket(call, p["Bucket"]), p["Key"], p)
        checksum = {**found.checksum, "ChecksumType": "FULL_OBJECT"} if found.checksum else None
        return {
            "LastModified": found.modified, "ETag": found.etag.strip('"'), "Checksum": checksum,
            "ObjectSize": len(found.body), "StorageClass": "STANDARD",
        }


def _headers(p, call):
    out = {name: p[name] for name in _KEPT if p.get(name)}
    out.setdefault("ContentType", "binary/octet-stream")
    coding = [c.strip() for c in out.get("ContentEncoding", "").split(",") if c.strip() not in ("", "aws-chunked")]
    out.pop("ContentEncoding", None)
    if coding:
        out["ContentEncoding"] = ",".join(coding)
    if "expires" in call.headers:
        out["Expires"] = call.headers["expires"]
    return out


def check_new(bucket, p):
    """What an object is refused for before anybody looks at its body."""
    if len(p["Key"].encode()) > 1024:
        raise AwsError("KeyTooLongError", "Your key is too long", 400)
    if p.get("ACL", "private") != "private" and _enforced(bucket):
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    if sum(len(k) + len(v.encode()) for k, v in (p.get("Metadata") or {}).items()) > 2048:
        raise AwsError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400)


def _enforced(bucket):
    rules = (bucket.ownership or {}).get("Rules") or [{}]
    return rules[0].get("ObjectOwnership") == "BucketOwnerEnforced"


def _failed(condition):
    return AwsError(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412,
        extra={"Condition": condition},
    )


def _conditions_of_write(bucket, key, p):
    found = bucket.current(key)
    if p.get("IfNoneMatch"):
        if p["IfNoneMatch"] != "*":
            raise AwsError("NotImplemented", "A header you provided implies functionality that is not implemented", 501)
        if found is not None:
            raise _failed("If-None-Match")
    if p.get("IfMatch"):
        if found is None:
            raise not_found(key)
        if p["IfMatch"] not in ("*", found.etag, found.etag.strip('"')):
            raise _failed("If-Match")


def _conditions_of_read(found, p, copy=False):
    match, none = p.get("IfMatch"), p.get("IfNoneMatch")
    if match and not _among(match, found.etag):
        raise _failed("x-amz-copy-source-If-Match" if copy else "If-Match")
    if none and _among(none, found.etag):
        if copy:
            raise _failed("x-amz-copy-source-If-None-Match")
        raise AwsError("NotModified", "Not Modified", 304, {"etag": found.etag})
    since = p.get("IfModifiedSince")
    if since and not none and found.modified <= since:
        if copy:
            raise _failed("x-amz-copy-source-If-Modified-Since")
        raise AwsError("NotModified", "Not Modified", 304, {"etag": found.etag})
    unless = p.get("IfUnmodifiedSince")
    if unless and not match and found.modified > unless:
        raise _failed("If-Unmodified-Since")


def _among(condition, etag):
    return condition.strip() == "*" or etag.strip('"') in [c.strip().strip('"') for c in condition.split(",")]


def _ranged(out, body, text):
    span = one_range(text, len(body))
    if span is None:
        return
    if span == "bad":
        raise AwsError(
            "InvalidRange", "The requested range is not satisfiable", 416, {"content-range": f"bytes */{len(body)}"}
        )
    first, last = span
    out["Body"] = body[first : last + 1]
    out["ContentLength"], out["ContentRange"] = last - first + 1, f"bytes {first}-{last}/{len(body)}"
    out["_status"] = 206


def one_range(text, size):
    """`(first, last)` of a Range header with one range; "bad" when it lies outside, None when to be ignored."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text.strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        if int(last) == 0 or size == 0:
            return "bad"
        return max(0, size - int(last)), size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return "bad"
    return int(first), min(int(last), size - 1) if last else size - 1


def _keep(bucket, key, versions):
    if versions:
        bucket.versions[key] = versions
    else:
        bucket.versions.pop(key, None)


def http_date(moment):
    """A moment as HTTP writes it."""
    return format_datetime(moment, usegmt=True)


def parse_date(text):
    """A moment from a header, or None."""
    try:
        return parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
