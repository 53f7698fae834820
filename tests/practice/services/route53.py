"""Route 53, played. Source: Route 53 API reference; the delegation is in `route53_dns.py`, batches in
`route53_changes.py`.
"""

import secrets
from datetime import datetime, timezone

from .. import ids
from ..clock import Wait
from ..wire import constraints
from ..wire.errors import AwsError
from . import route53_changes as changes
from . import route53_names as names
from .route53_dns import Dns


class Zone:
    """One hosted zone; `records` by name and type, each as Route 53 shows it but for the escapes in its name."""

    def __init__(self, name, reference, comment=""):
        self.id, self.name, self.reference, self.comment = "Z" + ids.cloudfront(), name, reference, comment
        self.tags, self.delegated = {}, False
        self.servers = _servers()
        at = [{"Value": server + "."} for server in self.servers]
        authority = f"{self.servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        self.records = {
            (name, "NS"): {"Name": name, "Type": "NS", "TTL": 172800, "ResourceRecords": at},
            (name, "SOA"): {"Name": name, "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": authority}]},
        }

    def sorted(self):
        """The record sets in the order in which Route 53 lists them."""
        return [self.records[key] for key in sorted(self.records, key=lambda key: (names.order(key[0]), key[1]))]


def _servers():
    """Four name servers, one under each top-level domain, as every zone has them."""
    ends = (("com", 0), ("net", 512), ("org", 1024), ("co.uk", 1536))
    return [f"ns-{first + secrets.randbelow(512)}.awsdns-{secrets.randbelow(64):02d}.{end}" for end, first in ends]


