//! Where what leaves a subnet goes.

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::parameters::Parameters;
use super::settle::{Identified, as_node, as_nodes, make_once, needed, settling, unknown};
use crate::aws::error::CallError;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// Every address.
const EVERYWHERE: &str = "0.0.0.0/0";

/// A route table with the subnets that use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// Name: its tag.
    pub name: String,
    /// Node of the VPC.
    pub vpc: String,
    /// Nodes of the subnets.
    pub subnets: Vec<String>,
    /// Node of the NAT gateway or internet gateway that leads out, if anything does.
    pub way_out: Option<String>,
}

impl RouteTable {
    /// A table without a way out.
    pub fn closed(name: String, vpc: &str, subnets: Vec<String>) -> Self {
        Self { name, vpc: vpc.to_owned(), subnets, way_out: None }
    }
}

impl Resource for RouteTable {
    const KIND: &'static str = "ec2.route_table";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.vpc != found.vpc => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let table = self.look(cx).await.telling(|| format!("look at the route table {}", self.name))?;
        let Some(table) = table else { return Ok(None) };
        let subnets: Vec<_> = associations(&table).map(|a| a.get("subnetId")).collect();
        let way_out = match (way_out(&table), &self.way_out) {
            (Some(id), Some(node)) => Some(as_node(cx, id, node)?),
            (Some(id), None) => Some(id.to_owned()),
            (None, _) => None,
        };
        let spec = Self {
            name: self.name.clone(),
            vpc: as_node(cx, table.get("vpcId"), &self.vpc)?,
            subnets: as_nodes(cx, &subnets, &self.subnets)?,
            way_out,
        };
        Ok(Some(Found { spec, output: Identified { id: table.get("routeTableId").to_owned() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let changing = || format!("set up the route table {}", self.name);
        if found.is_none() {
            self.create(cx).await?;
        }
        let vanished = || StepError::cloud(changing(), "it was made, and cannot be found");
        let table = Patience::PROPAGATION.until(|| self.look(cx)).await.telling(changing)?.ok_or_else(vanished)?;
        let subnets = self.subnets.iter().map(|node| needed(cx, node)).collect::<Result<Vec<_>, _>>()?;
        let way_out = self.way_out.as_ref().map(|node| needed(cx, node)).transpose()?;
        route(cx, &table, way_out.as_deref()).await.telling(changing)?;
        associate(cx, &table, &subnets).await.telling(changing)?;
        Ok(Identified { id: table.get("routeTableId").to_owned() })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the route table {}", self.name);
        if let Some(table) = self.look(cx).await.telling(deleting)? {
            associate(cx, &table, &[]).await.telling(deleting)?;
        }
        let parameters = Parameters::new().with("RouteTableId", found.output.id);
        let result = Patience::CONFLICT
            .retry(
                |e| e.is("DependencyViolation"),
                || async { cx.cloud.ec2.call("DeleteRouteTable", &parameters).await },
            )
            .await;
        match result {
            Err(e) if unknown(&e) => Ok(()),
            result => result.map(|_| ()).telling(deleting),
        }
    }
}

impl RouteTable {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeRouteTables", &parameters).await?;
        Ok(answer.list("routeTableSet").iter().min_by_key(|table| table.get("routeTableId")).cloned())
    }

    async fn create(&self, cx: &Cx) -> Result<(), StepError> {
        let parameters = Parameters::new().with("VpcId", needed(cx, &self.vpc)?);
        let parameters = parameters.tagged("route-table", &cx.cloud.names, &self.name);
        let made =
            make_once(|| self.look(cx), || async { cx.cloud.ec2.call_once("CreateRouteTable", &parameters).await });
        made.await.map(|_| ()).telling(|| format!("make the route table {}", self.name))
    }
}

/// The associations with subnets that hold.
fn associations(table: &Element) -> impl Iterator<Item = &Element> {
    table.list("associationSet").iter().filter(|association| {
        let state = association.at(&["associationState", "state"]);
        !association.get("subnetId").is_empty() && !["disassociating", "disassociated"].contains(&state)
    })
}

/// The route to everywhere.
fn default_route(table: &Element) -> Option<&Element> {
    table.list("routeSet").iter().find(|route| route.get("destinationCidrBlock") == EVERYWHERE)
}

/// The gateway that the route to everywhere leads to.
fn way_out(table: &Element) -> Option<&str> {
    let route = default_route(table)?;
    ["natGatewayId", "gatewayId"].into_iter().map(|name| route.get(name)).find(|id| !id.is_empty()).or(Some("unknown"))
}

async fn route(cx: &Cx, table: &Element, wanted: Option<&str>) -> Result<(), CallError> {
    let parameters = Parameters::new().with("RouteTableId", table.get("routeTableId"));
    let parameters = parameters.with("DestinationCidrBlock", EVERYWHERE);
    let Some(wanted) = wanted else {
        if default_route(table).is_some() {
            cx.cloud.ec2.call("DeleteRoute", &parameters).await?;
        }
        return Ok(());
    };
    if way_out(table) == Some(wanted) {
        return Ok(());
    }
    let target = if wanted.starts_with("nat-") { "NatGatewayId" } else { "GatewayId" };
    let parameters = parameters.with(target, wanted);
    settling(|| async {
        if default_route(table).is_some() {
            return cx.cloud.ec2.call("ReplaceRoute", &parameters).await;
        }
        match cx.cloud.ec2.call("CreateRoute", &parameters).await {
            Err(e) if e.is("RouteAlreadyExists") => cx.cloud.ec2.call("ReplaceRoute", &parameters).await,
            result => result,
        }
    })
    .await
    .map(|_| ())
}

async fn associate(cx: &Cx, table: &Element, wanted: &[String]) -> Result<(), CallError> {
    for extra in associations(table).filter(|a| !wanted.iter().any(|id| id == a.get("subnetId"))) {
        let parameters = Parameters::new().with("AssociationId", extra.get("routeTableAssociationId"));
        match cx.cloud.ec2.call("DisassociateRouteTable", &parameters).await {
            Err(e) if !unknown(&e) => return Err(e),
            _ => {}
        }
    }
    for subnet in wanted.iter().filter(|id| !associations(table).any(|a| *id == a.get("subnetId"))) {
        settling(|| associate_one(cx, table.get("routeTableId"), subnet)).await?;
    }
    Ok(())
}

/// A subnet has one table; where it has another one of its own, that is replaced.
async fn associate_one(cx: &Cx, table: &str, subnet: &str) -> Result<(), CallError> {
    let parameters = Parameters::new().filter("association.subnet-id", subnet);
    let answer = cx.cloud.ec2.call("DescribeRouteTables", &parameters).await?;
    let parameters = Parameters::new().with("RouteTableId", table);
    let other = answer.list("routeTableSet").first();
    match other.and_then(|other| associations(other).find(|a| a.get("subnetId") == subnet).map(|a| (other, a))) {
        Some((other, _)) if other.get("routeTableId") == table => Ok(()),
        Some((_, association)) => {
            let parameters = parameters.with("AssociationId", association.get("routeTableAssociationId"));
            cx.cloud.ec2.call("ReplaceRouteTableAssociation", &parameters).await.map(|_| ())
        }
        None => {
            let parameters = parameters.with("SubnetId", subnet);
            cx.cloud.ec2.call("AssociateRouteTable", &parameters).await.map(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TABLE: &[u8] = b"<item><routeTableId>rtb-1</routeTableId><routeSet>\
        <item><destinationCidrBlock>10.71.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>\
        <item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId></item>\
        </routeSet><associationSet>\
        <item><routeTableAssociationId>a-0</routeTableAssociationId><main>true</main></item>\
        <item><subnetId>subnet-1</subnetId><associationState><state>associated</state></associationState></item>\
        <item><subnetId>subnet-2</subnetId><associationState><state>disassociated</state></associationState></item>\
        </associationSet></item>";

    #[test]
    fn a_table_is_read_without_what_it_has_of_itself() {
        let table = Element::parse(TABLE).unwrap();
        assert_eq!(way_out(&table), Some("nat-1"));
        assert_eq!(associations(&table).map(|a| a.get("subnetId")).collect::<Vec<_>>(), ["subnet-1"]);
    }
}
