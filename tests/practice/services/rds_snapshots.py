"""RDS: snapshots of clusters; a last one stays when its cluster is gone. Source: RDS API reference, DeleteDBCluster."""

from ..clock import Wait
from ..wire.errors import AwsError
from . import rds_checks as checks
from .strict import now, page, tag_list, tags_of


class Snapshot:
    """One snapshot that was asked for."""

    def __init__(self, account, cluster, name, arn, tags):
        self.name, self.arn, self.tags, self.wait, self.made = name, arn, tags, Wait(account.pace), now()
        self.cluster, self.cluster_id, self.engine_version = cluster.name, cluster.resource_id, cluster.version
        self.master, self.encrypted, self.key, self.iam = cluster.master, cluster.encrypted, cluster.key, cluster.iam
        self.zones, self.cluster_made = cluster.zones, cluster.made

    def answer(self):
        """As RDS shows it."""
        over = self.wait.over()
        return {
            "DBClusterSnapshotIdentifier": self.name, "DBClusterSnapshotArn": self.arn, "DBClusterIdentifier": self.cluster,
            "DbClusterResourceId": self.cluster_id, "Engine": checks.ENGINE, "EngineVersion": self.engine_version,
            "EngineMode": "provisioned", "SnapshotType": "manual", "Status": "available" if over else "creating",
            "PercentProgress": 100 if over else 0, "MasterUsername": self.master, "StorageEncrypted": self.encrypted,
            "KmsKeyId": self.key, "IAMDatabaseAuthenticationEnabled": self.iam, "TagList": tag_list(self.tags), "Port": 0,
            "SnapshotCreateTime": self.made, "ClusterCreateTime": self.cluster_made, "AvailabilityZones": self.zones,
            "AllocatedStorage": 1, "LicenseModel": "postgresql-license",
        }

    def shown(self):
        """For the account's snapshot."""
        return {"cluster": self.cluster, "version": self.engine_version, "encrypted": self.encrypted, "tags": self.tags}


class Snapshots:
    """Mixed into `Rds`."""

    def keep_snapshot(self, cluster, name, tags=None):
        """A new snapshot of a cluster; its tags come along where that was wanted."""
        snapshots = self.here(cluster.region).snapshots
        if name in snapshots:
            text = f"Cannot create the cluster snapshot because a cluster snapshot with the identifier {name} already exists."
            raise AwsError("DBClusterSnapshotAlreadyExistsFault", text, 400)
        tags = {**(cluster.tags if cluster.copy_tags else {}), **(tags or {})}
        made = snapshots[name] = Snapshot(self.account, cluster, name, self.arn(cluster.region, "cluster-snapshot", name), tags)
        return made

    def CreateDBClusterSnapshot(self, call, p):
        cluster = self.cluster(call.region, p["DBClusterIdentifier"])
        name = checks.identifier(p["DBClusterSnapshotIdentifier"], "DBClusterSnapshotIdentifier", 255)
        tags = tags_of(p.get("Tags"), "InvalidParameterValue")
        cluster.needs_available("make a snapshot of it")
        return {"DBClusterSnapshot": self.keep_snapshot(cluster, name, tags).answer()}

    def DescribeDBClusterSnapshots(self, call, p):
        snapshots = self.here(call.region).snapshots
        ident, of, kind = p.get("DBClusterSnapshotIdentifier"), p.get("DBClusterIdentifier"), p.get("SnapshotType")
        if ident:
            found = [self._snapshot(call.region, ident)]
        else:
            found = list(snapshots.values())
        found = [s for s in found if of is None or s.cluster == of.rsplit(":", 1)[-1].lower()]
        found = found if kind in (None, "manual") else []
        for snapshot in found:
            snapshot.wait.poll()
        shown, more = page([s.answer() for s in found], p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBClusterSnapshots": shown, "Marker": more}

    def DeleteDBClusterSnapshot(self, call, p):
        found = self._snapshot(call.region, p["DBClusterSnapshotIdentifier"])
        if not found.wait.poll():
            text = f"The DB cluster snapshot {found.name} is not in the available state."
            raise AwsError("InvalidDBClusterSnapshotStateFault", text, 400)
        del self.here(call.region).snapshots[found.name]
        return {"DBClusterSnapshot": {**found.answer(), "Status": "deleted"}}

    def _snapshot(self, region, ident):
        name = ident.rsplit(":", 1)[-1].lower()
        found = self.here(region).snapshots.get(name)
        if found is None:
            raise AwsError("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {name} not found.", 404)
        return found
