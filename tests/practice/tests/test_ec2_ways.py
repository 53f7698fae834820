"""The ways in and out of a network: routes, gateways, endpoints, and what stands in the way of a delete."""

from types import SimpleNamespace

import pytest
from practice.clock import PACES, Wait
from practice.services.ec2 import Ec2
from practice.wire.errors import AwsError
from test_ec2 import by_name, ec2, group_of, named, subnet_of, table_of, tcp, vpc_of  # noqa: F401


def gateway_of(ec2, vpc):
    gateway = ec2.create_internet_gateway(TagSpecifications=named("internet-gateway", "shop"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return gateway


def address_of(ec2):
    return ec2.allocate_address(Domain="vpc", TagSpecifications=named("elastic-ip", "shop"))["AllocationId"]


def nat_of(ec2, subnet, address, token="nat-1"):
    return ec2.create_nat_gateway(
        SubnetId=subnet, AllocationId=address, ConnectivityType="public", ClientToken=token,
        TagSpecifications=named("natgateway", "shop"),
    )["NatGateway"]["NatGatewayId"]


def nat_state(ec2, nat, times=3):
    for _ in range(times):
        found = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
    return found["State"]


def endpoint_of(ec2, vpc, service, kind, token="e-1", **more):
    return ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{ec2.meta.region_name}.{service}", VpcEndpointType=kind, ClientToken=token,
        TagSpecifications=named("vpc-endpoint", f"shop-{service}"), **more,
    )["VpcEndpoint"]["VpcEndpointId"]


def endpoint_state(ec2, service, times=3):
    for _ in range(times):
        found = ec2.describe_vpc_endpoints(Filters=by_name(f"shop-{service}"))["VpcEndpoints"]
    return found[0]["State"] if found else None


def interfaces(ec2, name, value):
    return ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])["NetworkInterfaces"]


def test_a_subnet_has_one_table(ec2, refused):
    vpc = vpc_of(ec2)
    subnet, one, two = subnet_of(ec2, vpc), table_of(ec2, vpc), table_of(ec2, vpc, "other")
    used = ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"]
    assert refused(ec2.associate_route_table, RouteTableId=two, SubnetId=subnet) == "Resource.AlreadyAssociated"
    assert refused(ec2.delete_route_table, RouteTableId=one) == "DependencyViolation"
    found = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    assert [t["RouteTableId"] for t in found] == [one]
    now = ec2.replace_route_table_association(AssociationId=used, RouteTableId=two)["NewAssociationId"]
    ec2.delete_route_table(RouteTableId=one)
    assert refused(ec2.disassociate_route_table, AssociationId=used) == "InvalidAssociationID.NotFound"
    ec2.disassociate_route_table(AssociationId=now)
    main = ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}])
    main = main["RouteTables"][0]
    used = main["Associations"][0]["RouteTableAssociationId"]
    assert refused(ec2.disassociate_route_table, AssociationId=used) == "InvalidParameterValue"
    assert refused(ec2.delete_route_table, RouteTableId=main["RouteTableId"]) == "DependencyViolation"
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"


def test_routes_lead_to_what_is_there(ec2, refused):
    vpc = vpc_of(ec2)
    table = table_of(ec2, vpc)
    loose = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refused(ec2.create_route, **route, GatewayId=loose) == "InvalidParameterValue"
    assert refused(ec2.create_route, **route, NatGatewayId="nat-0123456789abcdef0") == "InvalidNatGatewayID.NotFound"
    ec2.attach_internet_gateway(InternetGatewayId=loose, VpcId=vpc)
    assert refused(ec2.replace_route, **route, GatewayId=loose) == "InvalidParameterValue"
    ec2.create_route(**route, GatewayId=loose)
    assert refused(ec2.create_route, **route, GatewayId=loose) == "RouteAlreadyExists"
    ec2.replace_route(**route, GatewayId=loose)
    assert refused(ec2.delete_internet_gateway, InternetGatewayId=loose) == "DependencyViolation"
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=loose, VpcId=vpc) == "Resource.AlreadyAssociated"
    ec2.detach_internet_gateway(InternetGatewayId=loose, VpcId=vpc)
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=loose, VpcId=vpc) == "Gateway.NotAttached"
    assert ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1]["State"] == "blackhole"
    ec2.delete_route(**route)
    assert refused(ec2.delete_route, **route) == "InvalidRoute.NotFound"
    ec2.delete_internet_gateway(InternetGatewayId=loose)


