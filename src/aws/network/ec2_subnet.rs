//! Subnets, each in another Availability Zone.

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::parameters::Parameters;
use super::settle::{as_node, delete_when_free, make_once, needed, settling};
use crate::aws::error::CallError;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// Aurora Serverless v2 is not there.
///
/// Source: Aurora user guide, "Supported Regions and Aurora DB engines for Aurora Serverless v2".
const WITHOUT_AURORA: &str = "us-east-1e";

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Name: its tag.
    pub name: String,
    /// Node of the VPC.
    pub vpc: String,
    /// Which of the region's zones, in the order of their names, it is made in. Where it is later
    /// is not compared: AWS may add zones, and a subnet cannot move.
    pub index: u8,
    /// Addresses.
    pub cidr: String,
    /// Whether what is started in it gets a public address of itself. (A NAT gateway brings its
    /// own, and does not need that.)
    pub public: bool,
}

/// What others need of a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetOutput {
    /// Id.
    pub id: String,
    /// Availability Zone.
    pub zone: String,
}

impl Subnet {
    /// A subnet whose things have no public addresses.
    pub fn private(name: String, vpc: &str, index: u8, cidr: &str) -> Self {
        Self { name, vpc: vpc.to_owned(), index, cidr: cidr.to_owned(), public: false }
    }
}

impl Resource for Subnet {
    const KIND: &'static str = "ec2.subnet";
    type Cloud = crate::aws::Cloud;
    type Output = SubnetOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.cidr != found.cidr || self.vpc != found.vpc => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the subnet {}", self.name);
        let Some(subnet) = self.look(cx).await.telling(looking)? else { return Ok(None) };
        let spec = Self {
            name: self.name.clone(),
            vpc: as_node(cx, subnet.get("vpcId"), &self.vpc)?,
            index: self.index,
            cidr: subnet.get("cidrBlock").to_owned(),
            public: subnet.is("mapPublicIpOnLaunch"),
        };
        Ok(Some(Found { spec, output: output(&subnet) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<SubnetOutput, StepError> {
        let (was, output) = match found {
            Some(found) => (found.spec.public, found.output),
            // Of itself a subnet gives no public addresses; only a default VPC's do.
            None => (false, self.create(cx).await?),
        };
        if was != self.public {
            let parameters = Parameters::new().with("SubnetId", &output.id);
            let parameters = parameters.with("MapPublicIpOnLaunch.Value", self.public.to_string());
            settling(|| async { cx.cloud.ec2.call("ModifySubnetAttribute", &parameters).await })
                .await
                .telling(|| format!("set up the subnet {}", self.name))?;
        }
        Ok(output)
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let id = found.output.id.as_str();
        let parameters = Parameters::new().with("SubnetId", id);
        let delete = || async { cx.cloud.ec2.call("DeleteSubnet", &parameters).await };
        delete_when_free(cx, ("subnet-id", id), delete).await.telling(|| format!("delete the subnet {}", self.name))
    }
}

impl Subnet {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeSubnets", &parameters).await?;
        Ok(answer.list("subnetSet").iter().min_by_key(|subnet| subnet.get("subnetId")).cloned())
    }

    async fn create(&self, cx: &Cx) -> Result<SubnetOutput, StepError> {
        let making = || format!("make the subnet {}", self.name);
        let zones = zones(cx).await.telling(making)?;
        let Some(zone) = zones.get(usize::from(self.index)) else {
            let why = format!("{} has only these Availability Zones: {}", cx.cloud.names.region, zones.join(", "));
            return Err(StepError::yours(making(), why).hint("Choose another aws.region in arq.toml."));
        };
        let parameters = Parameters::new()
            .with("VpcId", needed(cx, &self.vpc)?)
            .with("CidrBlock", &self.cidr)
            .with("AvailabilityZone", zone)
            .tagged("subnet", &cx.cloud.names, &self.name);
        let made = make_once(
            || self.look(cx),
            || async {
                let answer = cx.cloud.ec2.call_once("CreateSubnet", &parameters).await?;
                Ok(answer.child("subnet").cloned().unwrap_or_default())
            },
        );
        Ok(output(&made.await.telling(making)?))
    }
}

fn output(subnet: &Element) -> SubnetOutput {
    SubnetOutput { id: subnet.get("subnetId").to_owned(), zone: subnet.get("availabilityZone").to_owned() }
}

/// The region's zones, without local ones and those at the edge of a telephone network.
async fn zones(cx: &Cx) -> Result<Vec<String>, CallError> {
    let parameters = Parameters::new().filter("state", "available").filter("zone-type", "availability-zone");
    let answer = cx.cloud.ec2.call("DescribeAvailabilityZones", &parameters).await?;
    Ok(sorted(answer.list("availabilityZoneInfo")))
}

fn sorted(zones: &[Element]) -> Vec<String> {
    let mut zones: Vec<_> = zones.iter().map(|zone| zone.get("zoneName").to_owned()).collect();
    zones.retain(|zone| zone != WITHOUT_AURORA);
    zones.sort();
    zones
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn zones_are_in_order_and_aurora_is_in_each() {
        let answer = b"<zones><item><zoneName>us-east-1e</zoneName></item><item><zoneName>us-east-1b</zoneName></item>\
            <item><zoneName>us-east-1a</zoneName></item></zones>";
        assert_eq!(sorted(&Element::parse(answer).unwrap().children), ["us-east-1a", "us-east-1b"]);
    }
}
