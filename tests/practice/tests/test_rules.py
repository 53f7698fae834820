"""What AWS refuses and stand-ins take, service by service."""

import json

import pytest

import site_


def test_s3_names_policies_and_checksums(practice, refused):
    s3 = practice.client("s3")
    assert refused(s3.create_bucket, Bucket="Bad_Name") == "InvalidBucketName"
    practice.door("POST", "taken", {"bucket": "taken-bucket"})
    assert refused(s3.create_bucket, Bucket="taken-bucket") == "BucketAlreadyExists"
    assert refused(s3.head_bucket, Bucket="taken-bucket") == "403"
    s3.create_bucket(Bucket="a-bucket")
    assert refused(s3.put_bucket_policy, Bucket="a-bucket", Policy="{") == "MalformedPolicy"

    def policy(**more):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-bucket/*", **more}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert refused(s3.put_bucket_policy, Bucket="a-bucket", Policy=policy()) == "AccessDenied"
    assert refused(s3.put_bucket_policy, Bucket="a-bucket", Policy=policy(Principal={"AWS": "arn:aws:iam::123456789012:role/none"})) == "MalformedPolicy"
    assert refused(s3.put_bucket_policy, Bucket="a-bucket", Policy=policy(Resource="arn:aws:s3:::other/*")) == "MalformedPolicy"
    assert refused(s3.put_object, Bucket="a-bucket", Key="k", Body=b"x", ChecksumCRC32="AAAAAA==") == "BadDigest"


def test_s3_writes_under_conditions(practice, refused):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    etag = s3.put_object(Bucket="a-bucket", Key="k", Body=b"x", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, Bucket="a-bucket", Key="k", Body=b"y", IfNoneMatch="*") == "PreconditionFailed"
    assert refused(s3.put_object, Bucket="a-bucket", Key="k", Body=b"y", IfMatch='"0"') == "PreconditionFailed"
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"y", IfMatch=etag)
    assert refused(s3.delete_bucket, Bucket="a-bucket") == "BucketNotEmpty"


def test_s3_pages_and_uploads_in_parts(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    keys = [f"d/ é+{n}" for n in range(5)]
    for key in keys:
        s3.put_object(Bucket="a-bucket", Key=key, Body=b"1")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="a-bucket", PaginationConfig={"PageSize": 2})
    assert [o["Key"] for page in pages for o in page["Contents"]] == keys
    assert s3.list_objects_v2(Bucket="a-bucket", Delimiter="/")["CommonPrefixes"] == [{"Prefix": "d/"}]
    upload = s3.create_multipart_upload(Bucket="a-bucket", Key="big")["UploadId"]
    part = s3.upload_part(Bucket="a-bucket", Key="big", UploadId=upload, PartNumber=1, Body=b"x")
    assert len(s3.list_multipart_uploads(Bucket="a-bucket")["Uploads"]) == 1
    s3.complete_multipart_upload(Bucket="a-bucket", Key="big", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.head_object(Bucket="a-bucket", Key="big")["ContentLength"] == 1


def test_iam_documents_are_judged(practice, refused):
    iam = practice.client("iam")
    assert refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=site_.trust("nobody")) == "MalformedPolicyDocument"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=site_.trust())
    assert refused(iam.put_role_policy, RoleName="r", PolicyName="p", PolicyDocument='{"Statement":[{"Effect":"Allow","Action":"x"}]}') == "MalformedPolicyDocument"
    assert refused(practice.client("logs").put_retention_policy, logGroupName="/a", retentionInDays=13) == "InvalidParameterException"


def test_tables_take_their_time(practice, refused):
    dynamodb = practice.client("dynamodb")
    wanted = {
        "TableName": "t", "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": True,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    assert dynamodb.create_table(**wanted)["TableDescription"]["TableStatus"] == "CREATING"
    backups = {"TableName": "t", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    assert refused(dynamodb.update_continuous_backups, **backups) == "ContinuousBackupsUnavailableException"
    assert [dynamodb.describe_table(TableName="t")["Table"]["TableStatus"] for _ in range(2)] == ["CREATING", "ACTIVE"]
    dynamodb.update_continuous_backups(**backups)
    assert refused(dynamodb.delete_table, TableName="t") == "ValidationException"
    dynamodb.update_table(TableName="t", DeletionProtectionEnabled=False)
    assert refused(dynamodb.delete_table, TableName="t") == "ResourceInUseException"
    dynamodb.describe_table(TableName="t")
    assert dynamodb.delete_table(TableName="t")["TableDescription"]["TableStatus"] == "DELETING"
    assert refused(dynamodb.create_table, **wanted) == "ResourceInUseException"


def test_functions_take_their_time_and_policies_are_per_qualifier(practice, refused):
    client = practice.client("lambda")
    code = {"FunctionName": "f", "Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": site_.package()}, "Role": site_.ROLE}
    assert refused(client.create_function, **code) == "InvalidParameterValueException"
    site_.role(practice)
    assert client.create_function(**code)["State"] == "Pending"
    assert refused(client.create_function, **code) == "ResourceConflictException"
    assert refused(client.publish_version, FunctionName="f") == "ResourceConflictException"
    assert [client.get_function_configuration(FunctionName="f")["State"] for _ in range(2)] == ["Pending", "Active"]
    revision = client.update_function_configuration(FunctionName="f", MemorySize=256)["RevisionId"]
    assert refused(client.update_function_code, FunctionName="f", ZipFile=site_.package()) == "ResourceConflictException"
    states = [client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] for _ in range(2)]
    assert states == ["InProgress", "Successful"]
    assert refused(client.update_function_configuration, FunctionName="f", MemorySize=512, RevisionId="0") == "PreconditionFailedException"
    first = client.publish_version(FunctionName="f", RevisionId=revision)["Version"]
    assert client.publish_version(FunctionName="f")["Version"] == first
    assert refused(client.create_alias, FunctionName="f", Name="live", FunctionVersion="9") == "ResourceNotFoundException"
    client.create_alias(FunctionName="f", Name="live", FunctionVersion=first)
    assert refused(client.delete_function, FunctionName="f", Qualifier=first) == "ResourceConflictException"
    permission = {"FunctionName": "f", "Qualifier": "live", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    client.add_permission(**permission)
    assert refused(client.add_permission, **permission) == "ResourceConflictException"
    assert refused(client.get_policy, FunctionName="f") == "ResourceNotFoundException"
    assert client.get_policy(FunctionName="f", Qualifier="live")["Policy"]


def test_apis_have_no_duplicates_and_no_loose_ends(practice, refused):
    client = practice.client("apigatewayv2")
    ident = client.create_api(Name="a", ProtocolType="HTTP", Tags={"k": "v"})["ApiId"]
    uri = "arn:aws:lambda:us-east-1:123456789012:function:f:live"
    wanted = {"ApiId": ident, "IntegrationType": "AWS_PROXY", "IntegrationUri": uri}
    assert refused(client.create_integration, **wanted) == "BadRequestException"
    assert refused(client.create_integration, **wanted, PayloadFormatVersion="2.0", TimeoutInMillis=60000) == "BadRequestException"
    integration = client.create_integration(**wanted, PayloadFormatVersion="2.0")["IntegrationId"]
    route = {"ApiId": ident, "RouteKey": "$default", "Target": f"integrations/{integration}"}
    assert refused(client.create_route, **{**route, "Target": "integrations/none"}) == "BadRequestException"
    client.create_route(**route)
    assert refused(client.create_route, **route) == "ConflictException"
    assert refused(client.delete_integration, ApiId=ident, IntegrationId=integration) == "ConflictException"
    stage = {"ApiId": ident, "StageName": "$default", "AutoDeploy": True}
    client.create_stage(**stage)
    assert refused(client.create_stage, **stage) == "ConflictException"
    assert client.get_tags(ResourceArn=f"arn:aws:apigateway:us-east-1::/apis/{ident}")["Tags"] == {"k": "v"}


def test_cloudfront_refers_only_to_what_is_there_and_ready(practice, refused):
    client = practice.client("cloudfront")
    arn = client.create_key_value_store(Name="s")["KeyValueStore"]["ARN"]
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": {"Quantity": 1, "Items": [{"KeyValueStoreARN": arn}]}}
    code = {"Name": "f", "FunctionConfig": config, "FunctionCode": site_.FUNCTION.encode()}
    assert refused(client.create_function, **code) == "InvalidArgument"
    states = [client.describe_key_value_store(Name="s")["KeyValueStore"]["Status"] for _ in range(2)]
    assert states == ["PROVISIONING", "READY"]
    assert refused(client.create_function, **{**code, "FunctionCode": b"x" * 10241}) == "FunctionSizeLimitExceeded"
    made = client.create_function(**code)
    assert refused(client.describe_function, Name="f", Stage="LIVE") == "NoSuchFunctionExists"
    function = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    wanted = site_.distribution_config("ENONE", function, "abc")
    assert refused(client.create_distribution, DistributionConfig=wanted) == "InvalidOriginAccessControl"
    wanted = site_.distribution_config(site_.control(practice), function, "abc")
    assert refused(client.create_distribution, DistributionConfig=wanted) == "InvalidFunctionAssociation"
    client.publish_function(Name="f", IfMatch=made["ETag"])
    wanted["Origins"]["Quantity"] = 3
    assert refused(client.create_distribution, DistributionConfig=wanted) == "InconsistentQuantities"


def test_distributions_keep_their_configuration_and_their_locks(practice, refused):
    client = practice.client("cloudfront")
    _, function = site_.edge_function(practice)
    wanted = site_.distribution_config(site_.control(practice), function, "abc")
    made = client.create_distribution(DistributionConfig=wanted)
    ident = made["Distribution"]["Id"]
    assert refused(client.create_distribution, DistributionConfig=wanted) == "DistributionAlreadyExists"
    states = [client.get_distribution(Id=ident)["Distribution"]["Status"] for _ in range(3)]
    assert states == ["InProgress", "InProgress", "Deployed"]
    config = client.get_distribution_config(Id=ident)["DistributionConfig"]
    assert refused(client.update_distribution, Id=ident, IfMatch="E0", DistributionConfig=config) == "PreconditionFailed"
    assert refused(client.update_distribution, Id=ident, IfMatch=made["ETag"], DistributionConfig={**config, "CallerReference": "x"}) == "IllegalUpdate"
    assert refused(client.delete_distribution, Id=ident, IfMatch=made["ETag"]) == "DistributionNotDisabled"
    control = client.list_origin_access_controls()["OriginAccessControlList"]["Items"][0]["Id"]
    assert refused(client.delete_origin_access_control, Id=control, IfMatch=client.get_origin_access_control(Id=control)["ETag"]) == "OriginAccessControlInUse"
    function_etag = client.describe_function(Name="demo-edge")["ETag"]
    assert refused(client.delete_function, Name="demo-edge", IfMatch=function_etag) == "FunctionInUse"
    config["Enabled"] = False
    updated = client.update_distribution(Id=ident, IfMatch=made["ETag"], DistributionConfig=config)
    assert updated["Distribution"]["DistributionConfig"] == config
    assert refused(client.delete_distribution, Id=ident, IfMatch=updated["ETag"]) == "DistributionNotDisabled"
    while client.get_distribution(Id=ident)["Distribution"]["Status"] != "Deployed":
        pass
    client.delete_distribution(Id=ident, IfMatch=updated["ETag"])


def test_the_store_takes_all_keys_or_none(practice):
    store, _ = site_.edge_function(practice)
    assert site_.write_keys(practice, store, {"a": "1"})["ItemCount"] == 1
    for puts in ({"b": "1", "c": "x" * 1024}, {f"k{n}": "1" for n in range(51)}):
        with pytest.raises(Exception, match="400"):
            site_.write_keys(practice, store, puts)
    assert practice.door("GET", "kvs/demo-edge")["keys"] == {"a": "1"}


def test_the_function_is_tested_with_the_language_that_the_runtime_documents(practice):
    site_.edge_function(practice, "function handler(event) { for (const x of [1]) {} return event.request; }")
    client = practice.client("cloudfront")
    etag = client.describe_function(Name="demo-edge")["ETag"]
    told = client.test_function(Name="demo-edge", IfMatch=etag, EventObject=b'{"request": {}}')["TestResult"]
    assert "for-of" in told["FunctionErrorMessage"]
