"""Zones, batches that are applied whole or not at all, and who is asked for a name."""

import pytest

DOMAIN = "example.com"


@pytest.fixture
def dns(practice):
    return practice.client("route53")


def zone(client, reference="one", name=DOMAIN):
    return client.create_hosted_zone(Name=name, CallerReference=reference, HostedZoneConfig={"Comment": "made"})


def change(action, name, kind, *values, ttl=300, **more):
    record = {"Name": name, "Type": kind, **more}
    if values:
        record.update(TTL=ttl, ResourceRecords=[{"Value": value} for value in values])
    return {"Action": action, "ResourceRecordSet": record}


def send(client, ident, *changes):
    return client.change_resource_record_sets(HostedZoneId=ident, ChangeBatch={"Changes": list(changes)})["ChangeInfo"]


def complaint(client, ident, *changes):
    with pytest.raises(client.exceptions.InvalidChangeBatch) as caught:
        send(client, ident, *changes)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]


def test_a_zone_has_four_name_servers_and_two_records(dns):
    made = zone(dns)
    assert made["HostedZone"]["Id"].startswith("/hostedzone/Z") and made["HostedZone"]["Name"] == "example.com."
    assert len(made["DelegationSet"]["NameServers"]) == 4 and made["HostedZone"]["ResourceRecordSetCount"] == 2
    assert dns.get_hosted_zone(Id=made["HostedZone"]["Id"])["DelegationSet"] == made["DelegationSet"]
    records = dns.list_resource_record_sets(HostedZoneId=made["HostedZone"]["Id"])["ResourceRecordSets"]
    assert [r["Type"] for r in records] == ["NS", "SOA"]
    assert dns.get_hosted_zone(Id=made["HostedZone"]["Id"])["HostedZone"]["Config"] == {"Comment": "made", "PrivateZone": False}


def test_a_caller_reference_serves_once_and_another_makes_a_second_zone(dns, refused):
    first = zone(dns)["HostedZone"]["Id"]
    assert refused(dns.create_hosted_zone, Name=DOMAIN, CallerReference="one") == "HostedZoneAlreadyExists"
    assert zone(dns, "two")["HostedZone"]["Id"] != first
    assert [z["Name"] for z in dns.list_hosted_zones()["HostedZones"]] == ["example.com."] * 2
    assert refused(dns.create_hosted_zone, Name="a b.com", CallerReference="x") == "InvalidDomainName"
    assert refused(dns.get_hosted_zone, Id="Z1") == "NoSuchHostedZone"


def test_a_change_is_pending_until_asked_about(dns, refused):
    info = zone(dns)["ChangeInfo"]
    assert info["Id"].startswith("/change/C")
    assert [dns.get_change(Id=info["Id"])["ChangeInfo"]["Status"] for _ in range(3)] == ["PENDING", "PENDING", "INSYNC"]
    assert refused(dns.get_change, Id="C1") == "NoSuchChange"


def test_zones_by_name_begin_at_the_name_and_go_on(dns):
    for n, name in enumerate(("b.com", "a.org", "www.b.com", "a.com")):
        zone(dns, str(n), name)
    listed = dns.list_hosted_zones_by_name(DNSName="absent.com", MaxItems="2")
    assert [z["Name"] for z in listed["HostedZones"]] == ["b.com.", "www.b.com."]
    assert (listed["IsTruncated"], listed["NextDNSName"], listed["DNSName"]) == (True, "a.org.", "absent.com.")
    more = dns.list_hosted_zones_by_name(DNSName=listed["NextDNSName"], HostedZoneId=listed["NextHostedZoneId"])
    assert [z["Name"] for z in more["HostedZones"]] == ["a.org."]


def test_a_batch_is_applied_whole_or_not_at_all(dns):
    ident = zone(dns)["HostedZone"]["Id"]
    text = complaint(dns, ident, change("CREATE", "good.example.com", "A", "192.0.2.1"), change("CREATE", "bad.example.com", "A", "nonsense"))
    assert text == "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with 'nonsense'']"
    assert len(dns.list_resource_record_sets(HostedZoneId=ident)["ResourceRecordSets"]) == 2


def test_what_a_batch_must_not_ask(dns):
    ident = zone(dns)["HostedZone"]["Id"]
    send(dns, ident, change("CREATE", "a.example.com", "A", "192.0.2.1"), change("CREATE", "c.example.com", "CNAME", "x.net"))
    assert "but it already exists" in complaint(dns, ident, change("CREATE", "A.example.com.", "A", "192.0.2.1"))
    assert "but it was not found" in complaint(dns, ident, change("DELETE", "b.example.com", "A", "192.0.2.1"))
    assert "do not match the current values" in complaint(dns, ident, change("DELETE", "a.example.com", "A", "192.0.2.2"))
    assert "do not match the current values" in complaint(dns, ident, change("DELETE", "a.example.com", "A", "192.0.2.1", ttl=60))
    assert "not permitted at apex" in complaint(dns, ident, change("UPSERT", "example.com", "CNAME", "x.net"))
    assert "conflicts with other records" in complaint(dns, ident, change("CREATE", "a.example.com", "CNAME", "x.net"))
    assert "a conflicting RRSet of type  CNAME" in complaint(dns, ident, change("UPSERT", "c.example.com", "TXT", '"x"'))
    assert "is not permitted in zone example.com." in complaint(dns, ident, change("UPSERT", "a.example.org", "A", "192.0.2.1"))
    assert "AAAARRDATA" in complaint(dns, ident, change("UPSERT", "d.example.com", "AAAA", "192.0.2.1"))
    assert "quotation marks" in complaint(dns, ident, change("UPSERT", "d.example.com", "TXT", "bare"))
    assert "invalid set of changes" in complaint(dns, ident, *[change("UPSERT", "d.example.com", "A", "192.0.2.1")] * 2)
    soa = dns.list_resource_record_sets(HostedZoneId=ident)["ResourceRecordSets"][1]
    assert "exactly one SOA" in complaint(dns, ident, {"Action": "DELETE", "ResourceRecordSet": soa})
    assert "Number of records limit" in complaint(dns, ident, *[change("UPSERT", f"d{n}.example.com", "A", "192.0.2.1") for n in range(501)])
    with pytest.raises(dns.exceptions.InvalidInput):
        send(dns, ident, change("UPSERT", "d.example.com", "A"))
    send(dns, ident, change("DELETE", "a.example.com", "A", "192.0.2.1"), change("CREATE", "a.example.com", "CNAME", "x.net"))