class Route53(Dns):
    """The service."""

    def __init__(self, account):
        self.account, self.zones, self.changes, self.outside = account, {}, {}, {}

    def _zone(self, ident):
        ident = ident.removeprefix("/hostedzone/")
        if ident not in self.zones:
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {ident}", 404)
        return self.zones[ident]

    def _change(self, comment=""):
        ident = "C" + ids.cloudfront()
        self.changes[ident] = {"Id": f"/change/{ident}", "SubmittedAt": datetime.now(timezone.utc), "wait": Wait(self.account.pace)}
        if comment:
            self.changes[ident]["Comment"] = comment
        return _change_shown(self.changes[ident])

    def GetChange(self, call, p):
        ident = p["Id"].removeprefix("/change/")
        if ident not in self.changes:
            raise AwsError("NoSuchChange", f"Could not find resource with ID: {ident}", 404)
        return {"ChangeInfo": _change_shown(self.changes[ident], poll=True)}

    # -- zones -------------------------------------------------------------------------------------------------

    def CreateHostedZone(self, call, p):
        constraints.check(call, p, "InvalidInput")
        settings = p.get("HostedZoneConfig") or {}
        if p.get("VPC") or p.get("DelegationSetId") or settings.get("PrivateZone"):
            raise AwsError("NotPlayed", "the practice account plays public zones without reusable delegation sets", 501)
        name = names.canonical(p["Name"])
        if not names.valid(name) or "." not in name[:-1]:
            raise AwsError("InvalidDomainName", f"{p['Name']} is not a valid domain name", 400)
        if any(zone.reference == p["CallerReference"] for zone in self.zones.values()):
            raise AwsError("HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.", 409)
        if len(self.zones) >= 500:
            raise AwsError("TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones.", 400)
        zone = Zone(name, p["CallerReference"], settings.get("Comment") or "")
        self.zones[zone.id] = zone
        location = f"https://route53.amazonaws.com/2013-04-01/hostedzone/{zone.id}"
        return {**_with_servers(zone), "ChangeInfo": self._change(), "Location": location}

    def GetHostedZone(self, call, p):
        return _with_servers(self._zone(p["Id"]))

    def GetHostedZoneCount(self, call, p):
        return {"HostedZoneCount": len(self.zones)}

    def ListHostedZones(self, call, p):
        if p.get("DelegationSetId") or p.get("HostedZoneType"):
            raise AwsError("NotPlayed", "the practice account lists zones without filters", 501)
        limit, marker = _limit(p, 100), (p.get("Marker") or "").removeprefix("/hostedzone/")
        rows = sorted((z for z in self.zones.values() if z.id >= marker), key=lambda z: z.id)
        out = {"HostedZones": [_zone_shown(z) for z in rows[:limit]], "IsTruncated": len(rows) > limit, "MaxItems": str(limit)}
        out["Marker"] = marker
        if len(rows) > limit:
            out["NextMarker"] = rows[limit].id
        return out

    def ListHostedZonesByName(self, call, p):
        """From a name on, which need not be there: the next zones come too, in the order of reversed labels."""
        limit, given, ident = _limit(p, 100), p.get("DNSName"), (p.get("HostedZoneId") or "").removeprefix("/hostedzone/")
        if ident and not given:
            raise AwsError("InvalidInput", "The request is not valid: a hosted zone ID needs a DNS name.", 400)
        start = (names.order(names.canonical(given)), ident) if given else ("", "")
        rows = sorted((names.order(z.name), z.id) for z in self.zones.values())
        rows = [self.zones[each] for order, each in rows if (order, each) >= start]
        out = {"HostedZones": [_zone_shown(z) for z in rows[:limit]], "IsTruncated": len(rows) > limit, "MaxItems": str(limit)}
        if given:
            out["DNSName"] = names.escaped(names.canonical(given))
        if ident:
            out["HostedZoneId"] = ident
        if len(rows) > limit:
            out.update(NextDNSName=names.escaped(rows[limit].name), NextHostedZoneId=rows[limit].id)
        return out

    def UpdateHostedZoneComment(self, call, p):
        constraints.check(call, {**p, "Id": p["Id"].removeprefix("/hostedzone/")}, "InvalidInput")
        zone = self._zone(p["Id"])
        zone.comment = p.get("Comment") or ""
        return {"HostedZone": _zone_shown(zone)}

    def DeleteHostedZone(self, call, p):
        zone = self._zone(p["Id"])
        if set(zone.records) != {(zone.name, "NS"), (zone.name, "SOA")}:
            raise AwsError("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.", 400)
        del self.zones[zone.id]
        return {"ChangeInfo": self._change()}

    # -- records -----------------------------------------------------------------------------------------------

    def ChangeResourceRecordSets(self, call, p):
        zone, batch = self._zone(p["HostedZoneId"]), p.get("ChangeBatch") or {}
        constraints.check(call, {**p, "HostedZoneId": zone.id}, "InvalidInput")
        zone.records = changes.apply(zone, batch["Changes"], self.account)
        return {"ChangeInfo": self._change(batch.get("Comment"))}

    def ListResourceRecordSets(self, call, p):
        zone, limit, name = self._zone(p["HostedZoneId"]), _limit(p, 300), p.get("StartRecordName")
        if p.get("StartRecordType") and not name:
            raise AwsError("InvalidInput", "The request is not valid: a record type needs a record name.", 400)
        start = (names.order(names.canonical(name)), p.get("StartRecordType") or "") if name else ("", "")
        rows = [r for r in zone.sorted() if (names.order(r["Name"]), r["Type"]) >= start]
        out = {"ResourceRecordSets": [record_shown(r) for r in rows[:limit]], "IsTruncated": len(rows) > limit, "MaxItems": str(limit)}
        if len(rows) > limit:
            out.update(NextRecordName=names.escaped(rows[limit]["Name"]), NextRecordType=rows[limit]["Type"])
        return out

    def ListQueryLoggingConfigs(self, call, p):
        # None can be made here.
        if p.get("HostedZoneId"):
            self._zone(p["HostedZoneId"])
        return {"QueryLoggingConfigs": []}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tagged(self, call, p):
        constraints.check(call, p, "InvalidInput")
        if p["ResourceType"] != "hostedzone":
            raise AwsError("NoSuchHealthCheck", f"A health check with id {p['ResourceId']} does not exist.", 404)
        # Here, unlike elsewhere, an id with its prefix is no id: clients do not take it off for this operation.
        if p["ResourceId"] not in self.zones:
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {p['ResourceId']}", 404)
        return self.zones[p["ResourceId"]]

    def ListTagsForResource(self, call, p):
        zone = self._tagged(call, p)
        tags = [{"Key": k, "Value": v} for k, v in zone.tags.items()]
        return {"ResourceTagSet": {"ResourceType": "hostedzone", "ResourceId": zone.id, "Tags": tags}}

    def ChangeTagsForResource(self, call, p):
        zone = self._tagged(call, p)
        if not p.get("AddTags") and not p.get("RemoveTagKeys"):
            raise AwsError("InvalidInput", "The request must add or remove a tag.", 400)
        tags = {k: v for k, v in zone.tags.items() if k not in (p.get("RemoveTagKeys") or [])}
        for each in p.get("AddTags") or []:
            if not each.get("Key") or each["Key"].lower().startswith("aws:"):
                raise AwsError("InvalidInput", f"The tag key is not valid: {each.get('Key')}", 400)
            tags[each["Key"]] = each.get("Value") or ""
        if len(tags) > 10:
            raise AwsError("InvalidInput", "A hosted zone can have 10 tags.", 400)
        zone.tags = tags
        return {}


def _limit(p, most):
    text = p.get("MaxItems") or str(most)
    if not text.isdigit() or int(text) < 1:
        raise AwsError("InvalidInput", f"MaxItems is not valid: {text}", 400)
    return min(int(text), most)


def _change_shown(change, poll=False):
    over = change["wait"].poll() if poll else change["wait"].over()
    return {"Status": "INSYNC" if over else "PENDING", **{k: v for k, v in change.items() if k != "wait"}}


def _zone_shown(zone):
    settings = {"PrivateZone": False, **({"Comment": zone.comment} if zone.comment else {})}
    return {
        "Id": f"/hostedzone/{zone.id}", "Name": names.escaped(zone.name), "CallerReference": zone.reference,
        "Config": settings, "ResourceRecordSetCount": len(zone.records),
    }


def _with_servers(zone):
    return {"HostedZone": _zone_shown(zone), "DelegationSet": {"NameServers": zone.servers}}


def record_shown(record):
    """A record set as Route 53 gives it back."""
    return {**record, "Name": names.escaped(record["Name"])}
