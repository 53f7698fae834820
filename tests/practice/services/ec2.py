"""EC2's network, played: VPCs and what is in them, by region. Source: EC2 API reference; VPC user guide.

What another service puts into subnets is held by `Ec2.hold`.
"""

from ..wire.errors import AwsError
from . import ec2_shown
from .ec2_common import Thing, Tokens, check, choose, get, invalid, page, tagged
from .ec2_endpoints import Endpoint, Endpoints
from .ec2_flow_logs import FlowLog, FlowLogs
from .ec2_gateways import Address, Gateways, InternetGateway, NatGateway
from .ec2_groups import Group, Groups
from .ec2_absent import Absent
from .ec2_interfaces import Interface, Interfaces
from .ec2_ipv6 import EgressGateway, Ipv6
from .ec2_routes import Acl, Routes, Table
from .ec2_rules import Rule
from .ec2_vpc import Subnet, Vpc, Vpcs

_DEFAULT = "172.31.0.0/16"
"""Of a default VPC. Source: VPC user guide, Default VPCs."""


class Zone(Thing):
    """An Availability Zone, for filters."""

    def __init__(self, region, zone):
        super().__init__()
        self.zone, self.region = zone, region

    def facts(self):
        return {
            "zone-name": self.zone["ZoneName"], "zone-id": self.zone["ZoneId"], "zone-type": "availability-zone",
            "state": "available", "region-name": self.region, "opt-in-status": "opt-in-not-required",
            "group-name": self.zone["GroupName"], "message": None, "parent-zone-id": None, "parent-zone-name": None,
        }


class Region(Vpcs, Groups, Routes, Endpoints, Gateways, Interfaces, Ipv6, FlowLogs, Absent):
    """EC2 in one region: its operations, and its things by their ids."""

    def __init__(self, account, name):
        self.account, self.name = account, name
        self.vpcs, self.subnets, self.tables, self.acls, self.groups = {}, {}, {}, {}, {}
        self.gateways, self.addresses, self.nats, self.endpoints, self.interfaces = {}, {}, {}, {}, {}
        self.egress_gateways, self.flow_logs = {}, {}
        self.tokens, self.next_address = Tokens(), 0
        self.zones, self.prefix_lists = _zones(name), self.make_prefix_lists()
        self.default_vpc = self._default()

    def _default(self):
        """The VPC that every region has: untagged, with public subnets. Source: VPC user guide, Default VPCs."""
        vpc = self.make_vpc(_DEFAULT, default=True)
        for n, zone in enumerate(self.zones):
            self.make_subnet(vpc, f"172.31.{16 * n}.0/20", zone, default=True)
        gateway = InternetGateway(self, vpc)
        self.gateways[gateway.id] = gateway
        next(t for t in self.tables.values() if t.vpc is vpc).routes["0.0.0.0/0"] = ("GatewayId", gateway.id)
        return vpc

    # -- one thing by its id -----------------------------------------------------------------------------------

    def vpc(self, ident):
        """A VPC; AwsError when there is none."""
        return get(self.vpcs, Vpc, ident)

    def subnet(self, ident, vpc=None):
        """A subnet, which must be in the VPC if one is given."""
        return _within(get(self.subnets, Subnet, ident), vpc)

    def group(self, ident, vpc=None):
        """A group, which must be in the VPC if one is given."""
        return _within(get(self.groups, Group, ident), vpc)

    def table(self, ident, vpc=None):
        """A route table, which must be in the VPC if one is given."""
        return _within(get(self.tables, Table, ident), vpc)

    # -- zones and tags ----------------------------------------------------------------------------------------

    def DescribeAvailabilityZones(self, p):
        zones = {z["ZoneName"]: Zone(self.name, z) for z in self.zones}
        for given, member in ((p.get("ZoneNames"), "ZoneName"), (p.get("ZoneIds"), "ZoneId")):
            for each in given or []:
                if not any(z.zone[member] == each for z in zones.values()):
                    raise invalid(f"Invalid availability zone: [{each}]")
            if given:
                zones = {n: z for n, z in zones.items() if z.zone[member] in given}
        return {"AvailabilityZones": [z.zone for z in choose(zones, Zone, p)]}

    def kinds(self):
        """Every kind of thing: a dictionary by ids, and the class."""
        rules = {r.id: r for g in self.groups.values() for r in g.rules.values()}
        return [
            (self.vpcs, Vpc), (self.subnets, Subnet), (self.tables, Table), (self.acls, Acl), (self.groups, Group), (rules, Rule),
            (self.gateways, InternetGateway), (self.addresses, Address), (self.nats, NatGateway), (self.endpoints, Endpoint),
            (self.interfaces, Interface), (self.egress_gateways, EgressGateway), (self.flow_logs, FlowLog),
        ]

    def _tagged(self, ids):
        found = []
        for ident in ids:
            kinds = [(things, kind) for things, kind in self.kinds() if ident.startswith(kind.PREFIX + "-")]
            if not kinds:
                raise AwsError("InvalidID", f"The ID '{ident}' is not valid", 400)
            found.append(get(*kinds[0], ident))
        return found

    def CreateTags(self, p):
        found = self._tagged(p["Resources"])
        made = [tagged(each.tags, p["Tags"]) for each in found]
        for each, tags in zip(found, made):
            each.tags = tags
        return {}

    def DeleteTags(self, p):
        for each in self._tagged(p["Resources"]):
            if p.get("Tags") is None:
                each.tags = {}
            for tag in p.get("Tags") or []:
                # With a value only that value is removed. Source: API reference, DeleteTags.
                if tag.get("Value") in (None, each.tags.get(tag["Key"])):
                    each.tags.pop(tag["Key"], None)
        return {}

    def DescribeTags(self, p):
        rows = {}
        for things, kind in self.kinds():
            for each in things.values():
                for key, value in each.tags.items():
                    rows[each.id, key] = _Tag(each.id, kind.TYPE, key, value)
        return page(p, "Tags", [row.shown() for row in choose(rows, _Tag, p)])


