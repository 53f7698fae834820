"""EC2's internet gateways, addresses and NAT gateways, played. Source: EC2 API reference; VPC user guide."""

from datetime import datetime, timezone

from ..clock import Wait
from ..wire.errors import AwsError
from .ec2_common import Thing, choose, dependency, get, invalid, missing, new_id, not_played, page, tags_at_creation
from .ec2_vpc import Subnet, Vpc

_LIMIT = 5
"""Of addresses and of internet gateways a region, and of NAT gateways a zone. Source: VPC user guide, quotas."""


class InternetGateway(Thing):
    """One internet gateway, attached to a VPC or to none."""

    TYPE, PREFIX, NOUN = "internet-gateway", "igw", "internetGateway ID"
    ABSENT, MALFORMED = "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed"

    def __init__(self, region, vpc=None, tags=None):
        super().__init__(tags)
        self.region, self.vpc = region, vpc

    def facts(self):
        return {
            "internet-gateway-id": self.id, "attachment.vpc-id": self.vpc.id if self.vpc else None,
            "attachment.state": "available" if self.vpc else None, "owner-id": self.region.account.id,
        }

    def shown(self):
        attachments = [{"State": "available", "VpcId": self.vpc.id}] if self.vpc else []
        return {
            "InternetGatewayId": self.id, "Attachments": attachments, "OwnerId": self.region.account.id,
            "Tags": self.shown_tags(),
        }


class Address(Thing):
    """One Elastic IP address; `user` is the NAT gateway that has it."""

    TYPE, PREFIX, NOUN = "elastic-ip", "eipalloc", "allocation ID"
    ABSENT, MALFORMED = "InvalidAllocationID.NotFound", "InvalidAllocationId.Malformed"

    def __init__(self, region, address, tags=None):
        super().__init__(tags)
        self.region, self.address, self.user = region, address, None
        self.association = new_id("eipassoc")

    def _interface(self):
        return self.user.hold.interfaces[0] if self.user and self.user.hold.interfaces else None

    def facts(self):
        used = self._interface()
        return {
            "allocation-id": self.id, "public-ip": self.address, "domain": "vpc",
            "network-border-group": self.region.name, "association-id": self.association if used else None,
            "network-interface-id": used.id if used else None, "private-ip-address": used.address if used else None,
        }

    def shown(self):
        used = self._interface()
        out = {
            "AllocationId": self.id, "PublicIp": self.address, "Domain": "vpc", "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": self.region.name, "Tags": self.shown_tags(),
        }
        if used:
            out.update(
                AssociationId=self.association, NetworkInterfaceId=used.id, PrivateIpAddress=used.address,
                NetworkInterfaceOwnerId=self.region.account.id,
            )
        return out


