"""The edge, tried from outside with boto3: pages, cache, compression, an API, and how all of it ends."""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile

import boto3
import pytest

HERE = pathlib.Path(__file__).resolve().parents[2]
SECRET = "s" * 43
EDGE_JS = """import cf from 'cloudfront';
const store = cf.kvs();
async function handler(event) {
    const request = event.request;
    if (event.context.eventType === 'viewer-response') {
        event.response.headers['x-function'] = { value: 'yes' };
        delete event.response.headers.server;
        return event.response;
    }
    if (request.uri.startsWith('/api/')) return request;
    if (request.uri === '/moved') return { statusCode: 308, headers: { location: { value: '/?' + request.rawQueryString() } } };
    if (request.uri === '/throws') throw new Error('no');
    let found = 'missing';
    try { found = await store.get(request.uri); } catch (_) {}
    request.uri = '/c/' + found;
    request.querystring = {};
    return request;
}
"""
BOOTSTRAP = f"""#!{sys.executable}
import json, os, sys, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
print("started", flush=True)
while True:
    got = urllib.request.urlopen(api + "invocation/next")
    event, ident = json.load(got), got.headers["Lambda-Runtime-Aws-Request-Id"]
    if event["rawPath"].endswith("/exit"):
        sys.exit(3)
    if event["rawPath"].endswith("/slow"):
        import time; time.sleep(30)
    if event["rawPath"].endswith("/s3"):
        import boto3
        try:
            body = boto3.client("s3").get_object(Bucket="site", Key="api/x.json")["Body"].read().decode()
            boto3.client("s3").put_object(Bucket="site", Key="no", Body=b"")
        except Exception as error:
            body = body + " " + type(error).__name__ + " " + str(error)
        event = body
    out = dict(statusCode=201, headers={{"Content-Type": "application/json", "X-Pid": str(os.getpid())}},
        cookies=["a=1", "b=2"], body=json.dumps(event))
    urllib.request.urlopen(urllib.request.Request(api + "invocation/" + ident + "/response", json.dumps(out).encode(), method="POST"))
"""


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """A running account: its ready file's content."""
    ready = tmp_path_factory.mktemp("practice") / "ready.json"
    process = subprocess.Popen([sys.executable, "-m", "practice", "--port", "0", "--ready-file", str(ready)], cwd=HERE)
    until = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    yield {**json.loads(ready.read_text()), "process": process}
    process.terminate()
    process.wait(20)


