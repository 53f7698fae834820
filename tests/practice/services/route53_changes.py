"""Change batches of Route 53: all of a batch or nothing. Source: Route 53 API reference, ChangeResourceRecordSets;
the messages are those that clients report.
"""

import copy

from ..wire.errors import AwsError
from . import route53_names as names

CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The zone of every distribution's name. Source: API reference, AliasTarget."""

_ROUTING = ("SetIdentifier", "Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "HealthCheckId", "CidrRoutingConfig", "GeoProximityLocation", "TrafficPolicyInstanceId")
_RECORDS, _CHARACTERS, _SETS, _VALUES = 1000, 32000, 10000, 400


def apply(zone, changes, account):
    """The zone's records after the changes; AwsError `InvalidChangeBatch` with every complaint."""
    wanted = [(each["Action"], read(each["ResourceRecordSet"])) for each in changes]
    _check_size(wanted)
    records, complaints = dict(zone.records), list(_repeated(wanted))
    for action, record in wanted:
        complaint = _outside(zone, record) or next(_wrong_values(record), None) or _wrong_alias(zone, action, record, account)
        complaint = complaint or _one(records, action, record)
        if complaint:
            complaints.append(complaint)
    complaints = complaints or list(_conflicts(zone, records, wanted)) or list(_lost_targets(zone, records, wanted))
    if complaints:
        raise refused(complaints)
    return records


def refused(complaints):
    """The refusal of a batch: the complaints as a list in brackets."""
    return AwsError("InvalidChangeBatch", f"[{', '.join(complaints)}]", 400)


def read(given):
    """A record set as it is kept; AwsError `InvalidInput` when it is none."""
    if any(given.get(name) is not None for name in _ROUTING):
        raise AwsError("NotPlayed", "the practice account plays simple routing only", 501)
    record = copy.deepcopy(given)
    record["Name"] = names.canonical(given["Name"])
    alias, values = record.get("AliasTarget"), record.get("ResourceRecords")
    plain = values and record.get("TTL") is not None
    if bool(alias) == bool(plain) or (alias and (values or record.get("TTL") is not None)):
        found = "more than one" if alias else "none"
        raise AwsError(
            "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found {found} in Change with [Name={record['Name']}, Type={record['Type']}, SetIdentifier=null]",
            400,
        )
    if alias:
        alias["DNSName"] = names.canonical(alias["DNSName"])
        alias["HostedZoneId"] = alias["HostedZoneId"].rpartition("/")[2]
    return record


def _check_size(wanted):
    # An UPSERT counts twice. Source: Route 53 guide, quotas of ChangeResourceRecordSets.
    count = characters = 0
    for action, record in wanted:
        values = [each["Value"] for each in record.get("ResourceRecords") or []]
        times = 2 if action == "UPSERT" else 1
        count += times * max(1, len(values))
        characters += times * sum(len(value) for value in values)
    if count > _RECORDS:
        raise refused([f"Number of records limit of {_RECORDS} exceeded."])
    if characters > _CHARACTERS:
        raise refused([f"Number of characters limit of {_CHARACTERS} exceeded."])


def _repeated(wanted):
    seen = {}
    for action, record in wanted:
        seen.setdefault((record["Name"], record["Type"]), []).append(action)
    for (name, kind), actions in seen.items():
        if len(actions) > 1 and actions not in (["DELETE", "CREATE"], ["DELETE", "UPSERT"]):
            yield f"The request contains an invalid set of changes for a resource record set '{kind} {names.escaped(name)}'"


def _outside(zone, record):
    if not names.within(record["Name"], zone.name) or not names.valid(record["Name"]):
        return f"RRSet with DNS name {names.escaped(record['Name'])} is not permitted in zone {zone.name}"
    return None


def _wrong_values(record):
    values = [each["Value"] for each in record.get("ResourceRecords") or []]
    if len(values) > _VALUES:
        yield f"Number of values limit of {_VALUES} exceeded in '{record['Type']} {names.escaped(record['Name'])}'"
    for value in values:
        complaint = names.wrong_value(record["Type"], value)
        if complaint:
            yield complaint
    for value in {value for value in values if values.count(value) > 1}:
        yield f"Duplicate Resource Record: '{value}'"
    if record["Type"] == "CNAME" and len(values) > 1:
        yield f"RRSet of type CNAME with DNS name {names.escaped(record['Name'])} can have only one value"


def _wrong_alias(zone, action, record, account):
    alias = record.get("AliasTarget")
    if not alias or action == "DELETE":
        return None
    target, of = alias["DNSName"], alias["HostedZoneId"]
    start = f"Tried to create an alias that targets {target}, type {record['Type']} in zone {of}, but "
    if of == zone.id:
        return None if names.within(target, zone.name) else start + "the alias target name does not lie within the target zone"
    if of != CLOUDFRONT_ZONE:
        raise AwsError("NotPlayed", f"the practice account plays aliases to CloudFront and within a zone, not to zone {of}", 501)
    if not target.endswith(".cloudfront.net."):
        return start + "the alias target name does not lie within the target zone"
    # HTTPS: only when the distribution speaks HTTP/2 or HTTP/3, which every one does here.
    if record["Type"] not in ("A", "AAAA", "HTTPS") or all(d.domain + "." != target for d in account.cloudfront.distributions.values()):
        return start + "that target was not found"
    if alias.get("EvaluateTargetHealth"):
        return f"EvaluateTargetHealth cannot be set to true when the alias target is a CloudFront distribution: {target}"
    return None


def _one(records, action, record):
    key = (record["Name"], record["Type"])
    named = f"[name='{names.escaped(record['Name'])}', type='{record['Type']}']"
    if action == "DELETE":
        if key not in records:
            return f"Tried to delete resource record set {named} but it was not found"
        if not same(records[key], record):
            return f"Tried to delete resource record set {named} but the values provided do not match the current values"
        del records[key]
        return None
    if action == "CREATE" and key in records:
        return f"Tried to create resource record set {named} but it already exists"
    records[key] = record
    return None


def same(one, other):
    """Whether two record sets say the same, in whatever order."""
    def plain(record):
        alias = record.get("AliasTarget")
        return record.get("TTL"), sorted(v["Value"] for v in record.get("ResourceRecords") or []), alias

    return plain(one) == plain(other)


def _conflicts(zone, records, wanted):
    if len(records) > _SETS:
        yield f"Number of resource record sets limit of {_SETS} exceeded in zone {zone.name}"
    for kind in ("NS", "SOA"):
        if (zone.name, kind) not in records:
            yield f"A HostedZone must contain {'at least one NS' if kind == 'NS' else 'exactly one SOA'} record for the zone itself."
    for action, record in wanted:
        name, kind = record["Name"], record["Type"]
        if action == "DELETE" or (name, "CNAME") not in records:
            continue
        others = [k for n, k in records if n == name and k != "CNAME"]
        shown = names.escaped(name)
        if name == zone.name:
            yield f"RRSet of type CNAME with DNS name {shown} is not permitted at apex in zone {zone.name}"
        elif kind == "CNAME" and others:
            yield f"RRSet of type CNAME with DNS name {shown} is not permitted as it conflicts with other records with the same DNS name in zone {zone.name}"
        elif kind != "CNAME":
            # Two spaces, as Route 53 writes it.
            yield f"RRSet of type {kind} with DNS name {shown} is not permitted because a conflicting RRSet of type  CNAME with the same DNS name already exists in zone {zone.name}"


def _lost_targets(zone, records, wanted):
    for action, record in wanted:
        alias = record.get("AliasTarget")
        if action == "DELETE" or not alias or alias["HostedZoneId"] != zone.id:
            continue
        if (alias["DNSName"], record["Type"]) not in records:
            yield f"Tried to create an alias that targets {alias['DNSName']}, type {record['Type']} in zone {zone.id}, but that target was not found"