class NatGateway(Thing):
    """pending, then available or failed; deleting, then deleted, which is still shown."""

    TYPE, PREFIX, NOUN, ABSENT, MALFORMED = "natgateway", "nat", "Nat Gateway", "NatGatewayNotFound", "NatGatewayMalformed"

    def __init__(self, region, subnet, address, tags, private):
        super().__init__(tags)
        self.region, self.subnet, self.address, self.private = region, subnet, address, private
        self.state, self.created, self.deleted, self.failure = "pending", datetime.now(timezone.utc), None, None
        self._wait = Wait(region.account.pace)
        self.hold = region.put([subnet], [], f"Interface for NAT Gateway {self.id}", "nat_gateway")
        self._trouble = self._refusal()
        if address and not self._trouble:
            address.user = self
            self.hold.interfaces[0].public = address

    @classmethod
    def absent(cls, ident):
        return AwsError(cls.ABSENT, f"The Nat Gateway {ident} was not found", 400)

    def _refusal(self):
        # Source: VPC user guide, Troubleshoot NAT gateways: it is made, and fails a little later.
        vpc = self.subnet.vpc
        if not self.private and not any(g.vpc is vpc for g in self.region.gateways.values()):
            return "Gateway.NotAttached", f"Network {vpc.id} has no Internet gateway attached"
        if self.address and self.address.user:
            return "Resource.AlreadyAssociated", f"Elastic IP address [{self.address.id}] is already associated"
        return None

    def look(self, poll=False):
        """Go on as far as the time allows; `poll`: somebody asks about it."""
        if self.state not in ("pending", "deleting") or not (self._wait.poll() if poll else self._wait.over()):
            return
        if self.state == "pending" and not self._trouble:
            self.state = "available"
            return
        self.state, self.failure = ("failed", self._trouble) if self.state == "pending" else ("deleted", self.failure)
        self.deleted = datetime.now(timezone.utc)
        self._let_go()

    def _let_go(self):
        self.hold.release()
        if self.address and self.address.user is self:
            self.address.user = None

    def delete(self):
        """It begins to go."""
        if self.state in ("pending", "available"):
            self.state, self._wait = "deleting", Wait(self.region.account.pace)

    def facts(self):
        return {
            "nat-gateway-id": self.id, "vpc-id": self.subnet.vpc.id, "subnet-id": self.subnet.id, "state": self.state,
        }

    def _addresses(self):
        if not self.hold.interfaces:
            used = {}
        else:
            each = self.hold.interfaces[0]
            used = {"NetworkInterfaceId": each.id, "PrivateIp": each.address, "IsPrimary": True, "Status": "succeeded"}
        if self.address:
            used.update(AllocationId=self.address.id, PublicIp=self.address.address)
        return [used] if used else []

    def shown(self):
        out = {
            "NatGatewayId": self.id, "VpcId": self.subnet.vpc.id, "SubnetId": self.subnet.id, "State": self.state,
            "CreateTime": self.created, "ConnectivityType": "private" if self.private else "public",
            "NatGatewayAddresses": self._addresses(), "DeleteTime": self.deleted, "Tags": self.shown_tags(),
        }
        if self.failure:
            out.update(FailureCode=self.failure[0], FailureMessage=self.failure[1])
        return out


