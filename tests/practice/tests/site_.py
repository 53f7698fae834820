"""A small site, published with boto3: what the edge's tests visit."""

import io
import json
import zipfile

BUCKET, NAME, SECRET = "demo-site-123456789012", "demo", "s" * 43
ROLE = "arn:aws:iam::123456789012:role/demo-api"
OPTIMIZED, DISABLED = "658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
UNCOMPRESSED = "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
PAGE = b"<p>hello</p>" * 200

FUNCTION = """import cf from 'cloudfront';
const store = cf.kvs();
async function handler(event) {
  if (event.context.eventType === 'viewer-request') {
    const request = event.request;
    if (request.uri.startsWith('/api/')) return request;
    if (request.uri === '/old') return { statusCode: 308, headers: { location: { value: '/' } } };
    if (request.uri === '/throws') throw new Error('on purpose');
    if (request.uri === '/forges') { request.headers['host'] = { value: 'other' }; return request; }
    let id;
    try { id = await store.get(request.uri); } catch (_) { id = 'gone'; }
    request.uri = id.startsWith('/') ? id : '/c/' + id;
    request.querystring = {};
    return request;
  }
  const response = event.response;
  const status = response.headers['x-amz-meta-status'];
  if (status && response.statusCode === 200) response.statusCode = Number(status.value);
  Object.keys(response.headers).forEach((name) => { if (name.startsWith('x-amz-')) delete response.headers[name]; });
  response.headers['x-seen'] = { value: 'yes' };
  return response;
}
"""

BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
import sys; sys.path[:0] = os.environ["PACKAGES"].split(":")
import boto3
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as answer:
        ident, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    out = {"event": event, "pid": os.getpid(), "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"]}
    path = event.get("rawPath", "")
    if path == "/api/exit": os._exit(3)
    if path == "/api/item":
        table = boto3.client("dynamodb")
        out["item"] = table.get_item(TableName="demo-t", Key={"part": {"S": "a"}, "id": {"S": "1"}})["Item"]
        try: table.scan(TableName="demo-t")
        except Exception as error: out["denied"] = error.response["Error"]["Code"]
    text = json.dumps({"statusCode": 200, "headers": {"content-type": "application/json"}, "cookies": ["a=1", "b=2"], "body": json.dumps(out)})
    urllib.request.urlopen(urllib.request.Request(api + ident + "/response", text.encode(), method="POST"))
"""


def package(bootstrap=BOOTSTRAP, mode=0o755):
    """A zip with a bootstrap."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = mode << 16
        archive.writestr(entry, bootstrap)
    return data.getvalue()


def trust(service="lambda.amazonaws.com"):
    """A trust policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})


def role(practice):
    """The function's role: one item of one table may be read."""
    iam = practice.client("iam")
    iam.create_role(RoleName="demo-api", AssumeRolePolicyDocument=trust())
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:*:123456789012:table/demo-t"}
    iam.put_role_policy(RoleName="demo-api", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def table(practice):
    """A table with one item."""
    dynamodb = practice.client("dynamodb")
    dynamodb.create_table(
        TableName="demo-t", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "part", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("part", "id")],
    )
    while dynamodb.describe_table(TableName="demo-t")["Table"]["TableStatus"] != "ACTIVE":
        pass
    dynamodb.put_item(TableName="demo-t", Item={"part": {"S": "a"}, "id": {"S": "1"}, "v": {"S": "x"}})


def function(practice):
    """The function, its version 1 and the alias `live`; the alias's ARN."""
    import sys

    client = practice.client("lambda")
    packages = ":".join(p for p in sys.path if p.endswith("-packages"))
    client.create_function(
        FunctionName="demo-api", Runtime="provided.al2023", Role=ROLE, Handler="bootstrap", Timeout=10,
        Code={"ZipFile": package()}, Environment={"Variables": {"PACKAGES": packages}},
    )
    while client.get_function_configuration(FunctionName="demo-api")["State"] != "Active":
        pass
    version = client.publish_version(FunctionName="demo-api")["Version"]
    return client.create_alias(FunctionName="demo-api", Name="live", FunctionVersion=version)["AliasArn"]


