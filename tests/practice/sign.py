"""Signatures: who signed, for which service and region, and whether the secret was right.

Source: Signature Version 4 signing process, AWS General Reference.
"""

import functools
import hashlib
import hmac
import re
import time
import urllib.parse
from calendar import timegm
from dataclasses import dataclass

from .wire.errors import AwsError

_PARTS = re.compile(r"(\w+)=([^,\s]+)")


@dataclass(frozen=True)
class Signature:
    """What a request says about its signer; `asymmetric` is SigV4A, whose arithmetic is not checked."""

    key: str
    region: str
    service: str
    signed_headers: tuple
    signature: str
    scope: str
    time: str
    asymmetric: bool = False
    presigned: bool = False
    token: str = ""


def read(headers, query):
    """The signature of a request, or None when it has none; AwsError when it is not well formed."""
    text = headers.get("authorization", "")
    if text.startswith("AWS4-HMAC-SHA256"):
        return _from_header(headers, text, asymmetric=False)
    if text.startswith("AWS4-ECDSA-P256-SHA256"):
        return _from_header(headers, text, asymmetric=True)
    if "X-Amz-Signature" in query:
        return _from_query(query)
    return None


def _from_header(headers, text, asymmetric):
    parts = dict(_PARTS.findall(text))
    try:
        scope = urllib.parse.unquote(parts["Credential"]).split("/")
        if asymmetric:
            key, date, service = scope[0], scope[1], scope[2]
            if not headers.get("x-amz-region-set") or scope[3] != "aws4_request":
                raise ValueError("x-amz-region-set")
            region = "us-east-1"
        else:
            key, date, region, service = scope[:4]
        signed = tuple(parts["SignedHeaders"].split(";"))
        return Signature(
            key, region, service, signed, parts["Signature"], "/".join(scope[1:]),
            headers.get("x-amz-date", date), asymmetric, token=headers.get("x-amz-security-token", ""),
        )
    except (KeyError, ValueError, IndexError) as error:
        raise AwsError("IncompleteSignatureException", f"the Authorization header lacks {error}", 400) from error


def _from_query(query):
    scope = query.get("X-Amz-Credential", "").split("/")
    if len(scope) < 5:
        raise AwsError("AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter", 400)
    return Signature(
        scope[0], scope[2], scope[3], tuple(query.get("X-Amz-SignedHeaders", "host").split(";")),
        query["X-Amz-Signature"], "/".join(scope[1:]), query.get("X-Amz-Date", ""), presigned=True,
        token=query.get("X-Amz-Security-Token", ""),
    )


def expired(query):
    """Whether a presigned request is past its time."""
    try:
        made = timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        return time.time() > made + int(query.get("X-Amz-Expires", "0"))
    except (KeyError, ValueError):
        return True


def fits(signature, secret, method, path, raw_query, headers, body):
    """Whether the signature was made with `secret` over this very request."""
    if signature.asymmetric:
        return True
    canonical = _canonical(signature, method, path, raw_query, headers, body)
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", signature.time, signature.scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = _key(secret, signature.scope)
    made = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, signature.signature)


@functools.lru_cache(maxsize=64)
def _key(secret, scope):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical(signature, method, path, raw_query, headers, body):
    signed = "".join(
        f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signature.signed_headers
    )
    return "\n".join(
        [
            method,
            _canonical_path(path, signature.service),
            _canonical_query(raw_query, signature.presigned),
            signed,
            ";".join(signature.signed_headers),
            _payload_hash(signature, headers, body),
        ]
    )


def _canonical_path(path, service):
    # S3 signs the path as it is sent; every other service signs it encoded once more.
    return path if service == "s3" else urllib.parse.quote(path, safe="/-_.~")


def _canonical_query(raw_query, presigned):
    pairs = []
    for pair in raw_query.split("&") if raw_query else []:
        name, _, value = pair.partition("=")
        name, value = urllib.parse.unquote(name), urllib.parse.unquote(value)
        if presigned and name == "X-Amz-Signature":
            continue
        pairs.append((urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~")))
    return "&".join(f"{n}={v}" for n, v in sorted(pairs))


def _payload_hash(signature, headers, body):
    if signature.presigned:
        # S3 leaves the body out; every other service signs the empty one.
        return "UNSIGNED-PAYLOAD" if signature.service == "s3" else hashlib.sha256(b"").hexdigest()
    given = headers.get("x-amz-content-sha256")
    if given:
        return given
    return hashlib.sha256(body).hexdigest()


def check_payload(headers, body):
    """AwsError when the body is not the one that `x-amz-content-sha256` promises."""
    given = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if re.fullmatch(r"[0-9a-f]{64}", given) and hashlib.sha256(body).hexdigest() != given:
        raise AwsError(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
        )