class Gateways:
    """Mixed into `Region`."""

    def CreateInternetGateway(self, p):
        tags = tags_at_creation(p, "internet-gateway")
        if len(self.gateways) >= _LIMIT:
            raise AwsError("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.", 400)
        made = InternetGateway(self, None, tags)
        self.gateways[made.id] = made
        return {"InternetGateway": made.shown()}

    def DescribeInternetGateways(self, p):
        found = choose(self.gateways, InternetGateway, p, p.get("InternetGatewayIds"))
        return page(p, "InternetGateways", [g.shown() for g in found])

    def AttachInternetGateway(self, p):
        found = get(self.gateways, InternetGateway, p["InternetGatewayId"])
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        if found.vpc:
            raise AwsError("Resource.AlreadyAssociated", f"resource {found.id} is already attached to network {found.vpc.id}", 400)
        if any(g.vpc is vpc for g in self.gateways.values()):
            raise invalid(f"Network {vpc.id} already has an internet gateway attached")
        found.vpc = vpc
        return {}

    def DetachInternetGateway(self, p):
        found = get(self.gateways, InternetGateway, p["InternetGatewayId"])
        vpc = get(self.vpcs, Vpc, p["VpcId"])
        if found.vpc is not vpc:
            raise AwsError("Gateway.NotAttached", f"resource {found.id} is not attached to network {vpc.id}", 400)
        if any(i.public for i in self.interfaces.values() if i.subnet.vpc is vpc):
            for nat in self.nats.values():
                nat.look(poll=nat.subnet.vpc is vpc)
            raise dependency(
                f"Network {vpc.id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            )
        found.vpc = None
        return {}

    def DeleteInternetGateway(self, p):
        found = get(self.gateways, InternetGateway, p["InternetGatewayId"])
        if found.vpc:
            raise dependency(f"The internetGateway '{found.id}' has dependencies and cannot be deleted.")
        del self.gateways[found.id]
        return {}

    # -- addresses ---------------------------------------------------------------------------------------------

    def AllocateAddress(self, p):
        tags = tags_at_creation(p, "elastic-ip")
        if p.get("Domain") not in (None, "vpc"):
            raise invalid(f"Value ({p['Domain']}) for parameter domain is invalid.")
        if p.get("Address") or p.get("PublicIpv4Pool") or p.get("CustomerOwnedIpv4Pool") or p.get("IpamPoolId"):
            raise not_played("AllocateAddress of a certain address")
        if len(self.addresses) >= _LIMIT:
            raise AwsError("AddressLimitExceeded", "The maximum number of addresses has been reached.", 400)
        self.next_address += 1
        # RFC 5737, TEST-NET-2: an address that nobody has.
        made = Address(self, f"198.51.100.{self.next_address % 250 + 1}", tags)
        self.addresses[made.id] = made
        return {k: v for k, v in made.shown().items() if k != "Tags"}

    def DescribeAddresses(self, p):
        wanted = p.get("PublicIps") or []
        found = choose(self.addresses, Address, p, p.get("AllocationIds"))
        for each in wanted:
            if not any(a.address == each for a in self.addresses.values()):
                raise AwsError("InvalidAddress.NotFound", f"Address '{each}' not found.", 400)
        return {"Addresses": [a.shown() for a in found if not wanted or a.address in wanted]}

    def ReleaseAddress(self, p):
        if not p.get("AllocationId"):
            raise missing("allocationId")
        found = get(self.addresses, Address, p["AllocationId"])
        if found.user:
            found.user.look(poll=True)
        if found.user:
            # Of a NAT gateway's address, which is not the caller's to take away.
            raise AwsError("AuthFailure", "You do not have permission to access the specified resource.", 400)
        del self.addresses[found.id]
        return {}

    # -- NAT gateways ------------------------------------------------------------------------------------------

    def CreateNatGateway(self, p):
        private = p.get("ConnectivityType") == "private"
        if p.get("AvailabilityMode") == "regional" or p.get("VpcId"):
            raise not_played("regional NAT gateways")
        if not p.get("SubnetId"):
            raise missing("subnetId")
        again = self.tokens.same(p, "CreateNatGateway", self.nats)
        if again:
            return {"NatGateway": self.nats[again].shown(), "ClientToken": p["ClientToken"]}
        subnet = get(self.subnets, Subnet, p["SubnetId"])
        tags = tags_at_creation(p, "natgateway")
        if private and p.get("AllocationId"):
            raise invalid("A private NAT gateway cannot have an Elastic IP address.")
        if not private and not p.get("AllocationId"):
            raise missing("allocationId")
        address = None if private else self.addresses.get(p["AllocationId"])
        if not private and address is None:
            raise AwsError("InvalidElasticIpID.NotFound", f"The elasticIp ID '{p['AllocationId']}' does not exist", 400)
        alive = [n for n in self.nats.values() if n.state in ("pending", "available", "deleting")]
        if sum(1 for n in alive if n.subnet.zone is subnet.zone) >= _LIMIT:
            raise AwsError("NatGatewayLimitExceeded", f"Performing this operation would exceed the limit of {_LIMIT} NAT gateways", 400)
        made = NatGateway(self, subnet, address, tags, private)
        self.nats[made.id] = made
        self.tokens.remember(p, "CreateNatGateway", made.id)
        return {"NatGateway": made.shown(), "ClientToken": p.get("ClientToken")}

    def DescribeNatGateways(self, p):
        found = choose(self.nats, NatGateway, p, p.get("NatGatewayIds"), filters="Filter")
        for each in found:
            each.look(poll=True)
        return page(p, "NatGateways", [n.shown() for n in found])

    def DeleteNatGateway(self, p):
        found = get(self.nats, NatGateway, p["NatGatewayId"])
        found.look()
        found.delete()
        return {"NatGatewayId": found.id}