def test_a_nat_gateway_takes_its_time_and_holds_what_it_has(ec2, refused):
    vpc = vpc_of(ec2)
    subnet, address, gateway = subnet_of(ec2, vpc), address_of(ec2), gateway_of(ec2, vpc)
    nat = nat_of(ec2, subnet, address)
    assert nat_of(ec2, subnet, address) == nat
    other = {"ec2": ec2, "subnet": subnet, "address": address_of(ec2)}
    assert refused(nat_of, **other) == "IdempotentParameterMismatch"
    assert nat_state(ec2, nat, 1) == "pending" and nat_state(ec2, nat) == "available"
    (interface,) = interfaces(ec2, "subnet-id", subnet)
    assert (interface["InterfaceType"], interface["RequesterManaged"], interface["Status"]) == ("nat_gateway", True, "in-use")
    assert refused(ec2.release_address, AllocationId=address) == "AuthFailure"
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert nat_state(ec2, nat, 1) == "deleting" and nat_state(ec2, nat) == "deleted"
    # What was deleted is remembered, also by its token.
    assert nat_of(ec2, subnet, address) == nat
    ec2.release_address(AllocationId=address)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_subnet(SubnetId=subnet)
    assert refused(ec2.release_address, AllocationId=address) == "InvalidAllocationID.NotFound"
    assert refused(ec2.describe_nat_gateways, NatGatewayIds=["nat-0123456789abcdef0"]) == "NatGatewayNotFound"


def test_a_nat_gateway_without_a_way_out_fails_a_little_later(ec2):
    subnet, address = subnet_of(ec2, vpc_of(ec2)), address_of(ec2)
    nat = nat_of(ec2, subnet, address)
    assert nat_state(ec2, nat, 1) == "pending" and nat_state(ec2, nat) == "failed"
    assert ec2.describe_nat_gateways()["NatGateways"][0]["FailureCode"] == "Gateway.NotAttached"
    ec2.release_address(AllocationId=address)


def test_five_addresses_a_region(ec2, refused):
    for _ in range(5):
        address_of(ec2)
    assert refused(ec2.allocate_address, Domain="vpc") == "AddressLimitExceeded"


def test_a_gateway_endpoint_is_routes(ec2, refused):
    vpc = vpc_of(ec2)
    table, other = table_of(ec2, vpc), table_of(ec2, vpc, "other")
    made = endpoint_of(ec2, vpc, "s3", "Gateway", RouteTableIds=[table])
    assert endpoint_of(ec2, vpc, "s3", "Gateway", RouteTableIds=[table]) == made and endpoint_state(ec2, "s3", 1) == "available"
    again = {"ec2": ec2, "vpc": vpc, "kind": "Gateway", "token": "e-2"}
    assert refused(endpoint_of, **again, service="s3", RouteTableIds=[table]) == "RouteAlreadyExists"
    assert refused(endpoint_of, **again, service="secretsmanager") == "InvalidParameter"
    assert refused(endpoint_of, **again, service="nothing") == "InvalidServiceName"
    ec2.modify_vpc_endpoint(VpcEndpointId=made, AddRouteTableIds=[other], RemoveRouteTableIds=[table])
    routes = ec2.describe_route_tables(RouteTableIds=[other])["RouteTables"][0]["Routes"]
    assert routes[1]["GatewayId"] == made and routes[1]["DestinationPrefixListId"].startswith("pl-")
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[made]).get("Unsuccessful", []) == []
    failed = ec2.delete_vpc_endpoints(VpcEndpointIds=[made])["Unsuccessful"]
    assert failed[0]["Error"]["Code"] == "InvalidVpcEndpoint.NotFound"
    assert refused(ec2.describe_vpc_endpoints, VpcEndpointIds=[made]) == "InvalidVpcEndpointId.NotFound"


