"""EventBridge, played: rules, targets, events that reach a function."""

import json
import time
import urllib.request

import pytest

import machines_

PATTERN = json.dumps({"source": ["site"], "detail": {"kind": [{"prefix": "pub"}], "size": [{"numeric": [">", 3]}]}})


@pytest.fixture
def client(practice):
    return practice.client("events")


def test_rules_are_judged_and_replaced_whole(client, refused):
    arn = client.put_rule(Name="r", EventPattern=PATTERN, Description="d", Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
    assert arn == "arn:aws:events:us-east-1:123456789012:rule/r"
    client.put_rule(Name="r", ScheduleExpression="rate(5 minutes)", State="DISABLED")
    rule = client.describe_rule(Name="r")
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(5 minutes)")
    assert "Description" not in rule and "EventPattern" not in rule
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert refused(client.put_rule, Name="r") == "ValidationException"
    assert refused(client.put_rule, Name="r s", ScheduleExpression="rate(5 minutes)") == "ValidationException"
    assert refused(client.put_rule, Name="r", EventPattern='{"source": "site"}') == "InvalidEventPatternException"
    assert refused(client.put_rule, Name="r", EventPattern=PATTERN, EventBusName="none") == "ResourceNotFoundException"
    role = "arn:aws:iam::123456789012:role/none"
    assert refused(client.put_rule, Name="r", EventPattern=PATTERN, RoleArn=role) == "ValidationException"
    client.enable_rule(Name="r")
    assert client.list_rules(NamePrefix="r")["Rules"][0]["State"] == "ENABLED"
    assert refused(client.disable_rule, Name="none") == "ResourceNotFoundException"


@pytest.mark.parametrize("wrong", ["rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)", "cron(0 10 * * * *)", "cron(61 * * * ? *)", "cron(0 10 * ?)", "hourly"])
def test_an_expression_that_is_none_is_refused(client, refused, wrong):
    assert refused(client.put_rule, Name="r", ScheduleExpression=wrong) == "ValidationException"


def test_a_rule_with_targets_stays_and_bad_targets_are_told_in_the_answer(client, refused):
    client.put_rule(Name="r", ScheduleExpression="cron(0/15 8-18 ? JAN-MAR MON-FRI 2030)")
    target = {"Id": "f", "Arn": machines_.FUNCTION}
    elsewhere = {"Id": "g", "Arn": machines_.FUNCTION.replace("us-east-1", "eu-west-1")}
    answer = client.put_targets(Rule="r", Targets=[target, elsewhere])
    assert answer["FailedEntryCount"] == 1 and answer["FailedEntries"][0]["TargetId"] == "g"
    assert client.list_targets_by_rule(Rule="r")["Targets"] == [target]
    assert client.list_rule_names_by_target(TargetArn=target["Arn"])["RuleNames"] == ["r"]
    assert refused(client.put_targets, Rule="none", Targets=[target]) == "ResourceNotFoundException"
    assert refused(client.put_targets, Rule="r", Targets=[{"Id": "x", "Arn": "nothing"}]) == "ValidationException"
    assert refused(client.put_targets, Rule="r", Targets=[{**target, "Input": "{"}]) == "ValidationException"
    many = [{"Id": str(n), "Arn": target["Arn"]} for n in range(5)]
    assert refused(client.put_targets, Rule="r", Targets=many) == "LimitExceededException"
    assert refused(client.delete_rule, Name="r") == "ValidationException"
    client.remove_targets(Rule="r", Ids=["f"])
    client.delete_rule(Name="r")
    client.delete_rule(Name="r")
    assert refused(client.describe_rule, Name="r") == "ResourceNotFoundException"


def test_an_event_that_fits_reaches_the_function_that_lets_it_in(practice, client):
    arn = machines_.function(practice)
    rule = client.put_rule(Name="r", EventPattern=PATTERN)["RuleArn"]
    transformer = {"InputPathsMap": {"k": "$.detail.kind"}, "InputTemplate": '{"kind": "<k>"}'}
    client.put_targets(Rule="r", Targets=[{"Id": "f", "Arn": arn, "InputTransformer": transformer}])

    def put(size, source="site"):
        entry = {"Source": source, "DetailType": "t", "Detail": json.dumps({"kind": "published", "size": size})}
        return client.put_events(Entries=[entry])

    put(5)
    assert "no permission" in str(practice.door("GET", "edge")["notes"])
    permission = {"FunctionName": "echo", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    practice.client("lambda").add_permission(**permission, SourceArn=rule)
    put(2)
    assert put(5)["FailedEntryCount"] == 0
    until, text = time.monotonic() + 10, ""
    while not text and time.monotonic() < until:
        text = urllib.request.urlopen(f"{practice.url}/_practice/logs/echo").read().decode().strip()
    assert text == 'event {"kind": "published"}'
    answer = client.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "no"}, {"Source": "aws.s3", "DetailType": "t", "Detail": "{}"}])
    assert [e["ErrorCode"] for e in answer["Entries"]] == ["MalformedDetail", "NotAuthorizedForSourceException"]


def test_rules_are_regional_and_in_the_snapshot(practice, client, refused):
    client.put_rule(Name="r", EventPattern=PATTERN, Tags=[{"Key": "k", "Value": "v"}])
    assert refused(practice.client("events", region="eu-west-1").describe_rule, Name="r") == "ResourceNotFoundException"
    assert practice.door("GET", "account")["rules"]["us-east-1/r"]["tags"] == {"k": "v"}
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls")}
    assert told == {"PutRule": True, "DescribeRule": False}
