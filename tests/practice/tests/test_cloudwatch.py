"""CloudWatch, played: alarms and dashboards."""

import json

import pytest

TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
ALARM = {
    "AlarmName": "errors", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum", "Period": 300,
    "EvaluationPeriods": 2, "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching", "AlarmActions": [TOPIC], "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
    "Tags": [{"Key": "k", "Value": "v"}],
}


@pytest.fixture
def client(practice):
    return practice.client("cloudwatch")


def test_an_alarm_is_shown_as_it_was_put_and_updates_keep_its_tags(client):
    client.put_metric_alarm(**ALARM)
    alarm = client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]
    assert {k: alarm[k] for k in ALARM if k != "Tags"} == {k: v for k, v in ALARM.items() if k != "Tags"}
    assert (alarm["StateValue"], alarm["ActionsEnabled"], alarm["OKActions"]) == ("INSUFFICIENT_DATA", True, [])
    client.put_metric_alarm(**{**ALARM, "Tags": [{"Key": "other", "Value": "x"}], "Threshold": 5.0, "AlarmActions": []})
    alarm = client.describe_alarms(AlarmNamePrefix="err")["MetricAlarms"][0]
    assert (alarm["Threshold"], alarm["AlarmActions"]) == (5.0, [])
    assert client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "k", "Value": "v"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Period": 45}, {"Period": None}, {"Statistic": None}, {"ExtendedStatistic": "p99"}, {"Statistic": "Median"},
        {"ComparisonOperator": "Above"}, {"TreatMissingData": "shrug"}, {"AlarmActions": ["not-an-arn"]},
        {"AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:alerts"]}, {"EvaluationPeriods": 300}, {"Threshold": None},
        {"DatapointsToAlarm": 3}, {"AlarmName": "x" * 256}, {"AlarmDescription": "x" * 1025}, {"AlarmActions": [TOPIC] * 6},
        {"Metrics": [{"Id": "m1", "Expression": "1"}]}, {"Namespace": ":x"},
    ],
)
def test_an_alarm_that_makes_no_sense_is_refused(client, refused, wrong):
    wanted = {k: v for k, v in {**ALARM, **wrong}.items() if v is not None}
    assert refused(client.put_metric_alarm, **wanted) == "ValidationError"


def test_an_alarm_on_an_expression_returns_one_series(client, refused):
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    base = {"AlarmName": "rate", "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    metrics = [{"Id": "m1", "MetricStat": stat, "ReturnData": False}, {"Id": "e1", "Expression": "m1*2"}]
    client.put_metric_alarm(**base, Metrics=metrics)
    assert client.describe_alarms()["MetricAlarms"][0]["Metrics"] == metrics
    metrics[0]["ReturnData"] = True
    assert refused(client.put_metric_alarm, **base, Metrics=metrics) == "ValidationError"


def test_alarms_are_regional_paged_and_deleted_all_or_none(practice, client, refused):
    for name in ("a", "b", "c"):
        client.put_metric_alarm(**{**ALARM, "AlarmName": name})
    assert practice.client("cloudwatch", region="eu-west-1").describe_alarms()["MetricAlarms"] == []
    pages = client.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})
    assert [a["AlarmName"] for page in pages for a in page["MetricAlarms"]] == ["a", "b", "c"]
    assert refused(client.describe_alarms, AlarmNames=["a"], AlarmNamePrefix="a") == "ValidationError"
    assert refused(client.describe_alarms, NextToken="zzz") == "InvalidNextToken"
    assert refused(client.delete_alarms, AlarmNames=["a", "none"]) == "ResourceNotFound"
    client.disable_alarm_actions(AlarmNames=["a"])
    assert [a["ActionsEnabled"] for a in client.describe_alarms()["MetricAlarms"]] == [False, True, True]
    client.enable_alarm_actions(AlarmNames=["a"])
    client.delete_alarms(AlarmNames=["a", "b"])
    assert len(client.describe_alarms()["MetricAlarms"]) == 1


