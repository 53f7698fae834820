"""Uploads in parts, copies, deletes of many, ranges and lifecycle rules, as a publisher of large objects needs them."""

import base64
import gzip
import hashlib
import json
import os
import subprocess
import sys
import textwrap

import pytest

from conftest import started

PART = 5 * 1024 * 1024
BODIES = (b"a" * PART, b"b" * PART, b"end")


def _md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@pytest.fixture
def s3(practice):
    client = practice.client("s3")
    client.create_bucket(Bucket="a-bucket")
    return client


def _upload(s3, key="big", bodies=BODIES, **more):
    upload = s3.create_multipart_upload(Bucket="a-bucket", Key=key, **more)["UploadId"]
    where = {"Bucket": "a-bucket", "Key": key, "UploadId": upload}
    return where, [
        {"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=body, ContentMD5=_md5(body))["ETag"]} for n, body in enumerate(bodies, 1)
    ]


def test_an_object_of_parts_has_what_it_was_begun_with(s3):
    where, parts = _upload(s3, ContentType="video/mp4", ContentEncoding="br", CacheControl="no-cache", Metadata={"h-vary": "Accept-Encoding"})
    assert [p["ETag"] for p in parts] == [f'"{hashlib.md5(b).hexdigest()}"' for b in BODIES]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
    all_ = hashlib.md5(b"".join(hashlib.md5(b).digest() for b in BODIES)).hexdigest()
    assert done["ETag"] == f'"{all_}-3"'
    found = s3.get_object(Bucket="a-bucket", Key="big")
    assert (found["ContentType"], found["ContentEncoding"], found["CacheControl"], found["Metadata"]) == ("video/mp4", "br", "no-cache", {"h-vary": "Accept-Encoding"})
    assert (found["ETag"], found["Body"].read()) == (done["ETag"], b"".join(BODIES))


def test_completing_is_conditional_and_leaves_the_upload_when_refused(s3, refused):
    s3.put_object(Bucket="a-bucket", Key="big", Body=b"first")
    where, parts = _upload(s3)
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts}, IfNoneMatch="*") == "PreconditionFailed"
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket="a-bucket")["Uploads"]] == [where["UploadId"]]
    s3.abort_multipart_upload(**where)
    assert refused(s3.abort_multipart_upload, **where) == refused(s3.list_parts, **where) == "NoSuchUpload"
    assert s3.get_object(Bucket="a-bucket", Key="big")["Body"].read() == b"first"


def test_a_conflict_is_answered_in_s3s_shape(practice, s3, refused):
    practice.door("POST", "faults", {"service": "s3", "operation": "CompleteMultipartUpload", "code": "ConditionalRequestConflict", "status": 409})
    where, parts = _upload(s3)
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts}, IfNoneMatch="*") == "ConditionalRequestConflict"
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, IfNoneMatch="*")


def test_parts_must_be_right(s3, refused):
    where, parts = _upload(s3)
    assert refused(s3.upload_part, **where, PartNumber=4, Body=b"x", ContentMD5=_md5(b"y")) == "BadDigest"
    assert refused(s3.upload_part, **where, PartNumber=10001, Body=b"x") == "InvalidArgument"
    for wrong, code in (
        (parts[::-1], "InvalidPartOrder"), ([{**parts[0], "ETag": parts[1]["ETag"]}], "InvalidPart"), ([*parts, {"PartNumber": 9, "ETag": '"0"'}], "InvalidPart"),
        ([parts[0], parts[2], {"PartNumber": 4, "ETag": s3.upload_part(**where, PartNumber=4, Body=b"x")["ETag"]}], "EntityTooSmall"),
    ):
        assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": wrong}) == code


