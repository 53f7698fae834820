"""EC2's security groups, played. Source: EC2 API reference; VPC user guide, Security groups."""

import re

from ..wire.errors import AwsError
from . import ec2_rules as rules
from .ec2_common import Thing, choose, combination, dependency, get, invalid, missing, not_played, page, tags_at_creation
from .ec2_endpoints import PrefixList
from .ec2_rules import Rule
from .ec2_vpc import Vpc

_SIGNS = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}"
"""Of a group's name and description. Source: API reference, CreateSecurityGroup."""

_RULE_LIMIT = 60
"""Rules a direction. Source: VPC user guide, Amazon VPC quotas."""

_EVERYWHERE = ("-1", -1, -1, "cidr", "0.0.0.0/0")


class Group(Thing):
    """One security group; its rules by their ids."""

    TYPE, PREFIX, NOUN = "security-group", "sg", "security group"
    ABSENT, MALFORMED = "InvalidGroup.NotFound", "InvalidGroupId.Malformed"

    def __init__(self, region, vpc, name, description, tags=None):
        super().__init__(tags)
        self.region, self.vpc, self.name, self.description, self.rules = region, vpc, name, description, {}
        # Of itself a group lets everything out. Source: VPC user guide, Security group rules.
        self.add(Rule(self, True, _EVERYWHERE))

    def add(self, rule):
        self.rules[rule.id] = rule
        return rule

    def side(self, egress):
        """The rules of one direction."""
        return [r for r in self.rules.values() if r.egress == egress]

    def facts(self):
        return {
            "group-id": self.id, "group-name": self.name, "vpc-id": self.vpc.id, "description": self.description,
            "owner-id": self.region.account.id,
            "ip-permission.group-id": [r.peer for r in self.side(False) if r.kind == "group"],
            "ip-permission.cidr": [r.peer for r in self.side(False) if r.kind == "cidr"],
            "ip-permission.prefix-list-id": [r.peer for r in self.side(False) if r.kind == "list"],
            "egress.ip-permission.group-id": [r.peer for r in self.side(True) if r.kind == "group"],
            "egress.ip-permission.cidr": [r.peer for r in self.side(True) if r.kind == "cidr"],
            "egress.ip-permission.prefix-list-id": [r.peer for r in self.side(True) if r.kind == "list"],
        }

    def shown(self):
        account = self.region.account.id
        return {
            "GroupId": self.id, "GroupName": self.name, "Description": self.description, "VpcId": self.vpc.id,
            "OwnerId": account, "Tags": self.shown_tags(),
            "SecurityGroupArn": f"arn:aws:ec2:{self.region.name}:{account}:security-group/{self.id}",
            "IpPermissions": rules.permissions(self.side(False), account),
            "IpPermissionsEgress": rules.permissions(self.side(True), account),
        }


