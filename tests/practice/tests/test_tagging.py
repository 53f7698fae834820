"""The Resource Groups Tagging API over the account's own services."""

import pytest
from botocore.exceptions import ClientError

_TAGS = [{"Key": "arqsite:site", "Value": "shop"}]
_FILTER = [{"Key": "arqsite:site", "Values": ["shop"]}]


def _arns(practice, region="us-east-1", **more):
    answer = practice.client("resourcegroupstaggingapi", region=region).get_resources(**more)
    return [each["ResourceARN"] for each in answer["ResourceTagMappingList"]]


def test_what_has_the_tag_is_found_in_its_region_only(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="shop-1", CreateBucketConfiguration={"Tags": _TAGS})
    s3.create_bucket(Bucket="other-1")
    practice.client("sns", region="eu-west-1").create_topic(Name="shop", Tags=_TAGS)
    assert _arns(practice, TagFilters=_FILTER) == ["arn:aws:s3:::shop-1"]
    assert _arns(practice, region="eu-west-1", TagFilters=_FILTER) == ["arn:aws:sns:eu-west-1:123456789012:shop"]
    assert _arns(practice, TagFilters=[{"Key": "arqsite:site", "Values": ["else"]}]) == []
    assert _arns(practice, ResourceTypeFilters=["sns"]) == []


def test_a_network_and_a_table_are_found(practice):
    ec2 = practice.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": _TAGS}])["Vpc"]["VpcId"]
    practice.client("dynamodb").create_table(
        TableName="shop", BillingMode="PAY_PER_REQUEST", Tags=_TAGS,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    found = _arns(practice, TagFilters=_FILTER)
    assert found == ["arn:aws:dynamodb:us-east-1:123456789012:table/shop", f"arn:aws:ec2:us-east-1:123456789012:vpc/{vpc}"]
    assert _arns(practice, TagFilters=_FILTER, ResourceTypeFilters=["ec2:vpc"]) == found[1:]


def test_answers_come_in_pages(practice):
    s3 = practice.client("s3")
    for n in range(3):
        s3.create_bucket(Bucket=f"shop-{n}", CreateBucketConfiguration={"Tags": _TAGS})
    client = practice.client("resourcegroupstaggingapi")
    pages = list(client.get_paginator("get_resources").paginate(TagFilters=_FILTER, ResourcesPerPage=2))
    assert [len(each["ResourceTagMappingList"]) for each in pages] == [2, 1]


def test_arns_and_filters_exclude_each_other(practice):
    with pytest.raises(ClientError, match="InvalidParameterException"):
        _arns(practice, ResourceARNList=["arn:aws:s3:::shop"], TagFilters=_FILTER)
