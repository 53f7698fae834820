"""RDS: instances of Aurora clusters. Source: RDS API reference, CreateDBInstance, DeleteDBInstance."""

from ..clock import Wait
from ..wire.errors import AwsError
from . import rds_checks as checks
from .rds_checks import combination, invalid
from .strict import now, page, tag_list, tags_of

_CLUSTERS_OWN = (
    "MasterUserPassword", "MasterUsername", "DBName", "AllocatedStorage", "BackupRetentionPeriod", "DBSubnetGroupName",
    "VpcSecurityGroupIds", "ManageMasterUserPassword", "DeletionProtection", "StorageEncrypted", "EnableIAMDatabaseAuthentication",
)


class Instance:
    """One instance of a cluster."""

    def __init__(self, account, cluster, name, arn):
        self.account, self.cluster, self.name, self.arn = account, cluster, name, arn
        self.resource_id, self.made = f"db-{checks.made_up()}", now()
        self.status, self.wait, self.later, self.began = "creating", Wait(account.pace), {}, True
        self.kind, self.public, self.insights, self.minor, self.tier, self.tags, self.zone = "db.serverless", False, False, True, 1, {}, None
        self.subnet = self.hold = None

    def poll(self):
        """Someone asks how far it is."""
        if self.wait is not None and self.wait.poll() and self.status != "deleting":
            for name, value in self.later.items():
                setattr(self, name, value)
            self.status, self.wait, self.later, self.began = "available", None, {}, True

    def connect(self, subnets):
        """Its network interface, in the subnet of its zone. Source: Aurora user guide, working with a DB cluster in a VPC."""
        here = self.account.ec2.region(self.cluster.region)
        self.subnet = next((i for i, zone in subnets.items() if zone == self.zone and i in here.subnets), None)
        if self.subnet is None:
            text = f"DB Subnet Group doesn't meet availability zone coverage requirement. Please add subnets to cover {self.zone}."
            raise AwsError("InvalidVPCNetworkStateFault", text, 400)
        groups = [here.group(ident) for ident in self.cluster.groups]
        self.hold = here.put([here.subnets[self.subnet]], groups, "RDSNetworkInterface", requester="amazon-rds")

    def regroup(self):
        """The cluster's security groups are its own."""
        here = self.account.ec2.region(self.cluster.region)
        for each in self.hold.interfaces:
            each.groups = [here.groups[ident] for ident in self.cluster.groups if ident in here.groups]

    def begun(self):
        """Called after it was shown: a change begins some time after it was accepted."""
        if self.wait is not None and not self.began:
            self.began, self.status = True, "modifying"

    def answer(self):
        """As RDS shows it."""
        cluster, ready = self.cluster, self.status not in ("creating",)
        there = cluster.answer()
        return {
            "DBInstanceIdentifier": self.name, "DBInstanceArn": self.arn, "DbiResourceId": self.resource_id,
            "DBInstanceClass": self.kind, "DBInstanceStatus": self.status, "Engine": checks.ENGINE, "EngineVersion": cluster.version,
            "DBClusterIdentifier": cluster.name, "DBName": cluster.database, "MasterUsername": cluster.master,
            "Endpoint": {"Address": "localhost", "Port": there["Port"], "HostedZoneId": there["HostedZoneId"]} if ready else None,
            "PubliclyAccessible": self.public, "PerformanceInsightsEnabled": self.insights, "AutoMinorVersionUpgrade": self.minor,
            "PromotionTier": self.tier, "AvailabilityZone": self.zone, "TagList": tag_list(self.tags), "StorageEncrypted": cluster.encrypted,
            "KmsKeyId": cluster.key, "DeletionProtection": False, "InstanceCreateTime": self.made if ready else None, "MultiAZ": False,
            "CopyTagsToSnapshot": cluster.copy_tags, "IAMDatabaseAuthenticationEnabled": cluster.iam, "StorageType": cluster.storage,
            "VpcSecurityGroups": there["VpcSecurityGroups"], "CACertificateIdentifier": "rds-ca-rsa2048-g1", "AllocatedStorage": 1,
            "BackupRetentionPeriod": cluster.backup_days, "LicenseModel": "postgresql-license", "MonitoringInterval": 0,
            "DbInstancePort": 0, "DBParameterGroups": [{"DBParameterGroupName": f"default.{checks.ENGINE}{checks.major(cluster.version)}", "ParameterApplyStatus": "in-sync"}],
            "DBSubnetGroup": self.subnets(),
            "PendingModifiedValues": {"DBInstanceClass": self.later["kind"]} if "kind" in self.later else {},
        }

    def subnets(self):
        """Its cluster's subnet group, as RDS shows it; None once that is gone."""
        found = self.account.rds.here(self.arn.split(":")[3]).subnet_groups.get(self.cluster.subnet_group)
        return found.answer() if found else None

    def shown(self):
        """For the snapshot."""
        return {
            "cluster": self.cluster.name, "class": self.later.get("kind", self.kind), "public": self.later.get("public", self.public),
            "performance_insights": self.insights, "auto_minor": self.minor, "tags": self.tags, "deleting": self.status == "deleting",
        }


