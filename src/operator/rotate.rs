//! A new origin secret, without a request being refused meanwhile.

use aws_sdk_cloudfront::types as cf;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Doing, Site, TaskError};
use crate::aws::compute::lambda_function::{self, Function};
use crate::aws::edge::cloudfront_distribution as distribution;

/// The two halves, between which the distribution has to reach every edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The function accepts the new secret beside the old one, then the distribution sends it.
    Send,
    /// The function forgets all but the one that the distribution sends.
    Forget,
}

/// Takes one of the steps. Each may be taken again.
pub async fn run(site: &Site, step: Step) -> Result<Value, TaskError> {
    let found = distribution::of_site(&site.cx).await.doing("look at the distribution")?;
    let found = found.ok_or_else(|| TaskError::Refused("there is no distribution".into()))?;
    let function = Function::named(site.cx.cloud.names.part("api"));
    match step {
        Step::Send => {
            let fresh = distribution::new_secret().doing("make a secret")?;
            let old = found.secret_sha256.ok_or_else(|| TaskError::Refused("the site has no API".into()))?;
            let both = format!("{old},{}", distribution::fingerprint(&fresh));
            lambda_function::accept(&site.cx, &function, &both).await.doing("let the function accept both")?;
            let replace = |config: &cf::DistributionConfig| distribution::with_secret(config, &fresh);
            distribution::change(&site.cx, &found.id, replace).await.doing("send the new secret")?;
            Ok(json!({"sent": true, "distribution": found.id}))
        }
        Step::Forget => {
            let current = found.secret_sha256.ok_or_else(|| TaskError::Refused("the site has no API".into()))?;
            lambda_function::accept(&site.cx, &function, &current)
                .await
                .doing("let the function forget the old one")?;
            Ok(json!({"forgotten": true}))
        }
    }
}
