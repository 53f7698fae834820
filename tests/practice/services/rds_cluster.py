"""One Aurora cluster: what it is, what it is becoming, and how RDS shows it."""

from ..clock import Wait
from ..wire.errors import AwsError
from .rds_checks import ENGINE, made_up
from .strict import now, tag_list


class Cluster:
    """A cluster; `later` is what an accepted change will have made of it, `pending` what waits for the window."""

    def __init__(self, account, region, name, arn):
        self.account, self.region, self.name, self.arn = account, region, name, arn
        self.resource_id, self.made = f"cluster-{made_up()}", now()
        self.status, self.wait, self.later, self.pending = "creating", Wait(account.pace), {}, {}
        self.began, self.members, self.final = True, {}, None
        # What the caller chose.
        self.version = self.database = self.master = self.subnet_group = self.parameters = ""
        self.groups, self.logs, self.scaling, self.tags = [], [], None, {}
        self.backup_days, self.protected, self.iam, self.http, self.copy_tags = 1, False, False, False, False
        self.encrypted, self.key, self.windows, self.secret, self.password = False, None, {}, None, None
        self.zones, self.storage = [], "aurora"
        # Whether it sleeps, and until when it wakes up.
        self.asleep, self.waking = False, None

    def poll(self):
        """Someone asks how far it is."""
        if self.status == "deleting":
            self.wait.poll()
            for instance in self.members.values():
                instance.poll()
        elif self.wait is not None and self.wait.poll():
            for name, value in self.later.items():
                setattr(self, name, value)
            for instance in self.members.values():
                instance.regroup()
            self.status, self.wait, self.later, self.began = "available", None, {}, True

    def begun(self):
        """Called after it was shown: a change begins some time after it was accepted."""
        if self.wait is not None and not self.began:
            self.began, self.status = True, "modifying"

    def change(self, later):
        """Have `later` come true after a while."""
        if later:
            self.later, self.wait, self.began = later, Wait(self.account.pace), False

    def needs_available(self, what):
        """AwsError unless nothing is under way; the refusal counts as a question."""
        self.poll()
        if self.wait is None and self.status == "available":
            return
        self.begun()
        if self.status == "deleting" and what == "delete":
            raise AwsError("InvalidDBClusterStateFault", f"DB cluster {self.name} is already being deleted.", 400)
        status = self.status if self.status != "available" else "modifying"
        if what == "delete":
            raise AwsError("InvalidDBClusterStateFault", f"DbCluster {self.name} is not currently in the available state (it is {status}).", 400)
        raise AwsError("InvalidDBClusterStateFault", f"The requested DB Cluster {self.name} is not in available state (it is {status}): cannot {what}.", 400)

    def answers(self):
        """Whether its database can be reached: a cluster is only storage until an instance runs."""
        for instance in self.members.values():
            if instance.wait is not None and instance.wait.over():
                instance.poll()
        return self.status not in ("creating", "deleting") and any(i.status in ("available", "modifying") for i in self.members.values())

    def answer(self):
        """As RDS shows it."""
        account = self.account
        port = account.database.port_of(self) if getattr(account, "database", None) else 5432
        order = list(self.members.values())
        return {
            "DBClusterIdentifier": self.name, "DBClusterArn": self.arn, "DbClusterResourceId": self.resource_id,
            "Status": self.status, "Engine": ENGINE, "EngineVersion": self.version, "EngineMode": "provisioned",
            "DatabaseName": self.database, "MasterUsername": self.master, "DBSubnetGroup": self.subnet_group,
            "DBClusterParameterGroup": self.parameters, "Port": port, "Endpoint": "localhost", "ReaderEndpoint": "localhost",
            "HostedZoneId": "Z2R2ITUGPM61AM", "AllocatedStorage": 1, "AvailabilityZones": self.zones, "MultiAZ": len({i.zone for i in order}) > 1,
            "VpcSecurityGroups": [{"VpcSecurityGroupId": g, "Status": "active"} for g in self.groups],
            "DBClusterMembers": [
                {"DBInstanceIdentifier": i.name, "IsClusterWriter": n == 0, "DBClusterParameterGroupStatus": "in-sync", "PromotionTier": i.tier}
                for n, i in enumerate(order)
            ],
            "StorageEncrypted": self.encrypted, "KmsKeyId": self.key, "DeletionProtection": self.protected,
            "IAMDatabaseAuthenticationEnabled": self.iam, "HttpEndpointEnabled": self.http, "CopyTagsToSnapshot": self.copy_tags,
            "BackupRetentionPeriod": self.backup_days, "PreferredBackupWindow": self.windows.get("backup", "07:08-07:38"),
            "PreferredMaintenanceWindow": self.windows.get("maintenance", "sun:05:17-sun:05:47"),
            "EnabledCloudwatchLogsExports": self.logs or None, "ServerlessV2ScalingConfiguration": self.scaling,
            "MasterUserSecret": self.secret_answer(), "TagList": tag_list(self.tags), "ClusterCreateTime": self.made,
            "EarliestRestorableTime": self.made, "LatestRestorableTime": self.made, "AutoMinorVersionUpgrade": True,
            "ActivityStreamStatus": "stopped", "CrossAccountClone": False, "AssociatedRoles": [], "NetworkType": "IPV4",
            "DomainMemberships": [], "PendingModifiedValues": self.pending or None, "EngineLifecycleSupport": "open-source-rds-extended-support",
            "DatabaseInsightsMode": "standard", "StorageType": None if self.storage == "aurora" else self.storage,
        }

    def secret_answer(self):
        """The master user's secret, as far as RDS keeps it."""
        if self.secret is None:
            return None
        status = "creating" if self.status == "creating" else "active"
        return {"SecretArn": self.secret.arn, "SecretStatus": status, "KmsKeyId": self.secret.key}

    def shown(self):
        """For the snapshot: nothing made up."""
        return {
            "version": self.version, "database": self.database, "master": self.master, "subnet_group": self.subnet_group,
            "parameters": self.later.get("parameters", self.parameters), "groups": self.later.get("groups", self.groups),
            "logs": sorted(self.later.get("logs", self.logs)), "scaling": self.later.get("scaling", self.scaling),
            "backup_days": self.backup_days, "protected": self.protected, "iam": self.later.get("iam", self.iam),
            "http_endpoint": self.http, "copy_tags": self.copy_tags, "encrypted": self.encrypted, "tags": self.tags,
            "managed_secret": self.secret is not None, "deleting": self.status == "deleting", "pending": sorted(self.pending),
        }
