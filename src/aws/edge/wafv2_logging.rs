//! What the firewall blocked and counted, in a log group.

use aws_sdk_wafv2::types as waf;
use serde::{Deserialize, Serialize};

use super::wafv2_web_acl::WebAcl;
use crate::aws::compute::logs_group::LogGroup;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Headers whose values are not written down.
const REDACTED: [&str; 2] = ["authorization", "cookie"];

/// The logging of a web ACL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logging {
    /// Node of the web ACL.
    pub firewall: String,
    /// Node of the log group, or the ARN of a destination that is none of ours.
    pub group: String,
    /// Headers whose values are left out, sorted.
    pub redacted: Vec<String>,
}

/// The logging gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoggingOutput {}

impl Logging {
    /// Into the log group of this node, without what identifies a visitor to the API.
    pub fn new(firewall: &str, group: &str) -> Self {
        let redacted = REDACTED.map(str::to_owned).into();
        Self { firewall: firewall.into(), group: group.into(), redacted }
    }
}

impl Resource for Logging {
    const KIND: &'static str = "wafv2.logging";
    type Cloud = crate::aws::Cloud;
    type Output = LoggingOutput;

    fn name(&self) -> String {
        format!("of {}", self.firewall)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(acl) = cx.try_output::<WebAcl>(&self.firewall)? else { return Ok(None) };
        let call = cx.cloud.waf.get_logging_configuration().resource_arn(&acl.arn);
        let now = match answer("GetLoggingConfiguration", call.send().await) {
            Err(e) if e.is("WAFNonexistentItemException") => return Ok(None),
            result => result.telling(|| "look at what the firewall logs")?.logging_configuration,
        };
        let Some(now) = now else { return Ok(None) };
        let known = cx.try_output::<LogGroup>(&self.group)?.map(|group| group.arn);
        let actual = now.log_destination_configs().join(", ").trim_end_matches(":*").to_owned();
        let group = if known.as_ref() == Some(&actual) { self.group.clone() } else { actual };
        let mut redacted: Vec<_> = now
            .redacted_fields()
            .iter()
            .filter_map(|field| field.single_header().map(|header| header.name().to_ascii_lowercase()))
            .collect();
        redacted.sort();
        Ok(Some(Found { spec: Self { firewall: self.firewall.clone(), group, redacted }, output: LoggingOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<LoggingOutput, StepError> {
        let logging = || "let the firewall log";
        let acl = cx.output::<WebAcl>(&self.firewall)?.arn;
        let group = cx.output::<LogGroup>(&self.group)?.arn;
        let mut config = waf::LoggingConfiguration::builder().resource_arn(acl).log_destination_configs(group);
        for name in &self.redacted {
            let header = waf::SingleHeader::builder().name(name).build().telling(logging)?;
            config = config.redacted_fields(waf::FieldToMatch::builder().single_header(header).build());
        }
        let call = cx.cloud.waf.put_logging_configuration();
        let call = call.logging_configuration(config.build().telling(logging)?);
        let put = || async { answer("PutLoggingConfiguration", call.clone().send().await) };
        Patience::CONFLICT.retry(passing, put).await.telling(logging)?;
        Ok(LoggingOutput {})
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let Some(acl) = cx.try_output::<WebAcl>(&self.firewall)? else { return Ok(()) };
        let call = cx.cloud.waf.delete_logging_configuration().resource_arn(acl.arn);
        let delete = || async { answer("DeleteLoggingConfiguration", call.clone().send().await).map(|_| ()) };
        match Patience::CONFLICT.retry(passing, delete).await {
            Err(e) if e.is("WAFNonexistentItemException") => Ok(()),
            result => result.telling(|| "stop the firewall's log"),
        }
    }
}

/// The service's own role is being made, or the log group is not yet known everywhere.
///
/// Source: WAF API reference, PutLoggingConfiguration.
fn passing(error: &CallError) -> bool {
    error.is_any(&[
        "WAFServiceLinkedRoleErrorException",
        "WAFLogDestinationPermissionIssueException",
        "WAFOptimisticLockException",
        "WAFUnavailableEntityException",
    ])
}
