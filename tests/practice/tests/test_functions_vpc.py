"""Functions in a VPC hold its subnets and groups, and let go of them a while after; code comes from S3 as well."""

import json

import pytest
import site_
from test_ec2 import ec2, group_of, subnet_of, vpc_of  # noqa: F401
from test_ec2_ways import interfaces

ROLE = "arn:aws:iam::123456789012:role/demo-api"


def allow(practice, *actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    practice.client("iam").put_role_policy(RoleName="demo-api", PolicyName="network", PolicyDocument=document)


@pytest.fixture
def functions(practice):
    site_.role(practice)
    return practice.client("lambda", region="eu-west-1")


@pytest.fixture
def network(ec2):  # noqa: F811
    vpc = vpc_of(ec2)
    return {"SubnetIds": [subnet_of(ec2, vpc, n) for n in (0, 1)], "SecurityGroupIds": [group_of(ec2, vpc)]}


def made(functions, **more):
    asked = {"Runtime": "provided.al2023", "Role": ROLE, "Handler": "bootstrap", "Code": {"ZipFile": site_.package()}, **more}
    return functions.create_function(FunctionName="demo-api", **asked)


def ready(functions):
    for _ in range(4):
        found = functions.get_function_configuration(FunctionName="demo-api")
    return found


def allowed(practice):
    allow(practice, "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")


def test_the_role_must_allow_it_and_the_network_must_be_there(functions, network, practice, refused):
    asked = {"functions": functions, "VpcConfig": network}
    with pytest.raises(Exception, match="permissions to call CreateNetworkInterface on EC2"):
        made(**asked)
    allowed(practice)
    without = {**network, "SecurityGroupIds": []}
    absent = {**network, "SubnetIds": ["subnet-0123456789abcdef0"]}
    for wrong in (without, absent, {**network, "SecurityGroupIds": ["sg-0123456789abcdef0"]}):
        assert refused(made, functions=functions, VpcConfig=wrong) == "InvalidParameterValueException"
    elsewhere = practice.client("lambda")
    assert refused(made, functions=elsewhere, VpcConfig=network) == "InvalidParameterValueException"
    shown = made(**asked)["VpcConfig"]
    assert shown["VpcId"].startswith("vpc-") and shown["SubnetIds"] == network["SubnetIds"]


def test_its_interfaces_linger_after_it_is_gone(functions, network, practice, ec2, refused):  # noqa: F811
    allowed(practice)
    made(functions, VpcConfig=network)
    group, (subnet, _) = network["SecurityGroupIds"][0], network["SubnetIds"]
    found = interfaces(ec2, "group-id", group)
    assert len(found) == 2 and {i["Status"] for i in found} == {"in-use"} and found[0]["RequesterManaged"]
    assert found[0]["Description"].startswith("AWS Lambda VPC ENI-demo-api-")
    functions.delete_function(FunctionName="demo-api")
    assert practice.door("GET", "account")["networks"]["eu-west-1"]["interfaces"] == []
    codes = [refused(ec2.delete_security_group, GroupId=group) for _ in range(2)]
    assert codes == ["DependencyViolation"] * 2
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)


def test_they_linger_when_it_leaves_the_vpc_and_versions_keep_theirs(functions, network, practice, ec2):  # noqa: F811
    allowed(practice)
    made(functions, VpcConfig=network)
    ready(functions)
    version = functions.publish_version(FunctionName="demo-api")["Version"]
    outside = {"SubnetIds": [], "SecurityGroupIds": []}
    assert functions.update_function_configuration(FunctionName="demo-api", VpcConfig=outside)["VpcConfig"]["VpcId"] == ""
    group = network["SecurityGroupIds"][0]
    assert [len(interfaces(ec2, "group-id", group)) for _ in range(4)] == [2, 2, 2, 2]
    functions.delete_function(FunctionName="demo-api", Qualifier=version)
    assert [len(interfaces(ec2, "group-id", group)) for _ in range(3)] == [2, 2, 0]


def test_without_its_role_they_stay_until_somebody_deletes_them(functions, network, practice, ec2, refused):  # noqa: F811
    allowed(practice)
    made(functions, VpcConfig=network)
    functions.delete_function(FunctionName="demo-api")
    practice.client("iam").delete_role_policy(RoleName="demo-api", PolicyName="network")
    group = network["SecurityGroupIds"][0]
    for _ in range(4):
        found = interfaces(ec2, "group-id", group)
    assert [i["Status"] for i in found] == ["available"] * 2
    assert refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    for each in found:
        ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=group)


def test_code_comes_from_a_bucket_of_the_same_region(functions, practice, refused):
    for region, name in (("eu-west-1", "demo-code"), ("eu-central-1", "demo-far")):
        s3 = practice.client("s3", region=region)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_object(Bucket=name, Key="a.zip", Body=site_.package())
    def code(bucket, key="a.zip"):
        return {"S3Bucket": bucket, "S3Key": key}

    for wrong in (code("demo-far"), code("demo-none"), code("demo-code", "b.zip")):
        assert refused(made, functions=functions, Code=wrong) == "InvalidParameterValueException"
    first = made(functions, Code=code("demo-code"))["CodeSha256"]
    ready(functions)
    practice.client("s3", region="eu-west-1").put_object(Bucket="demo-code", Key="a.zip", Body=site_.package(mode=0o700))
    assert functions.update_function_code(FunctionName="demo-api", **code("demo-code"))["CodeSha256"] != first


def test_a_function_in_a_vpc_is_pending_for_longer(functions, network, practice):
    allowed(practice)
    made(functions, VpcConfig=network)
    states = [functions.get_function_configuration(FunctionName="demo-api")["State"] for _ in range(5)]
    assert states == ["Pending"] * 4 + ["Active"]
