"""EC2's VPC endpoints and AWS's prefix lists, played. Source: EC2 API reference; AWS PrivateLink guide."""

import hashlib
import json
from datetime import datetime, timezone

from ..clock import Wait
from ..wire.errors import AwsError
from .ec2_common import Thing, choose, get, invalid, missing, not_played, page, tags_at_creation

_GATEWAYS = {"s3": ("52.219.0.0/20", "3.5.0.0/19"), "dynamodb": ("52.94.24.0/23",)}
"""The services that have gateway endpoints, with addresses (AWS's change; nothing may rely on them)."""

# Those that a site may have to do with. Source: PrivateLink guide, AWS services that integrate.
_INTERFACES = {
    "s3", "dynamodb", "secretsmanager", "ssm", "ssmmessages", "sts", "logs", "monitoring", "rds-data", "rds", "lambda", "kms",
    "sqs", "sns", "events", "scheduler", "email-smtp", "email", "execute-api", "states", "xray", "kinesis-streams",
    "bedrock-runtime", "cognito-idp", "ecr.api", "ecr.dkr", "ec2",
}
_OPEN = json.dumps({"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]})


class PrefixList(Thing):
    """The addresses of a service, which AWS keeps; the id is the same as long as there is the region."""

    PREFIX, NOUN, ABSENT, MALFORMED = "pl", "prefix list ID", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed"

    def __init__(self, region, service):
        super().__init__()
        self.region, self.name, self.cidrs = region, f"com.amazonaws.{region.name}.{service}", _GATEWAYS[service]
        self.id = "pl-" + hashlib.sha256(self.name.encode()).hexdigest()[:8]

    def facts(self):
        return {"prefix-list-id": self.id, "prefix-list-name": self.name, "owner-id": "AWS"}

    def shown(self):
        return {"PrefixListId": self.id, "PrefixListName": self.name, "Cidrs": list(self.cidrs)}

    def managed(self):
        """As DescribeManagedPrefixLists shows it."""
        return {
            "PrefixListId": self.id, "PrefixListName": self.name, "AddressFamily": "IPv4", "State": "create-complete",
            "OwnerId": "AWS", "PrefixListArn": f"arn:aws:ec2:{self.region.name}:aws:prefix-list/{self.id}",
        }


class Endpoint(Thing):
    """A gateway endpoint, which works at once, or an interface endpoint: pending, available, deleting."""

    TYPE, PREFIX, NOUN = "vpc-endpoint", "vpce", "Vpc Endpoint Id"
    ABSENT, MALFORMED = "InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed"

    def __init__(self, region, vpc, service, kind, tags=None):
        super().__init__(tags)
        self.region, self.vpc, self.service, self.kind = region, vpc, service, kind
        self.tables, self.subnets, self.groups, self.holds = [], [], [], {}
        self.policy, self.private, self.created = _OPEN, False, datetime.now(timezone.utc)
        self.state, self._wait = ("pending", Wait(region.account.pace)) if kind == "Interface" else ("available", None)

    @property
    def service_name(self):
        return f"com.amazonaws.{self.region.name}.{self.service}"

    @property
    def prefix_list(self):
        """The list that a gateway endpoint's routes are to."""
        return next(each for each in self.region.prefix_lists.values() if each.name == self.service_name)

    @property
    def private_name(self):
        return f"{self.service}.{self.region.name}.amazonaws.com"

    def look(self, poll=False):
        """Go on as far as the time allows; `poll`: somebody asks about it."""
        if self._wait is None or not (self._wait.poll() if poll else self._wait.over()):
            return
        self._wait = None
        if self.state == "deleting":
            self.end()
        else:
            self.state = "available"

    def changing(self):
        """An interface endpoint is pending again."""
        if self.kind == "Interface":
            self.state, self._wait = "pending", Wait(self.region.account.pace)

    def place(self):
        """One interface in each subnet, and none elsewhere; all of them in the groups."""
        for subnet in [s for s in self.holds if s not in self.subnets]:
            self.holds.pop(subnet).release()
        for subnet in self.subnets:
            if subnet not in self.holds:
                self.holds[subnet] = self.region.put([subnet], self.groups, f"VPC Endpoint Interface {self.id}", "vpc_endpoint")
            self.holds[subnet].interfaces[0].groups = list(self.groups)

    def delete(self):
        """It begins to go, or is gone."""
        if self.kind == "Gateway":
            self.end()
        elif self.state != "deleting":
            self.state, self._wait = "deleting", Wait(self.region.account.pace)

    def end(self):
        """It is gone, and its interfaces and routes with it."""
        for hold in self.holds.values():
            hold.release()
        self.region.endpoints.pop(self.id, None)

    def facts(self):
        return {
            "vpc-endpoint-id": self.id, "vpc-endpoint-type": self.kind, "vpc-id": self.vpc.id, "service-name": self.service_name,
            "vpc-endpoint-state": self.state, "state": self.state, "ip-address-type": "ipv4",
        }

    def shown(self):
        out = {
            "VpcEndpointId": self.id, "VpcEndpointType": self.kind, "VpcId": self.vpc.id, "ServiceName": self.service_name,
            "State": self.state, "PolicyDocument": self.policy, "RouteTableIds": [t.id for t in self.tables],
            "SubnetIds": [s.id for s in self.subnets], "Groups": [{"GroupId": g.id, "GroupName": g.name} for g in self.groups],
            "PrivateDnsEnabled": self.private, "RequesterManaged": False, "CreationTimestamp": self.created,
            "NetworkInterfaceIds": [i.id for h in self.holds.values() for i in h.interfaces], "OwnerId": self.region.account.id,
            "DnsEntries": [], "Tags": self.shown_tags(),
        }
        if self.kind == "Interface":
            names = [f"{self.id}-practice.{self.service}.{self.region.name}.vpce.amazonaws.com"]
            names += [self.private_name] if self.private else []
            out.update(IpAddressType="ipv4", DnsEntries=[{"DnsName": name, "HostedZoneId": "Z00000000000PRACTICE"} for name in names])
        return out


def _refuse(text):
    raise AwsError("InvalidParameter", text, 400)


class Endpoints:
    """Mixed into `Region`."""

    def make_prefix_lists(self):
        """Those that AWS keeps, by their ids."""
        return {each.id: each for each in (PrefixList(self, service) for service in _GATEWAYS)}

    def DescribePrefixLists(self, p):
        found = choose(self.prefix_lists, PrefixList, p, p.get("PrefixListIds"))
        return page(p, "PrefixLists", [each.shown() for each in found])

    def DescribeManagedPrefixLists(self, p):
        found = choose(self.prefix_lists, PrefixList, p, p.get("PrefixListIds"))
        return page(p, "PrefixLists", [each.managed() for each in found], least=1, most=100)

    def CreateVpcEndpoint(self, p):
        for name in ("SubnetConfigurations", "ServiceNetworkArn", "ResourceConfigurationArn", "ServiceRegion", "DnsOptions"):
            if p.get(name):
                raise not_played(f"CreateVpcEndpoint with {name}")
        if not p.get("ServiceName"):
            raise missing("serviceName")
        vpc, kind = self.vpc(p["VpcId"]), p.get("VpcEndpointType") or "Gateway"
        again = self.tokens.same(p, "CreateVpcEndpoint", self.endpoints)
        if again:
            return {"VpcEndpoint": self.endpoints[again].shown(), "ClientToken": p["ClientToken"]}
        made = Endpoint(self, vpc, self._service(p["ServiceName"], kind), kind, tags_at_creation(p, "vpc-endpoint"))
        made.policy = _policy(p.get("PolicyDocument")) or made.policy
        if kind == "Gateway":
            if p.get("SubnetIds") or p.get("SecurityGroupIds") or p.get("PrivateDnsEnabled"):
                _refuse("SubnetIds, SecurityGroupIds and PrivateDnsEnabled are not supported for a VPC endpoint of type Gateway.")
            made.tables = self._tables(made, p.get("RouteTableIds"))
        else:
            self._interface(made, p)
        self.endpoints[made.id] = made
        made.place()
        self.tokens.remember(p, "CreateVpcEndpoint", made.id)
        return {"VpcEndpoint": made.shown(), "ClientToken": p.get("ClientToken")}

    def _service(self, name, kind):
        prefix = f"com.amazonaws.{self.name}."
        service = name.removeprefix(prefix)
        kinds = [k for k, known in (("Gateway", _GATEWAYS), ("Interface", _INTERFACES)) if service in known]
        if not name.startswith(prefix) or not kinds:
            raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist", 400)
        if kind not in kinds:
            _refuse(f"Endpoint type ({kind}) does not match available service types ([{', '.join(kinds)}]).")
        return service

    def _tables(self, endpoint, given):
        tables = [self.table(ident, endpoint.vpc) for ident in dict.fromkeys(given or [])]
        for other in self.endpoints.values():
            for table in tables if other is not endpoint and other.service == endpoint.service else ():
                if table in other.tables:
                    raise AwsError(
                        "RouteAlreadyExists",
                        f"route table {table.id} already has a route with destination-prefix-list-id {endpoint.prefix_list.id}", 400,
                    )
        return tables

    def _interface(self, made, p):
        if p.get("RouteTableIds"):
            _refuse("RouteTableIds are not supported for a VPC endpoint of type Interface.")
        made.subnets = self._subnets(made, p.get("SubnetIds") or [])
        groups = p.get("SecurityGroupIds") or [g.id for g in self.groups.values() if g.vpc is made.vpc and g.name == "default"]
        made.groups = self._groups(made, groups)
        # Left out, it is on. Source: API reference, CreateVpcEndpoint.
        self._private(made, p.get("PrivateDnsEnabled") is not False)

    def _subnets(self, endpoint, given):
        subnets = [self.subnet(ident, endpoint.vpc) for ident in dict.fromkeys(given)]
        zones = [s.zone["ZoneName"] for s in subnets]
        for subnet in subnets:
            if zones.count(subnet.zone["ZoneName"]) > 1:
                raise AwsError(
                    "DuplicateSubnetsInSameZone",
                    f"Found another VPC endpoint subnet in the availability zone of {subnet.id}. VPC endpoint subnets should "
                    "be in different availability zones supported by the VPC endpoint service.", 400,
                )
        return subnets

    def _groups(self, endpoint, given):
        return [self.group(ident, endpoint.vpc) for ident in dict.fromkeys(given)]

    def _private(self, endpoint, wanted):
        if wanted and not endpoint.private:
            if not (endpoint.vpc.attributes["EnableDnsSupport"] and endpoint.vpc.attributes["EnableDnsHostnames"]):
                _refuse(
                    "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true "
                    f"for {endpoint.vpc.id}"
                )
            for other in list(self.endpoints.values()):
                other.look(poll=other.vpc is endpoint.vpc and other.state == "deleting")
            for other in self.endpoints.values():
                if other.vpc is endpoint.vpc and other.service == endpoint.service and other.private:
                    _refuse(
                        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                        f"{endpoint.private_name} in the VPC {endpoint.vpc.id}"
                    )
        endpoint.private = wanted

    def DescribeVpcEndpoints(self, p):
        for each in list(self.endpoints.values()):
            each.look()
        found = choose(self.endpoints, Endpoint, p, p.get("VpcEndpointIds"))
        out = page(p, "VpcEndpoints", [e.shown() for e in found])
        for each in found:
            each.look(poll=True)
        return out

    def ModifyVpcEndpoint(self, p):
        for name in ("SubnetConfigurations", "DnsOptions", "IpAddressType"):
            if p.get(name):
                raise not_played(f"ModifyVpcEndpoint with {name}")
        found = get(self.endpoints, Endpoint, p["VpcEndpointId"])
        found.look()
        if found.state != "available":
            raise AwsError("IncorrectState", f"The VPC endpoint {found.id} is {found.state}.", 400)
        other = ("AddRouteTableIds", "RemoveRouteTableIds") if found.kind == "Interface" else (
            "AddSubnetIds", "RemoveSubnetIds", "AddSecurityGroupIds", "RemoveSecurityGroupIds", "PrivateDnsEnabled")
        wrong = [name for name in other if p.get(name)]
        if wrong:
            _refuse(f"{wrong[0]} is not supported for a VPC endpoint of type {found.kind}.")
        tables = self._tables(found, _after(found.tables, p, "RouteTableIds"))
        subnets = self._subnets(found, _after(found.subnets, p, "SubnetIds"))
        groups = self._groups(found, _after(found.groups, p, "SecurityGroupIds"))
        if found.kind == "Interface" and not groups:
            _refuse("A VPC endpoint of type Interface needs at least one security group.")
        policy = _OPEN if p.get("ResetPolicy") else _policy(p.get("PolicyDocument")) or found.policy
        if p.get("PrivateDnsEnabled") is not None:
            self._private(found, p["PrivateDnsEnabled"])
        found.tables, found.subnets, found.groups, found.policy = tables, subnets, groups, policy
        found.place()
        found.changing()
        return {"Return": True}

    def DeleteVpcEndpoints(self, p):
        failed = []
        for ident in p["VpcEndpointIds"]:
            if ident in self.endpoints:
                self.endpoints[ident].delete()
            else:
                error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The Vpc Endpoint Id '{ident}' does not exist"}
                failed.append({"ResourceId": ident, "Error": error})
        # It answers 200 also when it did nothing.
        return {"Unsuccessful": failed}


def _after(things, p, what):
    """The ids of things, with those to add and without those to remove."""
    gone = p.get(f"Remove{what}") or []
    there = [each.id for each in things]
    for ident in gone:
        if ident not in there:
            raise invalid(f"{ident} is not associated with the VPC endpoint.")
    return [i for i in there if i not in gone] + list(p.get(f"Add{what}") or [])


def _policy(text):
    if not text:
        return None
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or not document.get("Statement"):
            raise ValueError
    except ValueError as error:
        raise AwsError("InvalidPolicyDocument", "Invalid policy document.", 400) from error
    return text
