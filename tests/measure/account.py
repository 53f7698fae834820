#!/usr/bin/env python3
"""The practice account with its objects in another S3 server.

The account keeps what belongs to a bucket as a whole (policy, encryption, tags ...); the proxy before both sends
what belongs to objects to the server that ARQ_MEASURE_OBJECTS names. The edge reads an object from there, so that
what was published can be visited. Arguments: those of `python -m practice`.
"""

import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from practice import __main__ as practice  # noqa: E402
from practice.services import s3, s3_objects  # noqa: E402

_HEADERS = {
    "content-type": "ContentType", "cache-control": "CacheControl", "content-encoding": "ContentEncoding",
    "content-disposition": "ContentDisposition", "content-language": "ContentLanguage",
}


def current(bucket, key):
    """The key's object in the other server, or None."""
    url = f"{os.environ['ARQ_MEASURE_OBJECTS']}/{bucket.name}/{urllib.parse.quote(key)}"
    # Or urllib asks for the content coding that it likes.
    request = urllib.request.Request(url, headers={"accept-encoding": "*"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            headers = {ours: answer.headers[wire] for wire, ours in _HEADERS.items() if answer.headers[wire]}
            prefix = "x-amz-meta-"
            names = [name for name in answer.headers if name.lower().startswith(prefix)]
            metadata = {name.lower().removeprefix(prefix): answer.headers[name] for name in names}
            etag = answer.headers["etag"].strip('"')
            return s3_objects.Object(answer.read(), headers, metadata, etag=etag)
    except urllib.error.HTTPError as error:
        error.close()
        return None


s3.Bucket.current = current

if __name__ == "__main__":
    sys.exit(practice.main())
