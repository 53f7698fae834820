"""EC2's route tables and network ACLs, played. Source: EC2 API reference; VPC user guide, Configure route tables."""

import ipaddress

from ..wire.errors import AwsError
from .ec2_common import Thing, choose, combination, dependency, get, invalid, missing, new_id, not_played, page, tags_at_creation
from .ec2_gateways import InternetGateway
from .ec2_ipv6 import EgressGateway, ipv6_network
from .ec2_vpc import Subnet, Vpc

_TARGETS = {
    "GatewayId", "NatGatewayId", "VpcEndpointId", "EgressOnlyInternetGatewayId", "InstanceId", "TransitGatewayId",
    "LocalGatewayId", "CarrierGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId", "CoreNetworkArn", "OdbNetworkArn",
}


class Association:
    """A table used by a subnet, or as the VPC's main one (`subnet` is None)."""

    def __init__(self, subnet=None):
        self.id, self.subnet = new_id("rtbassoc"), subnet

    def shown(self, table):
        out = {
            "RouteTableAssociationId": self.id, "RouteTableId": table.id, "Main": self.subnet is None,
            "AssociationState": {"State": "associated"},
        }
        return {**out, "SubnetId": self.subnet.id} if self.subnet else out


class Table(Thing):
    """One route table; `routes` are targets by destination, without the local one and those of endpoints."""

    TYPE, PREFIX, NOUN = "route-table", "rtb", "routeTable ID"
    ABSENT, MALFORMED = "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed"

    def __init__(self, region, vpc, tags=None):
        super().__init__(tags)
        self.region, self.vpc, self.routes, self.associations = region, vpc, {}, {}

    @property
    def main(self):
        return any(a.subnet is None for a in self.associations.values())

    def state(self, target):
        """A route whose target is gone is a black hole."""
        gateway = self.region.gateways.get(target)
        nat = self.region.nats.get(target)
        egress = self.region.egress_gateways.get(target)
        alive = egress or (gateway and gateway.vpc is self.vpc) or (nat and nat.state in ("pending", "available"))
        return "active" if alive else "blackhole"

    def shown_routes(self):
        yield {"DestinationCidrBlock": self.vpc.cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        if self.vpc.ipv6:
            yield {"DestinationIpv6CidrBlock": self.vpc.ipv6.cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
        for destination, (member, target) in self.routes.items():
            yield {_member(destination): destination, member: target, "Origin": "CreateRoute", "State": self.state(target)}
        for each in self.region.endpoints.values():
            if self in each.tables:
                yield {
                    "DestinationPrefixListId": each.prefix_list.id, "GatewayId": each.id, "Origin": "CreateRoute",
                    "State": "active",
                }

    def facts(self):
        routes, used = list(self.shown_routes()), list(self.associations.values())
        return {
            "route-table-id": self.id, "vpc-id": self.vpc.id, "owner-id": self.region.account.id,
            "association.main": self.main, "association.route-table-association-id": [a.id for a in used],
            "association.route-table-id": self.id if used else None,
            "association.subnet-id": [a.subnet.id for a in used if a.subnet],
            "route.destination-cidr-block": [r.get("DestinationCidrBlock") for r in routes],
            "route.destination-ipv6-cidr-block": [r.get("DestinationIpv6CidrBlock") for r in routes],
            "route.egress-only-internet-gateway-id": [r.get("EgressOnlyInternetGatewayId") for r in routes],
            "route.destination-prefix-list-id": [r.get("DestinationPrefixListId") for r in routes],
            "route.gateway-id": [r.get("GatewayId") for r in routes],
            "route.nat-gateway-id": [r.get("NatGatewayId") for r in routes],
            "route.origin": [r["Origin"] for r in routes], "route.state": [r["State"] for r in routes],
        }

    def shown(self):
        return {
            "RouteTableId": self.id, "VpcId": self.vpc.id, "OwnerId": self.region.account.id, "PropagatingVgws": [],
            "Routes": list(self.shown_routes()), "Associations": [a.shown(self) for a in self.associations.values()],
            "Tags": self.shown_tags(),
        }


def _member(destination):
    return "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"


class Acl(Thing):
    """A VPC's default network ACL, which lets everything through."""

    TYPE, PREFIX, NOUN = "network-acl", "acl", "networkAcl ID"
    ABSENT, MALFORMED = "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed"

    def __init__(self, region, vpc):
        super().__init__()
        self.region, self.vpc = region, vpc

    def subnets(self):
        return [s for s in self.region.subnets.values() if s.vpc is self.vpc]

    def facts(self):
        return {
            "network-acl-id": self.id, "vpc-id": self.vpc.id, "default": True, "owner-id": self.region.account.id,
            "association.subnet-id": [s.id for s in self.subnets()], "association.network-acl-id": self.id,
            "association.association-id": [s.acl_association for s in self.subnets()],
        }

    def shown(self):
        entries = [
            {"CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number}
            for egress in (True, False) for number, action in ((100, "allow"), (32767, "deny"))
        ]
        return {
            "NetworkAclId": self.id, "VpcId": self.vpc.id, "IsDefault": True, "OwnerId": self.region.account.id,
            "Entries": entries, "Tags": self.shown_tags(),
            "Associations": [
                {"NetworkAclAssociationId": s.acl_association, "NetworkAclId": self.id, "SubnetId": s.id} for s in self.subnets()
            ],
        }


class Routes:
    """Mixed into `Region`."""

    def make_main_table(self, vpc):
        """The table that a VPC is born with."""
        table = Table(self, vpc)
        self.tables[table.id] = table
        self._use(table, None)
        return table

    def make_default_acl(self, vpc):
        """The network ACL that a VPC is born with."""
        acl = Acl(self, vpc)
        self.acls[acl.id] = acl

    def forget_subnet(self, subnet):
        """A subnet is gone, and its association with it."""
        for table in self.tables.values():
            table.associations = {i: a for i, a in table.associations.items() if a.subnet is not subnet}

    def CreateRouteTable(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        again = self.tokens.same(p, "CreateRouteTable", self.tables)
        if again:
            return {"RouteTable": self.tables[again].shown(), "ClientToken": p["ClientToken"]}
        table = Table(self, vpc, tags_at_creation(p, "route-table"))
        self.tables[table.id] = table
        self.tokens.remember(p, "CreateRouteTable", table.id)
        return {"RouteTable": table.shown(), "ClientToken": p.get("ClientToken")}

    def DescribeRouteTables(self, p):
        return page(p, "RouteTables", [t.shown() for t in choose(self.tables, Table, p, p.get("RouteTableIds"))], most=100)

    def DeleteRouteTable(self, p):
        table = get(self.tables, Table, p["RouteTableId"])
        if table.associations:
            raise dependency(f"The routeTable '{table.id}' has dependencies and cannot be deleted.")
        del self.tables[table.id]
        for each in self.endpoints.values():
            each.tables = [t for t in each.tables if t is not table]
        return {}

    # -- associations ------------------------------------------------------------------------------------------

    def _use(self, table, subnet):
        made = Association(subnet)
        table.associations[made.id] = made
        return made

    def _association(self, ident):
        for table in self.tables.values():
            if ident in table.associations:
                return table, table.associations[ident]
        raise AwsError("InvalidAssociationID.NotFound", f"The association ID '{ident}' does not exist", 400)

    def AssociateRouteTable(self, p):
        table = get(self.tables, Table, p["RouteTableId"])
        if p.get("GatewayId") or p.get("PublicIpv4Pool"):
            raise not_played("AssociateRouteTable with anything but a subnet")
        if not p.get("SubnetId"):
            raise missing("subnetId")
        subnet = get(self.subnets, Subnet, p["SubnetId"])
        if subnet.vpc is not table.vpc:
            raise invalid(f"Route table {table.id} and network {subnet.id} belong to different networks")
        for other in self.tables.values():
            for each in other.associations.values():
                if each.subnet is subnet and other is not table:
                    raise AwsError(
                        "Resource.AlreadyAssociated",
                        f"the specified association for route table {table.id} conflicts with an existing association", 400,
                    )
                if each.subnet is subnet:
                    return {"AssociationId": each.id, "AssociationState": {"State": "associated"}}
        return {"AssociationId": self._use(table, subnet).id, "AssociationState": {"State": "associated"}}

    def DisassociateRouteTable(self, p):
        table, found = self._association(p["AssociationId"])
        if found.subnet is None:
            raise invalid(f"cannot disassociate the main route table association {found.id}")
        del table.associations[found.id]
        return {}

    def ReplaceRouteTableAssociation(self, p):
        old, found = self._association(p["AssociationId"])
        table = get(self.tables, Table, p["RouteTableId"])
        if table.vpc is not old.vpc:
            raise invalid(f"Route table {table.id} and {old.id} belong to different networks")
        del old.associations[found.id]
        return {"NewAssociationId": self._use(table, found.subnet).id, "AssociationState": {"State": "associated"}}

    # -- routes ------------------------------------------------------------------------------------------------

    def _destination(self, p):
        if p.get("DestinationPrefixListId"):
            raise not_played("routes with DestinationPrefixListId")
        text = p.get("DestinationCidrBlock")
        if text and p.get("DestinationIpv6CidrBlock"):
            raise combination("The request must contain exactly one destination of the route")
        if p.get("DestinationIpv6CidrBlock"):
            return str(ipv6_network(p["DestinationIpv6CidrBlock"], "destinationIpv6CidrBlock"))
        if not text:
            raise missing("destinationCidrBlock")
        try:
            return str(ipaddress.IPv4Network(text, strict=False))
        except ValueError as error:
            raise invalid(f"Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.") from error

    def _target(self, p, table, destination):
        given = [name for name in _TARGETS if p.get(name)]
        if len(given) != 1:
            raise combination("The request must contain exactly one target of the route") if given else missing("gatewayId")
        if given[0] not in ("GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId"):
            raise not_played(f"routes with {given[0]}")
        wanted = ipaddress.ip_network(destination)
        own = [ipaddress.ip_network(b) for b in (table.vpc.cidr, table.vpc.ipv6 and table.vpc.ipv6.cidr) if b]
        if any(wanted.version == vpc.version and wanted.subnet_of(vpc) for vpc in own):
            raise invalid(
                f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR blocks. "
                "This route can target only an interface or an instance."
            )
        target = p[given[0]]
        if given[0] == "EgressOnlyInternetGatewayId":
            return given[0], self._egress_target(table, wanted, target)
        if given[0] == "NatGatewayId":
            found = self.nats.get(target)
            if found is None or found.state in ("deleting", "deleted", "failed"):
                raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{target}' does not exist", 400)
            return given[0], found.id
        if not target.startswith("igw-"):
            raise not_played(f"routes to {target}")
        found = get(self.gateways, InternetGateway, target)
        if found.vpc is not table.vpc:
            raise invalid(f"route table {table.id} and network gateway {found.id} belong to different networks")
        return given[0], found.id

    def _egress_target(self, table, destination, target):
        found = get(self.egress_gateways, EgressGateway, target)
        if destination.version != 6:
            raise invalid(f"{found.id} can be the target of IPv6 routes only")
        if found.vpc is not table.vpc:
            raise invalid(f"route table {table.id} and network gateway {found.id} belong to different networks")
        return found.id

    def CreateRoute(self, p):
        table = get(self.tables, Table, p["RouteTableId"])
        destination = self._destination(p)
        target = self._target(p, table, destination)
        if destination in table.routes:
            raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.", 400)
        table.routes[destination] = target
        return {"Return": True}

    def ReplaceRoute(self, p):
        table = get(self.tables, Table, p["RouteTableId"])
        destination = self._destination(p)
        target = self._target(p, table, destination)
        if destination not in table.routes:
            raise invalid(f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead.")
        table.routes[destination] = target
        return {}

    def DeleteRoute(self, p):
        table = get(self.tables, Table, p["RouteTableId"])
        destination = self._destination(p)
        if destination in (table.vpc.cidr, table.vpc.ipv6 and table.vpc.ipv6.cidr):
            raise invalid(f"cannot remove local route {destination} in route table {table.id}")
        if destination not in table.routes:
            raise AwsError("InvalidRoute.NotFound", f"no route with destination-cidr-block {destination} in route table {table.id}", 400)
        del table.routes[destination]
        return {}

    # -- what can only be read ---------------------------------------------------------------------------------

    def DescribeNetworkAcls(self, p):
        return page(p, "NetworkAcls", [a.shown() for a in choose(self.acls, Acl, p, p.get("NetworkAclIds"))])
