//! What all of EC2 has in common: ids that are known later than they are given, makings without a
//! token, and things that cannot go while something is in them.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ec2_route_table::RouteTable;
use super::element::Element;
use super::parameters::Parameters;
use crate::aws::Cx;
use crate::aws::error::CallError;
use crate::aws::retry::Patience;
use crate::deploy::StepError;

/// How long Lambda may take to let go of its network interfaces.
///
/// Source: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC":
/// up to 20 minutes; longer ones are reported, and Terraform waits for 45.
pub const LETTING_GO: Patience = Patience { total: Duration::from_secs(45 * 60), pause: Duration::from_secs(10) };
/// How long what was made may take to be found by its tags.
const REAPPEARANCE: Patience = Patience { total: Duration::from_secs(5), pause: Duration::from_secs(1) };
/// How the description of a network interface of Lambda begins.
const OF_LAMBDA: &str = "AWS Lambda VPC ENI";

/// What others need of most things of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// Id.
    pub id: String,
}

/// The id that `node` gave, if it exists.
pub fn id_of(cx: &Cx, node: &str) -> Result<Option<String>, StepError> {
    // Every output of the network has an `id`, as this one's.
    Ok(cx.try_output::<RouteTable>(node)?.map(|output| output.id))
}

/// The id that `node` gave; it is an error when it gave none.
pub fn needed(cx: &Cx, node: &str) -> Result<String, StepError> {
    Ok(cx.output::<RouteTable>(node)?.id)
}

/// `node` when the id is the one that it gave, else the id itself, so that the difference shows.
pub fn as_node(cx: &Cx, id: &str, node: &str) -> Result<String, StepError> {
    Ok(if id_of(cx, node)?.as_deref() == Some(id) { node.to_owned() } else { id.to_owned() })
}

/// The ids as the nodes that gave them, in the order of `nodes`; then those that none of them gave.
pub fn as_nodes(cx: &Cx, ids: &[&str], nodes: &[String]) -> Result<Vec<String>, StepError> {
    let mut known = Vec::new();
    let mut rest: Vec<&str> = ids.to_vec();
    for node in nodes {
        if let Some(id) = id_of(cx, node)?.filter(|id| ids.contains(&id.as_str())) {
            rest.retain(|other| *other != id);
            known.push(node.clone());
        }
    }
    rest.sort_unstable();
    known.extend(rest.into_iter().map(str::to_owned));
    Ok(known)
}

/// Whether an id is not known (yet, or any more).
pub fn unknown(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    (code.starts_with("Invalid") && code.ends_with(".NotFound")) || code == "NatGatewayNotFound"
}

/// Whether it is not known if the call was carried out.
fn lost(error: &CallError) -> bool {
    error.unreachable() || (error.status.is_some_and(|status| status >= 500) && !is_throttled(error))
}

/// Whether there were too many calls: this one was not carried out.
fn is_throttled(error: &CallError) -> bool {
    error.is_any(&["RequestLimitExceeded", "Throttling", "EC2ThrottledException"])
}

/// Calls with ids that were given a moment ago: not every part of EC2 knows them yet.
///
/// Source: EC2 developer guide, "Eventual consistency".
pub async fn settling<T, F, Fut>(call: F) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    Patience::CONFLICT.retry(unknown, call).await
}

/// Whether a thing of this kind is there already: perhaps ours, whose making was not answered.
fn taken(error: &CallError) -> bool {
    error.is_any(&["InvalidSubnet.Conflict", "InvalidGroup.Duplicate"])
}

