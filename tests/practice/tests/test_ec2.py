"""A network as strict as AWS's: what is born with it, what does not go together, what cannot go yet."""

import pytest

TAGS = [{"Key": "arqsite:project", "Value": "shop"}]


@pytest.fixture
def ec2(practice):
    return practice.client("ec2", region="eu-west-1")


def named(kind, name):
    return [{"ResourceType": kind, "Tags": [*TAGS, {"Key": "Name", "Value": name}]}]


def by_name(name):
    return [{"Name": "tag:Name", "Values": [name]}, {"Name": "tag:arqsite:project", "Values": ["shop"]}]


def vpc_of(ec2, name="shop", cidr="10.71.0.0/16"):
    vpc = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=named("vpc", name))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    return vpc


def subnet_of(ec2, vpc, n=0, **more):
    zone = f"{ec2.meta.region_name}{'abc'[n]}"
    asked = {"CidrBlock": f"10.71.{16 * n}.0/20", "AvailabilityZone": zone, "TagSpecifications": named("subnet", f"shop-{n}"), **more}
    return ec2.create_subnet(VpcId=vpc, **asked)["Subnet"]["SubnetId"]


def group_of(ec2, vpc, name="shop-api"):
    return ec2.create_security_group(
        GroupName=name, Description="What it may reach", VpcId=vpc, TagSpecifications=named("security-group", name)
    )["GroupId"]


def table_of(ec2, vpc, name="shop"):
    return ec2.create_route_table(VpcId=vpc, TagSpecifications=named("route-table", name))["RouteTable"]["RouteTableId"]


def tcp(port, **peer):
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}]


def test_a_region_has_three_zones_and_the_oldest_six(ec2, practice):
    def names(client):
        filters = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
        return [z["ZoneName"] for z in client.describe_availability_zones(Filters=filters)["AvailabilityZones"]]

    assert names(ec2) == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert len(names(practice.client("ec2"))) == 6 and "us-east-1e" in names(practice.client("ec2"))


def test_a_vpc_is_pending_and_is_born_with_a_group_a_table_and_an_acl(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.71.3.4/16", TagSpecifications=named("vpc", "shop"))["Vpc"]
    assert (vpc["State"], vpc["CidrBlock"], vpc["IsDefault"]) == ("pending", "10.71.0.0/16", False)
    states = [ec2.describe_vpcs(Filters=by_name("shop"))["Vpcs"][0]["State"] for _ in range(3)]
    assert states == ["pending", "pending", "available"]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    group = ec2.describe_security_groups(Filters=[*inside, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert group["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    table = ec2.describe_route_tables(Filters=inside)["RouteTables"][0]
    assert table["Associations"][0]["Main"] and table["Routes"][0]["GatewayId"] == "local"
    assert len(ec2.describe_network_acls(Filters=inside)["NetworkAcls"][0]["Entries"]) == 4
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.describe_route_tables(Filters=inside)["RouteTables"] == []


def test_the_default_vpc_is_there_and_counts(ec2, refused):
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"] and "Tags" not in vpc and vpc["CidrBlock"] == "172.31.0.0/16"
    assert len(ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]) == 3
    for n in range(4):
        vpc_of(ec2, f"a{n}", f"10.{n}.0.0/16")
    assert refused(ec2.create_vpc, CidrBlock="10.9.0.0/16") == "VpcLimitExceeded"


def test_one_attribute_a_call(ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.71.0.0/16")["Vpc"]["VpcId"]

    def attribute(name):
        out = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)
        return out[name[:1].upper() + name[1:]]["Value"]

    assert (attribute("enableDnsSupport"), attribute("enableDnsHostnames")) == (True, False)
    both = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    assert refused(ec2.modify_vpc_attribute, VpcId=vpc, **both) == "InvalidParameterCombination"
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert attribute("enableDnsHostnames") is True


def test_subnets_are_inside_and_do_not_overlap(ec2, refused):
    vpc = vpc_of(ec2)
    subnet = subnet_of(ec2, vpc)
    code = lambda cidr, **more: refused(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr, **more)
    assert code("10.71.8.0/24") == "InvalidSubnet.Conflict"
    assert code("10.72.0.0/24") == code("10.71.0.0/15") == "InvalidSubnet.Range"
    assert code("nothing") == code("10.71.99.0/24", AvailabilityZone="us-east-1a") == "InvalidParameterValue"
    found = ec2.describe_subnets(Filters=by_name("shop-0"))["Subnets"][0]
    assert (found["AvailableIpAddressCount"], found["MapPublicIpOnLaunch"], found["AvailabilityZone"]) == (4091, False, "eu-west-1a")
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["MapPublicIpOnLaunch"]
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=subnet)
    assert refused(ec2.delete_subnet, SubnetId=subnet) == "InvalidSubnetID.NotFound"
    ec2.delete_vpc(VpcId=vpc)
    assert refused(ec2.delete_vpc, VpcId=vpc) == "InvalidVpcID.NotFound"
    assert refused(ec2.delete_vpc, VpcId="vpc-x") == "InvalidVpcID.Malformed"


def test_what_the_form_says_must_be_known(ec2, practice, refused):
    assert refused(ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["x"]}]) == "InvalidParameterValue"
    assert refused(ec2.describe_vpcs, DryRun=True) == "DryRunOperation"
    wrong = named("subnet", "shop")
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=wrong) == "InvalidParameterValue"
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/8") == "InvalidVpc.Range"
    assert refused(ec2.create_vpc) == "MissingParameter"
    assert refused(ec2.create_nat_gateway, SubnetId="subnet-1", ConnectivityType="both") == "InvalidParameterValue"

    def rename(params, **_):
        params["body"]["TagSpecifications.1.ResourceType"] = "vpc"

    ec2.meta.events.register("before-call.ec2.CreateVpc", rename)
    assert refused(ec2.create_vpc, CidrBlock="10.0.0.0/16") == "UnknownParameter"


