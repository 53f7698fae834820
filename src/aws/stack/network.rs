//! The network: private subnets, what leads to S3 and DynamoDB, and, when asked for, a way out.

use super::Wanted;
use crate::aws::Cloud;
use crate::aws::network::ec2_endpoint::{GatewayEndpoint, InterfaceEndpoint};
use crate::aws::network::ec2_gateway::{ElasticIp, InternetGateway, NatGateway};
use crate::aws::network::ec2_group_rules::{GroupRules, Peer, Rule};
use crate::aws::network::ec2_route_table::RouteTable;
use crate::aws::network::ec2_security_group::SecurityGroup;
use crate::aws::network::ec2_subnet::Subnet;
use crate::aws::network::ec2_vpc::Vpc;
use crate::config::network::Egress;
use crate::deploy::{Graph, GraphError};

/// Addresses of the network: a part of 10.0.0.0/8 that is seldom somebody else's.
const CIDR: &str = "10.71.0.0/16";
/// Private subnets, each in a zone of its own, with their addresses.
const PRIVATE: [(&str, &str); 2] = [("a", "10.71.0.0/20"), ("b", "10.71.16.0/20")];
/// Addresses of the subnet that a NAT gateway stands in.
const PUBLIC: &str = "10.71.240.0/24";
/// Everything.
const ANYWHERE: &str = "0.0.0.0/0";
/// Port of HTTPS.
const HTTPS: i32 = 443;
/// Port of PostgreSQL.
pub(super) const POSTGRESQL: i32 = 5432;

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    if !wanted.has_network() {
        return Ok(());
    }
    let names = wanted.names;
    graph.add("vpc", Vpc::closed(names.prefix(), CIDR), &[])?;
    let mut subnets = Vec::new();
    for (index, (letter, cidr)) in (0..).zip(PRIVATE) {
        let node = format!("subnet-{letter}");
        let subnet = Subnet::private(names.part(&format!("private-{letter}")), "vpc", index, cidr);
        graph.add(&node, subnet, &["vpc"])?;
        subnets.push(node);
    }
    routes(graph, wanted, &subnets)?;
    endpoints(graph, wanted, &subnets)?;
    group(graph, wanted)
}

fn routes(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, subnets: &[String]) -> Result<(), GraphError> {
    let mut table = RouteTable::closed(wanted.names.part("private"), "vpc", subnets.to_vec());
    let mut needs: Vec<&str> = subnets.iter().map(String::as_str).chain(["vpc"]).collect();
    if wanted.config.network.egress == Egress::Nat {
        way_out(graph, wanted)?;
        table.way_out = Some("nat-gateway".into());
        needs.push("nat-gateway");
    }
    graph.add("route-table", table, &needs)?;
    for service in ["s3", "dynamodb"] {
        let endpoint = GatewayEndpoint::ready(wanted.names.part(service), "vpc", service, vec!["route-table".into()]);
        graph.add(&format!("endpoint-{service}"), endpoint, &["vpc", "route-table"])?;
    }
    Ok(())
}

/// A NAT gateway in a public subnet of its own.
fn way_out(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    graph.add("internet-gateway", InternetGateway::of(names.part("internet"), "vpc"), &["vpc"])?;
    graph.add("subnet-public", Subnet::private(names.part("public"), "vpc", 0, PUBLIC), &["vpc"])?;
    let mut table = RouteTable::closed(names.part("public"), "vpc", vec!["subnet-public".into()]);
    table.way_out = Some("internet-gateway".into());
    graph.add("route-table-public", table, &["vpc", "subnet-public", "internet-gateway"])?;
    graph.add("nat-address", ElasticIp { name: names.part("nat") }, &["internet-gateway"])?;
    let nat = NatGateway::ready(names.part("nat"), "subnet-public", "nat-address");
    graph.add("nat-gateway", nat, &["subnet-public", "nat-address", "route-table-public"])
}

/// Interface endpoints, and the group that lets functions reach them.
fn endpoints(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, subnets: &[String]) -> Result<(), GraphError> {
    let names = wanted.names;
    if wanted.config.network.endpoints.is_empty() {
        return Ok(());
    }
    let group = SecurityGroup::closed(names.part("endpoints"), "vpc", "Endpoints of AWS services");
    graph.add("endpoint-group", group, &["vpc"])?;
    let ingress = vec![Rule::tcp(HTTPS, Peer::Group("function-group".into()))];
    let rules =
        GroupRules { name: names.part("endpoints"), group: "endpoint-group".into(), ingress, egress: Vec::new() };
    graph.add("endpoint-group-rules", rules, &["endpoint-group", "function-group"])?;
    let needs: Vec<&str> = subnets.iter().map(String::as_str).chain(["vpc", "endpoint-group"]).collect();
    for service in &wanted.config.network.endpoints {
        let endpoint =
            InterfaceEndpoint::ready(names.part(service), "vpc", service, subnets.to_vec(), "endpoint-group");
        graph.add(&format!("endpoint-{service}"), endpoint, &needs)?;
    }
    Ok(())
}

/// The group of the functions: nothing in, and out only to what is named.
fn group(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    graph.add("function-group", SecurityGroup::closed(names.part("functions"), "vpc", "Functions"), &["vpc"])?;
    let mut egress: Vec<Rule> =
        ["s3", "dynamodb"].map(|service| Rule::tcp(HTTPS, Peer::PrefixList(service.into()))).into();
    // Their prefix lists are known by the endpoints.
    let mut needs = vec!["function-group", "endpoint-s3", "endpoint-dynamodb"];
    if wanted.migrations.is_some() {
        egress.push(Rule::tcp(POSTGRESQL, Peer::Group("database-group".into())));
        needs.push("database-group");
    }
    if !wanted.config.network.endpoints.is_empty() {
        egress.push(Rule::tcp(HTTPS, Peer::Group("endpoint-group".into())));
        needs.push("endpoint-group");
    }
    if wanted.config.network.egress == Egress::Nat {
        egress.push(Rule::tcp(HTTPS, Peer::Cidr(ANYWHERE.into())));
    }
    let rules =
        GroupRules { name: names.part("functions"), group: "function-group".into(), ingress: Vec::new(), egress };
    graph.add("function-group-rules", rules, &needs)
}
