"""Web ACLs: what is refused of rules, the lock, where logs may go."""

import pytest

LOG_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-demo"


@pytest.fixture
def waf(practice):
    return practice.client("wafv2")


def seen(name="metric"):
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def rule(name, priority, statement, **more):
    return {"Name": name, "Priority": priority, "Statement": statement, "VisibilityConfig": seen(name), **more}


def managed(name, priority=0, **more):
    return rule(name, priority, {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name}}, **(more or {"OverrideAction": {"None": {}}}))


def rate(priority=1, limit=2000, **more):
    return rule("rate", priority, {"RateBasedStatement": {"Limit": limit, "AggregateKeyType": "IP", **more}}, Action={"Block": {}})


def create(waf, *rules, name="demo", scope="CLOUDFRONT", **more):
    return waf.create_web_acl(Name=name, Scope=scope, DefaultAction={"Allow": {}}, VisibilityConfig=seen(), Rules=list(rules), **more)["Summary"]


def named(acl):
    return {"Name": acl["Name"], "Scope": "CLOUDFRONT", "Id": acl["Id"]}


def test_a_web_acl_comes_back_as_it_was_given(waf):
    rules = [managed("AWSManagedRulesCommonRuleSet"), rate()]
    made = create(waf, *rules, Tags=[{"Key": "a", "Value": "1"}])
    assert made["ARN"] == f"arn:aws:wafv2:us-east-1:123456789012:global/webacl/demo/{made['Id']}"
    got = waf.get_web_acl(**named(made))
    rules[1]["Statement"]["RateBasedStatement"]["EvaluationWindowSec"] = 300
    assert (got["WebACL"]["Rules"], got["WebACL"]["Capacity"], got["LockToken"]) == (rules, 702, made["LockToken"])
    assert waf.list_web_acls(Scope="CLOUDFRONT")["WebACLs"] == [made]
    assert waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    assert waf.list_tags_for_resource(ResourceARN=made["ARN"])["TagInfoForResource"]["TagList"] == [{"Key": "a", "Value": "1"}]


def test_what_is_refused_of_a_web_acl(waf, practice, refused):
    def code(*rules, **more):
        return refused(lambda: create(waf, *rules, **more))

    wrong = "WAFInvalidParameterException"
    assert code(managed("AWSManagedRulesCommonRuleSet"), rate(0)) == wrong
    assert code(managed("AWSManagedRulesNothing")) == wrong
    assert code(managed("AWSManagedRulesCommonRuleSet", Action={"Block": {}})) == wrong
    assert code(managed("AWSManagedRulesCommonRuleSet", OverrideAction={"None": {}}, Action={"Block": {}})) == wrong
    assert code(rule("x", 0, {"GeoMatchStatement": {"CountryCodes": ["AQ"]}}, OverrideAction={"None": {}})) == wrong
    assert code(rule("x", 0, {"GeoMatchStatement": {"CountryCodes": ["AQ"]}}, Action={"Block": {}, "Count": {}})) == wrong
    assert code(rate(EvaluationWindowSec=90)) == wrong
    assert code(rate(limit=2_000_000_001)) == "ValidationException"
    assert code(Description="It's wrong") == code(name="a name") == "ValidationException"
    assert code(*[managed(n, i) for i, n in enumerate(["AWSManagedRulesCommonRuleSet"] * 8)]) == wrong
    assert refused(create, waf=practice.client("wafv2", region="eu-west-1")) == wrong
    create(waf)
    assert code() == "WAFDuplicateItemException"


def test_the_lock_token_changes_with_every_update_and_is_enforced(waf, refused):
    made = create(waf)
    body = {"DefaultAction": {"Allow": {}}, "VisibilityConfig": seen(), "Rules": [rate()]}
    token = waf.update_web_acl(**named(made), **body, LockToken=made["LockToken"])["NextLockToken"]
    assert token != made["LockToken"]
    assert refused(waf.update_web_acl, **named(made), **body, LockToken=made["LockToken"]) == "WAFOptimisticLockException"
    assert refused(waf.delete_web_acl, **named(made), LockToken=made["LockToken"]) == "WAFOptimisticLockException"
    waf.delete_web_acl(**named(made), LockToken=token)
    assert refused(waf.get_web_acl, **named(made)) == "WAFNonexistentItemException"


def test_logs_go_only_where_waf_may_write(waf, practice, refused):
    arn = create(waf)["ARN"]

    def put(destination):
        return waf.put_logging_configuration(LoggingConfiguration={"ResourceArn": arn, "LogDestinationConfigs": [destination]})["LoggingConfiguration"]

    assert refused(put, destination=LOG_GROUP) == "WAFLogDestinationPermissionIssueException"
    assert refused(put, destination=LOG_GROUP.replace("aws-waf-logs-", "")) == "WAFInvalidParameterException"
    assert refused(put, destination=LOG_GROUP.replace("us-east-1", "eu-west-1")) == "WAFInvalidParameterException"
    assert refused(waf.get_logging_configuration, ResourceArn=arn) == "WAFNonexistentItemException"
    practice.client("logs").create_log_group(logGroupName="aws-waf-logs-demo")
    assert put(LOG_GROUP + ":*")["LogDestinationConfigs"] == [LOG_GROUP]
    assert waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]["LogDestinationConfigs"] == [LOG_GROUP]
    waf.delete_logging_configuration(ResourceArn=arn)
    assert refused(waf.delete_logging_configuration, ResourceArn=arn) == "WAFNonexistentItemException"


def test_tags_change_and_the_snapshot_has_no_made_up_ids(waf, practice):
    arn = create(waf, rate())["ARN"]
    waf.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    waf.untag_resource(ResourceARN=arn, TagKeys=["a"])
    shown = practice.door("GET", "account")["web_acls"]["CLOUDFRONT us-east-1 demo"]
    assert (shown["tags"], shown["capacity"]) == ({"b": "2"}, 2)
    assert shown["arn"] == "arn:aws:wafv2:us-east-1:123456789012:global/webacl/demo/<web acl 1>"
