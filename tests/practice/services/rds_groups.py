"""RDS: subnet groups. Source: RDS API reference, CreateDBSubnetGroup, DeleteDBSubnetGroup."""

from ..wire.errors import AwsError
from .rds_checks import invalid
from .strict import page, tags_of


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
        here, zones, vpcs = self.account.ec2.region(region), {}, set()
        for ident in idents:
            if ident not in here.subnets:
                raise AwsError("InvalidSubnet", f"Some input subnets in :[{ident}] are invalid.", 400)
            zones[ident] = here.subnets[ident].zone["ZoneName"]
            vpcs.add(here.subnets[ident].vpc.id)
        if len(vpcs) > 1 or (group.vpc and vpcs != {group.vpc}):
            raise AwsError("InvalidSubnet", "The subnets are not all in a common VPC.", 400)
        used = [i.subnet for c in self.here(region).clusters.values() if c.subnet_group == group.name for i in c.members.values()]
        if any(ident not in zones for ident in used):
            raise AwsError("SubnetAlreadyInUse", "The DB subnet is already in use in the Availability Zone.", 400)
        if len(set(zones.values())) < 2:
            text = f"The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {', '.join(sorted(set(zones.values())))}. Add subnets to cover at least 2 AZs."
            raise AwsError("DBSubnetGroupDoesNotCoverEnoughAZs", text, 400)
        group.zones, group.vpc = zones, vpcs.pop()