def test_aliases_point_at_distributions_with_cloudfronts_zone(dns, practice):
    import site_

    ident = zone(dns)["HostedZone"]["Id"]
    api = practice.client("apigatewayv2").create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    config = site_.distribution_config(site_.control(practice), site_.edge_function(practice)[1], api)
    domain = practice.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["DomainName"]

    def alias(target=domain, of="Z2FDTNDATAQYW2", health=False, kind="A"):
        return change("UPSERT", "example.com", kind, AliasTarget={"HostedZoneId": of, "DNSName": target, "EvaluateTargetHealth": health})

    send(dns, ident, alias(), alias(kind="AAAA"))
    shown = dns.list_resource_record_sets(HostedZoneId=ident)["ResourceRecordSets"][0]
    assert shown["AliasTarget"] == {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": domain + ".", "EvaluateTargetHealth": False}
    assert "not found" in complaint(dns, ident, alias("dnone.cloudfront.net"))
    assert "does not lie within" in complaint(dns, ident, alias("www.example.net"))
    assert "EvaluateTargetHealth" in complaint(dns, ident, alias(health=True))
    assert "not found" in complaint(dns, ident, alias(kind="TXT"))
    assert "not found" in complaint(dns, ident, alias("absent.example.com", of=ident.rpartition("/")[2]))


def test_records_come_in_the_order_of_reversed_labels_and_in_pages(dns):
    ident = zone(dns)["HostedZone"]["Id"]
    names = ["*.example.com", "b.a.example.com", "z.example.com", "a.example.com"]
    send(dns, ident, *[change("UPSERT", name, "A", "192.0.2.1") for name in names], change("UPSERT", "a.example.com", "AAAA", "2001:db8::1"))
    found, start = [], {}
    while True:
        page = dns.list_resource_record_sets(HostedZoneId=ident, MaxItems="2", **start)
        found += [(r["Name"], r["Type"]) for r in page["ResourceRecordSets"]]
        if not page["IsTruncated"]:
            break
        start = {"StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]}
    assert found[2:] == [
        ("\\052.example.com.", "A"), ("a.example.com.", "A"), ("a.example.com.", "AAAA"), ("b.a.example.com.", "A"), ("z.example.com.", "A"),
    ]


def test_a_zone_with_records_cannot_be_deleted(dns, refused):
    ident = zone(dns)["HostedZone"]["Id"]
    send(dns, ident, change("UPSERT", "a.example.com", "A", "192.0.2.1"))
    assert refused(dns.delete_hosted_zone, Id=ident) == "HostedZoneNotEmpty"
    send(dns, ident, change("DELETE", "a.example.com", "A", "192.0.2.1"))
    assert dns.delete_hosted_zone(Id=ident)["ChangeInfo"]["Status"] == "PENDING"
    assert refused(dns.delete_hosted_zone, Id=ident) == "NoSuchHostedZone"


def test_tags_take_the_bare_id(dns, refused):
    ident = zone(dns)["HostedZone"]["Id"].rpartition("/")[2]
    dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=ident, AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    dns.change_tags_for_resource(ResourceType="hostedzone", ResourceId=ident, RemoveTagKeys=["a"])
    assert dns.list_tags_for_resource(ResourceType="hostedzone", ResourceId=ident)["ResourceTagSet"]["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refused(dns.list_tags_for_resource, ResourceType="hostedzone", ResourceId="/hostedzone/" + ident) == "NoSuchHostedZone"
    dns.update_hosted_zone_comment(Id=ident, Comment="other")
    assert dns.get_hosted_zone(Id=ident)["HostedZone"]["Config"]["Comment"] == "other"


def test_the_doors_delegate_and_make_zones(dns, practice):
    first = zone(dns)["HostedZone"]["Id"]
    told = practice.door("POST", "delegate", {"domain": DOMAIN})
    assert first.endswith(told["zone"])
    record = {"Name": "old.example.org", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]}
    practice.door("POST", "zone", {"name": "example.org", "tags": {"owner": "other"}, "records": [record]})
    shown = practice.door("GET", "account")["zones"]
    assert shown["example.com."][0]["delegated"] and shown["example.org."][0]["tags"] == {"owner": "other"}
    assert shown["example.org."][0]["records"]["old.example.org. TXT"] == {"ttl": 60, "values": ['"x"']}
    assert practice.door("POST", "dns", {"name": "a.net", "type": "CNAME", "value": "b.net."}) == [{"name": "a.net.", "type": "CNAME", "value": "b.net."}]
    assert practice.door("DELETE", "dns") == []
