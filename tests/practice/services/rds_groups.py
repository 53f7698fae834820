"""RDS: subnet groups. Source: RDS API reference, CreateDBSubnetGroup, DeleteDBSubnetGroup."""

from ..wire.errors import AwsError
from .rds_checks import invalid
from .strict import page, tags_of

_ZONES = "abcdef"


def known(account, region, kind):
    """What EC2 knows of a region, `subnets` or `groups`, by id; None when EC2 is not played here."""
    ec2 = getattr(account, "ec2", None)
    here = ec2.region(region) if ec2 and hasattr(ec2, "region") else None
    return getattr(here, kind, None)


def shown_of(thing, name):
    """One member of something of EC2's."""
    found = thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)
    if found is None and isinstance(getattr(thing, "shown", None), dict):
        found = thing.shown.get(name)
    return found


class SubnetGroup:
    """One group; `zones` by subnet."""

    def __init__(self, name, arn, description, tags):
        self.name, self.arn, self.description, self.tags = name, arn, description, tags
        self.zones, self.vpc = {}, None

    def answer(self):
        """As RDS shows it."""
        return {
            "DBSubnetGroupName": self.name, "DBSubnetGroupDescription": self.description, "VpcId": self.vpc,
            "SubnetGroupStatus": "Complete", "DBSubnetGroupArn": self.arn, "SupportedNetworkTypes": ["IPV4"],
            "Subnets": [
                {"SubnetIdentifier": ident, "SubnetAvailabilityZone": {"Name": zone}, "SubnetOutpost": {}, "SubnetStatus": "Active"}
                for ident, zone in self.zones.items()
            ],
        }


class SubnetGroups:
    """Mixed into `Rds`."""

    def CreateDBSubnetGroup(self, call, p):
        name = p["DBSubnetGroupName"].lower()
        here = self.here(call.region)
        if not 1 <= len(name) <= 255 or any(not (c.isalnum() or c in " ._-") for c in name) or name == "default":
            raise invalid(f"The parameter DBSubnetGroupName is not a valid identifier: {name}")
        if name in here.subnet_groups:
            raise AwsError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.", 400)
        tags = tags_of(p.get("Tags"), "InvalidParameterValue")
        made = SubnetGroup(name, self.arn(call.region, "subgrp", name), p["DBSubnetGroupDescription"], tags)
        self._take_subnets(call.region, made, p["SubnetIds"])
        here.subnet_groups[name] = made
        return {"DBSubnetGroup": made.answer()}

    def DescribeDBSubnetGroups(self, call, p):
        here = self.here(call.region)
        if p.get("DBSubnetGroupName"):
            return {"DBSubnetGroups": [self.subnet_group(call.region, p["DBSubnetGroupName"]).answer()]}
        shown, more = page([g.answer() for g in here.subnet_groups.values()], p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBSubnetGroups": shown, "Marker": more}

    def ModifyDBSubnetGroup(self, call, p):
        found = self.subnet_group(call.region, p["DBSubnetGroupName"])
        self._take_subnets(call.region, found, p["SubnetIds"])
        if p.get("DBSubnetGroupDescription"):
            found.description = p["DBSubnetGroupDescription"]
        return {"DBSubnetGroup": found.answer()}

    def DeleteDBSubnetGroup(self, call, p):
        found = self.subnet_group(call.region, p["DBSubnetGroupName"])
        users = [c.name for c in self.here(call.region).clusters.values() if c.subnet_group == found.name]
        if users:
            text = f"Cannot delete the subnet group '{found.name}' because at least one database cluster: {users[0]} is still using it."
            raise AwsError("InvalidDBSubnetGroupStateFault", text, 400)
        del self.here(call.region).subnet_groups[found.name]
        return {}

    def subnet_group(self, region, name):
        """The group of that name."""
        self.settle(region)
        found = self.here(region).subnet_groups.get(name.lower())
        if found is None:
            raise AwsError("DBSubnetGroupNotFoundFault", f"DB subnet group '{name}' does not exist.", 404)
        return found

    def _take_subnets(self, region, group, idents):
        subnets, zones, vpcs = known(self.account, region, "subnets"), {}, set()
        for n, ident in enumerate(idents):
            if subnets is None:
                # Without a VPC that is played, every subnet is taken to be in a zone of its own.
                zones[ident] = region + _ZONES[n % len(_ZONES)]
                continue
            if ident not in subnets:
                raise AwsError("InvalidSubnet", f"Some input subnets in :[{ident}] are invalid.", 400)
            zones[ident] = shown_of(subnets[ident], "AvailabilityZone")
            vpcs.add(shown_of(subnets[ident], "VpcId"))
        if len(vpcs) > 1 or (group.vpc and vpcs and vpcs != {group.vpc}):
            raise AwsError("InvalidSubnet", "The subnets are not all in a common VPC.", 400)
        if len(set(zones.values())) < 2:
            text = f"The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {', '.join(sorted(set(zones.values())))}. Add subnets to cover at least 2 AZs."
            raise AwsError("DBSubnetGroupDoesNotCoverEnoughAZs", text, 400)
        group.zones, group.vpc = zones, next(iter(vpcs), None)