def test_uploads_are_listed_by_prefix_and_in_pages_and_parts_too(s3):
    made = [_upload(s3, key, BODIES[:1])[0] for key in ("c/1", "c/2", "c/2", "releases/1")]
    found = s3.list_multipart_uploads(Bucket="a-bucket", Prefix="c/")
    assert sorted((u["Key"], u["UploadId"]) for u in found["Uploads"]) == sorted((w["Key"], w["UploadId"]) for w in made[:3])
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="a-bucket", PaginationConfig={"PageSize": 1})
    keys = [[u["Key"] for u in page["Uploads"]] for page in pages]
    assert keys == [["c/1"], ["c/2"], ["c/2"], ["releases/1"]]
    grouped = s3.list_multipart_uploads(Bucket="a-bucket", Delimiter="/")
    assert ([g["Prefix"] for g in grouped["CommonPrefixes"]], grouped.get("Uploads")) == (["c/", "releases/"], None)
    where, parts = _upload(s3)
    pages = s3.get_paginator("list_parts").paginate(**where, PaginationConfig={"PageSize": 2})
    assert [[p["PartNumber"] for p in page["Parts"]] for page in pages] == [[1, 2], [3]]
    assert [p["Size"] for p in s3.list_parts(**where)["Parts"]] == [len(b) for b in BODIES]


def test_a_lifecycle_rule_ends_uploads_at_the_midnight_after_its_days(practice, s3, refused):
    def rule(**more):
        return {"Rules": [{"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": "c/"}, **more}]}

    put = s3.put_bucket_lifecycle_configuration
    assert refused(put, Bucket="a-bucket", LifecycleConfiguration=rule()) == "InvalidRequest"
    assert refused(put, Bucket="a-bucket", LifecycleConfiguration=rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})) == "InvalidArgument"
    assert refused(put, Bucket="a-bucket", LifecycleConfiguration=rule(Status="On", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})) == "MalformedXML"
    given = rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 3})
    put(Bucket="a-bucket", LifecycleConfiguration=given)
    assert s3.get_bucket_lifecycle_configuration(Bucket="a-bucket")["Rules"] == given["Rules"]
    midnight = 1_800_000_000 // 86400 * 86400
    practice.door("POST", "clock", {"at": midnight + 3600})
    _upload(s3, "c/old", BODIES[:1])
    _upload(s3, "other", BODIES[:1])

    def left(at):
        practice.door("POST", "clock", {"at": at})
        return [u["Key"] for u in s3.list_multipart_uploads(Bucket="a-bucket")["Uploads"]]

    assert left(midnight + 4 * 86400 - 1) == ["c/old", "other"]
    assert left(midnight + 4 * 86400) == ["other"]


def test_copies_are_conditional_and_not_onto_themselves(s3, refused):
    etag = s3.put_object(Bucket="a-bucket", Key="a", Body=b"x", ContentType="text/css", Metadata={"by": "me"})["ETag"]
    source = {"Bucket": "a-bucket", "Key": "a"}
    s3.copy_object(Bucket="a-bucket", Key="b é+1", CopySource=source, CopySourceIfMatch=etag)
    copied = s3.head_object(Bucket="a-bucket", Key="b é+1")
    assert (copied["ETag"], copied["ContentType"], copied["Metadata"]) == (etag, "text/css", {"by": "me"})
    s3.copy_object(Bucket="a-bucket", Key="a", CopySource=source, MetadataDirective="REPLACE", Metadata={"by": "you"}, ContentType="text/html")
    assert s3.head_object(Bucket="a-bucket", Key="a")["Metadata"] == {"by": "you"}
    assert refused(s3.copy_object, Bucket="a-bucket", Key="a", CopySource=source) == "InvalidRequest"
    assert refused(s3.copy_object, Bucket="a-bucket", Key="c", CopySource=source, CopySourceIfMatch='"0"') == "PreconditionFailed"
    assert refused(s3.copy_object, Bucket="a-bucket", Key="c", CopySource={"Bucket": "a-bucket", "Key": "none"}) == "NoSuchKey"
    where, parts = _upload(s3)
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    s3.copy_object(Bucket="a-bucket", Key="whole", CopySource={"Bucket": "a-bucket", "Key": "big"})
    assert s3.head_object(Bucket="a-bucket", Key="whole")["ETag"] == f'"{hashlib.md5(b"".join(BODIES)).hexdigest()}"'


