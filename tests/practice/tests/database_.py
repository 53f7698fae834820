"""A cluster as a publisher makes one, for the tests of RDS, of the database and of the Data API."""

import time

import boto3

TAGS = [{"Key": "arqsite:project", "Value": "shop"}]
SCALING = {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 300}


def until(describe, status, at_most=10):
    """The first description of which `status` says that it will do."""
    end = time.monotonic() + at_most
    while time.monotonic() < end:
        found = describe()
        if status(found):
            return found
    raise AssertionError(f"never came to be: {found}")


def ec2_of(rds):
    """A client of the network in which the database is."""
    return boto3.client("ec2", endpoint_url=rds.meta.endpoint_url, region_name=rds.meta.region_name, aws_access_key_id="practice", aws_secret_access_key="practice")


def named(kind, name):
    """Tags at creation."""
    return [{"ResourceType": kind, "Tags": [*TAGS, {"Key": "Name", "Value": name}]}]


def network(rds, count=2, name="shop"):
    """A VPC, and its subnets in as many zones."""
    ec2 = ec2_of(rds)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=named("vpc", name))["Vpc"]["VpcId"]
    zones = [f"{rds.meta.region_name}{letter}" for letter in "abcd"[:count]]
    return vpc, [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone, TagSpecifications=named("subnet", f"{name}-{n}"))["Subnet"]["SubnetId"]
        for n, zone in enumerate(zones)
    ]


def groups(rds):
    """The groups that the cluster stands on."""
    subnets = network(rds)[1]
    rds.create_db_subnet_group(DBSubnetGroupName="Shop-Subnets", DBSubnetGroupDescription="d", SubnetIds=subnets, Tags=TAGS)
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="shop-db", DBParameterGroupFamily="aurora-postgresql16", Description="d", Tags=TAGS
    )


def wanted(**more):
    """What a cluster is made with."""
    return {
        "DBClusterIdentifier": "Shop-DB", "Engine": "aurora-postgresql", "EngineVersion": "16", "DatabaseName": "app",
        "MasterUsername": "arqsite", "ManageMasterUserPassword": True, "DBSubnetGroupName": "shop-subnets",
        "DBClusterParameterGroupName": "shop-db", "ServerlessV2ScalingConfiguration": SCALING, "DeletionProtection": True,
        "EnableIAMDatabaseAuthentication": True, "EnableHttpEndpoint": True, "BackupRetentionPeriod": 7, "StorageEncrypted": True,
        "CopyTagsToSnapshot": True, "EnableCloudwatchLogsExports": ["postgresql"], "Tags": TAGS, **more,
    }


def cluster_of(rds, name="shop-db"):
    """The cluster as it is described."""
    return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


def instance_of(rds, name="shop-db-1"):
    """The instance as it is described."""
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def available(rds, **more):
    """A cluster that is available, without an instance."""
    if not rds.describe_db_subnet_groups()["DBSubnetGroups"]:
        groups(rds)
    name = rds.create_db_cluster(**wanted(**more))["DBCluster"]["DBClusterIdentifier"]
    return until(lambda: cluster_of(rds, name), lambda c: c["Status"] == "available")


def running(rds, **more):
    """A cluster with an instance that is available."""
    name = available(rds, **more)["DBClusterIdentifier"]
    rds.create_db_instance(DBInstanceIdentifier=f"{name}-1", DBClusterIdentifier=name, Engine="aurora-postgresql", DBInstanceClass="db.serverless", Tags=TAGS)
    until(lambda: instance_of(rds, f"{name}-1"), lambda i: i["DBInstanceStatus"] == "available")
    return cluster_of(rds, name)