def test_an_interface_endpoint_takes_its_time_and_holds_groups_and_subnets(ec2, refused):
    vpc = vpc_of(ec2)
    a, b, group = subnet_of(ec2, vpc), subnet_of(ec2, vpc, 1), group_of(ec2, vpc)
    asked = {"SubnetIds": [a, b], "SecurityGroupIds": [group], "PrivateDnsEnabled": True}
    made = endpoint_of(ec2, vpc, "secretsmanager", "Interface", **asked)
    assert refused(ec2.modify_vpc_endpoint, VpcEndpointId=made, RemoveSubnetIds=[b]) == "IncorrectState"
    assert endpoint_state(ec2, "secretsmanager", 1) == "pending" and endpoint_state(ec2, "secretsmanager") == "available"
    assert len(interfaces(ec2, "group-id", group)) == 2
    again = {"ec2": ec2, "vpc": vpc, "service": "secretsmanager", "kind": "Interface", "token": "e-2", **asked}
    assert refused(endpoint_of, **again) == "InvalidParameter"
    twice = subnet_of(ec2, vpc, 2, AvailabilityZone="eu-west-1a")
    assert refused(endpoint_of, **{**again, "SubnetIds": [a, twice]}) == "DuplicateSubnetsInSameZone"
    ec2.modify_vpc_endpoint(VpcEndpointId=made, RemoveSubnetIds=[b])
    assert endpoint_state(ec2, "secretsmanager", 1) == "pending" and endpoint_state(ec2, "secretsmanager") == "available"
    ec2.delete_subnet(SubnetId=b)
    assert refused(ec2.delete_subnet, SubnetId=a) == refused(ec2.delete_security_group, GroupId=group) == "DependencyViolation"
    (interface,) = interfaces(ec2, "subnet-id", a)
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=interface["NetworkInterfaceId"]) == "InvalidParameterValue"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    assert endpoint_state(ec2, "secretsmanager", 1) == "deleting" and endpoint_state(ec2, "secretsmanager", 2) is None
    ec2.delete_subnet(SubnetId=a)
    ec2.delete_security_group(GroupId=group)


def test_a_private_name_needs_both_attributes(ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.71.0.0/16")["Vpc"]["VpcId"]
    asked = {"ec2": ec2, "vpc": vpc, "service": "secretsmanager", "kind": "Interface", "SubnetIds": [subnet_of(ec2, vpc)]}
    assert refused(endpoint_of, **asked) == "InvalidParameter"
    assert endpoint_of(**asked, PrivateDnsEnabled=False).startswith("vpce-")


def build(ec2, backwards=False):
    vpc = vpc_of(ec2)
    subnets = [subnet_of(ec2, vpc, n) for n in ((1, 0) if backwards else (0, 1))]
    groups = [group_of(ec2, vpc, name) for name in (("shop-db", "shop-api") if backwards else ("shop-api", "shop-db"))]
    for group in groups:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=tcp(443, UserIdGroupPairs=[{"GroupId": g} for g in groups]))
    table = table_of(ec2, vpc)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    gateway_of(ec2, vpc)
    nat = nat_of(ec2, sorted(subnets, key=lambda s: s != subnets[1 if backwards else 0])[0], address_of(ec2))
    assert nat_state(ec2, nat) == "available"
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    endpoint_of(ec2, vpc, "s3", "Gateway", RouteTableIds=[table])
    endpoint_of(ec2, vpc, "secretsmanager", "Interface", token="e-2", SubnetIds=subnets, SecurityGroupIds=groups)
    assert endpoint_state(ec2, "secretsmanager") == "available"


def test_two_networks_made_in_different_orders_look_the_same(ec2, practice):
    build(ec2)
    first = practice.door("GET", "account")["networks"]
    practice.door("POST", "reset")
    build(ec2, backwards=True)
    assert practice.door("GET", "account")["networks"] == first
    shown = first["eu-west-1"]
    assert shown["vpcs"]["shop"][0]["id"] == "<vpc 1>" and list(shown["groups"]) == ["shop default", "shop-api", "shop-db"]
    assert "eu-west-1" in first and not [text for text in str(first).split("'") if text.startswith(("vpc-0", "subnet-0", "sg-0"))]
    practice.door("POST", "reset")
    ec2.describe_vpcs()
    assert practice.door("GET", "account")["networks"] == {}


def test_another_service_can_hold_subnets_and_groups():
    account = SimpleNamespace(id="123456789012", pace=PACES["fast"])
    account.ec2 = Ec2(account)
    region = account.ec2.region("eu-west-1")
    subnets = list(region.subnets)[:2]
    group = region.CreateSecurityGroup({"GroupName": "shop-db", "Description": "The database"})["GroupId"]
    hold = account.ec2.hold([group], subnets, "RDSNetworkInterface")
    assert [i.subnet.id for i in hold.interfaces] == subnets
    with pytest.raises(AwsError, match="DependencyViolation"):
        region.DeleteSecurityGroup({"GroupId": group})
    hold.release(Wait(account.pace))
    with pytest.raises(AwsError, match="DependencyViolation"):
        region.DeleteSubnet({"SubnetId": subnets[0]})
    hold.release()
    region.DeleteSubnet({"SubnetId": subnets[0]})
    region.DeleteSecurityGroup({"GroupId": group})
    for ids in ([[group], subnets[1:]], [[], subnets[:1]], [[], []]):
        with pytest.raises(AwsError, match="NotFound"):
            account.ec2.hold(*ids, "RDSNetworkInterface")