def test_many_are_deleted_at_once_under_a_checksum(practice, s3, refused):
    for n in range(3):
        s3.put_object(Bucket="a-bucket", Key=f"k{n}", Body=b"x")

    def delete(change, keys=("k0", "none"), **more):
        client = practice.client("s3")

        def before(request, **_):
            for name in [n for n in request.headers if n.lower() in ("content-md5", "x-amz-sdk-checksum-algorithm") or n.lower().startswith("x-amz-checksum")]:
                del request.headers[name]
            for name, value in change(request.data).items():
                request.headers[name] = value

        client.meta.events.register("before-sign.s3.DeleteObjects", before)
        return client.delete_objects, {"Bucket": "a-bucket", "Delete": {"Objects": [{"Key": k} for k in keys], **more}}

    method, arguments = delete(lambda _: {})
    assert refused(method, **arguments) == "InvalidRequest"
    method, arguments = delete(lambda _: {"Content-MD5": _md5(b"other")})
    assert refused(method, **arguments) == "BadDigest"
    method, arguments = delete(lambda body: {"Content-MD5": _md5(body)})
    assert [d["Key"] for d in method(**arguments)["Deleted"]] == ["k0", "none"]
    assert "Deleted" not in s3.delete_objects(Bucket="a-bucket", Delete={"Objects": [{"Key": "k1"}], "Quiet": True})
    assert refused(s3.delete_objects, Bucket="a-bucket", Delete={"Objects": [{"Key": str(n)} for n in range(1001)]}) == "MalformedXML"
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="a-bucket")["Contents"]] == ["k2"]


def test_ranges_of_an_object(s3, refused):
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"0123456789")

    def part(text):
        found = s3.get_object(Bucket="a-bucket", Key="k", Range=text)
        return found["Body"].read(), found.get("ContentRange")

    assert part("bytes=2-4") == (b"234", "bytes 2-4/10") and part("bytes=-3") == (b"789", "bytes 7-9/10")
    assert part("bytes=8-99") == (b"89", "bytes 8-9/10") and part("bytes=0-1,4-5") == (b"0123456789", None)
    assert refused(s3.get_object, Bucket="a-bucket", Key="k", Range="bytes=10-") == "InvalidRange"


def test_a_body_with_an_encoding_is_kept_as_it_came(s3):
    body = gzip.compress(b"text " * 1000)
    s3.put_object(Bucket="a-bucket", Key="k", Body=body, ContentEncoding="gzip")
    found = s3.get_object(Bucket="a-bucket", Key="k")
    assert (found["Body"].read(), found["ContentEncoding"], found["ETag"]) == (body, "gzip", f'"{hashlib.md5(body).hexdigest()}"')


def test_a_large_part_takes_no_more_than_twice_its_size(tmp_path):
    """In an account of its own, whose peak says what this part took."""
    def peak(pid):
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    with started(tmp_path) as account:
        client = account.client("s3")
        client.create_bucket(Bucket="a-bucket")
        client.put_object(Bucket="a-bucket", Key="k", Body=b"x" * 100_000)
        before = peak(account.pid)
        script = """
            import os, sys; sys.path.insert(0, sys.argv[1])
            from conftest import Practice; import json
            client = Practice(json.loads(sys.argv[2])).client("s3")
            upload = client.create_multipart_upload(Bucket="a-bucket", Key="k")["UploadId"]
            client.upload_part(Bucket="a-bucket", Key="k", UploadId=upload, PartNumber=1, Body=os.urandom(64 << 20))
        """
        here = os.path.dirname(__file__)
        subprocess.run([sys.executable, "-c", textwrap.dedent(script), here, json.dumps(account.told)], check=True)
        assert peak(account.pid) - before < 2.2 * 64 * 1024
