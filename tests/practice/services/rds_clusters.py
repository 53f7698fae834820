"""RDS: clusters. Source: RDS API reference, CreateDBCluster, ModifyDBCluster, DeleteDBCluster; Aurora user guide."""

import json

from ..clock import Wait
from ..wire.errors import AwsError
from . import rds_checks as checks
from .rds_checks import combination, invalid
from .rds_cluster import Cluster
from .strict import page, tags_of

_ZONES = "abc"
# Changes that wait for the maintenance window unless they are wanted at once, and how RDS shows them meanwhile.
# Source: API reference, ModifyDBCluster, ApplyImmediately.
_FOR_THE_WINDOW = {"iam": "IAMDatabaseAuthenticationEnabled", "version": "EngineVersion"}


class Clusters:
    """Mixed into `Rds`."""

    def CreateDBCluster(self, call, p):
        here, region = self.here(call.region), call.region
        self.settle(region)
        name = checks.identifier(p["DBClusterIdentifier"], "DBClusterIdentifier")
        version = checks.engine_version(p["Engine"], p.get("EngineVersion"))
        made = Cluster(self.account, region, name, self.arn(region, "cluster", name))
        made.version, made.scaling = version, checks.scaling(p.get("ServerlessV2ScalingConfiguration"), version)
        made.database, made.master = checks.database_name(p.get("DatabaseName")), checks.master_name(p.get("MasterUsername"))
        made.password = self._given_password(p, None)
        made.backup_days = checks.backup_days(p.get("BackupRetentionPeriod")) or 1
        made.logs = checks.logs(p.get("EnableCloudwatchLogsExports"))
        made.tags = tags_of(p.get("Tags"), "InvalidParameterValue")
        if p.get("EngineMode") not in (None, "provisioned"):
            raise combination(f"The engine mode {p['EngineMode']} you requested is currently unavailable.")
        if p.get("KmsKeyId") and not p.get("StorageEncrypted"):
            raise combination("KmsKeyId can only be set for an encrypted cluster: StorageEncrypted must be true.")
        made.parameters = self._parameters_of(region, p.get("DBClusterParameterGroupName"), version)
        if name in here.clusters:
            raise AwsError("DBClusterAlreadyExistsFault", "DB Cluster already exists", 400)
        # RDS's own group over the default VPC is not played: a cluster needs a subnet group.
        group = self.subnet_group(region, p.get("DBSubnetGroupName") or "default")
        made.subnet_group, made.zones = group.name, sorted(set(group.zones.values())) or [region + z for z in _ZONES]
        made.groups = self._groups(region, group.vpc, p)
        made.protected, made.iam = bool(p.get("DeletionProtection")), bool(p.get("EnableIAMDatabaseAuthentication"))
        made.http, made.copy_tags = bool(p.get("EnableHttpEndpoint")), bool(p.get("CopyTagsToSnapshot"))
        made.encrypted = bool(p.get("StorageEncrypted"))
        made.key = (p.get("KmsKeyId") or self.arn_of("kms", region, "key/aws-rds")) if made.encrypted else None
        made.windows = {"backup": p.get("PreferredBackupWindow"), "maintenance": p.get("PreferredMaintenanceWindow")}
        made.windows = {k: v for k, v in made.windows.items() if v}
        made.storage = p.get("StorageType") or "aurora"
        if p.get("ManageMasterUserPassword"):
            self._keep_secret(made, p.get("MasterUserSecretKmsKeyId"))
        here.clusters[name] = made
        return {"DBCluster": made.answer()}

    def DescribeDBClusters(self, call, p):
        self.settle(call.region)
        here = self.here(call.region)
        ident = p.get("DBClusterIdentifier")
        found = [self.cluster(call.region, ident)] if ident else list(here.clusters.values())
        for each in p.get("Filters") or []:
            values = [v.rsplit(":", 1)[-1] for v in each["Values"]]
            if each["Name"] not in ("db-cluster-id", "db-cluster-resource-id", "engine"):
                raise invalid(f"Unrecognized filter name: {each['Name']}")
            read = {"db-cluster-id": lambda c: c.name, "db-cluster-resource-id": lambda c: c.resource_id, "engine": lambda _: checks.ENGINE}[each["Name"]]
            found = [c for c in found if read(c) in values]
        for cluster in found:
            cluster.poll()
        answer = [c.answer() for c in found]
        for cluster in found:
            cluster.begun()
        shown, more = page(answer, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBClusters": shown, "Marker": more}

    def ModifyDBCluster(self, call, p):
        cluster = self.cluster(call.region, p["DBClusterIdentifier"])
        cluster.needs_available("modify it")
        version = cluster.version
        later = {"scaling": checks.scaling(self._merged(cluster, p), version)}
        if p.get("EngineVersion"):
            wanted = checks.engine_version(checks.ENGINE, p["EngineVersion"])
            if checks.major(wanted) != checks.major(version) and not p.get("AllowMajorVersionUpgrade"):
                raise combination("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
            later["version"] = wanted
        if "VpcSecurityGroupIds" in p:
            later["groups"] = self._groups(call.region, self.subnet_group(call.region, cluster.subnet_group).vpc, p)
        if p.get("DBClusterParameterGroupName"):
            later["parameters"] = self._parameters_of(call.region, p["DBClusterParameterGroupName"], later.get("version", version))
        if p.get("CloudwatchLogsExportConfiguration"):
            later["logs"] = self._logs(cluster, p["CloudwatchLogsExportConfiguration"])
        days, password = checks.backup_days(p.get("BackupRetentionPeriod")), self._given_password(p, cluster)
        if p.get("EnableIAMDatabaseAuthentication") is not None:
            later["iam"] = p["EnableIAMDatabaseAuthentication"]
        # Nothing is refused from here on.
        cluster.backup_days = days or cluster.backup_days
        if p.get("ManageMasterUserPassword") and cluster.secret is None:
            self._keep_secret(cluster, p.get("MasterUserSecretKmsKeyId"))
        elif p.get("ManageMasterUserPassword") is False and cluster.secret is not None:
            self.drop_secret(cluster)
        cluster.password = password or cluster.password
        for parameter, name in (("DeletionProtection", "protected"), ("CopyTagsToSnapshot", "copy_tags")):
            if p.get(parameter) is not None:
                setattr(cluster, name, p[parameter])
        for name in set(later) & set(_FOR_THE_WINDOW):
            cluster.pending.pop(_FOR_THE_WINDOW[name], None)
        later = {name: value for name, value in later.items() if value != getattr(cluster, name)}
        if not p.get("ApplyImmediately"):
            for name in set(later) & set(_FOR_THE_WINDOW):
                cluster.pending[_FOR_THE_WINDOW[name]] = later.pop(name)
        cluster.change(later)
        return {"DBCluster": cluster.answer()}

    def DeleteDBCluster(self, call, p):
        cluster = self.cluster(call.region, p["DBClusterIdentifier"])
        skip, snapshot = bool(p.get("SkipFinalSnapshot")), p.get("FinalDBSnapshotIdentifier")
        if skip and snapshot:
            raise combination("FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true")
        if not skip and not snapshot:
            raise combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
        if cluster.protected:
            raise combination("Cannot delete protected Cluster, please disable deletion protection and try again.")
        if any(i.status != "deleting" for i in cluster.members.values()):
            text = "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            raise AwsError("InvalidDBClusterStateFault", text, 400)
        cluster.needs_available("delete")
        if snapshot:
            self.keep_snapshot(cluster, checks.identifier(snapshot, "FinalDBSnapshotIdentifier", 255))
        cluster.status, cluster.wait = "deleting", Wait(self.account.pace)
        return {"DBCluster": cluster.answer()}

    def cluster(self, region, ident):
        """The cluster of a name or an ARN."""
        self.settle(region)
        name = ident.rsplit(":", 1)[-1].lower()
        found = self.here(region).clusters.get(name)
        if found is None:
            raise AwsError("DBClusterNotFoundFault", f"DBCluster {name} not found.", 404)
        return found

    def of_arn(self, arn):
        """The cluster of an ARN, or None."""
        parts = arn.split(":")
        if len(parts) != 7 or parts[2] != "rds" or parts[5] != "cluster" or parts[4] != self.account.id:
            return None
        self.settle(parts[3])
        return self.here(parts[3]).clusters.get(parts[6])

    # -- the parts ---------------------------------------------------------------------------------------------

    def _parameters_of(self, region, name, version):
        family = f"{checks.ENGINE}{checks.major(version)}"
        group = self.parameter_group(region, name or f"default.{family}", "DBClusterParameterGroupNotFound")
        if group.family != family:
            raise combination(f"The Parameter Group {group.name} with DBParameterGroupFamily {group.family} cannot be used for this instance. Please use a Parameter Group with DBParameterGroupFamily {family}")
        return group.name

    def _groups(self, region, vpc, p):
        """The security groups that are asked for, in the database's VPC; without any its default one."""
        here, given = self.account.ec2.region(region), p.get("VpcSecurityGroupIds") or []
        for ident in given:
            if ident not in here.groups:
                raise invalid(f"Invalid security group , groupId= {ident}, groupName=.")
            where = here.groups[ident].vpc.id
            if where != vpc:
                raise combination(f"The DB instance and EC2 security group are in different VPCs. The DB instance is in {vpc} and the EC2 security group is in {where}")
        return list(given) or [g.id for g in here.groups.values() if g.vpc.id == vpc and g.name == "default"]

    def _merged(self, cluster, p):
        """A scaling configuration changes only what it names."""
        given = p.get("ServerlessV2ScalingConfiguration")
        if given is None:
            return cluster.scaling
        merged = {**(cluster.scaling or {}), **given}
        if merged.get("MinCapacity") and "SecondsUntilAutoPause" not in given:
            merged.pop("SecondsUntilAutoPause", None)
        return merged

    def _logs(self, cluster, given):
        on, off = checks.logs(given.get("EnableLogTypes")), checks.logs(given.get("DisableLogTypes"))
        if set(on) & set(off):
            raise combination("A log type can not be enabled and disabled at once.")
        return [name for name in cluster.logs if name not in off] + [name for name in on if name not in cluster.logs]

    def _given_password(self, p, cluster):
        given, managed = p.get("MasterUserPassword"), p.get("ManageMasterUserPassword")
        if given and managed:
            raise combination("You can't specify MasterUserPassword when ManageMasterUserPassword is true.")
        if given and cluster and cluster.secret is not None and managed is not False:
            raise combination("You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.")
        if p.get("MasterUserSecretKmsKeyId") and not (managed or cluster and cluster.secret is not None):
            raise combination("You can't specify MasterUserSecretKmsKeyId unless ManageMasterUserPassword is true.")
        needed = managed is False and cluster.secret is not None if cluster else not managed
        if needed and not given:
            raise invalid("The parameter MasterUserPassword must be provided and must not be blank.")
        return checks.password(given) if given else None

    def _keep_secret(self, cluster, key):
        """A secret that RDS owns. Source: Aurora user guide, password management with Secrets Manager."""
        region, store = cluster.region, self.account.secrets
        cluster.password = checks.new_password()
        name = f"rds!{cluster.resource_id.lower()}"
        tags = {"aws:secretsmanager:owningService": "rds", "aws:rds:primaryDBClusterArn": cluster.arn}
        secret = cluster.secret = store.make(region, name, tags, owner="rds")
        secret.description, secret.key = f"Secret associated with primary RDS DB cluster: {cluster.arn}", key or self.arn_of("kms", region, "key/aws-secretsmanager")
        value = json.dumps({"username": cluster.master, "password": cluster.password})
        store.add(secret, {"SecretString": value, "ClientRequestToken": self.token()}, ["AWSCURRENT"])

    def drop_secret(self, cluster):
        """The managed secret goes with what it was for."""
        if cluster.secret is not None:
            self.account.secrets.secrets.pop((cluster.region, cluster.secret.name), None)
            cluster.secret = None
