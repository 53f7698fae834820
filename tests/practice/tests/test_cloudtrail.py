"""CloudTrail, played: trails that need their bucket's policy."""

import json

import pytest

ARN = "arn:aws:cloudtrail:us-east-1:123456789012:trail/site-trail"


@pytest.fixture
def client(practice):
    return practice.client("cloudtrail")


def bucket(practice, name="trail-logs", arn=ARN, prefix="", acl=True):
    """A bucket whose policy lets the trail in."""
    s3 = practice.client("s3")
    s3.create_bucket(Bucket=name)
    source = {"StringEquals": {"aws:SourceArn": arn}}
    service = {"Service": "cloudtrail.amazonaws.com"}
    put = {"StringEquals": {"aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control"}}
    statements = [{"Effect": "Allow", "Principal": service, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/{prefix}AWSLogs/123456789012/*", "Condition": put}]
    if acl:
        statements.append({"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}", "Condition": source})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return name


def test_the_bucket_must_be_there_and_let_this_trail_in(practice, client, refused):
    wanted = {"Name": "site-trail", "S3BucketName": "trail-logs"}
    assert refused(client.create_trail, **wanted) == "S3BucketDoesNotExistException"
    practice.client("s3").create_bucket(Bucket="trail-logs")
    assert refused(client.create_trail, **wanted) == "InsufficientS3BucketPolicyException"
    bucket(practice, acl=False)
    assert refused(client.create_trail, **wanted) == "InsufficientS3BucketPolicyException"
    bucket(practice, arn=ARN + "x")
    assert refused(client.create_trail, **wanted) == "InsufficientS3BucketPolicyException"
    bucket(practice)
    assert refused(client.create_trail, **wanted, S3KeyPrefix="p") == "InsufficientS3BucketPolicyException"
    assert client.create_trail(**wanted)["TrailARN"] == ARN
    assert refused(client.create_trail, **wanted) == "TrailAlreadyExistsException"


@pytest.mark.parametrize("name", ["ab", "x" * 129, "a--b", "-ab", "ab.", "a b", "192.168.5.4"])
def test_a_name_that_is_none_is_refused(practice, client, refused, name):
    assert refused(client.create_trail, Name=name, S3BucketName=bucket(practice)) == "InvalidTrailNameException"


def test_a_new_trail_does_not_log_until_it_is_told(practice, client, refused):
    client.create_trail(Name="site-trail", S3BucketName=bucket(practice), EnableLogFileValidation=True)
    assert client.get_trail_status(Name="site-trail")["IsLogging"] is False
    client.start_logging(Name="site-trail")
    client.start_logging(Name=ARN)
    assert client.get_trail_status(Name=ARN)["IsLogging"] is True
    client.stop_logging(Name="site-trail")
    assert client.get_trail_status(Name="site-trail")["IsLogging"] is False
    trail = client.get_trail(Name="site-trail")["Trail"]
    assert (trail["LogFileValidationEnabled"], trail["HomeRegion"], trail["HasCustomEventSelectors"]) == (True, "us-east-1", False)
    client.update_trail(Name="site-trail", EnableLogFileValidation=False)
    assert client.describe_trails()["trailList"][0]["LogFileValidationEnabled"] is False
    client.delete_trail(Name="site-trail")
    assert refused(client.get_trail, Name="site-trail") == "TrailNotFoundException"
    assert refused(client.start_logging, Name="site-trail") == "TrailNotFoundException"


def test_a_trail_of_all_regions_is_seen_everywhere_and_changed_at_home(practice, client, refused):
    wrong = {"Name": "site-trail", "S3BucketName": bucket(practice), "IsMultiRegionTrail": True}
    assert refused(client.create_trail, **wrong, IncludeGlobalServiceEvents=False) == "InvalidParameterCombinationException"
    client.create_trail(**wrong)
    elsewhere = practice.client("cloudtrail", region="eu-west-1")
    assert [t["HomeRegion"] for t in elsewhere.describe_trails()["trailList"]] == ["us-east-1"]
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert refused(elsewhere.start_logging, Name=ARN) == "InvalidHomeRegionException"


def test_there_are_at_most_five_trails(practice, client, refused):
    for n in range(6):
        name = f"trail-{n}"
        bucket(practice, f"logs-{n}", ARN.replace("site-trail", name))
        wanted = {"Name": name, "S3BucketName": f"logs-{n}"}
        if n < 5:
            client.create_trail(**wanted)
    assert refused(client.create_trail, **wanted) == "MaximumNumberOfTrailsExceededException"


def test_selectors_and_tags(practice, client, refused):
    client.create_trail(Name="site-trail", S3BucketName=bucket(practice), TagsList=[{"Key": "k", "Value": "v"}])
    assert client.get_event_selectors(TrailName="site-trail")["EventSelectors"][0]["ReadWriteType"] == "All"
    client.put_event_selectors(TrailName="site-trail", EventSelectors=[{"ReadWriteType": "WriteOnly"}])
    assert client.get_trail(Name=ARN)["Trail"]["HasCustomEventSelectors"]
    advanced = [{"Name": "n", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]
    client.put_event_selectors(TrailName="site-trail", AdvancedEventSelectors=advanced)
    assert client.get_event_selectors(TrailName=ARN)["AdvancedEventSelectors"] == advanced
    assert refused(client.put_event_selectors, TrailName=ARN) == "InvalidEventSelectorsException"
    advanced[0]["FieldSelectors"][0]["Field"] = "readOnly"
    assert refused(client.put_event_selectors, TrailName=ARN, AdvancedEventSelectors=advanced) == "InvalidEventSelectorsException"
    assert refused(client.get_insight_selectors, TrailName=ARN) == "InsightNotEnabledException"
    client.add_tags(ResourceId=ARN, TagsList=[{"Key": "l", "Value": "w"}])
    client.remove_tags(ResourceId=ARN, TagsList=[{"Key": "k"}])
    assert client.list_tags(ResourceIdList=[ARN])["ResourceTagList"][0]["TagsList"] == [{"Key": "l", "Value": "w"}]
    assert practice.door("GET", "account")["trails"]["us-east-1/site-trail"]["tags"] == {"l": "w"}
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls") if c["service"] == "cloudtrail"}
    assert {o for o, changing in told.items() if changing} == {"CreateTrail", "PutEventSelectors", "AddTags", "RemoveTags"}
