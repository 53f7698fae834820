"""Rules of security groups: read from `IpPermissions`, and shown in EC2's two forms.

Source: EC2 API reference, IpPermission and SecurityGroupRule.
"""

import ipaddress

from .ec2_common import Thing, invalid, missing

_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

# A peer's kind, with the member of IpPermission that lists it and the member there that names it.
PEERS = {
    "cidr": ("IpRanges", "CidrIp"), "cidr6": ("Ipv6Ranges", "CidrIpv6"), "list": ("PrefixListIds", "PrefixListId"),
    "group": ("UserIdGroupPairs", "GroupId"),
}


class Rule(Thing):
    """One rule of one group; `key` is what makes it a duplicate of another."""

    TYPE, PREFIX, NOUN = "security-group-rule", "sgr", "security group rule ID"
    ABSENT, MALFORMED = "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed"

    def __init__(self, group, egress, key, description=None, tags=None):
        super().__init__(tags)
        self.group, self.key, self.description = group, (egress, *key), description
        self.egress, self.protocol, self.first, self.last, self.kind, self.peer = egress, *key

    def facts(self):
        return {"security-group-rule-id": self.id, "group-id": self.group.id}

    def shown(self):
        account = self.group.region.account.id
        out = {
            "SecurityGroupRuleId": self.id, "GroupId": self.group.id, "GroupOwnerId": account, "IsEgress": self.egress,
            "IpProtocol": self.protocol, "FromPort": self.first, "ToPort": self.last, "Description": self.description,
            "SecurityGroupRuleArn": f"arn:aws:ec2:{self.group.region.name}:{account}:security-group-rule/{self.id}",
            "Tags": self.shown_tags(),
        }
        if self.kind == "group":
            out["ReferencedGroupInfo"] = {"GroupId": self.peer, "UserId": account, "VpcId": self.group.vpc.id}
        else:
            out[{"cidr": "CidrIpv4", "cidr6": "CidrIpv6", "list": "PrefixListId"}[self.kind]] = self.peer
        return out

    def text(self):
        """How messages name it."""
        ports = "" if self.protocol == "-1" else f"from port: {self.first}, to port: {self.last}, "
        protocol = "ALL" if self.protocol == "-1" else self.protocol.upper()
        return f'"peer: {self.peer}, {protocol}, {ports}ALLOW"'


def keys(permissions):
    """`(key, description)` of every rule that `IpPermissions` name."""
    for each in permissions:
        ports = _ports(each)
        found = False
        for kind, (member, name) in PEERS.items():
            for peer in each.get(member) or []:
                found = True
                if not peer.get(name):
                    raise missing(f"ipPermissions.{name[:1].lower()}{name[1:]}")
                yield (*ports, kind, _peer(kind, peer[name])), peer.get("Description")
        if not found:
            raise invalid("Only one of ipRanges, ipv6Ranges, prefixListIds or groups may be left out of ipPermissions, not all.")


def _ports(each):
    protocol = (each.get("IpProtocol") or "").lower()
    protocol = _NUMBERS.get(protocol, protocol)
    if not protocol:
        raise missing("ipPermissions.ipProtocol")
    first, last = each.get("FromPort"), each.get("ToPort")
    if protocol in ("tcp", "udp"):
        if first is None or last is None:
            raise invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
        if not (0 <= first <= 65535 and 0 <= last <= 65535):
            raise invalid(f"Invalid value '{last if 0 <= first <= 65535 else first}' for portRange.")
        if first > last:
            raise invalid(f"Invalid TCP/UDP port range ({first}:{last})")
        return protocol, first, last
    if protocol in ("icmp", "icmpv6"):
        return protocol, -1 if first is None else first, -1 if last is None else last
    if protocol == "-1" or (protocol.isdigit() and int(protocol) < 256):
        return protocol, -1, -1
    raise invalid(f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")


def _peer(kind, value):
    if kind not in ("cidr", "cidr6"):
        return value
    try:
        # Host bits are taken away. Source: API reference, AuthorizeSecurityGroupIngress.
        network = ipaddress.IPv4Network if kind == "cidr" else ipaddress.IPv6Network
        if "/" not in value:
            raise ValueError
        return str(network(value, strict=False))
    except ValueError as error:
        raise invalid(f"CIDR block {value} is malformed") from error


def permissions(rules, account):
    """Rules as DescribeSecurityGroups shows them: one permission for all peers of the same ports."""
    out = {}
    for rule in rules:
        shown = out.setdefault((rule.protocol, rule.first, rule.last), _empty(rule))
        member, name = PEERS[rule.kind]
        peer = {name: rule.peer, "Description": rule.description}
        if rule.kind == "group":
            peer["UserId"] = account
        shown[member].append(peer)
    return list(out.values())


def _empty(rule):
    shown = {"IpProtocol": rule.protocol, **{member: [] for member, _ in PEERS.values()}}
    if rule.protocol not in ("-1",):
        shown.update(FromPort=rule.first, ToPort=rule.last)
    return shown
