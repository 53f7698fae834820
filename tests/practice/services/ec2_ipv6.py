"""EC2's IPv6 and the way out for it, played: a VPC's block from AWS, its subnets' blocks, egress-only gateways.

Source: EC2 API reference; VPC user guide, IP addressing, and Egress-only internet gateways.
"""

import ipaddress
import secrets

from ..wire.errors import AwsError
from .ec2_common import Thing, choose, get, invalid, new_id, not_played, page, tags_at_creation
from .ec2_vpc import Vpc

_LIMIT = 5
"""Egress-only internet gateways a region. Source: VPC user guide, Amazon VPC quotas."""


class Block:
    """An IPv6 block that a VPC or a subnet has."""

    def __init__(self, cidr, prefix):
        self.cidr, self.association = cidr, new_id(f"{prefix}-cidr-assoc")

    def shown(self, state="associated"):
        """As a set of associations has it."""
        return {"AssociationId": self.association, "Ipv6CidrBlock": self.cidr, "Ipv6CidrBlockState": {"State": state}}


class EgressGateway(Thing):
    """One egress-only internet gateway, which is attached for as long as it is there."""

    TYPE, PREFIX, NOUN = "egress-only-internet-gateway", "eigw", "eigw ID"
    ABSENT, MALFORMED = "InvalidGatewayID.NotFound", "InvalidEgressOnlyInternetGatewayId.Malformed"

    def __init__(self, vpc, tags):
        super().__init__(tags)
        self.vpc = vpc

    def shown(self):
        return {
            "EgressOnlyInternetGatewayId": self.id, "Attachments": [{"State": "attached", "VpcId": self.vpc.id}],
            "Tags": self.shown_tags(),
        }


def ipv6_network(text, name):
    """A parameter's IPv6 block, with host bits taken away."""
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.IPv6Network(text, strict=False)
    except ValueError as error:
        raise invalid(f"Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block.") from error


class Ipv6:
    """Mixed into `Region`."""

    def give_ipv6(self, vpc):
        """A /56 out of AWS's own addresses."""
        number = (0x26001F18 << 96) + (secrets.randbits(24) << 72)
        vpc.ipv6 = Block(f"{ipaddress.IPv6Address(number)}/56", "vpc")
        return vpc.ipv6

    def AssociateVpcCidrBlock(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        if not p.get("AmazonProvidedIpv6CidrBlock"):
            raise not_played("AssociateVpcCidrBlock with anything but an IPv6 block that AWS provides")
        if vpc.ipv6:
            raise AwsError("CidrLimitExceeded", f"This network '{vpc.id}' has met its maximum number of allowed CIDRs: 1", 400)
        return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": {**self.give_ipv6(vpc).shown("associating"), "Ipv6Pool": "Amazon"}}

    def DisassociateVpcCidrBlock(self, p):
        ident = p["AssociationId"]
        vpc = next((v for v in self.vpcs.values() if v.ipv6 and v.ipv6.association == ident), None)
        if vpc is None:
            raise AwsError("InvalidVpcCidrBlockAssociationID.NotFound", f"The vpc CIDR block association ID '{ident}' does not exist", 400)
        if any(s.ipv6 for s in self.subnets.values() if s.vpc is vpc):
            raise AwsError("InvalidCidrBlock.InUse", f"The vpc '{vpc.id}' currently has a subnet within CIDR block {vpc.ipv6.cidr}", 400)
        gone, vpc.ipv6 = vpc.ipv6, None
        return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": gone.shown("disassociating")}

    def subnet_ipv6(self, vpc, text):
        """The block that a new subnet asks for; None when it asks for none.

        /44 to /64 in steps of four. Source: API reference, CreateSubnet; VPC user guide, Subnet sizing for IPv6.
        """
        if not text:
            return None
        wanted = ipv6_network(text, "ipv6CidrBlock")
        fits = 44 <= wanted.prefixlen <= 64 and wanted.prefixlen % 4 == 0
        if not fits or not vpc.ipv6 or not wanted.subnet_of(ipaddress.ip_network(vpc.ipv6.cidr)):
            raise AwsError("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.", 400)
        if any(s.ipv6 and wanted.overlaps(ipaddress.ip_network(s.ipv6.cidr)) for s in self.subnets.values() if s.vpc is vpc):
            raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet", 400)
        return Block(str(wanted), "subnet")

    # -- egress-only gateways ----------------------------------------------------------------------------------

    def CreateEgressOnlyInternetGateway(self, p):
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        again = self.tokens.same(p, "CreateEgressOnlyInternetGateway", self.egress_gateways)
        if again:
            return {"EgressOnlyInternetGateway": self.egress_gateways[again].shown(), "ClientToken": p["ClientToken"]}
        tags = tags_at_creation(p, EgressGateway.TYPE)
        if len(self.egress_gateways) >= _LIMIT:
            text = "The maximum number of egress-only internet gateways has been reached."
            raise AwsError("EgressOnlyInternetGatewayLimitExceeded", text, 400)
        made = EgressGateway(vpc, tags)
        self.egress_gateways[made.id] = made
        self.tokens.remember(p, "CreateEgressOnlyInternetGateway", made.id)
        return {"EgressOnlyInternetGateway": made.shown(), "ClientToken": p.get("ClientToken")}

    def DescribeEgressOnlyInternetGateways(self, p):
        found = choose(self.egress_gateways, EgressGateway, p, p.get("EgressOnlyInternetGatewayIds"))
        return page(p, "EgressOnlyInternetGateways", [g.shown() for g in found], most=255)

    def DeleteEgressOnlyInternetGateway(self, p):
        del self.egress_gateways[get(self.egress_gateways, EgressGateway, p["EgressOnlyInternetGatewayId"]).id]
        return {"ReturnCode": True}
