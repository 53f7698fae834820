"""EC2 beyond the network: what an account shows that has made nothing of the kind, since nothing can be made here.

Source: EC2 API reference.
"""

from .ec2_common import invalid

_REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
    "us-west-2",
)
"""The regions that are enabled without being asked for. Source: Account management guide, AWS Regions."""


class Absent:
    """Mixed into `Region`."""

    def DescribeRegions(self, p):
        for name in p.get("RegionNames") or []:
            if name not in _REGIONS:
                raise invalid(f"The region name '{name}' is not valid.")
        chosen = p.get("RegionNames") or _REGIONS
        return {
            "Regions": [
                {"RegionName": n, "Endpoint": f"ec2.{n}.amazonaws.com", "OptInStatus": "opt-in-not-required"} for n in chosen
            ]
        }

    def DescribeInstances(self, p):
        return {"Reservations": []}

    def DescribeImages(self, p):
        return {"Images": []}

    def DescribeSnapshots(self, p):
        return {"Snapshots": []}

    def DescribeVolumes(self, p):
        return {"Volumes": []}

    def DescribeLaunchTemplates(self, p):
        return {"LaunchTemplates": []}

    def DescribeTransitGateways(self, p):
        return {"TransitGateways": []}

    def DescribeVpcPeeringConnections(self, p):
        return {"VpcPeeringConnections": []}

    def DescribeVpnConnections(self, p):
        return {"VpnConnections": []}

    def DescribeVpcEndpointServices(self, p):
        """Those of AWS that lead somewhere here; a customer's own there are not."""
        names = sorted(each.name for each in self.prefix_lists.values())
        found = [n for n in p.get("ServiceNames") or names if n in names]
        details = [{"ServiceName": n, "Owner": "amazon", "ServiceType": [{"ServiceType": "Gateway"}]} for n in found]
        return {"ServiceNames": found, "ServiceDetails": details}

    def DescribeClientVpnEndpoints(self, p):
        return {"ClientVpnEndpoints": []}

    # -- an account's defaults, which cannot be changed here -----------------------------------------------------

    def GetEbsEncryptionByDefault(self, p):
        return {"EbsEncryptionByDefault": False}

    def GetSnapshotBlockPublicAccessState(self, p):
        return {"State": "unblocked", "ManagedBy": "account"}

    def GetImageBlockPublicAccessState(self, p):
        # So for every account since October 2023. Source: EC2 user guide, Block public access to your AMIs.
        return {"ImageBlockPublicAccessState": "block-new-sharing", "ManagedBy": "account"}

    def GetInstanceMetadataDefaults(self, p):
        return {"AccountLevel": {}}
