//! A table of documents.

use aws_sdk_dynamodb::types as ddb;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Partition key of every table; see `store::aws::dynamodb`.
const PARTITION: &str = "part";
/// Sort key of every table.
const SORT: &str = "id";

/// An on-demand table with point-in-time recovery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Whether any second of the last 35 days can be restored.
    pub point_in_time_recovery: bool,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
}

/// What others need of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableOutput {
    /// ARN.
    pub arn: String,
}

impl Table {
    /// A protected table.
    pub fn protected(name: String) -> Self {
        Self { name, point_in_time_recovery: true, deletion_protection: true }
    }
}

impl Resource for Table {
    const KIND: &'static str = "dynamodb.table";
    type Cloud = crate::aws::Cloud;
    type Output = TableOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn holds_data(&self) -> bool {
        true
    }

    fn loses(&self) -> Option<String> {
        Some(format!("all documents of {}", self.name))
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the table {}", self.name);
        let Some(table) = self.describe(cx).await.telling(looking)? else { return Ok(None) };
        if table.table_status == Some(ddb::TableStatus::Deleting) {
            self.wait_until_gone(cx).await.telling(looking)?;
            return Ok(None);
        }
        let arn = table.table_arn.clone().unwrap_or_default();
        let tags =
            answer("ListTagsOfResource", cx.cloud.dynamodb.list_tags_of_resource().resource_arn(&arn).send().await);
        let tags = tags.telling(looking)?.tags.unwrap_or_default();
        if !cx.cloud.names.owns(tags.iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("table", &self.name));
        }
        let spec = Self {
            name: self.name.clone(),
            point_in_time_recovery: self.is_recoverable(cx).await.telling(looking)?,
            deletion_protection: table.deletion_protection_enabled.unwrap_or_default(),
        };
        Ok(Some(Found { spec, output: TableOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<TableOutput, StepError> {
        let making = || format!("make the table {}", self.name);
        let was = found.map(|f| f.spec);
        if was.is_none() {
            self.create(cx).await?;
        } else if was.as_ref().is_some_and(|was| was.deletion_protection != self.deletion_protection) {
            self.protect(cx, self.deletion_protection).await.telling(making)?;
        }
        let arn = self
            .wait_until_active(cx)
            .await
            .telling(making)?
            .ok_or_else(|| StepError::cloud(making(), "it is still being made after 30 minutes"))?;
        if !was.is_some_and(|was| was.point_in_time_recovery) {
            self.make_recoverable(cx).await.telling(|| format!("switch on point-in-time recovery of {}", self.name))?;
        }
        Ok(TableOutput { arn })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the table {}", self.name);
        if found.spec.deletion_protection {
            self.protect(cx, false).await.telling(deleting)?;
        }
        let result = Patience::CONFLICT
            .retry(
                |e| e.is("ResourceInUseException"),
                || async {
                    answer("DeleteTable", cx.cloud.dynamodb.delete_table().table_name(&self.name).send().await)
                },
            )
            .await;
        match result {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(()),
            result => result.telling(deleting)?,
        };
        self.wait_until_gone(cx).await.telling(deleting)
    }
}

impl Table {
    async fn describe(&self, cx: &Cx) -> Result<Option<ddb::TableDescription>, CallError> {
        match answer("DescribeTable", cx.cloud.dynamodb.describe_table().table_name(&self.name).send().await) {
            Ok(output) => Ok(output.table),
            Err(e) if e.is("ResourceNotFoundException") => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn create(&self, cx: &Cx) -> Result<(), StepError> {
        let making = || format!("make the table {}", self.name);
        let mut call =
            cx.cloud.dynamodb.create_table().table_name(&self.name).billing_mode(ddb::BillingMode::PayPerRequest);
        for (name, kind) in [(PARTITION, ddb::KeyType::Hash), (SORT, ddb::KeyType::Range)] {
            let key = ddb::KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
            let attribute = ddb::AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ddb::ScalarAttributeType::S).build();
            call = call.key_schema(key.telling(making)?).attribute_definitions(attribute.telling(making)?);
        }
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(ddb::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        let call = call.deletion_protection_enabled(self.deletion_protection);
        let result = Patience::CONFLICT
            // Too many tables being changed at once; of this code only, that is passing.
            .retry(
                |e| e.says("LimitExceededException", "simultaneously"),
                || async { answer("CreateTable", call.clone().send().await) },
            )
            .await;
        match result {
            Err(e) if e.is("ResourceInUseException") => match self.find(cx).await? {
                Some(_) => Ok(()),
                None => Err(e.while_doing(making())),
            },
            result => result.map(|_| ()).telling(making),
        }
    }

    async fn protect(&self, cx: &Cx, on: bool) -> Result<(), CallError> {
        Patience::CONFLICT
            .retry(
                |e| e.is("ResourceInUseException"),
                || async {
                    let call = cx.cloud.dynamodb.update_table().table_name(&self.name);
                    answer("UpdateTable", call.deletion_protection_enabled(on).send().await).map(|_| ())
                },
            )
            .await
    }

    async fn is_recoverable(&self, cx: &Cx) -> Result<bool, CallError> {
        let call = cx.cloud.dynamodb.describe_continuous_backups().table_name(&self.name);
        match answer("DescribeContinuousBackups", call.send().await) {
            Ok(output) => Ok(output
                .continuous_backups_description
                .and_then(|d| d.point_in_time_recovery_description)
                .and_then(|d| d.point_in_time_recovery_status)
                .is_some_and(|s| s == ddb::PointInTimeRecoveryStatus::Enabled)),
            // Not to be had while the table is being made.
            Err(e) if e.is_any(&["TableNotFoundException", "ContinuousBackupsUnavailableException"]) => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn make_recoverable(&self, cx: &Cx) -> Result<(), CallError> {
        let on = ddb::PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let on = on.map_err(|e| CallError::unbuilt("UpdateContinuousBackups", &e))?;
        Patience::CONFLICT
            .retry(
                |e| e.is("ContinuousBackupsUnavailableException"),
                || async {
                    let call = cx.cloud.dynamodb.update_continuous_backups().table_name(&self.name);
                    let call = call.point_in_time_recovery_specification(on.clone());
                    answer("UpdateContinuousBackups", call.send().await).map(|_| ())
                },
            )
            .await
    }

    async fn wait_until_active(&self, cx: &Cx) -> Result<Option<String>, CallError> {
        Patience::STATE
            .until(|| async {
                let table = self.describe(cx).await?;
                let active = table.filter(|t| t.table_status == Some(ddb::TableStatus::Active));
                if active.is_none() {
                    cx.note("waiting until the table is active");
                }
                Ok(active.map(|t| t.table_arn.unwrap_or_default()))
            })
            .await
    }

    async fn wait_until_gone(&self, cx: &Cx) -> Result<(), CallError> {
        cx.note("waiting until the table is gone");
        Patience::STATE.until(|| async { Ok(self.describe(cx).await?.is_none().then_some(())) }).await.map(|_| ())
    }
}
