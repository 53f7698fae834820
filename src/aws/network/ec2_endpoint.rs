//! Ways from the VPC to AWS's own services, without the internet.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::element::Element;
use super::parameters::Parameters;
use super::settle::{Identified, as_node, as_nodes, make_once, needed, settling};
use super::token::token;
use crate::aws::error::CallError;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// A gateway endpoint: routes to S3 or DynamoDB. It costs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEndpoint {
    /// Name: its tag.
    pub name: String,
    /// Node of the VPC.
    pub vpc: String,
    /// `s3` or `dynamodb`.
    pub service: String,
    /// Nodes of the route tables that get the routes.
    pub route_tables: Vec<String>,
    /// Whether only the account's own roles pass, and only to what is the account's own.
    pub own_account: bool,
    /// Whether it works.
    pub ready: bool,
}

/// An interface endpoint: network interfaces that answer for a service. It costs by the hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceEndpoint {
    /// Name: its tag.
    pub name: String,
    /// Node of the VPC.
    pub vpc: String,
    /// The service, as `secretsmanager`.
    pub service: String,
    /// Nodes of the subnets that get an interface.
    pub subnets: Vec<String>,
    /// Nodes of the security groups of the interfaces.
    pub groups: Vec<String>,
    /// Whether only the account's own roles pass.
    pub own_account: bool,
    /// Whether the service's own name leads to the interfaces.
    pub private_dns: bool,
    /// Whether it works.
    pub ready: bool,
}

impl GatewayEndpoint {
    /// An endpoint that works.
    pub fn ready(name: String, vpc: &str, service: &str, route_tables: Vec<String>) -> Self {
        Self { name, vpc: vpc.to_owned(), service: service.to_owned(), route_tables, own_account: true, ready: true }
    }
}

impl InterfaceEndpoint {
    /// An endpoint that works, under the service's own name.
    pub fn ready(name: String, vpc: &str, service: &str, subnets: Vec<String>, group: &str) -> Self {
        let (vpc, service, groups) = (vpc.to_owned(), service.to_owned(), vec![group.to_owned()]);
        Self { name, vpc, service, subnets, groups, own_account: true, private_dns: true, ready: true }
    }
}

