"""Calls by their kind, from the proxy's log."""

import collections
import re

_EDGE_STORE = re.compile(r"/key-value-stores/")
# Names of buckets are those of tests/measure/lab.py; what else S3 is asked has no path like these.
_S3 = re.compile(r"/(?:plain|measure-(?:site|files|logs)-\d+)(?:/([^?]*))?(?:\?(.*))?")

# What a query says of an operation on a key, or on objects of a bucket.
_OF_KEYS = {
    ("POST", "uploads"): "CreateMultipartUpload", ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload", ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("PUT", None): "PutObject", ("GET", None): "GetObject", ("HEAD", None): "HeadObject",
    ("DELETE", None): "DeleteObject",
}
_OF_BUCKETS = {
    ("GET", "list-type"): "ListObjectsV2", ("GET", "prefix"): "ListObjects", ("GET", "versions"): "ListObjectVersions",
    ("GET", "uploads"): "ListMultipartUploads", ("POST", "delete"): "DeleteObjects",
}


class Count:
    """What one run of a tool said: S3's calls by kind, those to the edge store, and the others."""

    def __init__(self, lines):
        self.s3, self.edge_store, self.other, self.sent = collections.Counter(), 0, 0, 0
        self.sent_s3, self.sent_program, self.failed = 0, 0, collections.Counter()
        for line in lines:
            method, size, status, _, uri = line.rstrip("\n").split(" ", 4)
            self.sent += int(size)
            kind = _s3_kind(method, uri)
            if kind:
                self.s3[kind] += 1
                self.sent_s3 += int(size)
                # What arqsite's Lambda functions run: the program itself, in a zip.
                self.sent_program += int(size) if kind == "PutObject" and "/engine/" in uri else 0
            elif _EDGE_STORE.match(uri):
                self.edge_store += 1
            else:
                self.other += 1
            if int(status) >= 400 or status == "000":
                self.failed[f"{status} {kind or 'other'}"] += 1

    def value(self):
        """As JSON."""
        return {
            "s3_calls": sum(self.s3.values()), "s3_by_kind": dict(self.s3.most_common()),
            "edge_store_calls": self.edge_store, "other_calls": self.other,
            "bytes_sent": self.sent, "bytes_sent_to_s3": self.sent_s3,
            "bytes_of_program": self.sent_program, "refused": dict(self.failed.most_common()),
        }


def _s3_kind(method, uri):
    found = _S3.fullmatch(uri)
    if found is None:
        return None
    key, query = found.group(1), found.group(2) or ""
    said = {part.partition("=")[0] for part in query.split("&")}
    kinds = _OF_KEYS if key else _OF_BUCKETS
    for (of, word), kind in kinds.items():
        if of == method and word in said:
            return kind
    return kinds.get((method, None), "bucket settings")
