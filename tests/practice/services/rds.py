"""RDS, played as far as Aurora PostgreSQL goes: what the other `rds_*.py` files make, its tags, versions and snapshot.

Source: RDS API reference.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from ..wire.errors import AwsError
from . import rds_checks as checks
from .rds_absent import Absent
from .rds_clusters import Clusters
from .rds_groups import SubnetGroups
from .rds_instances import Instances
from .rds_parameters import ParameterGroups
from .rds_snapshots import Snapshots
from .secrets_versions import hashed
from .strict import Strict, page, tag_list, tags_of

# The kinds that can have tags, as ARNs name them: where they are kept, and the refusal when there is none.
_KINDS = {
    "cluster": ("clusters", "DBClusterNotFoundFault"),
    "db": ("instances", "DBInstanceNotFound"),
    "subgrp": ("subnet_groups", "DBSubnetGroupNotFoundFault"),
    "cluster-pg": ("parameter_groups", "DBParameterGroupNotFound"),
    "cluster-snapshot": ("snapshots", "DBClusterSnapshotNotFoundFault"),
}


@dataclass
class Region:
    """What there is in one region, by name."""

    clusters: dict = field(default_factory=dict)
    instances: dict = field(default_factory=dict)
    subnet_groups: dict = field(default_factory=dict)
    parameter_groups: dict = field(default_factory=dict)
    snapshots: dict = field(default_factory=dict)


class Rds(Clusters, Instances, SubnetGroups, ParameterGroups, Snapshots, Absent, Strict):
    """The service."""

    INVALID = "InvalidParameterValue"

    def __init__(self, account):
        self.account, self.regions = account, defaultdict(Region)

    def here(self, region):
        """What there is in a region."""
        return self.regions[region]

    def arn_of(self, service, region, rest):
        """An ARN of any service's in this account."""
        return f"arn:aws:{service}:{region}:{self.account.id}:{rest}"

    def arn(self, region, kind, name):
        """An ARN of RDS."""
        return self.arn_of("rds", region, f"{kind}:{name}")

    @staticmethod
    def token():
        """The id of a secret's version."""
        return str(uuid.uuid4())

    def settle(self, region):
        """What was being deleted, and is over, is gone."""
        here = self.here(region)
        for name, instance in list(here.instances.items()):
            if instance.status == "deleting" and instance.wait.over():
                del here.instances[name]
                instance.cluster.members.pop(name, None)
                instance.hold.release()
        for name, cluster in list(here.clusters.items()):
            if cluster.status == "deleting" and cluster.wait.over() and not cluster.members:
                del here.clusters[name]
                self.drop_secret(cluster)
                if self.account.database:
                    self.account.database.forget(cluster)

    # -- the Data API's switch ---------------------------------------------------------------------------------

    def EnableHttpEndpoint(self, _call, p):
        return self._switch(p["ResourceArn"], True)

    def DisableHttpEndpoint(self, _call, p):
        return self._switch(p["ResourceArn"], False)

    def _switch(self, arn, on):
        cluster = self.of_arn(arn)
        if cluster is None:
            raise AwsError("ResourceNotFoundFault", f"The resource {arn} was not found.", 404)
        cluster.poll()
        if cluster.status != "available":
            cluster.begun()
            raise AwsError("InvalidResourceStateFault", f"The cluster {cluster.name} is not in available state.", 400)
        cluster.http = on
        return {"ResourceArn": arn, "HttpEndpointEnabled": on}

    # -- versions ----------------------------------------------------------------------------------------------

    def DescribeDBEngineVersions(self, _call, p):
        if p.get("Engine") not in (None, checks.ENGINE):
            return {"DBEngineVersions": []}
        wanted, family, rows = p.get("EngineVersion"), p.get("DBParameterGroupFamily"), []
        for major, (minors, default) in checks.VERSIONS.items():
            for version in minors:
                if wanted not in (None, major, version) or family not in (None, checks.ENGINE + major):
                    continue
                if p.get("DefaultOnly") and (version != default or (wanted is None and family is None and major != checks.DEFAULT_MAJOR)):
                    continue
                rows.append(_version(major, version))
        shown, more = page(rows, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBEngineVersions": shown, "Marker": more}

    # -- tags --------------------------------------------------------------------------------------------------

    def _tagged(self, arn):
        parts = arn.split(":", 6)
        if len(parts) != 7 or parts[2] != "rds" or parts[5] not in _KINDS:
            raise checks.invalid(f"Invalid resource name: {arn}")
        self.settle(parts[3])
        where, code = _KINDS[parts[5]]
        found = getattr(self.here(parts[3]), where).get(parts[6])
        if found is None or parts[4] != self.account.id:
            raise AwsError(code, f"{parts[6]} not found.", 404)
        return found

    def AddTagsToResource(self, _call, p):
        found, tags = self._tagged(p["ResourceName"]), tags_of(p["Tags"], "InvalidParameterValue")
        if len({**found.tags, **tags}) > 50:
            raise checks.invalid("A resource can have at most 50 tags.")
        found.tags.update(tags)
        return {}

    def RemoveTagsFromResource(self, _call, p):
        tags = self._tagged(p["ResourceName"]).tags
        for key in p["TagKeys"]:
            tags.pop(key, None)
        return {}

    def ListTagsForResource(self, _call, p):
        return {"TagList": tag_list(self._tagged(p["ResourceName"]).tags)}

    # -- the snapshot ------------------------------------------------------------------------------------------

    def name(self, names):
        """Resource ids, master passwords and the place of the database are made up."""
        for _, here in sorted(self.regions.items()):
            for _, cluster in sorted(here.clusters.items()):
                names.add(cluster.resource_id, "cluster id")
                names.add(cluster.resource_id.lower(), "cluster id")
                names.add(cluster.resource_id[-8:].lower(), "end of a cluster id")
                names.add(f"localhost:{cluster.answer()['Port']}", "database")
                for version in cluster.secret.versions.values() if cluster.secret else ():
                    names.add(hashed(version), "master secret hash")
            for _, snapshot in sorted(here.snapshots.items()):
                names.add(snapshot.cluster_id[-8:].lower(), "end of a cluster id")

    def shown(self):
        """What there is, by region."""
        out = {}
        for region, here in sorted(self.regions.items()):
            self.settle(region)
            out[region] = {
                "clusters": {c.name: c.shown() for c in here.clusters.values()},
                "instances": {i.name: i.shown() for i in here.instances.values()},
                "subnet_groups": {
                    g.name: {"description": g.description, "zones": sorted(g.zones.values()), "tags": g.tags}
                    for g in here.subnet_groups.values()
                },
                "parameter_groups": {
                    g.name: {"family": g.family, "description": g.description, "values": g.values, "tags": g.tags}
                    for g in here.parameter_groups.values()
                },
                "snapshots": {s.name: s.shown() for s in here.snapshots.values()},
            }
        return {region: here for region, here in out.items() if any(here.values())}


def _version(major, version):
    return {
        "Engine": checks.ENGINE, "EngineVersion": version, "MajorEngineVersion": major, "DBParameterGroupFamily": checks.ENGINE + major,
        "DBEngineDescription": "Aurora PostgreSQL", "DBEngineVersionDescription": f"Aurora PostgreSQL (compatible with PostgreSQL {version})",
        "SupportedEngineModes": ["provisioned"], "ExportableLogTypes": list(checks.LOGS), "Status": "available",
        "SupportsLogExportsToCloudwatchLogs": True, "SupportsReadReplica": False, "SupportsCertificateRotationWithoutRestart": True,
        "ServerlessV2FeaturesSupport": {"MinCapacity": 0.0 if checks.may_sleep(version) else 0.5, "MaxCapacity": 256.0},
    }