impl Resource for GatewayEndpoint {
    const KIND: &'static str = "ec2.gateway_endpoint";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.vpc != found.vpc || self.service != found.service => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(endpoint) = look(cx, &self.name).await? else { return Ok(None) };
        let tables = texts(&endpoint, "routeTableIdSet");
        let spec = Self {
            name: self.name.clone(),
            vpc: as_node(cx, endpoint.get("vpcId"), &self.vpc)?,
            service: service_of(cx, &endpoint),
            route_tables: as_nodes(cx, &tables, &self.route_tables)?,
            own_account: has_policy(&endpoint, &GATEWAY.policy(&cx.cloud.names.account)),
            ready: state(&endpoint) == "available",
        };
        Ok(Some(Found { spec, output: identified(&endpoint) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let tables = ids(cx, &self.route_tables)?;
        let policy = GATEWAY.policy(&cx.cloud.names.account);
        if found.is_none() {
            let parameters = Parameters::new()
                .with("VpcEndpointType", "Gateway")
                .with("PolicyDocument", policy.to_string())
                .list("RouteTableId", &tables);
            create(cx, &self.name, &self.vpc, &self.service, parameters).await?;
        }
        let endpoint = wait(cx, &self.name).await?;
        let changes = differences(Parameters::new(), "RouteTableId", &tables, &texts(&endpoint, "routeTableIdSet"));
        let changes = with_policy(changes, &endpoint, &policy);
        modify(cx, &self.name, &endpoint, changes).await
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        remove(cx, &self.name, &found.output.id).await
    }
}

impl Resource for InterfaceEndpoint {
    const KIND: &'static str = "ec2.interface_endpoint";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.vpc != found.vpc || self.service != found.service => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(endpoint) = look(cx, &self.name).await? else { return Ok(None) };
        let spec = Self {
            name: self.name.clone(),
            vpc: as_node(cx, endpoint.get("vpcId"), &self.vpc)?,
            service: service_of(cx, &endpoint),
            subnets: as_nodes(cx, &texts(&endpoint, "subnetIdSet"), &self.subnets)?,
            groups: as_nodes(cx, &groups(&endpoint), &self.groups)?,
            own_account: has_policy(&endpoint, &INTERFACE.policy(&cx.cloud.names.account)),
            private_dns: endpoint.is("privateDnsEnabled"),
            ready: state(&endpoint) == "available",
        };
        Ok(Some(Found { spec, output: identified(&endpoint) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let (subnets, wanted) = (ids(cx, &self.subnets)?, ids(cx, &self.groups)?);
        let policy = INTERFACE.policy(&cx.cloud.names.account);
        if found.is_none() {
            let parameters = Parameters::new()
                .with("VpcEndpointType", "Interface")
                .with("PolicyDocument", policy.to_string())
                .list("SubnetId", &subnets)
                .list("SecurityGroupId", &wanted)
                .with("PrivateDnsEnabled", self.private_dns.to_string());
            create(cx, &self.name, &self.vpc, &self.service, parameters).await?;
        }
        let endpoint = wait(cx, &self.name).await?;
        let mut changes = differences(Parameters::new(), "SubnetId", &subnets, &texts(&endpoint, "subnetIdSet"));
        changes = differences(changes, "SecurityGroupId", &wanted, &groups(&endpoint));
        changes = with_policy(changes, &endpoint, &policy);
        if endpoint.is("privateDnsEnabled") != self.private_dns {
            changes = changes.with("PrivateDnsEnabled", self.private_dns.to_string());
        }
        modify(cx, &self.name, &endpoint, changes).await
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        remove(cx, &self.name, &found.output.id).await
    }
}

/// Condition keys that must all be the account's number for a call to pass an endpoint.
struct Passing(&'static [&'static str]);

/// SECURITY: with the second, code that brings credentials of its own cannot carry data into a
/// bucket or table of another account. Source: IAM user guide, "AWS global condition context keys".
const GATEWAY: Passing = Passing(&["aws:PrincipalAccount", "aws:ResourceAccount"]);
/// What is called through these may be AWS's own, as public parameters are.
const INTERFACE: Passing = Passing(&["aws:PrincipalAccount"]);

impl Passing {
    /// Source: AWS PrivateLink guide, "Control access to VPC endpoints using endpoint policies".
    fn policy(&self, account: &str) -> Value {
        let keys: serde_json::Map<_, _> = self.0.iter().map(|&key| (key.to_owned(), account.into())).collect();
        json!({"Version": "2012-10-17", "Statement": [{"Sid": "OwnAccount", "Effect": "Allow", "Principal": "*",
               "Action": "*", "Resource": "*", "Condition": {"StringEquals": keys}}]})
    }
}

fn has_policy(endpoint: &Element, policy: &Value) -> bool {
    serde_json::from_str::<Value>(endpoint.get("policyDocument")).is_ok_and(|found| found == *policy)
}

fn with_policy(changes: Parameters, endpoint: &Element, policy: &Value) -> Parameters {
    if has_policy(endpoint, policy) { changes } else { changes.with("PolicyDocument", policy.to_string()) }
}

/// `com.amazonaws.<region>.<service>`. Source: AWS PrivateLink guide, "AWS services that integrate".
pub fn service_name(region: &str, service: &str) -> String {
    format!("com.amazonaws.{region}.{service}")
}

fn service_of(cx: &Cx, endpoint: &Element) -> String {
    let name = endpoint.get("serviceName");
    name.strip_prefix(&service_name(&cx.cloud.names.region, "")).unwrap_or(name).to_owned()
}

fn ids(cx: &Cx, nodes: &[String]) -> Result<Vec<String>, StepError> {
    nodes.iter().map(|node| needed(cx, node)).collect()
}

fn texts<'a>(endpoint: &'a Element, list: &str) -> Vec<&'a str> {
    endpoint.list(list).iter().map(|item| item.text.as_str()).collect()
}

fn groups(endpoint: &Element) -> Vec<&str> {
    endpoint.list("groupSet").iter().map(|group| group.get("groupId")).collect()
}

fn identified(endpoint: &Element) -> Identified {
    Identified { id: endpoint.get("vpcEndpointId").to_owned() }
}

/// The state, which the reference writes with a capital and the service without.
fn state(endpoint: &Element) -> String {
    endpoint.get("state").to_ascii_lowercase()
}

fn is_alive(endpoint: &Element) -> bool {
    !matches!(state(endpoint).as_str(), "deleting" | "deleted" | "rejected" | "failed" | "expired")
}

/// What has to be added and removed so that `had` becomes `wanted`.
fn differences(mut changes: Parameters, what: &str, wanted: &[String], had: &[&str]) -> Parameters {
    let missing = wanted.iter().filter(|id| !had.contains(&id.as_str()));
    changes = changes.list(&format!("Add{what}"), missing);
    let extra = had.iter().filter(|id| !wanted.iter().any(|wanted| wanted == *id));
    changes.list(&format!("Remove{what}"), extra.copied())
}

/// All of this name, also those of which only the memory is left.
async fn all(cx: &Cx, name: &str) -> Result<Vec<Element>, CallError> {
    let answer = cx.cloud.ec2.call("DescribeVpcEndpoints", &Parameters::ours(&cx.cloud.names, name)).await?;
    Ok(answer.list("vpcEndpointSet").to_vec())
}

async fn look(cx: &Cx, name: &str) -> Result<Option<Element>, StepError> {
    let all = all(cx, name).await.telling(|| format!("look at the endpoint {name}"))?;
    Ok(all.into_iter().find(is_alive))
}

async fn create(cx: &Cx, name: &str, vpc: &str, service: &str, parameters: Parameters) -> Result<(), StepError> {
    let making = || format!("make the endpoint {name}");
    let vpc = needed(cx, vpc)?;
    let service = service_name(&cx.cloud.names.region, service);
    let gone = all(cx, name).await.telling(making)?;
    let mut gone: Vec<_> = gone.iter().map(|endpoint| endpoint.get("vpcEndpointId")).collect();
    gone.sort_unstable();
    let token = token(&cx.cloud.names, name, [vpc.as_str(), &service].into_iter().chain(gone));
    let parameters = parameters.with("ClientToken", token).with("VpcId", vpc).with("ServiceName", service).tagged(
        "vpc-endpoint",
        &cx.cloud.names,
        name,
    );
    let made = make_once(
        || async { Ok(all(cx, name).await?.into_iter().find(is_alive)) },
        || async {
            Patience::CONFLICT
                // One that is being deleted still has the name, or the routes.
                .retry(
                    |e| e.says("InvalidParameter", "conflicting DNS domain") || e.is("RouteAlreadyExists"),
                    || async { cx.cloud.ec2.call_once("CreateVpcEndpoint", &parameters).await },
                )
                .await
        },
    );
    made.await.map(|_| ()).telling(making)
}

/// Waits until the endpoint works.
async fn wait(cx: &Cx, name: &str) -> Result<Element, StepError> {
    let making = || format!("make the endpoint {name}");
    let ended = Patience::STATE.until(|| async {
        let all = all(cx, name).await?;
        let going_on = all.iter().find(|endpoint| is_alive(endpoint));
        if let Some(endpoint) = going_on.filter(|endpoint| state(endpoint) == "available") {
            return Ok(Some(endpoint.clone()));
        }
        if let (None, Some(failed)) = (going_on, all.iter().find(|endpoint| state(endpoint) == "failed")) {
            let why = failed.child("lastError").map(|error| (error.get("code"), error.get("message")));
            return Err(CallError::part("CreateVpcEndpoint", why.map(|why| why.0), why.map(|why| why.1)));
        }
        cx.note("waiting until the endpoint is available; 1 to 5 minutes are usual");
        Ok(None)
    });
    let ended = ended.await.telling(making)?;
    ended.ok_or_else(|| StepError::cloud(making(), "it is still being made after 30 minutes"))
}

async fn modify(cx: &Cx, name: &str, endpoint: &Element, changes: Parameters) -> Result<Identified, StepError> {
    if !changes.is_empty() {
        let parameters = changes.with("VpcEndpointId", endpoint.get("vpcEndpointId"));
        settling(|| async { cx.cloud.ec2.call("ModifyVpcEndpoint", &parameters).await })
            .await
            .telling(|| format!("set up the endpoint {name}"))?;
        wait(cx, name).await?;
    }
    Ok(identified(endpoint))
}

/// Deletes an endpoint, and returns when its network interfaces are gone.
async fn remove(cx: &Cx, name: &str, id: &str) -> Result<(), StepError> {
    let deleting = || format!("delete the endpoint {name}");
    let parameters = Parameters::new().list("VpcEndpointId", [id]);
    let answer = match cx.cloud.ec2.call("DeleteVpcEndpoints", &parameters).await {
        Err(e) if is_gone(&e) => return Ok(()),
        result => result.telling(deleting)?,
    };
    // It answers 200 also when it did nothing.
    for failed in answer.list("unsuccessful") {
        let (code, message) = (failed.at(&["error", "code"]), failed.at(&["error", "message"]));
        let error = CallError::part("DeleteVpcEndpoints", Some(code), Some(message));
        if !is_gone(&error) {
            return Err(error.while_doing(deleting()));
        }
    }
    let gone = Patience::STATE.until(|| async {
        let going = all(cx, name).await?.iter().any(|e| e.get("vpcEndpointId") == id && state(e) != "deleted");
        if going {
            cx.note("waiting until the endpoint is gone; 1 to 5 minutes are usual");
        }
        Ok((!going).then_some(()))
    });
    let gone = gone.await.telling(deleting)?;
    gone.ok_or_else(|| StepError::cloud(deleting(), "it is still being deleted after 30 minutes"))
}

fn is_gone(error: &CallError) -> bool {
    error.is_any(&["InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound"])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_what_differs_is_added_and_removed() {
        let wanted = ["subnet-1".to_owned(), "subnet-2".to_owned()];
        let changes = differences(Parameters::new(), "SubnetId", &wanted, &["subnet-2", "subnet-3"]);
        let expected = Parameters::new().with("AddSubnetId.1", "subnet-1").with("RemoveSubnetId.1", "subnet-3");
        assert_eq!(changes, expected);
        assert!(differences(Parameters::new(), "SubnetId", &wanted, &["subnet-2", "subnet-1"]).is_empty());
    }

    #[test]
    fn a_policy_is_known_again_in_any_layout() {
        let policy = GATEWAY.policy("123456789012");
        let condition = &policy["Statement"][0]["Condition"]["StringEquals"];
        assert_eq!(condition["aws:ResourceAccount"], "123456789012");
        let endpoint = |text: &str| {
            let text = text.replace('"', "&quot;");
            Element::parse(format!("<e><policyDocument>{text}</policyDocument></e>").as_bytes()).unwrap()
        };
        let there = endpoint(&serde_json::to_string_pretty(&policy).unwrap());
        assert!(has_policy(&there, &policy) && with_policy(Parameters::new(), &there, &policy).is_empty());
        let open =
            endpoint(r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}"#);
        assert!(!has_policy(&open, &policy) && !with_policy(Parameters::new(), &open, &policy).is_empty());
    }

    #[test]
    fn what_is_going_is_not_there() {
        let endpoint = |state: &str| Element::parse(format!("<e><state>{state}</state></e>").as_bytes()).unwrap();
        assert!(is_alive(&endpoint("pending")) && is_alive(&endpoint("Available")));
        assert!(!is_alive(&endpoint("Deleting")) && !is_alive(&endpoint("deleted")) && !is_alive(&endpoint("failed")));
    }
}
