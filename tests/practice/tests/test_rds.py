"""RDS, played: an Aurora cluster's groups, its states, what is refused, and its end."""

import json

import pytest

from database_ import SCALING, TAGS, available, cluster_of, ec2_of, groups, instance_of, network, running, until, wanted


@pytest.fixture
def rds(practice):
    return practice.client("rds")


def test_a_cluster_is_made_and_available_before_its_instance(rds, practice):
    groups(rds)
    made = rds.create_db_cluster(**wanted())["DBCluster"]
    assert made["Status"] == "creating" and made["DBClusterIdentifier"] == "shop-db" and made["EngineVersion"] == "16.8"
    cluster = until(lambda: cluster_of(rds), lambda c: c["Status"] == "available")
    assert cluster["DbClusterResourceId"].startswith("cluster-") and cluster["DbClusterResourceId"][8:].isupper()
    assert cluster["ServerlessV2ScalingConfiguration"] == SCALING and cluster["TagList"] == TAGS and cluster["DBClusterMembers"] == []
    assert cluster["HttpEndpointEnabled"] and cluster["IAMDatabaseAuthenticationEnabled"] and cluster["CopyTagsToSnapshot"]
    assert cluster["EnabledCloudwatchLogsExports"] == ["postgresql"] and cluster["Endpoint"] == "localhost"
    secret = cluster["MasterUserSecret"]
    assert secret["SecretStatus"] == "active" and ":secret:rds!cluster-" in secret["SecretArn"]
    value = practice.client("secretsmanager").get_secret_value(SecretId=secret["SecretArn"])
    assert json.loads(value["SecretString"])["username"] == "arqsite"


def test_a_cluster_is_made_once(rds, refused):
    before = available(rds)
    assert refused(rds.create_db_cluster, **wanted()) == "DBClusterAlreadyExistsFault"
    assert cluster_of(rds)["MasterUserSecret"] == before["MasterUserSecret"]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.3, "MaxCapacity": 2}}, "InvalidParameterValue"),
        ({"ServerlessV2ScalingConfiguration": {"MinCapacity": 4, "MaxCapacity": 2}}, "InvalidParameterCombination"),
        ({"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2, "SecondsUntilAutoPause": 300}}, "InvalidParameterCombination"),
        ({"ServerlessV2ScalingConfiguration": {"MinCapacity": 0, "MaxCapacity": 2, "SecondsUntilAutoPause": 299}}, "InvalidParameterValue"),
        ({"EngineVersion": "16.2"}, "InvalidParameterCombination"),
        ({"EngineVersion": "9.9"}, "InvalidParameterCombination"),
        ({"EngineVersion": "15"}, "InvalidParameterCombination"),
        ({"MasterUserPassword": "password1234"}, "InvalidParameterCombination"),
        ({"ManageMasterUserPassword": False}, "InvalidParameterValue"),
        ({"MasterUsername": "rdsadmin"}, "InvalidParameterValue"),
        ({"DBClusterIdentifier": "a--b"}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"EnableCloudwatchLogsExports": ["audit"]}, "InvalidParameterCombination"),
        ({"DBClusterParameterGroupName": "none"}, "DBClusterParameterGroupNotFound"),
        ({"DBSubnetGroupName": "none"}, "DBSubnetGroupNotFoundFault"),
    ],
)
def test_what_cannot_be_is_refused(rds, refused, change, code):
    groups(rds)
    assert refused(rds.create_db_cluster, **wanted(**change)) == code
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_what_is_not_there_is_said_with_its_own_code(rds, refused):
    assert refused(rds.describe_db_clusters, DBClusterIdentifier="none") == "DBClusterNotFoundFault"
    assert refused(rds.describe_db_instances, DBInstanceIdentifier="none") == "DBInstanceNotFound"
    assert refused(rds.describe_db_subnet_groups, DBSubnetGroupName="none") == "DBSubnetGroupNotFoundFault"
    assert refused(rds.describe_db_cluster_parameter_groups, DBClusterParameterGroupName="none") == "DBParameterGroupNotFound"
    assert refused(rds.describe_db_cluster_snapshots, DBClusterSnapshotIdentifier="none") == "DBClusterSnapshotNotFoundFault"
    assert refused(rds.list_tags_for_resource, ResourceName="arn:aws:rds:us-east-1:123456789012:cluster:none") == "DBClusterNotFoundFault"


