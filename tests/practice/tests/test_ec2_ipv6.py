"""IPv6 in a network, the way out for it, and flow logs."""

from test_ec2 import ec2, named, subnet_of, table_of, vpc_of  # noqa: F401


def block_of(ec2, vpc):
    made = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    return made["Ipv6CidrBlockAssociation"]


def part(block, n, prefix=64):
    return block["Ipv6CidrBlock"].replace("00::/56", f"{n:02x}::/{prefix}")


def egress_of(ec2, vpc, **more):
    made = ec2.create_egress_only_internet_gateway(VpcId=vpc, TagSpecifications=named("egress-only-internet-gateway", "shop"), **more)
    return made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]


def test_a_vpc_has_one_block_of_awss_and_its_subnets_parts_of_it(ec2, refused):
    vpc = vpc_of(ec2)
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.71.0.0/20", Ipv6CidrBlock="2600:1f18::/64") == "InvalidSubnet.Range"
    block = block_of(ec2, vpc)
    assert refused(ec2.associate_vpc_cidr_block, VpcId=vpc, AmazonProvidedIpv6CidrBlock=True) == "CidrLimitExceeded"
    shown = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    assert [(s["Ipv6CidrBlock"], s["Ipv6CidrBlockState"]["State"]) for s in shown] == [(block["Ipv6CidrBlock"], "associated")]
    subnet = subnet_of(ec2, vpc, Ipv6CidrBlock=part(block, 1))
    assert refused(subnet_of, ec2=ec2, vpc=vpc, n=1, Ipv6CidrBlock=part(block, 1)) == "InvalidSubnet.Conflict"
    assert refused(subnet_of, ec2=ec2, vpc=vpc, n=1, Ipv6CidrBlock=part(block, 2, 63)) == "InvalidSubnet.Range"
    plain = subnet_of(ec2, vpc, 1)
    assert refused(ec2.modify_subnet_attribute, SubnetId=plain, AssignIpv6AddressOnCreation={"Value": True}) == "InvalidParameterValue"
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    found = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]
    assert found["AssignIpv6AddressOnCreation"] and found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] == part(block, 1)
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=block["AssociationId"]) == "InvalidCidrBlock.InUse"
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"] == []


def test_an_egress_only_gateway_is_a_way_out_for_ipv6_only(ec2, refused):
    vpc = vpc_of(ec2)
    block = block_of(ec2, vpc)
    gateway, table = egress_of(ec2, vpc, ClientToken="a"), table_of(ec2, vpc)
    assert egress_of(ec2, vpc, ClientToken="a") == gateway
    found = ec2.describe_egress_only_internet_gateways(Filters=[{"Name": "tag:Name", "Values": ["shop"]}])["EgressOnlyInternetGateways"]
    assert [(g["EgressOnlyInternetGatewayId"], g["Attachments"]) for g in found] == [(gateway, [{"State": "attached", "VpcId": vpc}])]
    way = {"RouteTableId": table, "EgressOnlyInternetGatewayId": gateway}
    assert refused(ec2.create_route, **way, DestinationCidrBlock="0.0.0.0/0") == "InvalidParameterValue"
    assert refused(ec2.create_route, **way, DestinationIpv6CidrBlock=part(block, 1)) == "InvalidParameterValue"
    ec2.create_route(**way, DestinationIpv6CidrBlock="::/0")
    assert refused(ec2.create_route, **way, DestinationIpv6CidrBlock="::/0") == "RouteAlreadyExists"
    assert refused(ec2.delete_route, RouteTableId=table, DestinationIpv6CidrBlock=block["Ipv6CidrBlock"]) == "InvalidParameterValue"

    def ways():
        filters = [{"Name": "route.egress-only-internet-gateway-id", "Values": [gateway]}]
        return [(r["DestinationIpv6CidrBlock"], r["State"]) for r in ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["Routes"] if "DestinationIpv6CidrBlock" in r]

    assert ways() == [(block["Ipv6CidrBlock"], "active"), ("::/0", "active")]
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    assert ways()[1] == ("::/0", "blackhole")
    ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
    assert refused(ec2.delete_egress_only_internet_gateway, EgressOnlyInternetGatewayId=gateway) == "InvalidGatewayID.NotFound"


def test_an_egress_only_gateway_keeps_its_vpc(ec2, refused):
    vpc = vpc_of(ec2)
    gateway = egress_of(ec2, vpc)
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc)


def test_flow_logs_are_made_once_and_go_with_what_they_are_of(ec2, refused):
    vpc = vpc_of(ec2)
    wanted = {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "REJECT", "TagSpecifications": named("vpc-flow-log", "shop")}
    assert refused(ec2.create_flow_logs, **wanted, LogGroupName="/shop/flow") == "InvalidParameterValue"
    assert refused(ec2.create_flow_logs, **wanted) == "MissingParameter"
    place = {"LogGroupName": "/shop/flow", "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/flow"}
    made = ec2.create_flow_logs(**wanted, **place)["FlowLogIds"]
    again = ec2.create_flow_logs(**wanted, **place)
    assert (again["FlowLogIds"], again["Unsuccessful"][0]["Error"]["Code"]) == ([], "FlowLogAlreadyExists")
    found = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert [(f["FlowLogId"], f["TrafficType"], f["MaxAggregationInterval"]) for f in found] == [(made[0], "REJECT", 600)]
    assert refused(ec2.delete_flow_logs, FlowLogIds=["fl-0123456789abcdef0"]) == "InvalidFlowLogId.NotFound"
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_flow_logs()["FlowLogs"] == []


def test_made_up_blocks_and_ids_are_placeholders(ec2, practice):
    def made():
        practice.door("POST", "reset")
        vpc = vpc_of(ec2)
        block, table = block_of(ec2, vpc), table_of(ec2, vpc)
        subnet_of(ec2, vpc, Ipv6CidrBlock=part(block, 1))
        gateway = egress_of(ec2, vpc)
        ec2.create_route(RouteTableId=table, EgressOnlyInternetGatewayId=gateway, DestinationIpv6CidrBlock="::/0")
        ec2.create_flow_logs(ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3", LogDestination="arn:aws:s3:::logs", TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "a", "Value": "b"}]}])
        return practice.door("GET", "account")["networks"]["eu-west-1"]

    one = made()
    assert one == made()
    assert one["flow_logs"]["-"][0]["resource"] == "<vpc 1>" and one["subnets"]["shop-0"][0]["ipv6"].startswith("<subnet ipv6")
