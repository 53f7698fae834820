"""CloudWatch Logs: deliveries of CloudFront's access logs, tags, resource policies."""

import json

import pytest

import site_

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/site"


@pytest.fixture
def client(practice):
    return practice.client("logs")


@pytest.fixture
def distribution(practice):
    distribution, _ = site_.publish(practice)
    practice.client("s3").create_bucket(Bucket="site-logs")
    return distribution["ARN"]


def bucket(name="site-logs"):
    return {"destinationResourceArn": f"arn:aws:s3:::{name}"}


def both(client, arn):
    """A source and a destination; the destination's ARN."""
    client.put_delivery_source(name="src", resourceArn=arn, logType="ACCESS_LOGS", tags={"k": "v"})
    made = client.put_delivery_destination(name="dst", outputFormat="parquet", deliveryDestinationConfiguration=bucket())
    return made["deliveryDestination"]["arn"]


def test_a_source_is_a_distribution_that_exists_in_one_region(practice, client, distribution, refused):
    wanted = {"name": "src", "resourceArn": distribution, "logType": "ACCESS_LOGS"}
    elsewhere = practice.client("logs", region="eu-west-1")
    assert refused(elsewhere.put_delivery_source, **wanted) == "ValidationException"
    assert refused(client.put_delivery_source, **{**wanted, "resourceArn": distribution + "X"}) == "ResourceNotFoundException"
    assert refused(client.put_delivery_source, **{**wanted, "logType": "EVENT_LOGS"}) == "ValidationException"
    made = client.put_delivery_source(**wanted, tags={"k": "v"})["deliverySource"]
    assert (made["service"], made["tags"]) == ("cloudfront", {"k": "v"})
    assert client.put_delivery_source(**wanted)["deliverySource"]["arn"] == made["arn"]
    assert refused(client.put_delivery_source, **wanted, tags={"k": "w"}) == "ValidationException"
    assert refused(client.put_delivery_source, **{**wanted, "name": "other"}) == "ConflictException"
    assert refused(elsewhere.get_delivery_source, name="src") == "ResourceNotFoundException"
    assert [s["name"] for s in client.describe_delivery_sources()["deliverySources"]] == ["src"]


def test_a_destination_is_there_and_keeps_its_format(client, distribution, refused):
    wanted = {"name": "dst", "outputFormat": "w3c", "deliveryDestinationConfiguration": bucket()}
    assert refused(client.put_delivery_destination, **{**wanted, "deliveryDestinationConfiguration": bucket("none")}) == "ResourceNotFoundException"
    assert refused(client.put_delivery_destination, **{**wanted, "deliveryDestinationConfiguration": {"destinationResourceArn": "x"}}) == "ValidationException"
    assert client.put_delivery_destination(**wanted)["deliveryDestination"]["deliveryDestinationType"] == "S3"
    assert refused(client.put_delivery_destination, **{**wanted, "outputFormat": "json"}) == "ValidationException"
    client.create_log_group(logGroupName="/site")
    group = {"destinationResourceArn": GROUP}
    assert refused(client.put_delivery_destination, name="grp", outputFormat="parquet", deliveryDestinationConfiguration=group) == "ValidationException"
    assert client.put_delivery_destination(name="grp", deliveryDestinationConfiguration=group)["deliveryDestination"]["outputFormat"] == "json"