def test_an_instance_needs_an_available_cluster_and_takes_its_time(rds, refused):
    groups(rds)
    rds.create_db_cluster(**wanted())
    instance = {"DBInstanceIdentifier": "shop-db-1", "DBClusterIdentifier": "shop-db", "Engine": "aurora-postgresql", "DBInstanceClass": "db.serverless"}
    assert refused(rds.create_db_instance, **instance) == "InvalidDBClusterStateFault"
    until(lambda: cluster_of(rds), lambda c: c["Status"] == "available")
    assert refused(rds.create_db_instance, **instance, MasterUsername="x") == "InvalidParameterCombination"
    assert rds.create_db_instance(**instance)["DBInstance"]["DBInstanceStatus"] == "creating"
    assert refused(rds.create_db_instance, **instance) == "DBInstanceAlreadyExists"
    assert refused(rds.modify_db_instance, DBInstanceIdentifier="shop-db-1", PubliclyAccessible=True) == "InvalidDBInstanceState"
    until(lambda: instance_of(rds), lambda i: i["DBInstanceStatus"] == "available")
    assert cluster_of(rds)["DBClusterMembers"][0]["IsClusterWriter"]
    rds.modify_db_instance(DBInstanceIdentifier="shop-db-1", AutoMinorVersionUpgrade=False, ApplyImmediately=True)
    seen = []
    until(lambda: seen.append(instance_of(rds)) or seen[-1], lambda i: not i["AutoMinorVersionUpgrade"])
    assert [i["DBInstanceStatus"] for i in seen] == ["available", "modifying", "available"]


