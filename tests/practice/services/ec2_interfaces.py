"""EC2's network interfaces, played: nobody makes one here but other services, for what they put into subnets.

Source: EC2 API reference, DescribeNetworkInterfaces; EC2 user guide, Requester-managed network interfaces.
"""

import hashlib
from datetime import datetime, timezone

from .ec2_common import Thing, choose, get, invalid, new_id, page


class Interface(Thing):
    """One network interface."""

    TYPE, PREFIX, NOUN = "network-interface", "eni", "networkInterface ID"
    ABSENT, MALFORMED = "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed"

    def __init__(self, subnet, groups, description, kind, requester):
        super().__init__()
        self.subnet, self.groups, self.description, self.kind, self.requester = subnet, groups, description, kind, requester
        self.address, self.public, self.status = subnet.address(), None, "in-use"
        self.attachment, self.attached = new_id("ela-attach"), datetime.now(timezone.utc)
        self.hold = None

    @property
    def name(self):
        return f"ip-{self.address.replace('.', '-')}.{self.subnet.region.name}.compute.internal"

    def facts(self):
        out = {
            "network-interface-id": self.id, "subnet-id": self.subnet.id, "vpc-id": self.subnet.vpc.id,
            "group-id": [g.id for g in self.groups], "group-name": [g.name for g in self.groups],
            "description": self.description, "status": self.status, "interface-type": self.kind,
            "requester-managed": True, "requester-id": self.requester, "owner-id": self.subnet.region.account.id,
            "availability-zone": self.subnet.zone["ZoneName"], "private-ip-address": self.address,
            "addresses.private-ip-address": self.address, "private-dns-name": self.name, "attachment.attachment-id": None,
            "attachment.status": None, "attachment.instance-owner-id": None,
            "association.public-ip": self.public.address if self.public else None,
            "association.allocation-id": self.public.id if self.public else None,
        }
        if self.status == "in-use":
            out.update({
                "attachment.attachment-id": self.attachment, "attachment.status": "attached",
                "attachment.instance-owner-id": "amazon-aws",
            })
        return out

    def shown(self):
        digits = hashlib.sha256(self.id.encode()).hexdigest()
        address = {"Primary": True, "PrivateIpAddress": self.address, "PrivateDnsName": self.name}
        out = {
            "NetworkInterfaceId": self.id, "SubnetId": self.subnet.id, "VpcId": self.subnet.vpc.id,
            "AvailabilityZone": self.subnet.zone["ZoneName"], "Description": self.description, "Status": self.status,
            "Groups": [{"GroupId": g.id, "GroupName": g.name} for g in self.groups], "InterfaceType": self.kind,
            "RequesterManaged": True, "RequesterId": self.requester, "OwnerId": self.subnet.region.account.id,
            "PrivateIpAddress": self.address, "PrivateDnsName": self.name, "PrivateIpAddresses": [address],
            "MacAddress": ":".join(["0a", *(digits[n : n + 2] for n in range(0, 10, 2))]), "SourceDestCheck": True,
            "Ipv6Addresses": [], "TagSet": self.shown_tags() or [],
        }
        if self.status == "in-use":
            out["Attachment"] = {
                "AttachmentId": self.attachment, "AttachTime": self.attached, "DeleteOnTermination": False, "DeviceIndex": 1,
                "InstanceOwnerId": "amazon-aws", "Status": "attached",
            }
        if self.public:
            out["Association"] = address["Association"] = {
                "AllocationId": self.public.id, "PublicIp": self.public.address, "IpOwnerId": out["OwnerId"],
            }
        return out


class Hold:
    """Interfaces that a service has put into subnets; they go together, at once or after a while."""

    def __init__(self, region, interfaces):
        self.region, self.interfaces, self.leaving, self.left_behind = region, interfaces, None, lambda: False
        for each in interfaces:
            each.hold = self

    def release(self, linger=None, left_behind=None):
        """Let go: at once, or when the `linger` (a Wait) is over.

        `left_behind()` is asked then: if true, the interfaces stay, unattached, until somebody deletes them.
        """
        self.leaving, self.left_behind = linger, left_behind or self.left_behind
        if linger is None:
            self._end()

    def look(self, poll=False):
        """Go on as far as the time allows; `poll`: somebody asks for the interfaces or is refused because of them."""
        if self.leaving and (self.leaving.poll() if poll else self.leaving.over()):
            self._end()

    def _end(self):
        self.leaving, stay = None, self.left_behind()
        for each in self.interfaces:
            each.hold = None
            if stay:
                each.status = "available"
            else:
                self.region.interfaces.pop(each.id, None)
        self.interfaces = []


class Interfaces:
    """Mixed into `Region`."""

    def put(self, subnets, groups, description, kind="interface", requester="amazon-aws"):
        """One interface in each of the subnets; a Hold."""
        made = [Interface(subnet, list(groups), description, kind, requester) for subnet in subnets]
        self.interfaces.update((each.id, each) for each in made)
        return Hold(self, made)

    def settle(self, interfaces, poll=False):
        """Let go on what these interfaces wait for, each wait once."""
        for hold in {id(i.hold): i.hold for i in interfaces if i.hold}.values():
            hold.look(poll)

    def in_use(self, of):
        """Whether any interface is `of` something; the asking counts for those that are leaving."""
        self.settle([i for i in self.interfaces.values() if of(i)], poll=True)
        return any(of(i) for i in self.interfaces.values())

    def DescribeNetworkInterfaces(self, p):
        self.settle(list(self.interfaces.values()))
        found = choose(self.interfaces, Interface, p, p.get("NetworkInterfaceIds"))
        out = page(p, "NetworkInterfaces", [i.shown() for i in found])
        self.settle(found, poll=True)
        return out

    def DeleteNetworkInterface(self, p):
        found = get(self.interfaces, Interface, p["NetworkInterfaceId"])
        if found.status == "in-use":
            raise invalid(f"Network interface '{found.id}' is currently in use.")
        del self.interfaces[found.id]
        return {}

