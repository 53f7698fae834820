"""Questions about what cannot be made here are answered as AWS answers an account that has none of it."""

import pytest
from botocore.exceptions import ClientError


def test_a_bucket_is_born_without_replication_and_lock(practice):
    s3 = practice.client("s3")
    s3.create_bucket(Bucket="shop-1")
    with pytest.raises(ClientError, match="ReplicationConfigurationNotFoundError"):
        s3.get_bucket_replication(Bucket="shop-1")
    with pytest.raises(ClientError, match="ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket="shop-1")
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="shop-1")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_bucket_replication(Bucket="other-1")


def test_ec2_has_regions_and_no_instances(practice):
    ec2 = practice.client("ec2")
    assert "eu-west-1" in [each["RegionName"] for each in ec2.describe_regions()["Regions"]]
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    services = ec2.describe_vpc_endpoint_services()["ServiceDetails"]
    assert {each["Owner"] for each in services} == {"amazon"}
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.describe_regions(RegionNames=["eu-west-9"])


def test_rds_knows_its_certificates_and_default_groups(practice):
    rds = practice.client("rds")
    names = [each["CertificateIdentifier"] for each in rds.describe_certificates()["Certificates"]]
    assert "rds-ca-rsa2048-g1" in names
    assert rds.describe_db_parameters(DBParameterGroupName="default.aurora-postgresql16")["Parameters"] == []
    for refused, code in (
        (lambda: rds.describe_certificates(CertificateIdentifier="x"), "CertificateNotFound"),
        (lambda: rds.describe_db_parameters(DBParameterGroupName="mine"), "DBParameterGroupNotFound"),
        (lambda: rds.describe_event_subscriptions(SubscriptionName="mine"), "SubscriptionNotFound"),
    ):
        with pytest.raises(ClientError, match=code):
            refused()


def test_other_services_have_nothing_more(practice):
    assert practice.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert practice.client("events").list_event_buses()["EventBuses"][0]["Name"] == "default"
    assert "Policy" not in practice.client("events").describe_event_bus()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        practice.client("events").describe_event_bus(Name="mine")
    assert practice.client("route53").list_query_logging_configs()["QueryLoggingConfigs"] == []
    assert practice.client("ssm").describe_instance_information()["InstanceInformationList"] == []


def test_what_moto_lacks_is_not_played(practice):
    with pytest.raises(ClientError, match="NotPlayed"):
        practice.client("iam").generate_service_last_accessed_details(Arn="arn:aws:iam::123456789012:role/shop")
    with pytest.raises(ClientError, match="NotPlayed"):
        practice.client("schemas").list_registries()