/// Makes what must not be made twice: looks before it makes, and again when an answer was lost.
/// (A client token is a second guard, where there is one: what was made a moment ago may not yet be
/// found.)
pub async fn make_once<T, L, Looked, M, Made>(look: L, make: M) -> Result<T, CallError>
where
    L: Fn() -> Looked,
    Looked: Future<Output = Result<Option<T>, CallError>>,
    M: Fn() -> Made,
    Made: Future<Output = Result<T, CallError>>,
{
    if let Some(there) = look().await? {
        return Ok(there);
    }
    Patience::CONFLICT
        .retry(
            |e| lost(e) || is_throttled(e) || unknown(e),
            || async {
                match make().await {
                    Err(error) if lost(&error) || taken(&error) => {
                        let made = REAPPEARANCE.until(&look).await;
                        made.ok().flatten().ok_or(error)
                    }
                    result => result,
                }
            },
        )
        .await
}

/// Deletes what network interfaces may still be in, and says which those are while it waits.
///
/// `filter` is that of `DescribeNetworkInterfaces` by which they are found.
pub async fn delete_when_free<F, Fut>(cx: &Cx, filter: (&str, &str), delete: F) -> Result<(), CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Element, CallError>>,
{
    let result = LETTING_GO
        .retry(
            |e| e.is_any(&["DependencyViolation", "InvalidGroup.InUse"]),
            || async {
                let result = delete().await;
                if result.as_ref().is_err_and(|e| e.is_any(&["DependencyViolation", "InvalidGroup.InUse"])) {
                    free(cx, filter).await?;
                }
                result
            },
        )
        .await;
    match result {
        Err(e) if !unknown(&e) => Err(e),
        _ => Ok(()),
    }
}

/// Removes the network interfaces that Lambda has left behind, and names those that are in use.
async fn free(cx: &Cx, (filter, value): (&str, &str)) -> Result<(), CallError> {
    let parameters = Parameters::new().filter(filter, value);
    let answer = cx.cloud.ec2.call("DescribeNetworkInterfaces", &parameters).await?;
    let interfaces = answer.list("networkInterfaceSet");
    for interface in interfaces.iter().filter(|i| is_left_behind(i)) {
        let parameters = Parameters::new().with("NetworkInterfaceId", interface.get("networkInterfaceId"));
        // Lambda may be doing the same; what is left is found by the next look.
        let _ = cx.cloud.ec2.call("DeleteNetworkInterface", &parameters).await;
    }
    cx.note(waiting(interfaces));
    Ok(())
}

/// Only an interface of Lambda, in what is ours, which nothing is attached to.
fn is_left_behind(interface: &Element) -> bool {
    interface.get("status") == "available" && interface.get("description").starts_with(OF_LAMBDA)
}

fn waiting(interfaces: &[Element]) -> String {
    let ids: Vec<_> = interfaces.iter().map(|i| i.get("networkInterfaceId")).collect();
    let ids = ids.join(", ");
    if interfaces.is_empty() {
        "waiting until nothing uses it any more".into()
    } else if interfaces.iter().any(|i| i.get("description").starts_with(OF_LAMBDA)) {
        format!("waiting until Lambda lets go of its network interfaces ({ids}); 20 minutes are usual")
    } else {
        format!("waiting until the network interfaces in it are gone ({ids})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(status: &str, description: &str) -> Element {
        let child = |name: &str, text: &str| Element { name: name.into(), text: text.into(), children: vec![] };
        let children =
            vec![child("networkInterfaceId", "eni-1"), child("status", status), child("description", description)];
        Element { name: "item".into(), text: String::new(), children }
    }

    #[test]
    fn only_what_lambda_left_behind_is_removed() {
        assert!(is_left_behind(&interface("available", "AWS Lambda VPC ENI-shop-api-1")));
        assert!(!is_left_behind(&interface("in-use", "AWS Lambda VPC ENI-shop-api-1")));
        assert!(!is_left_behind(&interface("available", "RDSNetworkInterface")));
    }

    #[test]
    fn whoever_waits_is_told_for_what() {
        assert!(waiting(&[interface("in-use", "AWS Lambda VPC ENI-x")]).contains("(eni-1); 20 minutes"));
        assert!(waiting(&[interface("in-use", "RDSNetworkInterface")]).ends_with("(eni-1)"));
        assert!(waiting(&[]).contains("nothing uses it"));
    }
}