class Instances:
    """Mixed into `Rds`."""

    def CreateDBInstance(self, call, p):
        self.settle(call.region)
        name = checks.identifier(p["DBInstanceIdentifier"], "DBInstanceIdentifier")
        instances = self.here(call.region).instances
        if not p.get("DBClusterIdentifier"):
            raise invalid(f"Only instances of clusters are played: DBClusterIdentifier must be provided for engine {p['Engine']}")
        cluster = self.cluster(call.region, p["DBClusterIdentifier"])
        if p["Engine"] != checks.ENGINE:
            raise combination(f"The engine name requested for your DB instance ({p['Engine']}) doesn't match the engine name of your DB cluster ({checks.ENGINE}).")
        for parameter in _CLUSTERS_OWN:
            if p.get(parameter) is not None:
                raise combination(f"The requested DB Instance will be a member of a DB Cluster. Set {parameter} for the DB Cluster.")
        tags = tags_of(p.get("Tags"), "InvalidParameterValue")
        self._check_class(cluster, p["DBInstanceClass"])
        if name in instances:
            raise AwsError("DBInstanceAlreadyExists", "DB instance already exists", 400)
        cluster.needs_available("make an instance of it")
        made = Instance(self.account, cluster, name, self.arn(call.region, "db", name))
        made.kind, made.tags, made.zone = p["DBInstanceClass"], tags, p.get("AvailabilityZone") or cluster.zones[len(cluster.members) % len(cluster.zones)]
        made.public, made.insights = bool(p.get("PubliclyAccessible")), bool(p.get("EnablePerformanceInsights"))
        made.minor = p.get("AutoMinorVersionUpgrade", True) is not False
        made.tier = 1 if p.get("PromotionTier") is None else p["PromotionTier"]
        made.connect(self.subnet_group(call.region, cluster.subnet_group).zones)
        instances[name] = cluster.members[name] = made
        return {"DBInstance": made.answer()}

    def _check_class(self, cluster, kind):
        if kind != "db.serverless" and not kind.startswith("db."):
            raise invalid(f"Invalid DB Instance class: {kind}")
        if kind == "db.serverless" and cluster.scaling is None:
            raise combination("Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.")

    def DescribeDBInstances(self, call, p):
        self.settle(call.region)
        ident = p.get("DBInstanceIdentifier")
        found = [self.instance(call.region, ident)] if ident else list(self.here(call.region).instances.values())
        for each in p.get("Filters") or []:
            values = [v.rsplit(":", 1)[-1] for v in each["Values"]]
            if each["Name"] not in ("db-cluster-id", "db-instance-id", "dbi-resource-id"):
                raise invalid(f"Unrecognized filter name: {each['Name']}")
            read = {"db-cluster-id": lambda i: i.cluster.name, "db-instance-id": lambda i: i.name, "dbi-resource-id": lambda i: i.resource_id}[each["Name"]]
            found = [i for i in found if read(i) in values]
        for instance in found:
            instance.poll()
        answer = [i.answer() for i in found]
        for instance in found:
            instance.begun()
        shown, more = page(answer, p, 100, "MaxRecords", "Marker", "InvalidParameterValue")
        return {"DBInstances": shown, "Marker": more}

    def ModifyDBInstance(self, call, p):
        instance = self.instance(call.region, p["DBInstanceIdentifier"])
        for parameter in _CLUSTERS_OWN:
            if p.get(parameter) is not None:
                raise combination(f"The DB Instance is a member of a DB Cluster. Set {parameter} for the DB Cluster.")
        self._available(instance)
        names = {"DBInstanceClass": "kind", "PubliclyAccessible": "public", "AutoMinorVersionUpgrade": "minor", "EnablePerformanceInsights": "insights", "PromotionTier": "tier"}
        later = {ours: p[theirs] for theirs, ours in names.items() if p.get(theirs) is not None}
        if "kind" in later:
            self._check_class(instance.cluster, later["kind"])
        later = {name: value for name, value in later.items() if value != getattr(instance, name)}
        if later:
            instance.later = later
            # A change of the class waits for the window unless it is wanted at once; the others never do.
            if p.get("ApplyImmediately") or set(later) - {"kind"}:
                instance.wait, instance.began = Wait(self.account.pace), False
        return {"DBInstance": instance.answer()}

    def _available(self, instance):
        instance.poll()
        if instance.status != "available" or instance.wait is not None:
            instance.begun()
            text = f"Instance {instance.name} is already being deleted." if instance.status == "deleting" else f"Database instance is not in available state: {instance.name} is {instance.status}."
            raise AwsError("InvalidDBInstanceState", text, 400)

    def DeleteDBInstance(self, call, p):
        instance = self.instance(call.region, p["DBInstanceIdentifier"])
        if p.get("FinalDBSnapshotIdentifier"):
            raise combination("FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance")
        instance.poll()
        if instance.status == "deleting":
            raise AwsError("InvalidDBInstanceState", f"Instance {instance.name} is already being deleted.", 400)
        instance.status, instance.wait = "deleting", Wait(self.account.pace)
        return {"DBInstance": instance.answer()}

    def instance(self, region, ident):
        """The instance of a name or an ARN."""
        self.settle(region)
        name = ident.rsplit(":", 1)[-1].lower()
        found = self.here(region).instances.get(name)
        if found is None:
            raise AwsError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
        return found
