//! Settings of the database's engine.

use std::collections::BTreeMap;

use aws_sdk_rds::types as rds_types;
use serde::{Deserialize, Serialize};

use super::rds;
use crate::aws::error::{CallError, answer};
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// Parameters that RDS changes in one call.
///
/// Source: RDS API reference, ModifyDBClusterParameterGroup.
const A_CALL: usize = 20;

/// A DB cluster parameter group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterGroup {
    /// Name, unique in the region.
    pub name: String,
    /// Engine and major version, as `aurora-postgresql16`.
    pub family: String,
    /// What it is for.
    pub description: String,
    /// The settings, all of them dynamic. Those that are not named are the engine's own.
    pub parameters: BTreeMap<String, String>,
}

/// What others need of a parameter group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterGroupOutput {
    /// Name, as RDS writes it.
    pub name: String,
}

impl ParameterGroup {
    /// For this major version of PostgreSQL: connections without TLS are refused.
    pub fn encrypted(name: String, major: &str) -> Self {
        let parameters = [("rds.force_ssl".to_owned(), "1".to_owned())].into();
        let description = format!("{name}: connections are encrypted");
        Self { name, family: format!("aurora-postgresql{major}"), description, parameters }
    }
}

impl Resource for ParameterGroup {
    const KIND: &'static str = "rds.parameter_group";
    type Cloud = crate::aws::Cloud;
    type Output = ParameterGroupOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.family != found.family || self.description != found.description => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the parameter group {}", self.name);
        let Some(group) = self.describe(cx).await.telling(looking)? else { return Ok(None) };
        let tags =
            rds::tags_of(cx, group.db_cluster_parameter_group_arn().unwrap_or_default()).await.telling(looking)?;
        if !rds::owns(cx, &tags) {
            return Err(StepError::foreign("DB cluster parameter group", &self.name));
        }
        let spec = Self {
            name: self.name.clone(),
            family: group.db_parameter_group_family().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            parameters: self.read(cx).await.telling(looking)?,
        };
        Ok(Some(Found { spec, output: self.output() }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ParameterGroupOutput, StepError> {
        let had = match found {
            Some(found) => found.spec.parameters,
            None => self.create(cx).await?,
        };
        self.change_parameters(cx, &had).await.telling(|| format!("change the parameter group {}", self.name))?;
        Ok(self.output())
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.rds.delete_db_cluster_parameter_group().db_cluster_parameter_group_name(&self.name);
        match rds::passing(|| async { answer("DeleteDBClusterParameterGroup", call.clone().send().await) }).await {
            Err(e) if !rds::is_absent(&e) => Err(e.while_doing(format!("delete the parameter group {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl ParameterGroup {
    fn output(&self) -> ParameterGroupOutput {
        ParameterGroupOutput { name: self.name.to_lowercase() }
    }

    async fn describe(&self, cx: &Cx) -> Result<Option<rds_types::DbClusterParameterGroup>, CallError> {
        let call = cx.cloud.rds.describe_db_cluster_parameter_groups().db_cluster_parameter_group_name(&self.name);
        match answer("DescribeDBClusterParameterGroups", call.send().await) {
            Ok(output) => Ok(output.db_cluster_parameter_groups.unwrap_or_default().into_iter().next()),
            Err(e) if rds::is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// What was set; and what is wanted and the engine's own value anyway.
    async fn read(&self, cx: &Cx) -> Result<BTreeMap<String, String>, CallError> {
        let mut parameters = self.read_those(cx, Some("user")).await?;
        if self.parameters.keys().any(|name| !parameters.contains_key(name)) {
            let all = self.read_those(cx, None).await?;
            parameters.extend(all.into_iter().filter(|(name, _)| self.parameters.contains_key(name)));
        }
        Ok(parameters)
    }

    async fn read_those(&self, cx: &Cx, source: Option<&str>) -> Result<BTreeMap<String, String>, CallError> {
        let mut parameters = BTreeMap::new();
        let mut marker = None;
        loop {
            let call = cx.cloud.rds.describe_db_cluster_parameters().db_cluster_parameter_group_name(&self.name);
            let call = call.set_source(source.map(str::to_owned)).set_marker(marker);
            let page = answer("DescribeDBClusterParameters", call.send().await)?;
            parameters.extend(page.parameters().iter().filter_map(|parameter| {
                Some((parameter.parameter_name()?.to_owned(), parameter.parameter_value()?.to_owned()))
            }));
            marker = page.marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                return Ok(parameters);
            }
        }
    }

    /// Makes it; the settings of what is there already, and ours, are given back.
    async fn create(&self, cx: &Cx) -> Result<BTreeMap<String, String>, StepError> {
        let call = cx.cloud.rds.create_db_cluster_parameter_group().db_cluster_parameter_group_name(&self.name);
        let call = call.db_parameter_group_family(&self.family).description(&self.description);
        match answer("CreateDBClusterParameterGroup", call.set_tags(Some(rds::tags(cx))).send().await) {
            Err(e) if rds::is_there(&e) => {
                Ok(self.find(cx).await?.map(|found| found.spec.parameters).unwrap_or_default())
            }
            result => result.map(|_| BTreeMap::new()).telling(|| format!("make the parameter group {}", self.name)),
        }
    }

    async fn change_parameters(&self, cx: &Cx, had: &BTreeMap<String, String>) -> Result<(), CallError> {
        let changed: Vec<_> = self.parameters.iter().filter(|(name, value)| had.get(*name) != Some(*value)).collect();
        for some in changed.chunks(A_CALL) {
            let parameters = some.iter().map(|(name, value)| parameter(name).parameter_value(*value).build());
            let call = cx.cloud.rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(&self.name);
            let call = call.set_parameters(Some(parameters.collect()));
            rds::passing(|| async { answer("ModifyDBClusterParameterGroup", call.clone().send().await) }).await?;
        }
        let extra: Vec<_> = had.keys().filter(|name| !self.parameters.contains_key(*name)).collect();
        for some in extra.chunks(A_CALL) {
            let parameters = some.iter().map(|name| parameter(name).build());
            let call = cx.cloud.rds.reset_db_cluster_parameter_group().db_cluster_parameter_group_name(&self.name);
            let call = call.set_parameters(Some(parameters.collect()));
            rds::passing(|| async { answer("ResetDBClusterParameterGroup", call.clone().send().await) }).await?;
        }
        Ok(())
    }
}

fn parameter(name: &str) -> rds_types::builders::ParameterBuilder {
    rds_types::Parameter::builder().parameter_name(name).apply_method(rds_types::ApplyMethod::Immediate)
}