def test_a_change_begins_late_and_some_wait_for_the_window(rds, refused):
    available(rds)
    rds.modify_db_cluster(DBClusterIdentifier="shop-db", ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 4}, EnableIAMDatabaseAuthentication=False)
    assert refused(rds.modify_db_cluster, DBClusterIdentifier="shop-db", BackupRetentionPeriod=8) == "InvalidDBClusterStateFault"
    cluster = until(lambda: cluster_of(rds), lambda c: c["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 1.0, "MaxCapacity": 4.0})
    assert cluster["IAMDatabaseAuthenticationEnabled"] and cluster["PendingModifiedValues"] == {"IAMDatabaseAuthenticationEnabled": False}
    logs = {"DisableLogTypes": ["postgresql"]}
    rds.modify_db_cluster(DBClusterIdentifier="shop-db", EnableIAMDatabaseAuthentication=False, CloudwatchLogsExportConfiguration=logs, ApplyImmediately=True)
    cluster = until(lambda: cluster_of(rds), lambda c: not c["IAMDatabaseAuthenticationEnabled"])
    assert "EnabledCloudwatchLogsExports" not in cluster and "PendingModifiedValues" not in cluster
    arn = cluster["DBClusterArn"]
    assert rds.disable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"] is False
    assert rds.enable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"] and cluster_of(rds)["HttpEndpointEnabled"]
    assert refused(rds.enable_http_endpoint, ResourceArn=arn + "x") == "ResourceNotFoundFault"


def test_the_end_needs_everything_in_its_order_and_leaves_a_snapshot(rds, refused, practice):
    secret = running(rds)["MasterUserSecret"]["SecretArn"]
    end = {"DBClusterIdentifier": "shop-db", "FinalDBSnapshotIdentifier": "shop-db-final"}
    assert refused(rds.delete_db_cluster, **end) == "InvalidParameterCombination"
    rds.modify_db_cluster(DBClusterIdentifier="shop-db", DeletionProtection=False, ApplyImmediately=True)
    assert refused(rds.delete_db_cluster, DBClusterIdentifier="shop-db") == "InvalidParameterCombination"
    assert refused(rds.delete_db_cluster, **end, SkipFinalSnapshot=True) == "InvalidParameterCombination"
    assert refused(rds.delete_db_cluster, **end) == "InvalidDBClusterStateFault"
    rds.delete_db_instance(DBInstanceIdentifier="shop-db-1", SkipFinalSnapshot=True)
    assert refused(rds.delete_db_instance, DBInstanceIdentifier="shop-db-1") == "InvalidDBInstanceState"
    assert refused(rds.delete_db_subnet_group, DBSubnetGroupName="shop-subnets") == "InvalidDBSubnetGroupStateFault"
    assert rds.delete_db_cluster(**end)["DBCluster"]["Status"] == "deleting"
    assert refused(rds.delete_db_cluster, **end) == "InvalidDBClusterStateFault"
    until(lambda: rds.describe_db_clusters()["DBClusters"], lambda found: not found)
    assert refused(practice.client("secretsmanager").get_secret_value, SecretId=secret) == "ResourceNotFoundException"
    rds.delete_db_subnet_group(DBSubnetGroupName="shop-subnets")
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="shop-db")
    kept = until(lambda: rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0], lambda s: s["Status"] == "available")
    assert kept["DBClusterSnapshotIdentifier"] == "shop-db-final" and kept["TagList"] == TAGS
    available(rds, DeletionProtection=False)
    assert refused(rds.delete_db_cluster, **end) == "DBClusterSnapshotAlreadyExistsFault"
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="shop-db-final")
    assert rds.describe_db_cluster_snapshots()["DBClusterSnapshots"] == []


def test_a_subnet_group_covers_two_zones(rds, refused):
    group, (vpc, subnets), (_, others) = {"DBSubnetGroupName": "g", "DBSubnetGroupDescription": "d"}, network(rds, 3), network(rds, 2, "other")
    assert refused(rds.create_db_subnet_group, **group, SubnetIds=subnets[:1]) == "DBSubnetGroupDoesNotCoverEnoughAZs"
    assert refused(rds.create_db_subnet_group, **group, SubnetIds=[subnets[0], others[1]]) == "InvalidSubnet"
    assert refused(rds.create_db_subnet_group, **group, SubnetIds=[subnets[0], "subnet-0123456789abcdef0"]) == "InvalidSubnet"
    made = rds.create_db_subnet_group(**group, SubnetIds=subnets[:2])["DBSubnetGroup"]
    assert (made["SubnetGroupStatus"], made["VpcId"], len(made["Subnets"])) == ("Complete", vpc, 2)
    assert refused(rds.create_db_subnet_group, **group, SubnetIds=subnets[:2]) == "DBSubnetGroupAlreadyExists"
    rds.modify_db_subnet_group(DBSubnetGroupName="g", SubnetIds=subnets)
    assert len(rds.describe_db_subnet_groups(DBSubnetGroupName="g")["DBSubnetGroups"][0]["Subnets"]) == 3


