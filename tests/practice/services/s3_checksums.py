"""Checksums of uploads: the one that is given must be the body's. Source: S3 user guide, checking object integrity."""

import base64
import functools
import hashlib
import zlib

from ..wire.errors import AwsError

_NAMES = {
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-sha1": "ChecksumSHA1",
    "x-amz-checksum-sha256": "ChecksumSHA256",
}

# Without a C library these two are computed byte by byte; larger bodies are taken on trust.
_SLOW_LIMIT = 256 * 1024


def given(headers):
    """The checksum headers that a request carries."""
    return {name: headers[name] for name in _NAMES if name in headers}


def md5(call, body):
    """The body's MD5, computed once a call."""
    if call.md5 is None:
        call.md5 = hashlib.md5(body).digest()
    return call.md5


def check(call, body):
    """The checksums to keep with the object; AwsError `BadDigest` when one is not the body's."""
    promised = call.headers.get("content-md5")
    if promised and base64.b64encode(md5(call, body)).decode() != promised:
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400)
    out = {}
    for header, value in given(call.headers).items():
        made = _made(header, body)
        if made is not None and made != value:
            kind = header.removeprefix("x-amz-checksum-").upper()
            raise AwsError("BadDigest", f"The {kind} you specified did not match the calculated checksum.", 400)
        out[_NAMES[header]] = value
    if not out:
        # S3 computes CRC64NVME itself; CRC32 is as good a witness here and quick.
        out["ChecksumCRC32"] = _made("x-amz-checksum-crc32", body)
    return out


def _made(header, body):
    kind = header.removeprefix("x-amz-checksum-")
    if kind == "crc32":
        return _coded(zlib.crc32(body), 4)
    if kind in ("sha1", "sha256"):
        return base64.b64encode(hashlib.new(kind, body).digest()).decode()
    if len(body) > _SLOW_LIMIT:
        return None
    if kind == "crc32c":
        return _coded(_crc(body, 0x82F63B78, 32), 4)
    return _coded(_crc(body, 0x9A6C9329AC4BC9B5, 64), 8)


def _coded(number, size):
    return base64.b64encode(number.to_bytes(size, "big")).decode()


@functools.lru_cache(maxsize=None)
def _table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return table


def _crc(body, polynomial, bits):
    table, mask = _table(polynomial), (1 << bits) - 1
    crc = mask
    for byte in body:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ mask


def unchunk(body, headers):
    """The body under `aws-chunked` coding, and its trailing headers.

    The chunks' own signatures are not checked. Source: S3 API reference, signature calculations with trailers.
    """
    # Views, so that a large body is not held a third time.
    out, place, view = [], 0, memoryview(body)
    while True:
        end = body.index(b"\r\n", place)
        size = int(body[place:end].split(b";")[0], 16)
        place = end + 2
        if size == 0:
            break
        out.append(view[place : place + size])
        place += size + 2
    trailers = {}
    for line in body[place:].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            trailers[name.decode().strip().lower()] = value.decode().strip()
    plain = b"".join(out)
    promised = headers.get("x-amz-decoded-content-length")
    if promised is not None and int(promised) != len(plain):
        raise AwsError("IncompleteBody", "You did not provide the number of bytes specified", 400)
    return plain, trailers


def chunked(headers):
    """Whether a body is under `aws-chunked` coding."""
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