def test_an_alarm_that_goes_off_reaches_the_confirmed_address(practice, client):
    sns = practice.client("sns")
    sns.create_topic(Name="alerts")
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="a@example.com")
    practice.door("POST", "confirm", {"topic": "alerts", "endpoint": "a@example.com"})
    client.put_metric_alarm(**ALARM)
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    mail = practice.door("GET", "mail")
    assert [m["to"] for m in mail] == ["a@example.com"] and json.loads(mail[0]["message"])["NewStateValue"] == "ALARM"


def test_dashboards_are_global_judged_and_taggable(practice, client, refused):
    body = {"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "# x"}}]}
    put = {"DashboardName": "site", "DashboardBody": json.dumps(body)}
    assert client.put_dashboard(**put, Tags=[{"Key": "k", "Value": "v"}])["DashboardValidationMessages"] == []
    elsewhere = practice.client("cloudwatch", region="eu-west-1")
    found = elsewhere.get_dashboard(DashboardName="site")
    assert json.loads(found["DashboardBody"]) == body
    assert client.list_tags_for_resource(ResourceARN=found["DashboardArn"])["Tags"] == [{"Key": "k", "Value": "v"}]
    assert refused(client.put_dashboard, DashboardName="site", DashboardBody="{") == "InvalidParameterInput"
    assert refused(client.put_dashboard, DashboardName="a b", DashboardBody=put["DashboardBody"]) == "InvalidParameterInput"
    body["widgets"][0]["width"] = 25
    assert refused(client.put_dashboard, DashboardName="site", DashboardBody=json.dumps(body)) == "InvalidParameterInput"
    told = client.put_dashboard(DashboardName="site", DashboardBody='{"widgets": [], "colour": 1}')["DashboardValidationMessages"]
    assert len(told) == 1
    assert [d["DashboardName"] for d in client.list_dashboards(DashboardNamePrefix="si")["DashboardEntries"]] == ["site"]
    assert refused(client.delete_dashboards, DashboardNames=["site", "none"]) == "ResourceNotFound"
    client.delete_dashboards(DashboardNames=["site"])
    assert refused(client.get_dashboard, DashboardName="site") == "ResourceNotFound"


def test_metrics_are_taken_and_the_snapshot_and_the_log_know_the_service(practice, client):
    client.put_metric_data(Namespace="mine", MetricData=[{"MetricName": "m", "Value": 1}])
    query = [{"Id": "m", "MetricStat": {"Metric": {"Namespace": "mine", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}]
    assert client.get_metric_data(MetricDataQueries=query, StartTime=0, EndTime=60)["MetricDataResults"][0]["Values"] == []
    client.put_metric_alarm(**ALARM)
    client.describe_alarms()
    shown = practice.door("GET", "account")
    assert shown["alarms"]["us-east-1/errors"]["tags"] == {"k": "v"} and shown["dashboards"] == {}
    told = {c["operation"]: c["changing"] for c in practice.door("GET", "calls")}
    assert told["PutMetricAlarm"] and not told["DescribeAlarms"] and not told["GetMetricData"]


def test_cbor_is_spoken_with_the_code_in_a_header(practice):
    """As the Rust SDK asks; boto3 speaks JSON to this service."""
    import urllib.error
    import urllib.request

    import cbor2
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def ask(operation, body):
        url = f"{practice.url}/service/GraniteServiceVersion20100801/operation/{operation}"
        headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor", "accept": "application/cbor"}
        request = AWSRequest("POST", url, headers, cbor2.dumps(body))
        SigV4Auth(Credentials("practice", "practice"), "monitoring", "us-east-1").add_auth(request)
        return urllib.request.urlopen(urllib.request.Request(url, request.body, dict(request.headers), method="POST"))

    with ask("PutMetricAlarm", ALARM) as answer:
        assert answer.status == 200
    with ask("DescribeAlarms", {}) as answer:
        shown = cbor2.loads(answer.read())["MetricAlarms"][0]
        assert (answer.headers["smithy-protocol"], shown["Threshold"], shown["Period"]) == ("rpc-v2-cbor", 1.0, 300)
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("GetDashboard", {"DashboardName": "none"})
    assert caught.value.code == 404 and caught.value.headers["x-amzn-query-error"] == "ResourceNotFound;Sender"
    assert cbor2.loads(caught.value.read())["__type"] == "com.amazonaws.cloudwatch#DashboardNotFoundError"
