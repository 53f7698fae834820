//! A log group with an end to its memory.

use aws_sdk_cloudwatchlogs::types as logs;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, EDGE_REGION, Place, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A log group of CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// Name.
    pub name: String,
    /// Days that its events are kept.
    pub retention_days: i32,
    /// Where it is.
    pub place: Place,
}

/// What others need of a log group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogGroupOutput {
    /// ARN, without the `:*` that permissions add.
    pub arn: String,
}

impl Resource for LogGroup {
    const KIND: &'static str = "logs.group";
    type Cloud = crate::aws::Cloud;
    type Output = LogGroupOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the log group {}", self.name);
        let Some(group) = self.group(cx).await.telling(looking)? else { return Ok(None) };
        let output = LogGroupOutput { arn: self.arn(cx) };
        let call = cx.cloud.logs.at(self.place).list_tags_for_resource().resource_arn(&output.arn);
        let tags = answer("ListTagsForResource", call.send().await).telling(looking)?.tags.unwrap_or_default();
        if !cx.cloud.names.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
            return Err(StepError::foreign("log group", &self.name));
        }
        let retention_days = group.retention_in_days.unwrap_or_default();
        Ok(Some(Found { spec: Self { retention_days, ..self.clone() }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<LogGroupOutput, StepError> {
        if found.is_none() {
            self.create(cx).await?;
        }
        passing(|| async {
            let call = cx.cloud.logs.at(self.place).put_retention_policy().log_group_name(&self.name);
            answer("PutRetentionPolicy", call.retention_in_days(self.retention_days).send().await).map(|_| ())
        })
        .await
        .telling(|| format!("set the retention of {}", self.name))?;
        Ok(LogGroupOutput { arn: self.arn(cx) })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = passing(|| async {
            answer(
                "DeleteLogGroup",
                cx.cloud.logs.at(self.place).delete_log_group().log_group_name(&self.name).send().await,
            )
            .map(|_| ())
        })
        .await;
        match result {
            Err(e) if e.is("ResourceNotFoundException") => Ok(()),
            result => result.telling(|| format!("delete the log group {}", self.name)),
        }
    }
}

impl LogGroup {
    fn arn(&self, cx: &Cx) -> String {
        let names = &cx.cloud.names;
        let region = match self.place {
            Place::Home => &names.region,
            Place::Edge => EDGE_REGION,
        };
        format!("arn:aws:logs:{region}:{}:log-group:{}", names.account, self.name)
    }

    async fn group(&self, cx: &Cx) -> Result<Option<logs::LogGroup>, CallError> {
        let call = cx.cloud.logs.at(self.place).describe_log_groups().log_group_name_prefix(&self.name);
        let groups = answer("DescribeLogGroups", call.send().await)?.log_groups.unwrap_or_default();
        Ok(groups.into_iter().find(|group| group.log_group_name() == Some(&self.name)))
    }

    async fn create(&self, cx: &Cx) -> Result<(), StepError> {
        let tags = cx.cloud.names.tags().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let result = passing(|| async {
            let call = cx.cloud.logs.at(self.place).create_log_group().log_group_name(&self.name);
            answer("CreateLogGroup", call.set_tags(Some(tags.clone().into())).send().await).map(|_| ())
        })
        .await;
        match result {
            Err(e) if e.is("ResourceAlreadyExistsException") && self.find(cx).await?.is_some() => Ok(()),
            result => result.telling(|| format!("make the log group {}", self.name)),
        }
    }
}

/// Another change of the same group is under way; the SDK does not retry that.
async fn passing<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    Patience::PROPAGATION.retry(|e| e.is("OperationAbortedException"), call).await
}
