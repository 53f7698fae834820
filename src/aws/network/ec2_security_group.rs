//! Security groups. Their rules are another resource, so that two groups may name each other.

use serde::{Deserialize, Serialize};

use super::ec2_vpc::close;
use super::element::Element;
use super::parameters::Parameters;
use super::settle::{Identified, as_node, delete_when_free, make_once, needed, settling};
use crate::aws::error::CallError;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// A security group, made without a rule: also without the one that AWS gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Name, unique in the VPC.
    pub name: String,
    /// Node of the VPC.
    pub vpc: String,
    /// What it is for. It cannot be changed.
    pub description: String,
}

impl SecurityGroup {
    /// A group that lets nothing through.
    pub fn closed(name: String, vpc: &str, description: &str) -> Self {
        Self { name, vpc: vpc.to_owned(), description: description.to_owned() }
    }
}

impl Resource for SecurityGroup {
    const KIND: &'static str = "ec2.security_group";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        if self == found { Change::Same } else { Change::Replace }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let group = self.look(cx).await.telling(|| format!("look at the security group {}", self.name))?;
        let Some(group) = group else { return Ok(None) };
        let spec = Self {
            name: group.get("groupName").to_owned(),
            vpc: as_node(cx, group.get("vpcId"), &self.vpc)?,
            description: group.get("groupDescription").to_owned(),
        };
        Ok(Some(Found { spec, output: Identified { id: group.get("groupId").to_owned() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<Identified, StepError> {
        let making = || format!("make the security group {}", self.name);
        if let Some(found) = found {
            return Ok(found.output);
        }
        let parameters = Parameters::new()
            .with("GroupName", &self.name)
            .with("GroupDescription", &self.description)
            .with("VpcId", needed(cx, &self.vpc)?)
            .tagged("security-group", &cx.cloud.names, &self.name);
        let made =
            make_once(|| self.look(cx), || async { cx.cloud.ec2.call_once("CreateSecurityGroup", &parameters).await });
        let id = match made.await {
            // In the VPC there is one of this name, and it has not our tags.
            Err(e) if e.is("InvalidGroup.Duplicate") => {
                return Err(StepError::foreign("security group", &self.name));
            }
            result => result.telling(making)?.get("groupId").to_owned(),
        };
        settling(|| close(cx, &id)).await.telling(making)?;
        Ok(Identified { id })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let id = found.output.id.as_str();
        let parameters = Parameters::new().with("GroupId", id);
        let delete = || async { cx.cloud.ec2.call("DeleteSecurityGroup", &parameters).await };
        delete_when_free(cx, ("group-id", id), delete)
            .await
            .telling(|| format!("delete the security group {}", self.name))
    }
}

impl SecurityGroup {
    async fn look(&self, cx: &Cx) -> Result<Option<Element>, CallError> {
        let parameters = Parameters::ours(&cx.cloud.names, &self.name);
        let answer = cx.cloud.ec2.call("DescribeSecurityGroups", &parameters).await?;
        Ok(answer.list("securityGroupInfo").iter().min_by_key(|group| group.get("groupId")).cloned())
    }
}
