"""EC2's VPCs and subnets, played. Source: EC2 API reference; VPC user guide, VPC basics and Subnets for your VPC."""

import ipaddress

from ..clock import Wait
from ..wire.errors import AwsError
from .ec2_common import Thing, choose, combination, dependency, get, invalid, missing, new_id, not_played, page, tags_at_creation

VPC_LIMIT = 5
"""VPCs a region. Source: VPC user guide, Amazon VPC quotas."""

# The members of ModifyVpcAttribute, and what DescribeVpcAttribute calls them.
_ATTRIBUTES = {
    "EnableDnsSupport": "enableDnsSupport", "EnableDnsHostnames": "enableDnsHostnames",
    "EnableNetworkAddressUsageMetrics": "enableNetworkAddressUsageMetrics",
}


class Vpc(Thing):
    """One VPC; its route tables, groups and the rest know it by its id."""

    TYPE, PREFIX, NOUN, ABSENT, MALFORMED = "vpc", "vpc", "vpc ID", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed"

    def __init__(self, region, cidr, tags=None, default=False):
        super().__init__(tags)
        self.region, self.cidr, self.default = region, cidr, default
        self.association = new_id("vpc-cidr-assoc")
        self.options = new_id("dopt")
        # Of itself a VPC has no host names; the default one has. Source: VPC user guide, DNS attributes for your VPC.
        self.attributes = {
            "EnableDnsSupport": True, "EnableDnsHostnames": default, "EnableNetworkAddressUsageMetrics": False,
        }
        self.pending = Wait(region.account.pace)
        self.ipv6 = None

    @property
    def state(self):
        return "available" if self.default or self.pending.over() else "pending"

    def facts(self):
        return {
            "vpc-id": self.id, "cidr": self.cidr, "cidr-block-association.cidr-block": self.cidr, "state": self.state,
            "is-default": self.default, "isDefault": self.default, "owner-id": self.region.account.id,
            "dhcp-options-id": self.options,
        }

    def shown(self):
        return {
            "VpcId": self.id, "CidrBlock": self.cidr, "State": self.state, "IsDefault": self.default,
            "OwnerId": self.region.account.id, "DhcpOptionsId": self.options, "InstanceTenancy": "default",
            "CidrBlockAssociationSet": [
                {"AssociationId": self.association, "CidrBlock": self.cidr, "CidrBlockState": {"State": "associated"}}
            ],
            "Ipv6CidrBlockAssociationSet": [{**self.ipv6.shown(), "Ipv6Pool": "Amazon"}] if self.ipv6 else [],
            "Tags": self.shown_tags(),
        }


class Subnet(Thing):
    """One subnet."""

    TYPE, PREFIX, NOUN, ABSENT = "subnet", "subnet", "subnet ID", "InvalidSubnetID.NotFound"
    MALFORMED = "InvalidSubnetID.Malformed"

    def __init__(self, region, vpc, cidr, zone, tags=None, default=False):
        super().__init__(tags)
        self.region, self.vpc, self.cidr, self.zone, self.default = region, vpc, cidr, zone, default
        self.public, self.ipv6, self.gives_ipv6 = default, None, False
        self.acl_association = new_id("aclassoc")
        self.next_host = 4

    @property
    def arn(self):
        return f"arn:aws:ec2:{self.region.name}:{self.region.account.id}:subnet/{self.id}"

    def address(self):
        """A private address that nobody has had; the first four are AWS's own."""
        network = ipaddress.ip_network(self.cidr)
        self.next_host = self.next_host + 1 if self.next_host + 2 < network.num_addresses else 4
        return str(network[self.next_host])

    def free(self):
        """How many addresses are left."""
        taken = sum(1 for i in self.region.interfaces.values() if i.subnet is self)
        return ipaddress.ip_network(self.cidr).num_addresses - 5 - taken

    def facts(self):
        return {
            "subnet-id": self.id, "vpc-id": self.vpc.id, "cidr-block": self.cidr, "cidr": self.cidr, "cidrBlock": self.cidr,
            "state": "available", "availability-zone": self.zone["ZoneName"], "availabilityZone": self.zone["ZoneName"],
            "availability-zone-id": self.zone["ZoneId"], "default-for-az": self.default, "owner-id": self.region.account.id,
            "map-public-ip-on-launch": self.public, "subnet-arn": self.arn,
        }

    def shown(self):
        return {
            "SubnetId": self.id, "SubnetArn": self.arn, "VpcId": self.vpc.id, "CidrBlock": self.cidr, "State": "available",
            "AvailabilityZone": self.zone["ZoneName"], "AvailabilityZoneId": self.zone["ZoneId"],
            "AvailableIpAddressCount": self.free(), "DefaultForAz": self.default, "MapPublicIpOnLaunch": self.public,
            "AssignIpv6AddressOnCreation": self.gives_ipv6, "OwnerId": self.region.account.id,
            "Ipv6CidrBlockAssociationSet": [self.ipv6.shown()] if self.ipv6 else [],
            "EnableDns64": False, "Ipv6Native": False, "MapCustomerOwnedIpOnLaunch": False,
            "PrivateDnsNameOptionsOnLaunch": {
                "HostnameType": "ip-name", "EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False,
            },
            "Tags": self.shown_tags(),
        }