class Groups:
    """Mixed into `Region`."""

    def make_default_group(self, vpc):
        """The group that a VPC is born with: everything from itself, and out to everywhere."""
        group = Group(self, vpc, "default", "default VPC security group")
        group.add(Rule(group, False, ("-1", -1, -1, "group", group.id)))
        self.groups[group.id] = group

    def CreateSecurityGroup(self, p):
        name, description = p["GroupName"], p["Description"]
        if name.startswith("sg-") or name != name.strip():
            raise invalid(f"Value ({name}) for parameter GroupName is invalid.")
        for member, text in (("GroupName", name), ("GroupDescription", description)):
            if not re.fullmatch(_SIGNS, text):
                raise invalid(f"Value ({text}) for parameter {member} is invalid. Character sets beyond ASCII are not supported.")
        if name == "default":
            raise invalid("Cannot use reserved security group name: default")
        vpc = get(self.vpcs, Vpc, p["VpcId"]) if p.get("VpcId") else self.default_vpc
        tags = tags_at_creation(p, "security-group")
        if any(g.vpc is vpc and g.name == name for g in self.groups.values()):
            raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc.id}'", 400)
        group = Group(self, vpc, name, description, tags)
        self.groups[group.id] = group
        return {"GroupId": group.id, "Tags": group.shown_tags(), "SecurityGroupArn": group.shown()["SecurityGroupArn"]}

    def DescribeSecurityGroups(self, p):
        names = p.get("GroupNames")
        found = choose(self.groups, Group, p, p.get("GroupIds"))
        if names:
            found = [g for g in found if g.vpc is self.default_vpc and g.name in names]
            if len(found) < len(names):
                raise Group.absent(names[0])
        return page(p, "SecurityGroups", [g.shown() for g in found])

    def _group(self, p):
        if p.get("GroupId"):
            return get(self.groups, Group, p["GroupId"])
        if not p.get("GroupName"):
            raise AwsError("MissingParameter", "The request must contain the parameter groupName or groupId", 400)
        # Names are those of the default VPC only. Source: API reference, DeleteSecurityGroup.
        for group in self.groups.values():
            if group.vpc is self.default_vpc and group.name == p["GroupName"]:
                return group
        raise Group.absent(p["GroupName"])

    def DeleteSecurityGroup(self, p):
        group = self._group(p)
        if group.name == "default":
            raise AwsError("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user', 400)
        used = self.in_use(lambda i: group in i.groups)
        named = any(r.peer == group.id for g in self.groups.values() if g is not group for r in g.rules.values())
        if used or named:
            raise dependency(f"resource {group.id} has a dependent object")
        del self.groups[group.id]
        return {"Return": True, "GroupId": group.id}

    # -- rules -------------------------------------------------------------------------------------------------

    def DescribeSecurityGroupRules(self, p):
        every = {r.id: r for g in self.groups.values() for r in g.rules.values()}
        for given in p.get("Filters") or []:
            for ident in given.get("Values") or [] if given.get("Name") == "group-id" else []:
                if not re.search(r"[*?]", ident):
                    get(self.groups, Group, ident)
        return page(p, "SecurityGroupRules", [r.shown() for r in choose(every, Rule, p, p.get("SecurityGroupRuleIds"))])

    def AuthorizeSecurityGroupIngress(self, p):
        return self._authorize(p, egress=False)

    def AuthorizeSecurityGroupEgress(self, p):
        return self._authorize(p, egress=True)

    def RevokeSecurityGroupIngress(self, p):
        return self._revoke(p, egress=False)

    def RevokeSecurityGroupEgress(self, p):
        return self._revoke(p, egress=True)

    def _permissions(self, p, egress):
        if p.get("SourceSecurityGroupName") or p.get("SourceSecurityGroupOwnerId"):
            raise not_played("rules by the name of a group")
        plain = {name: p[name] for name in ("IpProtocol", "FromPort", "ToPort") if p.get(name) is not None}
        if p.get("CidrIp"):
            plain["IpRanges"] = [{"CidrIp": p["CidrIp"]}]
        given = p.get("IpPermissions") or []
        if plain and given:
            raise combination("The parameters ipPermissions and cidrIp cannot be used together")
        if plain and egress:
            raise invalid("Use the parameter ipPermissions for rules of egress.")
        if not plain and not given:
            raise missing("ipPermissions")
        found = list(rules.keys([plain] if plain else given))
        if len({key for key, _ in found}) < len(found):
            raise invalid("The same permission must not appear multiple times")
        return found

    def _authorize(self, p, egress):
        group = self._group(p)
        tags = tags_at_creation(p, "security-group-rule")
        made = [Rule(group, egress, key, text, tags) for key, text in self._permissions(p, egress)]
        there = {r.key for r in group.rules.values()}
        for rule in made:
            self._check_peer(rule)
            if rule.key in there:
                raise AwsError("InvalidPermission.Duplicate", f"the specified rule {rule.text()} already exists", 400)
        if len(group.side(egress)) + len(made) > _RULE_LIMIT:
            raise AwsError("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.", 400)
        return {"Return": True, "SecurityGroupRules": [group.add(rule).shown() for rule in made]}

    def _check_peer(self, rule):
        if rule.kind == "group" and get(self.groups, Group, rule.peer).vpc is not rule.group.vpc:
            raise AwsError("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.", 400)
        if rule.kind == "list" and rule.peer not in self.prefix_lists:
            raise PrefixList.absent(rule.peer)

    def _revoke(self, p, egress):
        group = self._group(p)
        if p.get("SecurityGroupRuleIds"):
            if p.get("IpPermissions"):
                raise combination("The parameters securityGroupRuleIds and ipPermissions cannot be used together")
            here = {r.id: r for r in group.side(egress)}
            found = [get(here, Rule, ident) for ident in dict.fromkeys(p["SecurityGroupRuleIds"])]
        else:
            here = {r.key: r for r in group.side(egress)}
            wanted = [(egress, *key) for key, _ in self._permissions(p, egress)]
            if any(key not in here for key in wanted):
                raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.", 400)
            found = [here[key] for key in wanted]
        for rule in found:
            del group.rules[rule.id]
        return {"Return": True}
