//! The subnets that the database may live in.

use aws_sdk_rds::types as rds_types;
use serde::{Deserialize, Serialize};

use super::rds;
use crate::aws::error::{CallError, answer};
use crate::aws::network::settle::{as_nodes, needed};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A DB subnet group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetGroup {
    /// Name, unique in the region.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Nodes of the subnets, in two Availability Zones at least.
    pub subnets: Vec<String>,
}

/// What others need of a subnet group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetGroupOutput {
    /// Name, as RDS writes it.
    pub name: String,
}

impl SubnetGroup {
    /// A group of these subnets.
    pub fn of(name: String, description: &str, subnets: Vec<String>) -> Self {
        Self { name, description: description.to_owned(), subnets }
    }
}

impl Resource for SubnetGroup {
    const KIND: &'static str = "rds.subnet_group";
    type Cloud = crate::aws::Cloud;
    type Output = SubnetGroupOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the subnet group {}", self.name);
        let Some(group) = self.describe(cx).await.telling(looking)? else { return Ok(None) };
        let tags = rds::tags_of(cx, group.db_subnet_group_arn().unwrap_or_default()).await.telling(looking)?;
        if !rds::owns(cx, &tags) {
            return Err(StepError::foreign("DB subnet group", &self.name));
        }
        let subnets: Vec<_> = group.subnets().iter().filter_map(rds_types::Subnet::subnet_identifier).collect();
        let spec = Self {
            name: self.name.clone(),
            description: group.db_subnet_group_description().unwrap_or_default().to_owned(),
            subnets: as_nodes(cx, &subnets, &self.subnets)?,
        };
        Ok(Some(Found { spec, output: self.output() }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<SubnetGroupOutput, StepError> {
        let subnets = self.subnets.iter().map(|node| needed(cx, node)).collect::<Result<Vec<_>, _>>()?;
        let was = match found {
            Some(found) => Some(found.spec),
            None => self.create(cx, &subnets).await?,
        };
        if was.is_some_and(|was| was != *self) {
            let call = cx.cloud.rds.modify_db_subnet_group().db_subnet_group_name(&self.name);
            let call = call.db_subnet_group_description(&self.description).set_subnet_ids(Some(subnets));
            rds::passing(|| async { answer("ModifyDBSubnetGroup", call.clone().send().await) })
                .await
                .telling(|| format!("change the subnet group {}", self.name))?;
        }
        Ok(self.output())
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.rds.delete_db_subnet_group().db_subnet_group_name(&self.name);
        match rds::passing(|| async { answer("DeleteDBSubnetGroup", call.clone().send().await) }).await {
            Err(e) if !rds::is_absent(&e) => Err(e.while_doing(format!("delete the subnet group {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl SubnetGroup {
    fn output(&self) -> SubnetGroupOutput {
        SubnetGroupOutput { name: self.name.to_lowercase() }
    }

    async fn describe(&self, cx: &Cx) -> Result<Option<rds_types::DbSubnetGroup>, CallError> {
        let call = cx.cloud.rds.describe_db_subnet_groups().db_subnet_group_name(&self.name);
        match answer("DescribeDBSubnetGroups", call.send().await) {
            Ok(output) => Ok(output.db_subnet_groups.unwrap_or_default().into_iter().next()),
            Err(e) if rds::is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Makes it; what is there already, and ours, is given back.
    async fn create(&self, cx: &Cx, subnets: &[String]) -> Result<Option<Self>, StepError> {
        let call = cx.cloud.rds.create_db_subnet_group().db_subnet_group_name(&self.name);
        let call = call.db_subnet_group_description(&self.description).set_subnet_ids(Some(subnets.to_vec()));
        let call = call.set_tags(Some(rds::tags(cx)));
        let result = Patience::PROPAGATION
            // A subnet that was made a moment ago.
            .retry(|e| e.is("InvalidSubnet"), || async { answer("CreateDBSubnetGroup", call.clone().send().await) })
            .await;
        match result {
            Err(e) if rds::is_there(&e) => Ok(self.find(cx).await?.map(|found| found.spec)),
            result => result.map(|_| None).telling(|| format!("make the subnet group {}", self.name)),
        }
    }
}
