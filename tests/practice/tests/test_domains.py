"""A distribution under names of its own: certificate, web ACL, who has the name, and what the edge answers."""

import pytest

import site_
from test_acm import issue, request
from test_wafv2 import create as make_acl
from test_wafv2 import managed, rule

NAME = "www.example.com"


@pytest.fixture
def config(practice):
    api = practice.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    return site_.distribution_config(site_.control(practice), site_.edge_function(practice)[1], api)


@pytest.fixture
def cloudfront(practice):
    return practice.client("cloudfront")


def named(config, certificate, *names, **more):
    """The configuration with a certificate and names; whatever else an update must have is there too."""
    viewer = {"ACMCertificateArn": certificate, "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021"}
    return {**config, "Aliases": {"Quantity": len(names), "Items": list(names)}, "ViewerCertificate": viewer, **more}


def deployed(cloudfront, ident):
    while cloudfront.get_distribution(Id=ident)["Distribution"]["Status"] != "Deployed":
        pass


def update(cloudfront, ident, **more):
    got = cloudfront.get_distribution_config(Id=ident)
    cloudfront.update_distribution(Id=ident, IfMatch=got["ETag"], DistributionConfig={**got["DistributionConfig"], **more})


def remove(cloudfront, ident):
    update(cloudfront, ident, Enabled=False)
    deployed(cloudfront, ident)
    cloudfront.delete_distribution(Id=ident, IfMatch=cloudfront.get_distribution(Id=ident)["ETag"])


def test_names_need_an_issued_certificate_from_us_east_1_that_covers_them(practice, cloudfront, config, refused):
    def code(arn, *names):
        return refused(cloudfront.create_distribution, DistributionConfig=named(config, arn, *names))

    acm = practice.client("acm")
    issued = issue(practice, acm, "example.com", "*.example.com")
    pending, elsewhere = request(acm, ("pending.example.com",)), practice.client("acm", region="eu-west-1")
    abroad = issue(practice, elsewhere, NAME)
    bare = {**config, "Aliases": {"Quantity": 1, "Items": [NAME]}}
    assert refused(cloudfront.create_distribution, DistributionConfig=bare) == "InvalidViewerCertificate"
    assert code(pending, "pending.example.com") == code(abroad, NAME) == code(issued, "a.b.example.com") == "InvalidViewerCertificate"
    made = cloudfront.create_distribution(DistributionConfig=named(config, issued, NAME, "example.com"))["Distribution"]
    viewer = made["DistributionConfig"]["ViewerCertificate"]
    assert (viewer["MinimumProtocolVersion"], viewer["SSLSupportMethod"], viewer["Certificate"]) == ("TLSv1.2_2021", "sni-only", issued)
    assert acm.describe_certificate(CertificateArn=issued)["Certificate"]["InUseBy"] == [made["ARN"]]


def test_a_name_is_on_one_distribution_only(practice, cloudfront, config, refused):
    issued = issue(practice, practice.client("acm"), "*.example.com")
    first = cloudfront.create_distribution(DistributionConfig=named(config, issued, NAME))["Distribution"]["Id"]
    other = named(config, issued, NAME, CallerReference="other")
    assert refused(cloudfront.create_distribution, DistributionConfig=other) == "CNAMEAlreadyExists"
    other["Aliases"] = {"Quantity": 0}
    second = cloudfront.create_distribution(DistributionConfig=other)["Distribution"]["Id"]
    rows = cloudfront.list_conflicting_aliases(DistributionId=second, Alias=NAME)["ConflictingAliasesList"]
    assert [(r["Alias"], r["DistributionId"][-5:]) for r in rows["Items"]] == [(NAME, first[-5:])]


def test_a_certificate_is_in_use_until_a_while_after_the_distribution(practice, cloudfront, config, refused):
    acm = practice.client("acm")
    issued = issue(practice, acm, NAME)
    ident = cloudfront.create_distribution(DistributionConfig=named(config, issued, NAME))["Distribution"]["Id"]
    assert refused(acm.delete_certificate, CertificateArn=issued) == "ResourceInUseException"
    remove(cloudfront, ident)
    assert refused(acm.delete_certificate, CertificateArn=issued) == "ResourceInUseException"
    assert refused(acm.delete_certificate, CertificateArn=issued) == "ResourceInUseException"
    acm.delete_certificate(CertificateArn=issued)