def api(practice, alias):
    """The API in front of the alias; its id."""
    client = practice.client("apigatewayv2")
    ident = client.create_api(Name="demo-api", ProtocolType="HTTP")["ApiId"]
    integration = client.create_integration(ApiId=ident, IntegrationType="AWS_PROXY", IntegrationUri=alias, PayloadFormatVersion="2.0")
    client.create_route(ApiId=ident, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
    client.create_stage(ApiId=ident, StageName="$default", AutoDeploy=True)
    practice.client("lambda").add_permission(
        FunctionName="demo-api", Qualifier="live", StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:123456789012:{ident}/*/*",
    )
    return ident


def edge_function(practice, code=FUNCTION):
    """The store and the live function; `(store, function ARN)`."""
    client = practice.client("cloudfront")
    client.create_key_value_store(Name="demo-edge")
    while client.describe_key_value_store(Name="demo-edge")["KeyValueStore"]["Status"] != "READY":
        pass
    store = client.describe_key_value_store(Name="demo-edge")["KeyValueStore"]["ARN"]
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": {"Quantity": 1, "Items": [{"KeyValueStoreARN": store}]}}
    made = client.create_function(Name="demo-edge", FunctionConfig=config, FunctionCode=code.encode())
    client.publish_function(Name="demo-edge", IfMatch=made["ETag"])
    return store, made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]


def rewrite_function(practice, code):
    """Another text for the function, live at once."""
    client = practice.client("cloudfront")
    config = client.describe_function(Name="demo-edge")["FunctionSummary"]["FunctionConfig"]
    etag = client.describe_function(Name="demo-edge")["ETag"]
    etag = client.update_function(Name="demo-edge", IfMatch=etag, FunctionConfig=config, FunctionCode=code.encode())["ETag"]
    client.publish_function(Name="demo-edge", IfMatch=etag)


def distribution_config(control, function_arn, api_id, reference="reference"):
    """The configuration of the distribution."""

    def behavior(origin, methods, policy, **more):
        links = [{"EventType": e, "FunctionARN": function_arn} for e in ("viewer-request", "viewer-response")]
        return {
            "TargetOriginId": origin, "ViewerProtocolPolicy": "redirect-to-https", "Compress": True, "CachePolicyId": policy,
            "AllowedMethods": {"Quantity": len(methods), "Items": methods, "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}},
            "FunctionAssociations": {"Quantity": 2, "Items": links}, **more,
        }

    origins = [
        {"Id": "site", "DomainName": f"{BUCKET}.s3.us-east-1.amazonaws.com", "OriginAccessControlId": control, "S3OriginConfig": {"OriginAccessIdentity": ""}},
        {
            "Id": "api", "DomainName": f"{api_id}.execute-api.us-east-1.amazonaws.com",
            "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "x-arq-origin", "HeaderValue": SECRET}]},
            "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
        },
    ]
    every = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
    return {
        "CallerReference": reference, "Comment": NAME, "Enabled": True, "Origins": {"Quantity": 2, "Items": origins},
        "DefaultCacheBehavior": behavior("site", ["GET", "HEAD"], OPTIMIZED),
        "CacheBehaviors": {"Quantity": 1, "Items": [{"PathPattern": "/api/*", **behavior("api", every, DISABLED, OriginRequestPolicyId=ALL_BUT_HOST)}]},
    }


def control(practice):
    """The origin access control; its id."""
    config = {"Name": "demo", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
    return practice.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)["OriginAccessControl"]["Id"]


def open_bucket(practice, arn, listing=True):
    """Let the distribution, and nobody else, read `c/*`."""
    condition = {"StringEquals": {"AWS:SourceArn": arn}}
    service = {"Service": "cloudfront.amazonaws.com"}
    statements = [{"Effect": "Allow", "Principal": service, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/c/*", "Condition": condition}]
    if listing:
        statements.append({"Effect": "Allow", "Principal": service, "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}", "Condition": condition})
    practice.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def write_keys(practice, store, puts, host="123456789012.cloudfront-kvs.global.api.aws"):
    """Write keys of the store. boto3 signs SigV4A only with a C library, so the signature is made up here."""
    import urllib.parse
    import urllib.request

    url = f"{practice.url}/key-value-stores/{urllib.parse.quote(store, safe='')}"
    headers = {
        "Host": host, "X-Amz-Region-Set": "*", "X-Amz-Date": "20260101T000000Z", "Content-Type": "application/json",
        "Authorization": "AWS4-ECDSA-P256-SHA256 Credential=practice/20260101/cloudfront-keyvaluestore/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=00",
    }
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        etag = answer.headers["ETag"]
    body = json.dumps({"Puts": [{"Key": k, "Value": v} for k, v in puts.items()], "Deletes": []}).encode()
    request = urllib.request.Request(url + "/keys", body, {**headers, "If-Match": etag}, method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def publish(practice):
    """All of it; `(distribution, API id)`."""
    s3 = practice.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    role(practice)
    table(practice)
    ident = api(practice, function(practice))
    store, function_arn = edge_function(practice)
    config = distribution_config(control(practice), function_arn, ident)
    made = practice.client("cloudfront").create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": []}})
    open_bucket(practice, made["Distribution"]["ARN"])
    s3.put_object(Bucket=BUCKET, Key="c/page", Body=PAGE, ContentType="text/html", CacheControl="max-age=31536000")
    s3.put_object(Bucket=BUCKET, Key="c/gone", Body=b"gone", ContentType="text/html", Metadata={"status": "404"})
    write_keys(practice, store, {"/": "page", "/absent": "nothing", "/secret": "/releases/x.json"})
    return made["Distribution"], ident


def invoke(practice, path="/api/x"):
    """What the function answers to an API event for `path`."""
    answer = practice.client("lambda").invoke(FunctionName="demo-api", Qualifier="live", Payload=json.dumps({"rawPath": path}))
    return json.loads(json.loads(answer["Payload"].read())["body"])
