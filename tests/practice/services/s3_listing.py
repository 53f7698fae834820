"""S3's lists of objects and of their versions."""

import base64
import urllib.parse

from ..wire.errors import AwsError


class Listing:
    """Mixed into `S3`."""

    def ListObjectsV2(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        after = p.get("StartAfter") or ""
        token = p.get("ContinuationToken")
        if token:
            after = base64.urlsafe_b64decode(token).decode()
        page = _page(bucket, p, after)
        out = {
            "Name": bucket.name, "KeyCount": len(page["Contents"]) + len(page["CommonPrefixes"]),
            "MaxKeys": page["MaxKeys"], "IsTruncated": page["More"], "Prefix": p.get("Prefix", ""),
            "Delimiter": p.get("Delimiter"), "Contents": page["Contents"], "CommonPrefixes": page["CommonPrefixes"],
            "ContinuationToken": token, "StartAfter": p.get("StartAfter"), "EncodingType": p.get("EncodingType"),
        }
        if page["More"]:
            out["NextContinuationToken"] = base64.urlsafe_b64encode(page["Last"].encode()).decode()
        return out

    def ListObjects(self, call, p):
        bucket = self.bucket(call, p["Bucket"])
        page = _page(bucket, p, p.get("Marker") or "")
        return {
            "Name": bucket.name, "Prefix": p.get("Prefix", ""), "Marker": p.get("Marker", ""),
            "MaxKeys": page["MaxKeys"], "IsTruncated": page["More"], "Contents": page["Contents"],
            "CommonPrefixes": page["CommonPrefixes"], "Delimiter": p.get("Delimiter"),
            "NextMarker": page["Last"] if page["More"] else None,
        }

    def ListObjectVersions(self, call, p):
        bucket, prefix = self.bucket(call, p["Bucket"]), p.get("Prefix", "")
        limit = min(p.get("MaxKeys") or 1000, 1000)
        start = (p.get("KeyMarker") or "", p.get("VersionIdMarker") or "")
        rows = []
        for key in sorted(k for k in bucket.versions if k.startswith(prefix)):
            newest_first = list(reversed(bucket.versions[key]))
            for place, version in enumerate(newest_first):
                rows.append((key, version, place == 0))
        if start[0]:
            rows = _after_marker(rows, *start)
        page, more = rows[:limit], len(rows) > limit
        out = {
            "Name": bucket.name, "Prefix": prefix, "MaxKeys": limit, "IsTruncated": more, "KeyMarker": start[0],
            "Versions": [], "DeleteMarkers": [], "EncodingType": p.get("EncodingType"),
        }
        for key, version, latest in page:
            row = {"Key": coded(key, p), "VersionId": version.version, "IsLatest": latest, "LastModified": version.modified}
            if version.marker:
                out["DeleteMarkers"].append(row)
            else:
                row.update(ETag=version.etag, Size=len(version.body), StorageClass="STANDARD")
                out["Versions"].append(row)
        if more:
            out.update(NextKeyMarker=page[-1][0], NextVersionIdMarker=page[-1][1].version)
        return out


def coded(key, p):
    """A key as a list shows it."""
    return urllib.parse.quote(key, safe="/-_.~*!'()") if p.get("EncodingType") == "url" else key


def _page(bucket, p, after):
    prefix, delimiter = p.get("Prefix") or "", p.get("Delimiter") or ""
    limit = p["MaxKeys"] if p.get("MaxKeys") is not None else 1000
    if limit < 0:
        raise AwsError("InvalidArgument", "maxKeys must be an integer between 0 and 2147483647", 400)
    limit = min(limit, 1000)
    contents, prefixes, last, more = [], [], "", False
    for key in sorted(k for k in bucket.versions if k.startswith(prefix) and k > after):
        found = bucket.current(key)
        if found is None:
            continue
        group = None
        if delimiter and delimiter in key[len(prefix):]:
            group = prefix + key[len(prefix):].split(delimiter)[0] + delimiter
            if after.startswith(group) or (prefixes and prefixes[-1] == group):
                last = key
                continue
        if len(contents) + len(prefixes) >= limit:
            more = limit > 0
            break
        last = key
        if group:
            prefixes.append(group)
            continue
        contents.append(
            {"Key": coded(key, p), "LastModified": found.modified, "ETag": found.etag, "Size": len(found.body), "StorageClass": "STANDARD"}
        )
    return {
        "Contents": contents, "CommonPrefixes": [{"Prefix": coded(g, p)} for g in prefixes], "Last": last,
        "More": more, "MaxKeys": limit,
    }


def _after_marker(rows, key, version):
    out, seen = [], False
    for row in rows:
        if row[0] > key or seen:
            out.append(row)
        elif row[0] == key and row[1].version == version:
            seen = True
    return out
