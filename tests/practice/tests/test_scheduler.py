"""EventBridge Scheduler, played: schedules, groups, and a schedule that runs."""

import json
from datetime import datetime, timedelta, timezone

import pytest

import machines_

ROLE = "arn:aws:iam::123456789012:role/clock"


def schedule(**more):
    return {
        "Name": "nightly", "ScheduleExpression": "cron(0 3 * * ? *)", "ScheduleExpressionTimezone": "Europe/Lisbon",
        "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": machines_.FUNCTION, "RoleArn": ROLE, "Input": '{"task": "tidy"}'}, **more,
    }


@pytest.fixture
def client(practice):
    return practice.client("scheduler")


@pytest.fixture
def clock(practice):
    return machines_.role(practice, "clock", "scheduler.amazonaws.com", ("lambda:InvokeFunction", machines_.FUNCTION))


def test_the_role_must_exist_and_trust_the_scheduler(practice, client, refused):
    with pytest.raises(client.exceptions.ValidationException) as caught:
        client.create_schedule(**schedule())
    assert "must allow AWS EventBridge Scheduler to assume the role" in str(caught.value)
    machines_.role(practice, "clock", "lambda.amazonaws.com")
    assert refused(client.create_schedule, **schedule()) == "ValidationException"


def test_a_schedule_is_made_once_and_replaced_whole(client, clock, refused):
    arn = client.create_schedule(**schedule(Description="d", ClientToken="t"))["ScheduleArn"]
    assert arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly"
    assert client.create_schedule(**schedule(Description="d", ClientToken="t"))["ScheduleArn"] == arn
    with pytest.raises(client.exceptions.ConflictException) as caught:
        client.create_schedule(**schedule())
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    client.update_schedule(**schedule(ScheduleExpressionTimezone="UTC", State="DISABLED"))
    found = client.get_schedule(Name="nightly")
    assert (found["State"], found["ScheduleExpressionTimezone"], "Description" in found) == ("DISABLED", "UTC", False)
    assert found["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert client.list_schedules(NamePrefix="n")["Schedules"][0]["Target"] == {"Arn": machines_.FUNCTION}
    client.delete_schedule(Name="nightly")
    assert refused(client.get_schedule, Name="nightly") == "ResourceNotFoundException"
    assert refused(client.update_schedule, **schedule()) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ScheduleExpression": "often"}, {"ScheduleExpression": "at(2030-13-01T00:00:00)"}, {"ScheduleExpressionTimezone": "Mars/North"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        {"EndDate": datetime(2020, 1, 1, tzinfo=timezone.utc)}, {"Name": "a b"},
        {"Target": {"Arn": machines_.FUNCTION, "RoleArn": ROLE, "Input": "{"}}, {"Target": {"Arn": "f", "RoleArn": ROLE}},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(client, clock, refused, wrong):
    assert refused(client.create_schedule, **schedule(**wrong)) == "ValidationException"


def test_groups_take_their_schedules_with_them_and_are_deleted_in_their_time(client, clock, refused):
    assert refused(client.create_schedule, **schedule(GroupName="site")) == "ResourceNotFoundException"
    arn = client.create_schedule_group(Name="site", Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
    assert refused(client.create_schedule_group, Name="site") == "ConflictException"
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    start = datetime.now(timezone.utc) + timedelta(days=1)
    client.create_schedule(**schedule(GroupName="site", StartDate=start, FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}))
    assert abs(client.get_schedule(Name="nightly", GroupName="site")["StartDate"] - start) < timedelta(seconds=1)
    client.delete_schedule_group(Name="site")
    assert [client.get_schedule_group(Name="site")["State"] for _ in range(2)] == ["DELETING", "DELETING"]
    assert refused(client.get_schedule_group, Name="site") == "ResourceNotFoundException"
    assert [g["Name"] for g in client.list_schedule_groups()["ScheduleGroups"]] == ["default"]
    assert refused(client.delete_schedule_group, Name="default") == "ValidationException"
    assert client.list_schedules()["Schedules"] == []


def test_a_schedule_runs_the_function_if_its_role_may(practice, client, clock):
    client.create_schedule(**schedule())
    assert "no function" in practice.door("POST", "schedule", {"name": "nightly"})["error"]
    machines_.function(practice)
    answer = practice.door("POST", "schedule", {"name": "nightly"})
    assert answer == {"ran": True, "state": "ENABLED", "error": False, "payload": {"got": {"task": "tidy"}}}
    nobody = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
    practice.client("iam").put_role_policy(RoleName="clock", PolicyName="p", PolicyDocument=nobody)
    assert "may not lambda:InvokeFunction" in practice.door("POST", "schedule", {"name": "nightly"})["error"]


def test_the_snapshot_shows_schedules_without_times(practice, client, clock):
    client.create_schedule(**schedule())
    shown = practice.door("GET", "account")["schedule_groups"]["us-east-1/default"]
    assert shown["schedules"]["nightly"]["ScheduleExpression"] == "cron(0 3 * * ? *)" and "CreationDate" not in shown["schedules"]["nightly"]
