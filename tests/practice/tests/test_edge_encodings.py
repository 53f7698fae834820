"""Objects that lie in S3 in an encoding, under CachingOptimizedForUncompressedObjects: passed through as they are."""

import gzip
import json

import brotli
import pytest

import site_

ID, PAGE = "AAAAAAAAAAAA", b"<p>once upon a time</p>" * 300
CHOOSES = """
async function handler(event) {
  if (event.context.eventType === 'viewer-response') {
    const headers = event.response.headers;
    if (headers['x-amz-meta-h-vary']) headers.vary = { value: headers['x-amz-meta-h-vary'].value };
    Object.keys(headers).filter((name) => name.startsWith('x-amz-')).forEach((name) => { delete headers[name]; });
    return event.response;
  }
  const request = event.request;
  const accepts = request.headers['accept-encoding'] ? request.headers['accept-encoding'].value : '';
  if (request.uri === '/raw') return { statusCode: 200, body: accepts };
  request.uri = '/c/AAAAAAAAAAAA' + (accepts.includes('br') ? '.br' : accepts.includes('gzip') ? '.gz' : '');
  return request;
}
"""


@pytest.fixture
def site(practice):
    practice.distribution, practice.api = site_.publish(practice)
    site_.rewrite_function(practice, CHOOSES)
    client = practice.client("cloudfront")
    told = client.get_distribution_config(Id=practice.distribution["Id"])
    told["DistributionConfig"]["DefaultCacheBehavior"].update(CachePolicyId=site_.UNCOMPRESSED, Compress=False)
    client.update_distribution(Id=practice.distribution["Id"], IfMatch=told["ETag"], DistributionConfig=told["DistributionConfig"])
    common = {"Bucket": site_.BUCKET, "ContentType": "text/html; charset=utf-8", "CacheControl": "max-age=31536000", "Metadata": {"h-vary": "Accept-Encoding"}}
    s3 = practice.client("s3")
    practice.variants = {"": PAGE, "br": brotli.compress(PAGE), "gzip": gzip.compress(PAGE)}
    practice.etags = {
        name: s3.put_object(Key=f"c/{ID}{end}", Body=practice.variants[name], **({"ContentEncoding": name} if name else {}), **common)["ETag"]
        for name, end in (("", ""), ("br", ".br"), ("gzip", ".gz"))
    }
    return practice


VARIANTS = pytest.mark.parametrize("name, accepts", [("", None), ("", "identity"), ("br", "gzip, deflate, br, zstd"), ("gzip", "gzip")])


@VARIANTS
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_variant_comes_as_it_lies_in_the_bucket(site, name, accepts, method):
    for how in ("Miss", "Hit"):
        status, headers, body = site.visit("/", {"accept-encoding": accepts} if accepts else {}, method=method)
        data = site.variants[name]
        assert (status, body) == (200, data if method == "GET" else b"")
        assert (headers["etag"], headers["content-length"], headers["x-cache"]) == (site.etags[name], str(len(data)), f"{how} from cloudfront")
        assert (headers["content-encoding"], headers["vary"], headers["content-type"]) == (name or None, "Accept-Encoding", "text/html; charset=utf-8")


@VARIANTS
def test_a_range_is_one_of_the_encoded_bytes(site, name, accepts):
    headers = {"accept-encoding": accepts} if accepts else {}
    data = site.variants[name]
    status, answer, body = site.visit("/", {**headers, "range": "bytes=5-14"})
    assert (status, body, answer["content-range"], answer["content-encoding"]) == (206, data[5:15], f"bytes 5-14/{len(data)}", name or None)
    assert site.visit("/", {**headers, "range": "bytes=-3"})[2] == data[-3:]
    assert site.visit("/", {**headers, "range": "bytes=0-1", "if-range": site.etags[name]})[0] == 206
    assert site.visit("/", {**headers, "range": "bytes=0-1", "if-range": '"other"'})[::2] == (200, data)
    status, answer, _ = site.visit("/", {**headers, "range": f"bytes={len(data)}-"})
    assert (status, answer["content-range"]) == (416, f"bytes */{len(data)}")


@VARIANTS
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_variant_is_confirmed_by_its_own_etag(site, name, accepts, method):
    headers = {"accept-encoding": accepts} if accepts else {}
    for given in (site.etags[name], f'"x", W/{site.etags[name]}', "*"):
        status, answer, body = site.visit("/", {**headers, "if-none-match": given, "range": "bytes=0-1"}, method=method)
        assert (status, body) == (304, b"")
        assert (answer["etag"], answer["cache-control"], answer["server"]) == (site.etags[name], "max-age=31536000", "AmazonS3")
        assert answer["last-modified"] and answer["date"] and answer["via"] and answer["x-cache"]
        assert not {"content-length", "content-type", "content-encoding", "x-amz-meta-h-vary"} & {n.lower() for n in answer.keys()}
    others = [etag for etag in site.etags.values() if etag != site.etags[name]]
    assert site.visit("/", {**headers, "if-none-match": ", ".join(others)}, method=method)[0] == 200
    since = site.visit("/", headers)[1]["last-modified"]
    assert site.visit("/", {**headers, "if-modified-since": since})[0] == 304


def test_the_function_sees_what_the_viewer_accepts_and_the_cache_does_not(site):
    assert site.visit("/raw", {"accept-encoding": "br;q=0.1, x-own"})[2] == b"br;q=0.1, x-own"
    first, second = site.visit("/", {"accept-encoding": "br"})[1], site.visit("/", {"accept-encoding": "zstd, br;q=0.2"})[1]
    assert (first["x-cache"], second["x-cache"]) == ("Miss from cloudfront", "Hit from cloudfront")
    assert site.door("GET", "edge")["cached"] == 1


def test_no_encoding_is_asked_of_an_origin_under_that_policy(site):
    client = site.client("cloudfront")
    told = client.get_distribution_config(Id=site.distribution["Id"])
    behavior = told["DistributionConfig"]["CacheBehaviors"]["Items"][0]
    behavior.update(CachePolicyId=site_.UNCOMPRESSED, Compress=False)
    behavior.pop("OriginRequestPolicyId", None)
    client.update_distribution(Id=site.distribution["Id"], IfMatch=told["ETag"], DistributionConfig=told["DistributionConfig"])
    site_.rewrite_function(site, "function handler(event) { return event.response || event.request; }")
    event = json.loads(site.visit("/api/x", {"accept-encoding": "br"})[2])["event"]
    assert "accept-encoding" not in event["headers"]


def test_an_object_of_parts_keeps_its_etag(site):
    s3 = site.client("s3")
    where = {"Bucket": site_.BUCKET, "Key": f"c/{ID}"}
    upload = s3.create_multipart_upload(**where, ContentType="text/html")["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=body)["ETag"]} for n, body in ((1, b"a" * 5242880), (2, b"end"))]
    etag = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})["ETag"]
    status, headers, body = site.visit("/", {"range": "bytes=5242879-"})
    assert (status, body, headers["etag"], etag[-3:]) == (206, b"aend", etag, '-2"')
    assert site.visit("/", {"if-none-match": etag})[0] == 304
