"""S3's uploads in parts."""

import hashlib

from .. import ids
from ..wire.errors import AwsError
from . import s3_checksums
from .s3_objects import Object, _conditions_of_write, _headers

_SMALLEST = 5 * 1024 * 1024
"""Bytes every part but the last must have."""


class Upload:
    """One upload under way; `parts` maps a number to `(body, md5 hex)`."""

    def __init__(self, key, headers, metadata):
        from .s3 import now

        self.id, self.key, self.headers, self.metadata, self.parts = ids.unique(), key, headers, metadata, {}
        self.started = now()


class Multipart:
    """Mixed into `S3`."""

    def _upload(self, bucket, p):
        upload = bucket.uploads.get(p.get("UploadId"))
        if upload is None or upload.key != p["Key"]:
            raise AwsError("NoSuchUpload", "The specified upload does not exist.", 404)
        return upload

    def CreateMultipartUpload(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        upload = Upload(p["Key"], _headers(p, call), p.get("Metadata") or {})
        bucket.uploads[upload.id] = upload
        return {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id}

    def UploadPart(self, call, p):
        upload = self._upload(self.bucket(call, p["Bucket"]), p)
        if not 1 <= p["PartNumber"] <= 10000:
            raise AwsError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400)
        body = p.get("Body") or b""
        checksum = s3_checksums.check(call, body)
        md5 = hashlib.md5(body).hexdigest()
        upload.parts[p["PartNumber"]] = (body, md5)
        return {"ETag": f'"{md5}"', **checksum}

    def CompleteMultipartUpload(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        upload = self._upload(bucket, p)
        listed = (p.get("MultipartUpload") or {}).get("Parts") or []
        numbers = [part["PartNumber"] for part in listed]
        if not listed or numbers != sorted(set(numbers)):
            raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.", 400)
        bodies = [self._part(upload, part) for part in listed]
        if any(len(body) < _SMALLEST for body in bodies[:-1]):
            raise AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
        _conditions_of_write(bucket, upload.key, p)
        digest = hashlib.md5(b"".join(bytes.fromhex(upload.parts[n][1]) for n in numbers)).hexdigest()
        made = Object(b"".join(bodies), upload.headers, upload.metadata, etag=f"{digest}-{len(numbers)}")
        self.store(bucket, upload.key, made)
        del bucket.uploads[upload.id]
        return {"Bucket": bucket.name, "Key": upload.key, "ETag": made.etag, "Location": f"/{bucket.name}/{upload.key}"}

    def _part(self, upload, part):
        found = upload.parts.get(part["PartNumber"])
        if found is None or part.get("ETag", "").strip('"') != found[1]:
            raise AwsError("InvalidPart", "One or more of the specified parts could not be found.", 400)
        return found[0]

    def AbortMultipartUpload(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        del bucket.uploads[self._upload(bucket, p).id]
        return {}

    def ListMultipartUploads(self, call, p):
        bucket, prefix = self.bucket(call, p["Bucket"]), p.get("Prefix") or ""
        found = [
            {"Key": u.key, "UploadId": u.id, "Initiated": u.started, "StorageClass": "STANDARD"}
            for u in sorted(bucket.uploads.values(), key=lambda u: (u.key, u.id))
            if u.key.startswith(prefix)
        ]
        return {"Bucket": bucket.name, "Prefix": prefix, "MaxUploads": 1000, "IsTruncated": False, "Uploads": found}

    def ListParts(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        upload = self._upload(bucket, p)
        parts = [
            {"PartNumber": n, "ETag": f'"{md5}"', "Size": len(body), "LastModified": upload.started}
            for n, (body, md5) in sorted(upload.parts.items())
        ]
        return {
            "Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id, "Parts": parts, "IsTruncated": False,
            "MaxParts": 1000,
        }
