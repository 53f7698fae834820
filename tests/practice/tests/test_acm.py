"""A certificate is issued when the world sees its records, and only then."""

import pytest

from test_route53 import change, send, zone

NAMES = ["example.com", "*.example.com", "www.example.net"]


@pytest.fixture
def acm(practice):
    return practice.client("acm")


def request(acm, names=("example.com",), **more):
    others = {"SubjectAlternativeNames": list(names)} if len(names) > 1 else {}
    return acm.request_certificate(DomainName=names[0], ValidationMethod="DNS", **others, **more)["CertificateArn"]


def look(acm, arn, times=3):
    for _ in range(times):
        found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    return found


def records(acm, arn):
    return {o["DomainName"]: o["ResourceRecord"] for o in look(acm, arn)["DomainValidationOptions"]}


def issue(practice, acm, *names, **more):
    """An issued certificate, its DNS kept elsewhere."""
    arn = request(acm, names, **more)
    for record in records(acm, arn).values():
        practice.door("POST", "dns", {"name": record["Name"], "type": record["Type"], "value": record["Value"]})
    assert look(acm, arn)["Status"] == "ISSUED"
    return arn


def test_records_come_after_a_while_and_a_wildcard_shares_its_parents(acm):
    arn = request(acm, NAMES)
    options = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    assert [o["DomainName"] for o in options] == NAMES and not any("ResourceRecord" in o for o in options)
    found = records(acm, arn)
    assert found["example.com"] == found["*.example.com"] != found["www.example.net"]
    assert found["example.com"]["Name"].endswith(".example.com.") and found["example.com"]["Value"].endswith(".acm-validations.aws.")


def test_it_is_issued_only_when_every_record_is_in_a_delegated_zone(acm, practice):
    dns = practice.client("route53")
    ident = zone(dns)["HostedZone"]["Id"]
    arn = request(acm, ("example.com", "www.example.com"))
    for record in records(acm, arn).values():
        assert look(acm, arn, 5)["Status"] == "PENDING_VALIDATION"
        send(dns, ident, change("UPSERT", record["Name"], "CNAME", record["Value"]))
    assert look(acm, arn, 5)["Status"] == "PENDING_VALIDATION"
    practice.door("POST", "delegate", {"domain": "example.com"})
    assert look(acm, arn, 2)["Status"] == "PENDING_VALIDATION"
    found = look(acm, arn, 1)
    assert (found["Status"], found["DomainValidationOptions"][0]["ValidationStatus"], found["KeyAlgorithm"]) == ("ISSUED", "SUCCESS", "RSA-2048")
    assert found["NotAfter"] > found["NotBefore"] and found["InUseBy"] == []


def test_dns_kept_elsewhere_counts_as_well(acm, practice):
    issue(practice, acm, "example.com")


def test_a_token_gives_the_same_certificate_again(acm, refused):
    first = request(acm, IdempotencyToken="a")
    assert request(acm, IdempotencyToken="a") == first != request(acm, IdempotencyToken="b")
    assert refused(request, acm=acm, IdempotencyToken="a-b") == "ValidationException"
    acm.delete_certificate(CertificateArn=first)
    assert request(acm, IdempotencyToken="a") != first


def test_what_must_not_be_requested(acm, refused):
    def code(*names, **more):
        return refused(request, acm=acm, names=names, **more)

    assert code("bad_name.com") == code("localhost") == "ValidationException"
    assert code(*[f"a{n}.example.com" for n in range(11)]) == "LimitExceededException"
    assert code("example.com", KeyAlgorithm="RSA_4096") == "InvalidParameterException"
    assert code("example.com", Tags=[{"Key": "aws:x", "Value": ""}]) == "InvalidTagException"
    assert refused(acm.request_certificate, DomainName="example.com") == "NotPlayed"
    assert refused(acm.describe_certificate, CertificateArn="arn:aws:acm:us-east-1:123456789012:certificate/x") == "ResourceNotFoundException"
    assert refused(acm.describe_certificate, CertificateArn="arn:aws:acm:us-east-1:nothing") == "ValidationException"


def test_lists_show_small_rsa_keys_unless_asked(acm, practice):
    rsa, ec = request(acm), request(acm, KeyAlgorithm="EC_prime256v1")
    assert [c["CertificateArn"] for c in acm.list_certificates()["CertificateSummaryList"]] == [rsa]
    asked = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]}, CertificateStatuses=["PENDING_VALIDATION"])
    assert [(c["CertificateArn"], c["DomainName"]) for c in asked["CertificateSummaryList"]] == [(ec, "example.com")]
    assert acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"] == []
    assert practice.client("acm", region="eu-west-1").list_certificates()["CertificateSummaryList"] == []


def test_tags_are_kept(acm):
    arn = request(acm, Tags=[{"Key": "a", "Value": "1"}])
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a"}, {"Key": "b", "Value": "other"}])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_the_authority_can_refuse(acm, practice):
    arn = request(acm)
    practice.door("POST", "certificate", {"arn": arn, "fail": "CAA_ERROR"})
    found = look(acm, arn, 1)
    assert (found["Status"], found["FailureReason"]) == ("FAILED", "CAA_ERROR")
    shown = practice.door("GET", "account")["certificates"]["example.com"][0]
    assert (shown["status"], shown["arn"]) == ("FAILED", "arn:aws:acm:us-east-1:123456789012:certificate/<certificate 1>")