def test_a_delivery_joins_them_once_and_goes_first(practice, client, distribution, refused):
    arn = both(client, distribution)
    wanted = {"deliverySourceName": "src", "deliveryDestinationArn": arn}
    assert refused(client.create_delivery, **{**wanted, "deliverySourceName": "none"}) == "ResourceNotFoundException"
    assert refused(client.create_delivery, **wanted, recordFields=["nothing"]) == "ValidationException"
    assert refused(client.create_delivery, **wanted, s3DeliveryConfiguration={"suffixPath": "{planet}"}) == "ValidationException"
    made = client.create_delivery(**wanted, s3DeliveryConfiguration={"suffixPath": "{DistributionId}/{yyyy}"}, tags={"k": "v"})["delivery"]
    assert made["s3DeliveryConfiguration"]["suffixPath"] == "AWSLogs/{account-id}/CloudFront/{DistributionId}/{yyyy}"
    assert "cs-uri-stem" in made["recordFields"]
    assert refused(client.create_delivery, **wanted) == "ConflictException"
    client.update_delivery_configuration(id=made["id"], s3DeliveryConfiguration={"suffixPath": "{yyyy}"})
    assert client.get_delivery(id=made["id"])["delivery"]["s3DeliveryConfiguration"]["suffixPath"] == "{yyyy}"
    assert refused(client.delete_delivery_source, name="src") == "ConflictException"
    assert refused(client.delete_delivery_destination, name="dst") == "ConflictException"
    shown = practice.door("GET", "account")
    assert shown["log_deliveries"][0]["tags"] == {"k": "v"} and "us-east-1/src" in shown["log_sources"]
    client.delete_delivery(id=made["id"])
    client.delete_delivery_source(name="src")
    client.delete_delivery_destination(name="dst")
    assert client.describe_deliveries()["deliveries"] == []
    assert refused(client.get_delivery, id=made["id"]) == "ResourceNotFoundException"
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls") if "Deliver" in (c["operation"] or "")}
    assert told["PutDeliverySource"] and told["UpdateDeliveryConfiguration"] and not told["DescribeDeliveries"]


def test_the_bucket_is_opened_for_the_logs_if_its_policy_does_not_say_so(practice, client, distribution, refused):
    s3 = practice.client("s3")
    wanted = {"deliverySourceName": "src", "deliveryDestinationArn": both(client, distribution)}
    ident = client.create_delivery(**wanted)["delivery"]["id"]
    first = s3.get_bucket_policy(Bucket="site-logs")["Policy"]
    assert json.loads(first)["Statement"][0]["Sid"] == "AWSLogsDeliveryWrite"
    client.delete_delivery(id=ident)
    client.create_delivery(**wanted)
    assert s3.get_bucket_policy(Bucket="site-logs")["Policy"] == first


def test_tags_are_by_arn_of_things_that_exist(client, distribution, refused):
    both(client, distribution)
    arn = client.get_delivery_source(name="src")["deliverySource"]["arn"]
    client.tag_resource(resourceArn=arn, tags={"l": "w"})
    client.untag_resource(resourceArn=arn, tagKeys=["k"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"l": "w"}
    assert refused(client.list_tags_for_resource, resourceArn=arn + "x") == "ResourceNotFoundException"
    assert refused(client.tag_resource, resourceArn=GROUP, tags={"k": "v"}) == "ResourceNotFoundException"
    client.create_log_group(logGroupName="/site", tags={"a": "1"})
    assert refused(client.tag_resource, resourceArn=GROUP + ":*", tags={"k": "v"}) == "InvalidParameterException"
    client.tag_resource(resourceArn=GROUP, tags={"k": "v"})
    assert client.list_tags_for_resource(resourceArn=GROUP)["tags"] == {"a": "1", "k": "v"}
    client.untag_resource(resourceArn=GROUP, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=GROUP)["tags"] == {"k": "v"}


def test_resource_policies_are_judged_and_ten(practice, client, refused):
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}]})
    assert refused(client.put_resource_policy, policyName="p", policyDocument="{") == "InvalidParameterException"
    for n in range(10):
        client.put_resource_policy(policyName=f"p{n}", policyDocument=document)
    assert refused(client.put_resource_policy, policyName="more", policyDocument=document) == "LimitExceededException"
    client.put_resource_policy(policyName="p0", policyDocument=document)
    assert len(client.describe_resource_policies()["resourcePolicies"]) == 10
    assert len(practice.door("GET", "account")["log_policies"]) == 10
    client.delete_resource_policy(policyName="p0")
    assert refused(client.delete_resource_policy, policyName="p0") == "ResourceNotFoundException"