def test_tags_can_be_changed(ec2, refused):
    vpc = vpc_of(ec2)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    rows = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]
    assert {r["Key"]: r["Value"] for r in rows} == {"a": "1", "Name": "shop", "arqsite:project": "shop"}
    assert refused(ec2.create_tags, Resources=["subnet-0123456789abcdef0"], Tags=TAGS) == "InvalidSubnetID.NotFound"
    assert refused(ec2.create_tags, Resources=[vpc], Tags=[{"Key": "aws:x", "Value": "1"}]) == "InvalidParameterValue"


def test_groups_have_one_name_a_vpc_and_let_everything_out(ec2, refused):
    vpc = vpc_of(ec2)
    group = group_of(ec2, vpc)
    again = {"GroupName": "shop-api", "Description": "x", "VpcId": vpc}
    assert refused(ec2.create_security_group, **again) == "InvalidGroup.Duplicate"
    assert refused(ec2.create_security_group, **{**again, "GroupName": "default"}) == "InvalidParameterValue"
    (rule,) = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert (rule["IsEgress"], rule["IpProtocol"], rule["FromPort"], rule["CidrIpv4"]) == (True, "-1", -1, "0.0.0.0/0")
    ident = {"GroupId": group, "SecurityGroupRuleIds": [rule["SecurityGroupRuleId"]]}
    assert refused(ec2.revoke_security_group_ingress, **ident) == "InvalidSecurityGroupRuleId.NotFound"
    ec2.revoke_security_group_egress(**ident)
    assert refused(ec2.revoke_security_group_egress, **ident) == "InvalidSecurityGroupRuleId.NotFound"


def test_rules_are_there_once_and_their_peers_exist(ec2, refused):
    vpc = vpc_of(ec2)
    api, data = group_of(ec2, vpc), group_of(ec2, vpc, "shop-db")
    peer = {"UserIdGroupPairs": [{"GroupId": api}]}
    ec2.authorize_security_group_ingress(GroupId=data, IpPermissions=tcp(5432, **peer))
    add = lambda permissions: refused(ec2.authorize_security_group_ingress, GroupId=data, IpPermissions=permissions)
    assert add(tcp(5432, **peer)) == "InvalidPermission.Duplicate"
    assert add(tcp(1, UserIdGroupPairs=[{"GroupId": "sg-0123456789abcdef0"}])) == "InvalidGroup.NotFound"
    assert add(tcp(1, PrefixListIds=[{"PrefixListId": "pl-01234567"}])) == "InvalidPrefixListID.NotFound"
    assert add(tcp(1, IpRanges=[{"CidrIp": "10.0.0"}])) == add([{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    lists = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.eu-west-1.s3"]}])["PrefixLists"]
    managed = ec2.describe_managed_prefix_lists(Filters=[{"Name": "owner-id", "Values": ["AWS"]}])["PrefixLists"]
    assert lists[0]["PrefixListId"] in [each["PrefixListId"] for each in managed]
    ec2.authorize_security_group_egress(GroupId=data, IpPermissions=tcp(443, PrefixListIds=[{"PrefixListId": lists[0]["PrefixListId"]}]))
    gone = {"GroupId": data, "IpPermissions": tcp(5433, **peer)}
    assert refused(ec2.revoke_security_group_ingress, **gone) == "InvalidPermission.NotFound"
    assert refused(ec2.delete_security_group, GroupId=api) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=data, IpPermissions=tcp(5432, **peer))
    ec2.delete_security_group(GroupId=api)
    default = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["default"]}])["SecurityGroups"][0]
    assert refused(ec2.delete_security_group, GroupId=default["GroupId"]) == "CannotDelete"
    assert refused(ec2.delete_security_group, GroupId=api) == "InvalidGroup.NotFound"