class _Tag:
    """A row of DescribeTags."""

    def __init__(self, ident, kind, key, value):
        self.id, self.kind, self.key, self.value = ident, kind, key, value
        self.tags = {key: value}

    def facts(self):
        return {"resource-id": self.id, "resource-type": self.kind, "key": self.key, "value": self.value}

    def shown(self):
        return {"ResourceId": self.id, "ResourceType": self.kind, "Key": self.key, "Value": self.value}


def _within(thing, vpc):
    if vpc is not None and thing.vpc is not vpc:
        raise AwsError("InvalidParameter", f"{thing.id} is not in the VPC {vpc.id}.", 400)
    return thing


def _zones(region):
    # use1-az1, euc1-az2, apse2-az3. Source: EC2 user guide, AZ IDs; which letter is which id differs by account.
    area, *middle, number = region.split("-")
    short = area + "".join(
        {"east": "e", "west": "w", "north": "n", "south": "s", "central": "c", "northeast": "ne", "southeast": "se",
         "northwest": "nw", "southwest": "sw"}.get(word, word) for word in middle
    ) + number
    count = 6 if region == "us-east-1" else 3
    return [
        {
            "ZoneName": f"{region}{letter}", "ZoneId": f"{short}-az{n}", "ZoneType": "availability-zone", "State": "available",
            "RegionName": region, "GroupName": f"{region}-zg-1", "NetworkBorderGroup": region, "OptInStatus": "opt-in-not-required",
            "Messages": [],
        }
        for n, letter in enumerate("abcdef"[:count], 1)
    ]


class Ec2:
    """The service: one `Region` each, made when it is first asked."""

    def __init__(self, account):
        self.account, self.regions = account, {}

    def region(self, name):
        """A region with its `vpcs`, `subnets`, `groups` and the rest, each by ids."""
        if name not in self.regions:
            self.regions[name] = Region(self.account, name)
        return self.regions[name]

    def __getattr__(self, operation):
        if not operation[:1].isupper() or not hasattr(Region, operation):
            raise AttributeError(operation)

        def perform(call, p):
            check(call, p)
            return getattr(self.region(call.region), operation)(p)

        return perform

    # -- for other services ------------------------------------------------------------------------------------

    def hold(self, group_ids, subnet_ids, description):
        """One interface in each of the subnets, in these groups; a Hold, whose `release()` takes them away.

        AwsError when a subnet or a group is not there. `release(Wait(account.pace))` lets them linger.
        """
        regions = [r for r in self.regions.values() if any(i in r.subnets for i in subnet_ids)]
        if not regions:
            raise Subnet.absent(next(iter(subnet_ids), ""))
        region = regions[0]
        groups = [region.group(ident) for ident in group_ids]
        return region.put([region.subnet(ident) for ident in subnet_ids], groups, description)

    # -- the snapshot ------------------------------------------------------------------------------------------

    def made_up(self):
        """`(value, kind)` of what was made up, in the order of names."""
        return ec2_shown.made_up(self)

    def shown(self):
        """The networks, for the snapshot."""
        return ec2_shown.shown(self)
