"""S3's uploads in parts."""

import hashlib
from datetime import datetime, timezone

from .. import ids
from ..wire.errors import AwsError
from . import s3_checksums
from .s3_listing import coded
from .s3_objects import Object, _conditions_of_write, _headers, check_new

_SMALLEST = 5 * 1024 * 1024
"""Bytes every part but the last must have."""


class Upload:
    """One upload under way; `parts` maps a number to `(body, md5 hex)`."""

    def __init__(self, key, headers, metadata, started):
        self.id, self.key, self.headers, self.metadata, self.parts = ids.unique(), key, headers, metadata, {}
        self.started = started


class Multipart:
    """Mixed into `S3`."""

    def _upload(self, bucket, p):
        upload = bucket.uploads.get(p.get("UploadId"))
        if upload is None or upload.key != p["Key"]:
            raise AwsError("NoSuchUpload", "The specified upload does not exist.", 404)
        return upload

    def CreateMultipartUpload(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        check_new(bucket, p)
        started = datetime.fromtimestamp(int(self.account.clock.now()), timezone.utc)
        upload = Upload(p["Key"], _headers(p, call), p.get("Metadata") or {}, started)
        bucket.uploads[upload.id] = upload
        return {"Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id}

    def UploadPart(self, call, p):
        upload = self._upload(self.bucket(call, p["Bucket"]), p)
        if not 1 <= p["PartNumber"] <= 10000:
            raise AwsError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", 400)
        body = p.get("Body") or b""
        checksum = s3_checksums.check(call, body)
        md5 = s3_checksums.md5(call, body).hex()
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
        upload.parts.clear()
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
        bucket, prefix, delimiter = self.bucket(call, p["Bucket"]), p.get("Prefix") or "", p.get("Delimiter") or ""
        most, after = _most(p, "MaxUploads"), (p.get("KeyMarker") or "", p.get("UploadIdMarker") or "")
        rows, groups, last = [], [], None
        for upload in sorted(bucket.uploads.values(), key=lambda u: (u.key, u.id)):
            # Without an id the marker is past all uploads of its key. Source: S3 API reference, ListMultipartUploads.
            past = upload.key > after[0] or (after[1] and (upload.key, upload.id) > after)
            if not upload.key.startswith(prefix) or (after[0] and not past):
                continue
            group = prefix + upload.key[len(prefix):].split(delimiter)[0] + delimiter if delimiter and delimiter in upload.key[len(prefix):] else None
            if group and (group in groups or after[0].startswith(group)):
                continue
            if len(rows) + len(groups) >= most:
                break
            last = upload
            if group:
                groups.append(group)
            else:
                rows.append({"Key": coded(upload.key, p), "UploadId": upload.id, "Initiated": upload.started, "StorageClass": "STANDARD"})
        else:
            last = None
        out = {
            "Bucket": bucket.name, "Prefix": prefix, "KeyMarker": after[0], "UploadIdMarker": after[1], "Delimiter": p.get("Delimiter"),
            "MaxUploads": most, "IsTruncated": last is not None, "Uploads": rows, "EncodingType": p.get("EncodingType"),
            "CommonPrefixes": [{"Prefix": coded(group, p)} for group in groups],
        }
        if last is not None:
            out.update(NextKeyMarker=coded(last.key, p), NextUploadIdMarker=last.id)
        return out

    def ListParts(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        upload = self._upload(bucket, p)
        most, after = _most(p, "MaxParts"), int(p.get("PartNumberMarker") or 0)
        rows = [
            {"PartNumber": n, "ETag": f'"{md5}"', "Size": len(body), "LastModified": upload.started}
            for n, (body, md5) in sorted(upload.parts.items()) if n > after
        ]
        page = rows[:most]
        out = {
            "Bucket": bucket.name, "Key": upload.key, "UploadId": upload.id, "Parts": page, "PartNumberMarker": after,
            "IsTruncated": len(rows) > most, "MaxParts": most, "StorageClass": "STANDARD",
        }
        if len(rows) > most and page:
            out["NextPartNumberMarker"] = page[-1]["PartNumber"]
        return out


def _most(p, name):
    most = 1000 if p.get(name) is None else p[name]
    if most < 0:
        raise AwsError("InvalidArgument", f"{name} must be an integer between 0 and 2147483647", 400)
    return min(most, 1000)
