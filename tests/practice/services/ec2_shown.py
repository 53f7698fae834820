"""EC2's networks in the snapshot: what has tags, by the tag `Name`, and the rules of the default VPC's group."""

import re

_OUT = [(True, "-1", -1, -1, "cidr", "0.0.0.0/0")]
_UNIQUE = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The dictionaries of a region that are shown, with what their ids are called.
_KINDS = {
    "vpcs": "vpc", "subnets": "subnet", "tables": "route table", "groups": "security group", "gateways": "internet gateway",
    "addresses": "address", "nats": "nat gateway", "endpoints": "endpoint",
    "egress_gateways": "egress-only gateway", "flow_logs": "flow log",
}


def _label(each):
    """What a thing is found by: its name, its VPC's, and what the publisher chose of it."""
    vpc = getattr(each, "vpc", None) or getattr(getattr(each, "subnet", None), "vpc", None)
    chosen = str(getattr(each, "cidr", "") or getattr(each, "service", "") or getattr(each, "name", ""))
    return (vpc.label if vpc else "", each.label, chosen, sorted(each.tags.items()))


def _born(each):
    """Whether a thing came with a tagged VPC: its group, its main table."""
    main = getattr(each, "name", "") == "default" or getattr(each, "main", False)
    return main and bool(each.vpc.tags)


def _things(region, name):
    """What is shown of one kind, in order."""
    found = [e for e in getattr(region, name).values() if e.tags or (name in ("groups", "tables") and _born(e))]
    return sorted((e for e in found if getattr(e, "state", "") not in ("deleting", "deleted", "failed")), key=_label)


def made_up(ec2):
    """`(value, kind)` of every id."""
    for _, region in sorted(ec2.regions.items()):
        for name, kind in _KINDS.items():
            for each in _things(region, name):
                yield each.id, kind
                if getattr(each, "ipv6", None):
                    yield each.ipv6.cidr, f"{kind} ipv6"
                if name == "addresses":
                    yield each.address, "public address"
        for each in region.prefix_lists.values():
            yield each.id, "prefix list"
        if _things(region, "vpcs") or _changed(region):
            yield region.default_vpc.id, "default vpc"
            yield _default_group(region).id, "default group"


def _default_group(region):
    return next(g for g in region.groups.values() if g.vpc is region.default_vpc and g.name == "default")


def _changed(region):
    """Whether somebody has touched the rules of the default VPC's group, which no publisher may."""
    group = _default_group(region)
    born = [*_OUT, (False, "-1", -1, -1, "group", group.id)]
    return sorted(r.key for r in group.rules.values()) != sorted(born)


def shown(ec2):
    """The document, by region."""
    out = {}
    for name, region in sorted(ec2.regions.items()):
        document = {kind: _listed(region, kind) for kind in _KINDS}
        if any(document.values()) or _changed(region):
            document["interfaces"] = sorted((_interface(i) for i in _kept(region)), key=str)
            document["default"] = _rules(_default_group(region))
            out[name] = document
    return out


def _listed(region, kind):
    """Lists by name: several may have one, and a publisher must not make one twice."""
    out = {}
    for each in _things(region, kind):
        born = {"groups": "default", "tables": "main"}.get(kind)
        label = each.label or (f"{each.vpc.label} {born}" if born else "-")
        out.setdefault(label, []).append({"id": each.id, "tags": each.tags, **globals()[f"_{kind}"](each)})
    return out


def _vpcs(each):
    return {"cidr": each.cidr, "ipv6": each.ipv6 and each.ipv6.cidr, "attributes": each.attributes}


def _subnets(each):
    return {
        "vpc": each.vpc.id, "cidr": each.cidr, "zone": each.zone["ZoneName"], "public": each.public,
        "ipv6": each.ipv6 and each.ipv6.cidr, "gives_ipv6": each.gives_ipv6,
    }


def _tables(each):
    routes = [{k: v for k, v in route.items() if k != "Origin"} for route in each.shown_routes()]
    return {
        "vpc": each.vpc.id, "main": each.main, "routes": sorted(routes, key=_route),
        "subnets": sorted((a.subnet.id for a in each.associations.values() if a.subnet), key=_by_label(each.region.subnets)),
    }


def _route(route):
    # Not by ids, which are random.
    own = route.get("GatewayId") == "local"
    return route.get("DestinationCidrBlock", ""), "" if own else route.get("DestinationIpv6CidrBlock", ""), str(route.get("DestinationPrefixListId", ""))


def _by_label(things):
    return lambda ident: _label(things[ident])


def _rules(group):
    def row(rule):
        peer = group.region.groups.get(rule.peer)
        order = (rule.egress, rule.protocol, rule.first, rule.last, rule.kind, str(_label(peer)) if peer else rule.peer)
        return order, {
            "egress": rule.egress, "protocol": rule.protocol, "from": rule.first, "to": rule.last, "peer": rule.peer,
            "description": rule.description, "tags": rule.tags,
        }

    return [shown for _, shown in sorted((row(r) for r in group.rules.values()), key=lambda pair: pair[0])]


def _groups(each):
    return {"vpc": each.vpc.id, "name": each.name, "description": each.description, "rules": _rules(each)}


def _egress_gateways(each):
    return {"vpc": each.vpc.id}


def _flow_logs(each):
    return {"resource": each.resource, **each.settings}


def _gateways(each):
    return {"vpc": each.vpc.id if each.vpc else None}


def _addresses(each):
    return {"address": each.address, "user": each.user.id if each.user else None}


def _nats(each):
    return {"subnet": each.subnet.id, "state": each.state, "address": each.address.id if each.address else None}


def _endpoints(each):
    return {
        "vpc": each.vpc.id, "service": each.service_name, "type": each.kind, "state": each.state, "private_dns": each.private,
        "policy": each.policy, "tables": [t.id for t in sorted(each.tables, key=_label)],
        "subnets": [s.id for s in sorted(each.subnets, key=_label)], "groups": [g.id for g in sorted(each.groups, key=_label)],
    }


def _kept(region):
    """The interfaces that nobody is letting go of."""
    return [i for i in region.interfaces.values() if i.hold and not i.hold.leaving or i.status == "available"]


def _interface(each):
    return {
        "description": _UNIQUE.sub("-<unique>", each.description), "status": each.status, "subnet": each.subnet.label,
        "groups": sorted(g.label or g.name for g in each.groups),
    }