def block(text, name, range_code):
    """An IPv4 block of a VPC or a subnet, with host bits taken away: /16 to /28."""
    try:
        if "/" not in text:
            raise ValueError
        network = ipaddress.IPv4Network(text, strict=False)
    except ValueError as error:
        raise invalid(f"Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block.") from error
    if not 16 <= network.prefixlen <= 28:
        raise AwsError(range_code, f"The CIDR '{text}' is invalid.", 400)
    return network


class Vpcs:
    """Mixed into `Region`."""

    def CreateVpc(self, p):
        for name in ("Ipv4IpamPoolId", "Ipv6IpamPoolId", "Ipv6CidrBlock"):
            if p.get(name):
                raise not_played(f"CreateVpc with {name}")
        if not p.get("CidrBlock"):
            raise missing("cidrBlock")
        cidr = block(p["CidrBlock"], "cidrBlock", "InvalidVpc.Range")
        tags = tags_at_creation(p, "vpc")
        if len(self.vpcs) >= VPC_LIMIT:
            raise AwsError("VpcLimitExceeded", "The maximum number of VPCs has been reached.", 400)
        made = self.make_vpc(str(cidr), tags)
        if p.get("AmazonProvidedIpv6CidrBlock"):
            self.give_ipv6(made)
        return {"Vpc": made.shown()}

    def make_vpc(self, cidr, tags=None, default=False):
        """A VPC with what it is born with: a group, a main route table, a network ACL."""
        vpc = Vpc(self, cidr, tags, default)
        self.vpcs[vpc.id] = vpc
        self.make_default_group(vpc)
        self.make_main_table(vpc)
        self.make_default_acl(vpc)
        return vpc

    def DescribeVpcs(self, p):
        found = choose(self.vpcs, Vpc, p, p.get("VpcIds"))
        out = page(p, "Vpcs", [vpc.shown() for vpc in found])
        for vpc in found:
            vpc.pending.poll()
        return out

    def DeleteVpc(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        if next(self.dependants(vpc), None):
            raise dependency(f"The vpc '{vpc.id}' has dependencies and cannot be deleted.")
        del self.vpcs[vpc.id]
        self.forget_flow_logs(vpc.id)
        for things in (self.groups, self.tables, self.acls):
            for ident in [i for i, each in things.items() if each.vpc is vpc]:
                del things[ident]
        return {}

    def dependants(self, vpc):
        """What is in a VPC, other than what it is born with."""
        yield from (s for s in self.subnets.values() if s.vpc is vpc)
        yield from (g for g in self.groups.values() if g.vpc is vpc and g.name != "default")
        yield from (t for t in self.tables.values() if t.vpc is vpc and not t.main)
        yield from (g for g in [*self.gateways.values(), *self.egress_gateways.values()] if g.vpc is vpc)
        yield from (e for e in self.endpoints.values() if e.vpc is vpc)
        yield from (i for i in self.interfaces.values() if i.subnet.vpc is vpc)

    def ModifyVpcAttribute(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        given = [name for name in _ATTRIBUTES if p.get(name) is not None]
        if len(given) != 1:
            raise combination("Fields for multiple attribute types specified" if given else "No attributes specified.")
        wanted = p[given[0]].get("Value")
        if wanted is None:
            raise missing(f"{given[0]}.Value")
        if given[0] == "EnableDnsHostnames" and wanted and not vpc.attributes["EnableDnsSupport"]:
            # Source: API reference, ModifyVpcAttribute: "only ... if you've enabled DNS support".
            raise invalid("DNS hostnames can be enabled only if DNS support is enabled.")
        vpc.attributes[given[0]] = wanted
        return {}

    def DescribeVpcAttribute(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        name = p["Attribute"][:1].upper() + p["Attribute"][1:]
        return {"VpcId": vpc.id, name: {"Value": vpc.attributes[name]}}

    # -- subnets -----------------------------------------------------------------------------------------------

    def CreateSubnet(self, p):
        for name in ("Ipv6Native", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"):
            if p.get(name):
                raise not_played(f"CreateSubnet with {name}")
        if not p.get("CidrBlock"):
            raise missing("cidrBlock")
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        cidr = block(p["CidrBlock"], "cidrBlock", "InvalidSubnet.Range")
        zone = self._zone(p)
        tags = tags_at_creation(p, "subnet")
        if not cidr.subnet_of(ipaddress.ip_network(vpc.cidr)):
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{p['CidrBlock']}' is invalid.", 400)
        if any(s.vpc is vpc and cidr.overlaps(ipaddress.ip_network(s.cidr)) for s in self.subnets.values()):
            raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{p['CidrBlock']}' conflicts with another subnet", 400)
        ipv6 = self.subnet_ipv6(vpc, p.get("Ipv6CidrBlock"))
        made = self.make_subnet(vpc, str(cidr), zone, tags)
        made.ipv6 = ipv6
        return {"Subnet": made.shown()}

    def make_subnet(self, vpc, cidr, zone, tags=None, default=False):
        """A subnet, which nobody refuses."""
        subnet = Subnet(self, vpc, cidr, zone, tags, default)
        self.subnets[subnet.id] = subnet
        return subnet

    def _zone(self, p):
        name, ident = p.get("AvailabilityZone"), p.get("AvailabilityZoneId")
        if name and ident:
            raise combination("The parameters availabilityZone and availabilityZoneId cannot be used together")
        zones = [z for z in self.zones if (z["ZoneName"] == name if name else not ident or z["ZoneId"] == ident)]
        if not zones:
            names = ", ".join(z["ZoneName"] for z in self.zones)
            raise invalid(
                f"Value ({name or ident}) for parameter availabilityZone is invalid. Subnets can currently only be "
                f"created in the following availability zones: {names}."
            )
        return zones[0]

    def DescribeSubnets(self, p):
        return page(p, "Subnets", [s.shown() for s in choose(self.subnets, Subnet, p, p.get("SubnetIds"))])

    def DeleteSubnet(self, p):
        subnet = get(self.subnets, Subnet, p["SubnetId"])
        if self.in_use(lambda i: i.subnet is subnet):
            raise dependency(f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
        del self.subnets[subnet.id]
        self.forget_subnet(subnet)
        self.forget_flow_logs(subnet.id)
        return {}

    def ModifySubnetAttribute(self, p):
        subnet = get(self.subnets, Subnet, p["SubnetId"])
        given = [name for name, value in p.items() if value is not None and name not in ("SubnetId", "DryRun")]
        if len(given) != 1:
            raise combination("Fields for multiple attribute types specified" if given else "No attributes specified.")
        if given[0] not in ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"):
            raise not_played(f"ModifySubnetAttribute with {given[0]}")
        wanted = bool(p[given[0]].get("Value"))
        if given[0] == "MapPublicIpOnLaunch":
            subnet.public = wanted
            return {}
        if wanted and not subnet.ipv6:
            raise invalid(f"Invalid value 'true' for assignIpv6AddressOnCreation: {subnet.id} has no IPv6 CIDR block")
        subnet.gives_ipv6 = wanted
        return {}
