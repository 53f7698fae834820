"""What the world sees of the account's zones: only what a registrar, or a zone above, points at.

A zone that was made through the API is not delegated until a door says so; a domain that is kept elsewhere answers
what a door was told.
"""

from ..wire.errors import AwsError
from . import route53_changes as changes
from . import route53_names as names


class Dns:
    """Mixed into `Route53`."""

    def resolve(self, name, kind):
        """The values that a public question gets, in no order; of an alias the name that it points at.

        Nothing is followed. The most specific delegated zone answers; a wildcard only for names that have no record.
        """
        name = names.canonical(name)
        found = set(self.outside.get((name, kind), ()))
        zone = self._authority(name)
        record = zone.records.get((name, kind)) if zone else None
        if zone and record is None and not any(each == name for each, _ in zone.records):
            record = zone.records.get(("*." + name.partition(".")[2], kind))
        if record:
            alias = record.get("AliasTarget")
            found |= {alias["DNSName"]} if alias else {each["Value"] for each in record["ResourceRecords"]}
        return sorted(found)

    def _authority(self, name):
        zones = [z for z in self.zones.values() if names.within(name, z.name) and self._delegated(z)]
        return max(zones, key=lambda z: len(z.name), default=None)

    def _delegated(self, zone):
        """By the registrar, or by NS records in a zone above that is delegated itself."""
        if zone.delegated:
            return True
        servers = {server + "." for server in zone.servers}
        for above in self.zones.values():
            record = above.records.get((zone.name, "NS")) if above.name != zone.name else None
            at = {names.canonical(each["Value"]) for each in (record or {}).get("ResourceRecords") or []}
            if at and at <= servers and self._delegated(above):
                return True
        return False

    # -- the doors ---------------------------------------------------------------------------------------------

    def delegate(self, given):
        """The registrar of a domain points at a zone of the account from now on."""
        name, ident = names.canonical(given["domain"]), (given.get("zone") or "").removeprefix("/hostedzone/")
        found = [z for z in self.zones.values() if z.name == name and ident in ("", z.id)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} zones fit {given['domain']!r}; name one with \"zone\"")
        for zone in self.zones.values():
            zone.delegated = zone is found[0] or (zone.delegated and zone.name != name)
        return {"zone": found[0].id, "domain": name, "name_servers": found[0].servers}

    def foreign(self, given):
        """A zone that was there before and is delegated: `{"name", "tags", "records"}`."""
        from .route53 import Zone

        name = names.canonical(given["name"])
        zone = Zone(name, f"practice {len(self.zones)} {name}")
        zone.tags = dict(given.get("tags") or {})
        wanted = [{"Action": "UPSERT", "ResourceRecordSet": each} for each in given.get("records") or []]
        try:
            zone.records = changes.apply(zone, wanted, self.account)
        except AwsError as refusal:
            raise ValueError(str(refusal)) from refusal
        self.zones[zone.id] = zone
        return self.delegate({"domain": name, "zone": zone.id})

    def add_outside(self, given):
        """A record of a domain that is kept elsewhere."""
        key = (names.canonical(given["name"]), given["type"])
        self.outside.setdefault(key, []).append(given["value"])
        return self.outside_shown()

    def outside_shown(self):
        """Every record that is kept elsewhere."""
        return [{"name": n, "type": t, "value": v} for (n, t), values in self.outside.items() for v in values]

    # -- the snapshot ------------------------------------------------------------------------------------------

    def _in_order(self):
        return sorted(self.zones.values(), key=lambda z: (names.order(z.name), z.comment, sorted(z.tags.items())))

    def made_up(self):
        """`(value, kind)` of what was made up, in the order of the zones' names."""
        for zone in self._in_order():
            yield zone.id, "zone"
            # In the order in which the values of their record are shown.
            for server in sorted(zone.servers):
                yield server, "name server"

    def shown(self):
        """The zones, for the snapshot: lists by name, since several zones may have one."""
        out = {}
        for zone in self._in_order():
            # The authority names a server and nothing that was chosen.
            records = {f"{n} {k}": _record(r) for (n, k), r in sorted(zone.records.items()) if (n, k) != (zone.name, "SOA")}
            out.setdefault(zone.name, []).append({"comment": zone.comment, "tags": zone.tags, "delegated": zone.delegated, "records": records})
        return out


def _record(record):
    alias = record.get("AliasTarget")
    if alias:
        return {"alias": alias}
    return {"ttl": record["TTL"], "values": sorted(each["Value"] for each in record["ResourceRecords"])}