def test_a_database_holds_its_subnet_and_its_groups(rds, refused):
    groups(rds)
    ec2, subnets = ec2_of(rds), rds.describe_db_subnet_groups()["DBSubnetGroups"][0]["Subnets"]
    vpc = rds.describe_db_subnet_groups()["DBSubnetGroups"][0]["VpcId"]

    def group(name, where):
        return ec2.create_security_group(GroupName=name, Description="For a test", VpcId=where)["GroupId"]

    old, new, foreign = group("old", vpc), group("new", vpc), group("foreign", network(rds, 1, "other")[0])
    for wrong, code in ((["sg-0123456789abcdef0"], "InvalidParameterValue"), ([foreign], "InvalidParameterCombination")):
        assert refused(rds.create_db_cluster, **wanted(VpcSecurityGroupIds=wrong)) == code
    running(rds, VpcSecurityGroupIds=[old], DeletionProtection=False)
    shown = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]
    assert [(i["Description"], i["RequesterId"], i["Groups"][0]["GroupId"]) for i in shown] == [("RDSNetworkInterface", "amazon-rds", old)]
    used, free = [s["SubnetIdentifier"] for s in sorted(subnets, key=lambda s: s["SubnetIdentifier"] != shown[0]["SubnetId"])]
    assert refused(ec2.delete_subnet, SubnetId=used) == "DependencyViolation"
    assert refused(ec2.delete_security_group, GroupId=old) == "DependencyViolation"
    rds.modify_db_cluster(DBClusterIdentifier="shop-db", VpcSecurityGroupIds=[new], ApplyImmediately=True)
    until(lambda: cluster_of(rds), lambda c: c["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == new)
    ec2.delete_security_group(GroupId=old)
    assert refused(ec2.delete_security_group, GroupId=new) == "DependencyViolation"
    rds.delete_db_instance(DBInstanceIdentifier="shop-db-1", SkipFinalSnapshot=True)
    until(lambda: rds.describe_db_instances()["DBInstances"], lambda found: not found)
    for subnet in (used, free):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_security_group(GroupId=new)


def test_parameters_are_known_checked_and_kept(rds, refused):
    groups(rds)
    name = {"DBClusterParameterGroupName": "shop-db"}
    setting = {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.modify_db_cluster_parameter_group(**name, Parameters=[setting])
    mine = rds.describe_db_cluster_parameters(**name, Source="user")["Parameters"]
    assert [(p["ParameterName"], p["ParameterValue"]) for p in mine] == [("rds.force_ssl", "1")]
    for change, code in (
        ({"ParameterValue": "2"}, "InvalidParameterValue"), ({"ParameterName": "nothing"}, "InvalidParameterValue"),
        ({"ParameterName": "rds.logical_replication"}, "InvalidParameterCombination"),
    ):
        assert refused(rds.modify_db_cluster_parameter_group, **name, Parameters=[{**setting, **change}]) == code
    rds.reset_db_cluster_parameter_group(**name, Parameters=[{"ParameterName": "rds.force_ssl", "ApplyMethod": "immediate"}])
    assert rds.describe_db_cluster_parameters(**name, Source="user")["Parameters"] == []
    rds.create_db_cluster(**wanted())
    assert refused(rds.delete_db_cluster_parameter_group, **name) == "InvalidDBParameterGroupState"
    assert refused(rds.create_db_cluster_parameter_group, **name, DBParameterGroupFamily="aurora-postgresql16", Description="d") == "DBParameterGroupAlreadyExists"


def test_versions_have_a_default(rds):
    def versions(**more):
        return [v["EngineVersion"] for v in rds.describe_db_engine_versions(Engine="aurora-postgresql", **more)["DBEngineVersions"]]

    assert versions(EngineVersion="16", DefaultOnly=True) == ["16.8"] and versions(DefaultOnly=True) == ["16.8"]
    assert "17.4" in versions() and versions(EngineVersion="15.7") == ["15.7"]


def test_two_accounts_compare_equal(rds, practice):
    def made():
        running(rds)
        return practice.door("GET", "account")

    first = made()
    arn = cluster_of(rds)["DBClusterArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "more", "Value": "x"}])
    assert {t["Key"] for t in rds.list_tags_for_resource(ResourceName=arn)["TagList"]} == {"arqsite:project", "more"}
    assert first["databases"]["us-east-1"]["clusters"]["shop-db"]["version"] == "16.8"
    assert practice.door("GET", "account") != first
    practice.door("POST", "reset")
    assert made() == first
