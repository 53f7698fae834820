//! The VPC.

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::parameters::Parameters;
use super::settle::{make_once, settling, unknown};
use crate::aws::error::CallError;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// A network of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Name: its tag; several may have the same, so it is all tags together that tell.
    pub name: String,
    /// Addresses.
    pub cidr: String,
    /// Whether AWS resolves names in it and gives them to what is in it; an interface endpoint's
    /// private name needs both.
    pub dns: bool,
    /// Whether the group that a VPC is born with lets nothing through.
    pub default_group_closed: bool,
}

/// What others need of a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcOutput {
    /// Id.
    pub id: String,
    /// Id of the group that it was born with.
    pub default_group: String,
}

impl Vpc {
    /// A VPC with names, and its default group closed.
    pub fn closed(name: String, cidr: &str) -> Self {
        Self { name, cidr: cidr.to_owned(), dns: true, default_group_closed: true }
    }
}

impl Resource for Vpc {
    const KIND: &'static str = "ec2.vpc";
    type Cloud = crate::aws::Cloud;
    type Output = VpcOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.cidr != found.cidr => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the VPC {}", self.name);
        let Some(vpc) = self.look(cx).await.telling(looking)? else { return Ok(None) };
        let id = vpc.get("vpcId").to_owned();
        let group = default_group(cx, &id).await.telling(looking)?;
        let closed = group.list("ipPermissions").is_empty() && group.list("ipPermissionsEgress").is_empty();
        let spec = Self {
            name: self.name.clone(),
            cidr: vpc.get("cidrBlock").to_owned(),
            dns: has(cx, &id, "enableDnsSupport").await.telling(looking)?
                && has(cx, &id, "enableDnsHostnames").await.telling(looking)?,
            default_group_closed: self.default_group_closed && closed,
        };
        Ok(Some(Found { spec, output: VpcOutput { id, default_group: group.get("groupId").to_owned() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<VpcOutput, StepError> {
        let changing = || format!("set up the VPC {}", self.name);
        let (was, output) = match found {
            Some(found) => (Some(found.spec), found.output),
            None => (None, self.create(cx).await?),
        };
        if was.as_ref().is_none_or(|was| was.dns != self.dns) {
            // One attribute a call, and host names only where there is resolution.
            // Source: EC2 API reference, ModifyVpcAttribute.
            let order = ["EnableDnsSupport", "EnableDnsHostnames"];
            let order = if self.dns { order } else { [order[1], order[0]] };
            for attribute in order {
                self.set(cx, &output.id, attribute).await.telling(changing)?;
            }
        }
        if self.default_group_closed && !was.is_some_and(|was| was.default_group_closed) {
            settling(|| close(cx, &output.default_group)).await.telling(changing)?;
        }
        Ok(output)
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let parameters = Parameters::new().with("VpcId", &found.output.id);
        let result = Patience::CONFLICT
            .retry(|e| e.is("DependencyViolation"), || async { cx.cloud.ec2.call("DeleteVpc", &parameters).await })
            .await;
        match result {
            Err(e) if unknown(&e) => Ok(()),
            result => result.map(|_| ()).telling(|| format!("delete the VPC {}", self.name)),
        }
    }
}

impl Vpc {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let answer = cx.cloud.ec2.call("DescribeVpcs", &Parameters::ours(&cx.cloud.names, &self.name)).await?;
        Ok(answer.list("vpcSet").iter().min_by_key(|vpc| vpc.get("vpcId")).cloned())
    }

    async fn create(&self, cx: &Cx) -> Result<VpcOutput, StepError> {
        let making = || format!("make the VPC {}", self.name);
        let parameters = Parameters::new().with("CidrBlock", &self.cidr).tagged("vpc", &cx.cloud.names, &self.name);
        let made = make_once(
            || self.look(cx),
            || async {
                let answer = cx.cloud.ec2.call_once("CreateVpc", &parameters).await?;
                Ok(answer.child("vpc").cloned().unwrap_or_default())
            },
        )
        .await;
        let id = match made {
            Err(e) if e.is("VpcLimitExceeded") => {
                return Err(StepError::yours(making(), e).hint(
                    "A region has five VPCs unless AWS was asked for more: remove one that nobody needs, or ask for \
                     more under Service Quotas, \"VPCs per Region\".",
                ));
            }
            result => result.telling(making)?.get("vpcId").to_owned(),
        };
        let ready = Patience::PROPAGATION.until(|| async {
            let vpc = self.look(cx).await?.filter(|vpc| vpc.get("state") == "available");
            let Some(vpc) = vpc else { return Ok(None) };
            let group = default_group(cx, vpc.get("vpcId")).await?.get("groupId").to_owned();
            Ok(Some(group).filter(|group| !group.is_empty()))
        });
        match ready.await.telling(making)? {
            Some(default_group) => Ok(VpcOutput { id, default_group }),
            None => Err(StepError::cloud(making(), "it is still being made after two minutes")),
        }
    }

    async fn set(&self, cx: &Cx, id: &str, attribute: &str) -> Result<Element, CallError> {
        let value = self.dns.to_string();
        let parameters = Parameters::new().with("VpcId", id).with(&format!("{attribute}.Value"), value);
        settling(|| async { cx.cloud.ec2.call("ModifyVpcAttribute", &parameters).await }).await
    }
}

async fn has(cx: &Cx, id: &str, attribute: &str) -> Result<bool, CallError> {
    let parameters = Parameters::new().with("VpcId", id).with("Attribute", attribute);
    let answer = settling(|| async { cx.cloud.ec2.call("DescribeVpcAttribute", &parameters).await }).await?;
    Ok(answer.at(&[attribute, "value"]) == "true")
}

async fn default_group(cx: &Cx, vpc: &str) -> Result<Element, CallError> {
    let parameters = Parameters::new().filter("vpc-id", vpc).filter("group-name", "default");
    let answer = cx.cloud.ec2.call("DescribeSecurityGroups", &parameters).await?;
    Ok(answer.list("securityGroupInfo").first().cloned().unwrap_or_default())
}

/// Revokes every rule of a group.
pub async fn close(cx: &Cx, group: &str) -> Result<(), CallError> {
    let parameters = Parameters::new().filter("group-id", group);
    let answer = cx.cloud.ec2.call("DescribeSecurityGroupRules", &parameters).await?;
    let rules = answer.list("securityGroupRuleSet");
    revoke(cx, group, rules).await
}

/// Revokes these rules, which are items of `DescribeSecurityGroupRules`.
pub async fn revoke(cx: &Cx, group: &str, rules: &[Element]) -> Result<(), CallError> {
    for egress in [false, true] {
        let ids: Vec<_> = rules.iter().filter(|r| r.is("isEgress") == egress).collect();
        if ids.is_empty() {
            continue;
        }
        let ids = ids.into_iter().map(|rule| rule.get("securityGroupRuleId"));
        let parameters = Parameters::new().with("GroupId", group).list("SecurityGroupRuleId", ids);
        let result = if egress {
            cx.cloud.ec2.call("RevokeSecurityGroupEgress", &parameters).await
        } else {
            cx.cloud.ec2.call("RevokeSecurityGroupIngress", &parameters).await
        };
        match result {
            // Someone was quicker.
            Err(e) if e.is_any(&["InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"]) => {}
            result => drop(result?),
        }
    }
    Ok(())
}
