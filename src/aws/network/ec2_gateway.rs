//! The way out to the internet, for `network.egress = "nat"`: an internet gateway, an address and a
//! NAT gateway.

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::parameters::Parameters;
use super::settle::{Identified, as_node, make_once, needed, settling, unknown};
use super::token::token;
use crate::aws::error::CallError;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// An internet gateway, attached to a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// Name: its tag.
    pub name: String,
    /// Node of the VPC; `None` when it is attached to none.
    pub vpc: Option<String>,
}

impl InternetGateway {
    /// A gateway of this VPC.
    pub fn of(name: String, vpc: &str) -> Self {
        Self { name, vpc: Some(vpc.to_owned()) }
    }
}

impl Resource for InternetGateway {
    const KIND: &'static str = "ec2.internet_gateway";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let gateway = self.look(cx).await.telling(|| format!("look at the internet gateway {}", self.name))?;
        let Some(gateway) = gateway else { return Ok(None) };
        let vpc = match (gateway.list("attachmentSet").first(), &self.vpc) {
            (Some(attachment), Some(node)) => Some(as_node(cx, attachment.get("vpcId"), node)?),
            (attachment, _) => attachment.map(|attachment| attachment.get("vpcId").to_owned()),
        };
        let output = Identified { id: gateway.get("internetGatewayId").to_owned() };
        Ok(Some(Found { spec: Self { name: self.name.clone(), vpc }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let making = || format!("make the internet gateway {}", self.name);
        let output = match found {
            Some(found) => {
                if found.spec.vpc != self.vpc {
                    self.detach(cx, &found.output.id).await.telling(making)?;
                }
                found.output
            }
            None => {
                let parameters = Parameters::new().tagged("internet-gateway", &cx.cloud.names, &self.name);
                let made = make_once(
                    || self.look(cx),
                    || async {
                        let answer = cx.cloud.ec2.call_once("CreateInternetGateway", &parameters).await?;
                        Ok(answer.child("internetGateway").cloned().unwrap_or_default())
                    },
                );
                Identified { id: made.await.telling(making)?.get("internetGatewayId").to_owned() }
            }
        };
        let Some(vpc) = &self.vpc else { return Ok(output) };
        let parameters = Parameters::new().with("InternetGatewayId", &output.id).with("VpcId", needed(cx, vpc)?);
        match settling(|| async { cx.cloud.ec2.call("AttachInternetGateway", &parameters).await }).await {
            Err(e) if !e.is("Resource.AlreadyAssociated") => Err(e.while_doing(making())),
            _ => Ok(output),
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the internet gateway {}", self.name);
        self.detach(cx, &found.output.id).await.telling(deleting)?;
        let parameters = Parameters::new().with("InternetGatewayId", found.output.id);
        let result = Patience::CONFLICT
            .retry(
                |e| e.is("DependencyViolation"),
                || async { cx.cloud.ec2.call("DeleteInternetGateway", &parameters).await },
            )
            .await;
        match result {
            Err(e) if !unknown(&e) => Err(e.while_doing(deleting())),
            _ => Ok(()),
        }
    }
}

impl InternetGateway {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeInternetGateways", &parameters).await?;
        Ok(answer.list("internetGatewaySet").iter().min_by_key(|g| g.get("internetGatewayId")).cloned())
    }

    /// Detaches it from whatever it is attached to.
    async fn detach(&self, cx: &Cx, id: &str) -> Result<(), CallError> {
        let Some(gateway) = self.look(cx).await? else { return Ok(()) };
        for attachment in gateway.list("attachmentSet") {
            let parameters = Parameters::new().with("InternetGatewayId", id).with("VpcId", attachment.get("vpcId"));
            // Addresses that are still mapped hold it.
            let result = Patience::CONFLICT
                .retry(
                    |e| e.is("DependencyViolation"),
                    || async { cx.cloud.ec2.call("DetachInternetGateway", &parameters).await },
                )
                .await;
            match result {
                Err(e) if !unknown(&e) && !e.is("Gateway.NotAttached") => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A public address that stays the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Name: its tag.
    pub name: String,
}

/// What others need of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIpOutput {
    /// Id of the allocation.
    pub id: String,
    /// The address.
    pub address: String,
}

impl Resource for ElasticIp {
    const KIND: &'static str = "ec2.elastic_ip";
    type Cloud = crate::aws::Cloud;
    type Output = ElasticIpOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let address = self.look(cx).await.telling(|| format!("look at the address {}", self.name))?;
        Ok(address.map(|address| Found { spec: self.clone(), output: address_output(&address) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ElasticIpOutput, StepError> {
        let making = || format!("allocate the address {}", self.name);
        if let Some(found) = found {
            return Ok(found.output);
        }
        let parameters = Parameters::new().with("Domain", "vpc").tagged("elastic-ip", &cx.cloud.names, &self.name);
        let made =
            make_once(|| self.look(cx), || async { cx.cloud.ec2.call_once("AllocateAddress", &parameters).await });
        match made.await {
            Err(e) if e.is("AddressLimitExceeded") => Err(StepError::yours(making(), e).hint(
                "A region has five Elastic IP addresses unless AWS was asked for more: release one that nobody needs, \
                 or ask for more under Service Quotas, \"EC2-VPC Elastic IPs\".",
            )),
            result => Ok(address_output(&result.telling(making)?)),
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let parameters = Parameters::new().with("AllocationId", found.output.id);
        // A NAT gateway that is gone holds its address a while longer.
        let result = Patience::CONFLICT
            .retry(
                |e| e.is_any(&["InvalidIPAddress.InUse", "InvalidAddress.InUse", "AuthFailure"]),
                || async { cx.cloud.ec2.call("ReleaseAddress", &parameters).await },
            )
            .await;
        match result {
            Err(e) if !unknown(&e) => Err(e.while_doing(format!("release the address {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl ElasticIp {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeAddresses", &parameters).await?;
        Ok(answer.list("addressesSet").iter().min_by_key(|a| a.get("allocationId")).cloned())
    }
}

fn address_output(address: &Element) -> ElasticIpOutput {
    ElasticIpOutput { id: address.get("allocationId").to_owned(), address: address.get("publicIp").to_owned() }
}

/// A NAT gateway: what is in private subnets reaches the internet through it, and nothing comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    /// Name: its tag.
    pub name: String,
    /// Node of a subnet whose way out is an internet gateway.
    pub subnet: String,
    /// Node of its address.
    pub address: String,
    /// Whether it works.
    pub ready: bool,
}

impl NatGateway {
    /// A gateway that works.
    pub fn ready(name: String, subnet: &str, address: &str) -> Self {
        Self { name, subnet: subnet.to_owned(), address: address.to_owned(), ready: true }
    }
}

impl Resource for NatGateway {
    const KIND: &'static str = "ec2.nat_gateway";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.subnet != found.subnet || self.address != found.address => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let gateways = self.all(cx).await.telling(|| format!("look at the NAT gateway {}", self.name))?;
        let Some(gateway) = alive(&gateways) else { return Ok(None) };
        let address = gateway.at(&["natGatewayAddressSet", "item", "allocationId"]);
        let spec = Self {
            name: self.name.clone(),
            subnet: as_node(cx, gateway.get("subnetId"), &self.subnet)?,
            address: as_node(cx, address, &self.address)?,
            ready: gateway.get("state") == "available",
        };
        Ok(Some(Found { spec, output: Identified { id: gateway.get("natGatewayId").to_owned() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let making = || format!("make the NAT gateway {}", self.name);
        let id = match found {
            Some(found) => found.output.id,
            None => self.create(cx).await?,
        };
        cx.note("waiting until the NAT gateway is available; 2 minutes are usual");
        let ended = Patience::STATE.until(|| async {
            let gateways = self.all(cx).await?;
            let gateway = gateways.iter().find(|g| g.get("natGatewayId") == id);
            Ok(gateway.filter(|g| g.get("state") != "pending").cloned())
        });
        match ended.await.telling(making)? {
            Some(gateway) if gateway.get("state") == "available" => Ok(Identified { id }),
            Some(gateway) => {
                let why = CallError::part(
                    "DescribeNatGateways",
                    Some(gateway.get("failureCode")).filter(|code| !code.is_empty()),
                    Some(gateway.get("failureMessage")).filter(|message| !message.is_empty()),
                );
                Err(why.while_doing(making()))
            }
            None => Err(StepError::cloud(making(), "it is still being made after 30 minutes")),
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the NAT gateway {}", self.name);
        let parameters = Parameters::new().with("NatGatewayId", found.output.id);
        match cx.cloud.ec2.call("DeleteNatGateway", &parameters).await {
            Err(e) if unknown(&e) => return Ok(()),
            result => result.telling(deleting)?,
        };
        cx.note("waiting until the NAT gateway is gone; 1 to 2 minutes are usual");
        let gone = Patience::STATE.until(|| async {
            let gateways = self.all(cx).await?;
            let going = gateways.iter().any(|g| !matches!(g.get("state"), "deleted" | "failed"));
            Ok((!going).then_some(()))
        });
        match gone.await.telling(deleting)? {
            Some(()) => Ok(()),
            None => Err(StepError::cloud(deleting(), "it is still being deleted after 30 minutes")),
        }
    }
}

impl NatGateway {
    /// All of this name, also those of which only the memory is left.
    async fn all(&self, cx: &Cx) -> Result<Vec<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeNatGateways", &parameters).await?;
        Ok(answer.list("natGatewaySet").to_vec())
    }

    async fn create(&self, cx: &Cx) -> Result<String, StepError> {
        let making = || format!("make the NAT gateway {}", self.name);
        let gone = self.all(cx).await.telling(making)?;
        let (subnet, address) = (needed(cx, &self.subnet)?, needed(cx, &self.address)?);
        let mut gone: Vec<_> = gone.iter().map(|g| g.get("natGatewayId")).collect();
        gone.sort_unstable();
        let parameters = Parameters::new()
            .with(
                "ClientToken",
                token(&cx.cloud.names, &self.name, [subnet.as_str(), &address].into_iter().chain(gone)),
            )
            .with("ConnectivityType", "public")
            .with("SubnetId", subnet)
            .with("AllocationId", address)
            .tagged("natgateway", &cx.cloud.names, &self.name);
        let made = make_once(
            || async { Ok(alive(&self.all(cx).await?).cloned()) },
            || async {
                let answer = cx.cloud.ec2.call_once("CreateNatGateway", &parameters).await?;
                Ok(answer.child("natGateway").cloned().unwrap_or_default())
            },
        );
        Ok(made.await.telling(making)?.get("natGatewayId").to_owned())
    }
}

fn alive(gateways: &[Element]) -> Option<&Element> {
    gateways.iter().find(|g| matches!(g.get("state"), "pending" | "available"))
}