def test_a_web_acl_must_exist_and_is_held_by_its_distribution(practice, cloudfront, config, refused):
    waf = practice.client("wafv2")
    acl = make_acl(waf)
    regional = make_acl(waf, scope="REGIONAL")["ARN"]
    for wrong in ("arn:aws:wafv2:us-east-1:123456789012:global/webacl/demo/none", regional):
        assert refused(cloudfront.create_distribution, DistributionConfig={**config, "WebACLId": wrong}) == "InvalidWebACLId"
    made = cloudfront.create_distribution(DistributionConfig={**config, "WebACLId": acl["ARN"]})["Distribution"]
    found = cloudfront.list_distributions_by_web_acl_id(WebACLId=acl["ARN"])["DistributionList"]["Items"]
    assert [d["Id"] for d in found] == [made["Id"]]
    assert cloudfront.list_distributions_by_web_acl_id(WebACLId="null")["DistributionList"]["Quantity"] == 0
    key = {"Name": acl["Name"], "Scope": "CLOUDFRONT", "Id": acl["Id"], "LockToken": acl["LockToken"]}
    assert refused(waf.delete_web_acl, **key) == "WAFAssociatedItemException"
    update(cloudfront, made["Id"], WebACLId="")
    assert refused(waf.delete_web_acl, **key) == "WAFAssociatedItemException"
    assert refused(waf.delete_web_acl, **key) == "WAFAssociatedItemException"
    waf.delete_web_acl(**key)


def test_the_edge_answers_to_a_name_once_it_is_deployed(practice, cloudfront):
    made, _ = site_.publish(practice)
    deployed(cloudfront, made["Id"])
    issued = issue(practice, practice.client("acm"), "*.example.com")
    update(cloudfront, made["Id"], **named({}, issued, NAME))
    assert practice.visit("/", {"host": NAME})[0] == 403
    assert practice.visit("/", {"host": made["DomainName"]})[0] == practice.visit("/", {"host": "localhost"})[0] == 200
    deployed(cloudfront, made["Id"])
    assert practice.visit("/", {"host": NAME})[0] == 200
    record = {"Name": NAME, "Type": "A", "AliasTarget": {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": made["DomainName"], "EvaluateTargetHealth": False}}
    practice.door("POST", "zone", {"name": "example.com", "records": [record]})
    assert practice.door("GET", "edge")["aliases"] == {NAME: {"distribution": made["DomainName"], "deployed": True, "dns": [made["DomainName"] + "."]}}
    update(cloudfront, made["Id"], Aliases={"Quantity": 2, "Items": [NAME, "other.example.com"]})
    assert [practice.visit("/", {"host": name})[0] for name in (NAME, "other.example.com")] == [200, 403]


def test_the_edge_asks_the_web_acl_first(practice, cloudfront):
    made, _ = site_.publish(practice)
    label = {"LabelMatchStatement": {"Scope": "LABEL", "Key": "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body"}}
    path = {"FieldToMatch": {"UriPath": {}}, "TextTransformations": [{"Priority": 0, "Type": "NONE"}]}
    upload = {"ByteMatchStatement": {"SearchString": b"/api/upload", "PositionalConstraint": "STARTS_WITH", **path}}
    core = managed("AWSManagedRulesCommonRuleSet")
    counted = {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
    core["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"] = [counted]
    large = {"AndStatement": {"Statements": [label, {"NotStatement": {"Statement": upload}}]}}
    acl = make_acl(practice.client("wafv2"), core, rule("large", 1, large, Action={"Block": {}}))
    update(cloudfront, made["Id"], WebACLId=acl["ARN"])
    assert practice.visit("/?q=%3Cscript%3E")[0] == 403 and practice.visit("/?q=plain")[0] == 200
    assert practice.visit("/api/x", data=b"x" * 9000)[0] == 403
    assert practice.visit("/api/x", data=b"x" * 8000)[0] == practice.visit("/api/upload", data=b"x" * 9000)[0] == 200
    assert "blocked by AWSManagedRulesCommonRuleSet CrossSiteScripting_QUERYARGUMENTS" in practice.door("GET", "edge")["notes"][0]
