"""Functions in a VPC: what Lambda checks, and the network interfaces that it makes and lets go of later.

Source: Lambda developer guide, Giving Lambda functions access to resources in an Amazon VPC.
"""

from .. import ids
from ..clock import Pace, Wait
from ..wire.errors import AwsError

_OUTSIDE = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}
_MANAGED = "service-role/AWSLambdaVPCAccessExecutionRole"
_MAKE, _DELETE = "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"


def _refuse(text):
    raise AwsError("InvalidParameterValueException", text, 400)


class Network:
    """Mixed into `Lambda`."""

    def _network_pace(self, config):
        """How long a new function is Pending: in a VPC longer, while its interfaces are made."""
        pace = self.account.pace
        if not (config.get("VpcConfig") or {}).get("SubnetIds"):
            return pace
        return Pace(pace.polls + 2, pace.seconds * 1.5)

    def _connected(self, region, config, given):
        """The configuration with its VPC as Lambda shows it; AwsError when it cannot be there."""
        asked = config.get("VpcConfig")
        if not asked:
            return config
        subnets, groups = asked.get("SubnetIds") or [], asked.get("SecurityGroupIds") or []
        if not subnets and not groups:
            # Without any it leaves its VPC.
            return {**config, "VpcConfig": dict(_OUTSIDE)}
        if given.get("VpcConfig") is None and given.get("Role") is None:
            return config
        if not subnets or not groups:
            _refuse("SubnetIds and SecurityIds must coexist or be both empty list.")
        if len(subnets) > 16 or len(groups) > 5:
            _refuse("1 validation error detected: a VpcConfig has at most 16 subnets and 5 security groups")
        vpc = self._vpc(self.account.ec2.region(region), subnets, groups)
        if not self._may(config["Role"], _MAKE):
            _refuse("The provided execution role does not have permissions to call CreateNetworkInterface on EC2")
        dual = bool(asked.get("Ipv6AllowedForDualStack"))
        shown = {"SubnetIds": list(subnets), "SecurityGroupIds": list(groups), "VpcId": vpc.id, "Ipv6AllowedForDualStack": dual}
        return {**config, "VpcConfig": shown}

    def _vpc(self, region, subnets, groups):
        def each(find, ident, operation):
            try:
                return find(ident)
            except AwsError as error:
                _refuse(f"Error occurred while {operation}. EC2 Error Code: {error.code}. EC2 Error Message: {error.message}")

        found = [each(region.subnet, ident, "DescribeSubnets") for ident in subnets]
        vpc = found[0].vpc
        if any(subnet.vpc is not vpc for subnet in found):
            _refuse("Subnets are required to be in the same VPC.")
        if any(each(region.group, ident, "DescribeSecurityGroups").vpc is not vpc for ident in groups):
            _refuse("Security Groups are required to be in the same VPC as subnets.")
        return vpc

    def _may(self, arn, action):
        """Whether a role may do that everywhere: by its own policies, or by the one that AWS keeps for this."""
        name = arn.rpartition("/")[2]
        role = self.account.role(name)
        if role is None:
            return False
        verdict = self.account.role_allows(name, action, "*")
        managed = any(str(policy).endswith(_MANAGED) for policy in role.managed_policies)
        return verdict == "Allow" or (verdict is None and managed)

    def _place(self, function):
        """One interface in each subnet of each version; what no version needs any more lingers."""
        there = (function.region, function.name) in self.functions and self.functions[function.region, function.name] is function
        wanted = {}
        for version in [function.latest, *function.versions.values()] if there else ():
            asked = version.config.get("VpcConfig") or {}
            for subnet in asked.get("SubnetIds") or []:
                wanted[subnet, tuple(sorted(asked["SecurityGroupIds"]))] = True
        for key in [key for key in function.holds if key not in wanted]:
            role = function.latest.config["Role"]
            # A role that is gone before cannot take them away: they stay, unattached.
            function.holds.pop(key).release(Wait(self.account.pace), left_behind=lambda: not self._may(role, _DELETE))
        for subnet, groups in wanted:
            if (subnet, groups) not in function.holds:
                description = f"AWS Lambda VPC ENI-{function.name}-{ids.unique()}"
                region = self.account.ec2.region(function.region)
                function.holds[subnet, groups] = region.put(
                    [region.subnet(subnet)], [region.group(ident) for ident in groups], description, "lambda"
                )