class Site:
    """A site published by hand."""

    def __init__(self, ports):
        self.ports, self.endpoint = ports, f"http://127.0.0.1:{ports['port']}"
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/_practice/reset", method="POST"))
        self.s3, self.cf, self.iam = self.client("s3"), self.client("cloudfront"), self.client("iam")
        self.lambdas, self.api = self.client("lambda"), self.client("apigatewayv2")
        self._content()
        self._api()
        self._distribution()

    def client(self, name):
        """A client of the account."""
        return boto3.client(
            name, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="practice", aws_secret_access_key="practice"
        )

    def _content(self):
        self.s3.create_bucket(Bucket="site")
        self.page = b"<p>page</p>" * 500
        common = {"Bucket": "site", "CacheControl": "public, max-age=31536000, immutable", "ContentType": "text/html"}
        self.s3.put_object(Key="c/index", Body=self.page, Metadata={"h-x": "y"}, **common)
        self.s3.put_object(Bucket="site", Key="api/x.json", Body=b"bundle")
        store = self.cf.create_key_value_store(Name="edge")["KeyValueStore"]
        while self.cf.describe_key_value_store(Name="edge")["KeyValueStore"]["Status"] != "READY":
            pass
        config = {
            "Comment": "", "Runtime": "cloudfront-js-2.0",
            "KeyValueStoreAssociations": {"Quantity": 1, "Items": [{"KeyValueStoreARN": store["ARN"]}]},
        }
        made = self.cf.create_function(Name="edge", FunctionConfig=config, FunctionCode=EDGE_JS.encode())
        self.function = self.cf.publish_function(Name="edge", IfMatch=made["ETag"])["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
        # The data plane wants an asymmetric signature, whose arithmetic is not checked.
        self.keys(store["ARN"], {"/": "index"})

    def keys(self, arn, puts):
        """Put keys into the store."""
        path = f"{self.endpoint}/key-value-stores/{urllib.request.quote(arn, safe='')}"
        headers = {
            "Authorization": "AWS4-ECDSA-P256-SHA256 Credential=practice/20260101/cloudfront-keyvaluestore/aws4_request, "
            "SignedHeaders=host, Signature=00", "x-amz-region-set": "*", "Content-Type": "application/json",
        }
        etag = urllib.request.urlopen(urllib.request.Request(path, headers=headers)).headers["ETag"]
        body = json.dumps({"Puts": [{"Key": k, "Value": v} for k, v in puts.items()]}).encode()
        request = urllib.request.Request(path + "/keys", body, {**headers, "If-Match": etag}, method="POST")
        urllib.request.urlopen(request)

    def _api(self):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
        role = self.iam.create_role(RoleName="api", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/api/*"}]}
        self.iam.put_role_policy(RoleName="api", PolicyName="p", PolicyDocument=json.dumps(may))
        self.lambdas.create_function(
            FunctionName="api", Runtime="provided.al2023", Handler="bootstrap", Role=role, Code={"ZipFile": packed(BOOTSTRAP)},
            Timeout=2, Environment={"Variables": {"ARQ_X": "1"}},
        )
        self.wait()
        version = self.lambdas.publish_version(FunctionName="api")["Version"]
        self.alias = self.lambdas.create_alias(FunctionName="api", Name="live", FunctionVersion=version)["AliasArn"]
        self.id = self.api.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
        made = self.api.create_integration(ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=self.alias, PayloadFormatVersion="2.0")
        self.api.create_route(ApiId=self.id, RouteKey="$default", Target="integrations/" + made["IntegrationId"])
        self.api.create_stage(ApiId=self.id, StageName="$default", AutoDeploy=True)

    def wait(self):
        """Until the function may be changed."""
        while True:
            told = self.lambdas.get_function_configuration(FunctionName="api")
            if told["State"] == "Active" and told["LastUpdateStatus"] == "Successful":
                return

    def permit(self):
        """Let the API invoke the alias."""
        self.lambdas.add_permission(
            FunctionName="api", Qualifier="live", StatementId="p", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:123456789012:{self.id}/*/*",
        )

    def _distribution(self):
        access = self.cf.create_origin_access_control(
            OriginAccessControlConfig={"Name": "site", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
        )["OriginAccessControl"]["Id"]
        both = [{"EventType": e, "FunctionARN": self.function} for e in ("viewer-request", "viewer-response")]
        common = {"ViewerProtocolPolicy": "redirect-to-https", "FunctionAssociations": {"Quantity": 2, "Items": both}}

        def methods(*names):
            return {"Quantity": len(names), "Items": list(names), "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}}

        config = {
            "CallerReference": "1", "Comment": "site", "Enabled": True,
            "Origins": {"Quantity": 2, "Items": [
                {"Id": "site", "DomainName": "site.s3.us-east-1.amazonaws.com", "OriginAccessControlId": access, "S3OriginConfig": {"OriginAccessIdentity": ""}},
                {"Id": "api", "DomainName": f"{self.id}.execute-api.us-east-1.amazonaws.com",
                 "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
                 "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "x-arq-origin", "HeaderValue": SECRET}]}},
            ]},
            "DefaultCacheBehavior": {
                **common, "TargetOriginId": "site", "Compress": True, "AllowedMethods": methods("GET", "HEAD"),
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
            },
            "CacheBehaviors": {"Quantity": 1, "Items": [{
                **common, "PathPattern": "/api/*", "TargetOriginId": "api", "Compress": True,
                "AllowedMethods": methods("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"),
                "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            }]},
        }
        made = self.cf.create_distribution(DistributionConfig=config)["Distribution"]
        self.distribution, self.domain = made["ARN"], made["DomainName"]

    def open_bucket(self, *more):
        """The bucket policy for the distribution."""
        condition = {"StringEquals": {"AWS:SourceArn": self.distribution}}
        who = {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Condition": condition}
        document = {"Version": "2012-10-17", "Statement": [{**who, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/c/*"}, *[{**who, **m} for m in more]]}
        self.s3.put_bucket_policy(Bucket="site", Policy=json.dumps(document))

    def get(self, path, method="GET", body=None, host=None, **headers):
        """`(status, headers, body)` of the edge's answer; redirects are not followed."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.ports["edge_port"], timeout=40)
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body, {"Host": host or self.domain, **named})
        got = connection.getresponse()
        return got.status, got.headers, got.read()


def packed(text, mode=0o755):
    """A zip with one file, bootstrap."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = (0o100000 | mode) << 16
        archive.writestr(entry, text)
    return out.getvalue()


@pytest.fixture
def site(practice):
    """A fresh site."""
    return Site(practice)


LIST = {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::site"}


def admin(site, method, path, body=None):
    """One of the account's own doors."""
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{site.endpoint}/_practice/{path}", data, method=method)) as got:
        return got.read().decode()


def test_bucket_policy_decides(site):
    assert site.get("/")[0] == 403
    site.open_bucket()
    assert site.get("/")[0] == 200
    assert site.get("/nope")[0] == 403
    site.open_bucket(LIST)
    assert site.get("/nope")[0] == 404


def test_pages(site):
    site.open_bucket()
    status, headers, body = site.get("/?ignored=1")
    assert (status, body, headers["x-function"], headers["x-cache"]) == (200, site.page, "yes", "Miss from cloudfront")
    assert headers["etag"] == f'"{hashlib.md5(site.page).hexdigest()}"'
    assert headers["server"] == "CloudFront"
    assert site.get("/")[1]["x-cache"] == "Hit from cloudfront"
    status, headers, body = site.get("/", Accept_Encoding="gzip")
    assert headers["content-encoding"] == "gzip" and gzip.decompress(body) == site.page
    assert headers["etag"].startswith('W/"') and headers["vary"] == "Accept-Encoding"
    assert site.get("/", Accept_Encoding="gzip, br")[1]["content-encoding"] == "br"
    assert site.get("/", If_None_Match=headers["etag"])[0] == 304
    status, headers, body = site.get("/", Range="bytes=0-9")
    assert (status, body, headers["content-range"]) == (206, site.page[:10], f"bytes 0-9/{len(site.page)}")
    assert site.get("/", Range="bytes=999999-")[0] == 416
    status, headers, body = site.get("/", "HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(site.page)), b"")


def test_function_and_protocol(site):
    site.open_bucket()
    status, headers, _ = site.get("/moved?a=%20b")
    assert (status, headers["location"], headers["x-function"]) == (308, "/?a=%20b", None)
    assert site.get("/throws")[0] == 503
    assert site.get("/", "POST")[0] == 403
    status, headers, _ = site.get("/x?y=1", x_practice_scheme="http")
    assert (status, headers["location"]) == (301, f"https://{site.domain}/x?y=1")


def test_api(site):
    assert site.get("/api/x")[::2] == (500, b'{"message":"Internal Server Error"}')
    site.permit()
    status, headers, body = site.get("/api/a%20b?q=%20z&q=2", "POST", b"\xff", Cookie="k=v; l=w", Content_Type="image/png")
    event = json.loads(body)
    assert (status, headers.get_all("set-cookie"), headers["x-function"]) == (201, ["a=1", "b=2"], "yes")
    assert (event["rawPath"], event["rawQueryString"], event["cookies"]) == ("/api/a b", "q=%20z&q=2", ["k=v", "l=w"])
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\xff").decode(), True)
    assert event["headers"]["x-arq-origin"] == SECRET and site.id in event["headers"]["host"]
    direct = json.loads(site.get("/x", host=f"{site.id}.execute-api.us-east-1.amazonaws.com")[2])
    assert "x-arq-origin" not in direct["headers"]


def test_a_function_is_its_role(site):
    site.permit()
    assert json.loads(site.get("/api/s3")[2]).startswith("bundle AccessDenied")
    assert [json.loads(line)["operation"] for line in admin(site, "GET", "calls?by=function").splitlines()] == ["GetObject", "PutObject"]


def test_a_function_fails_and_recovers(site):
    site.permit()
    assert site.get("/api/exit")[0] == 500
    assert site.get("/api/x")[0] == 201
    assert site.get("/api/slow")[0] == 500
    assert site.get("/api/x")[0] == 201
    assert "Task timed out after 2.00 seconds" in admin(site, "GET", "logs/api")


def test_a_new_version_replaces_the_process(site):
    site.permit()
    first = site.get("/api/x")[1]["x-pid"]
    assert site.get("/api/x")[1]["x-pid"] == first
    site.lambdas.update_function_code(FunctionName="api", ZipFile=packed(BOOTSTRAP + "#", 0o644))
    site.wait()
    version = site.lambdas.publish_version(FunctionName="api")["Version"]
    assert site.get("/api/x")[1]["x-pid"] == first
    site.lambdas.update_alias(FunctionName="api", Name="live", FunctionVersion=version)
    assert site.get("/api/x")[0] == 500, "a bootstrap that is not executable"
    site.lambdas.update_alias(FunctionName="api", Name="live", FunctionVersion="1")
    assert site.get("/api/x")[1]["x-pid"] not in (None, first)
    assert not pathlib.Path(f"/proc/{first}").exists()


def test_two_accounts_are_equal(site):
    one = json.loads(admin(site, "GET", "account"))
    assert json.loads(admin(Site(site.ports), "GET", "account")) == one
    site.s3.put_object(Bucket="site", Key="c/more", Body=b"")
    assert json.loads(admin(site, "GET", "account")) != one


@pytest.mark.parametrize(("when", "there"), [("before", ["one"]), ("after", ["one", "two"])])
def test_a_stop_point_kills(site, when, there):
    victim = subprocess.Popen(["sleep", "60"])
    admin(site, "POST", "faults", {"stop_at": 2, "when": when, "kill_pid": victim.pid})
    site.s3.put_object(Bucket="site", Key="stop/one", Body=b"")
    with pytest.raises(Exception):
        boto3.client(
            "s3", endpoint_url=site.endpoint, region_name="us-east-1", aws_access_key_id="practice", aws_secret_access_key="practice",
            config=boto3.session.Config(retries={"total_max_attempts": 1}),
        ).put_object(Bucket="site", Key="stop/two", Body=b"")
    assert victim.wait(5) == -signal.SIGKILL
    admin(site, "POST", "resume")
    found = site.s3.list_objects_v2(Bucket="site", Prefix="stop/")["Contents"]
    assert [each["Key"] for each in found] == [f"stop/{name}" for name in there]


def test_no_child_outlives_the_account(tmp_path):
    ready = tmp_path / "ready.json"
    process = subprocess.Popen([sys.executable, "-m", "practice", "--port", "0", "--ready-file", str(ready)], cwd=HERE)
    until = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.02)
    site = Site(json.loads(ready.read_text()))
    site.permit()
    child = site.get("/api/x")[1]["x-pid"]
    process.kill()
    process.wait()
    until = time.monotonic() + 5
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
