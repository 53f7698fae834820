//! The wait until every edge knows the distribution.

use serde::{Deserialize, Serialize};

use super::cloudfront_distribution::{DEPLOYED, Distribution, wait_until_deployed};
use super::cloudfront_domain::Domain;
use crate::aws::error::answer;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A distribution that has reached every edge.
///
/// A node of its own, so that what needs only the distribution's id need not wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Node of the distribution.
    pub distribution: String,
    /// What has reached every edge, for people: the distribution itself, or its names.
    pub what: String,
    /// Node of the names, if it is them that are waited for.
    pub names: Option<String>,
    /// Whether every edge has it.
    pub everywhere: bool,
}

impl Deployment {
    /// The wait for the distribution of this node.
    pub fn of(distribution: &str) -> Self {
        Self { distribution: distribution.into(), what: "distribution".into(), names: None, everywhere: true }
    }

    /// The wait for the names of that node on it.
    pub fn of_names(distribution: &str, names: &str) -> Self {
        Self { what: "its names".into(), names: Some(names.into()), ..Self::of(distribution) }
    }
}

/// Where the site answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentOutput {
    /// Host name.
    pub domain: String,
}

impl Resource for Deployment {
    const KIND: &'static str = "cloudfront.deployment";
    type Cloud = crate::aws::Cloud;
    type Output = DeploymentOutput;

    fn name(&self) -> String {
        format!("{} at every edge", self.what)
    }

    fn waits(&self) -> bool {
        true
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(distribution) = cx.try_output::<Distribution>(&self.distribution)? else { return Ok(None) };
        if let Some(names) = &self.names
            && cx.try_output::<Domain>(names)?.is_none()
        {
            return Ok(None);
        }
        let call = cx.cloud.cloudfront.get_distribution().id(&distribution.id);
        let output = match answer("GetDistribution", call.send().await) {
            Err(e) if e.is("NoSuchDistribution") => return Ok(None),
            result => result.telling(|| "look at the distribution")?,
        };
        let everywhere = output.distribution.is_some_and(|d| d.status == DEPLOYED);
        let spec = Self { everywhere, ..self.clone() };
        Ok(Some(Found { spec, output: DeploymentOutput { domain: distribution.domain } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<DeploymentOutput, StepError> {
        let waiting = || "wait for the distribution";
        let distribution = cx.output::<Distribution>(&self.distribution)?;
        let note = "waiting until every edge has the distribution; 4 to 8 minutes are usual";
        if !wait_until_deployed(cx, &distribution.id, note).await.telling(waiting)? {
            return Err(StepError::cloud(waiting(), "it is still being deployed after 90 minutes")
                .hint("AWS may be slow today; run the same command again to go on waiting."));
        }
        Ok(DeploymentOutput { domain: distribution.domain })
    }

    /// The distribution's own deletion waits for what it needs.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}
