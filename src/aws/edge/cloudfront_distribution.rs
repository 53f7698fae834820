//! The distribution: one address for site and API, everywhere.

use aws_sdk_cloudfront::types as cf;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::etag;
use crate::aws::edge::cloudfront_config as config;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell, tags};
use crate::deploy::{Found, Resource, StepError};

/// Status of a distribution that every edge knows.
pub const DEPLOYED: &str = "Deployed";
/// Pause before a change that names something new is tried again.
const NEW_PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
/// Bytes of the origin secret.
const SECRET_LENGTH: usize = 32;

/// A distribution in front of the site bucket and the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Comment; also the mark by which it is found again, since a summary has no tags.
    pub comment: String,
    /// Whether it answers.
    pub enabled: bool,
    /// `http2and3`, so that HTTP/3 is offered.
    pub http_version: String,
    /// Whether it answers over IPv6.
    pub ipv6: bool,
    /// Which edges are used.
    pub price_class: String,
    /// Where answers come from.
    pub origins: Vec<Origin>,
    /// Which origin answers what, the default (`*`) last.
    pub behaviours: Vec<Behaviour>,
    /// How long errors of an origin are kept.
    pub errors: Vec<ErrorCaching>,
    /// Node of the firewall before it.
    pub firewall: Option<String>,
}

/// How long an origin's answers of one error status are kept; without it, ten seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCaching {
    /// The status.
    pub status: i32,
    /// Seconds.
    pub seconds: i64,
    /// Path of a page that is shown instead. None of ours: it would hide the API's own errors.
    pub page: Option<String>,
}

/// Where answers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Id inside the distribution.
    pub id: String,
    /// Host name, or the node that gives it.
    pub host: String,
    /// Node of the origin access control by which a bucket knows this distribution.
    pub access_control: Option<String>,
    /// Whether requests carry the origin secret.
    pub secret: bool,
}

/// What is done with the requests of one path pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Path pattern.
    pub path: String,
    /// Id of the origin.
    pub origin: String,
    /// Methods that are let through.
    pub methods: Vec<String>,
    /// Id of the cache policy.
    pub cache_policy: String,
    /// Id of the origin request policy.
    pub origin_request_policy: Option<String>,
    /// What a viewer without TLS gets.
    pub viewer_protocol: String,
    /// Whether CloudFront compresses.
    pub compress: bool,
    /// Node of the function that is run on requests and responses.
    pub function: Option<String>,
}

/// What others need of a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistributionOutput {
    /// Id.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Its own host name, `….cloudfront.net`.
    pub domain: String,
    /// SHA-256 of the origin secret, lower-case hex; the secret itself never leaves CloudFront.
    pub secret_sha256: Option<String>,
}

impl Resource for Distribution {
    const KIND: &'static str = "cloudfront.distribution";
    type Cloud = crate::aws::Cloud;
    type Output = DistributionOutput;

    fn name(&self) -> String {
        self.comment.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some((current, output)) = look(cx, &self.comment).await? else { return Ok(None) };
        Ok(Some(Found { spec: config::read(cx, &current)?, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<DistributionOutput, StepError> {
        match found {
            Some(found) => self.update(cx, found.output).await,
            None => self.create(cx).await,
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the distribution \"{}\"", self.comment);
        let id = &found.output.id;
        let result = self.disable(cx, id).await;
        if result.as_ref().is_err_and(|e| e.is("NoSuchDistribution")) {
            return Ok(());
        }
        result.telling(deleting)?;
        if !wait_until_deployed(cx, id, "waiting until every edge has let go of the distribution")
            .await
            .telling(deleting)?
        {
            return Err(StepError::cloud(deleting(), "it is still being switched off after 90 minutes"));
        }
        let result = Patience::CONFLICT
            .retry(
                // Deployed, but not yet known to be so everywhere.
                |e| e.is_any(&["DistributionNotDisabled", "PreconditionFailed", "InvalidIfMatchVersion"]),
                || async {
                    let (_, tag) = read(cx, id).await?;
                    let call = cx.cloud.cloudfront.delete_distribution().id(id).if_match(tag);
                    answer("DeleteDistribution", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("NoSuchDistribution") => Ok(()),
            result => result.telling(deleting),
        }
    }
}

impl Distribution {
    async fn create(&self, cx: &Cx) -> Result<DistributionOutput, StepError> {
        let making = || format!("make the distribution \"{}\"", self.comment);
        let secret = new_secret()?;
        let start = cf::DistributionConfig::builder().caller_reference(reference()?);
        let wanted = config::write(cx, self, start, Some(&secret))?;
        let wanted = cf::DistributionConfigWithTags::builder().distribution_config(wanted).tags(tags::of(cx)?).build();
        let call = cx.cloud.cloudfront.create_distribution_with_tags();
        let call = call.distribution_config_with_tags(wanted);
        let result = Patience::CONFLICT
            .retry(is_new, || async { answer("CreateDistributionWithTags", call.clone().send().await) })
            .await;
        let made = match result {
            Ok(output) => output.distribution,
            // The answer to this call's first try was lost.
            Err(e) if e.is("DistributionAlreadyExists") => match self.find(cx).await? {
                Some(found) => return Ok(found.output),
                None => return Err(e.while_doing(making())),
            },
            Err(e) => return Err(e.while_doing(making())),
        };
        let made = made.ok_or_else(|| StepError::cloud(making(), "the answer describes no distribution"))?;
        let secret_sha256 = config::carries_secret(self).then(|| fingerprint(&secret));
        Ok(DistributionOutput { id: made.id, arn: made.arn, domain: made.domain_name, secret_sha256 })
    }

    /// Changes what is ours in the configuration as it is now, and nothing else in it.
    async fn update(&self, cx: &Cx, was: DistributionOutput) -> Result<DistributionOutput, StepError> {
        let changing = || format!("change the distribution \"{}\"", self.comment);
        let fresh = new_secret()?;
        for attempt in 1.. {
            let (current, tag) = read(cx, &was.id).await.telling(changing)?;
            let secret = config::secret(&current).map_or_else(|| fresh.clone(), str::to_owned);
            let wanted = config::write(cx, self, config::builder_of(&current), Some(&secret))?;
            let call = cx.cloud.cloudfront.update_distribution().id(&was.id).if_match(tag).distribution_config(wanted);
            match answer("UpdateDistribution", call.send().await) {
                Ok(_) => {
                    let secret_sha256 = config::carries_secret(self).then(|| fingerprint(&secret));
                    return Ok(DistributionOutput { secret_sha256, ..was });
                }
                Err(e) if attempt < 5 && e.is_any(&["PreconditionFailed", "InvalidIfMatchVersion"]) => {}
                Err(e) if attempt < 60 && is_new(&e) => tokio::time::sleep(NEW_PAUSE).await,
                Err(e) => return Err(e.while_doing(changing())),
            }
        }
        Err(StepError::bug("an update has no end"))
    }

    async fn disable(&self, cx: &Cx, id: &str) -> Result<(), CallError> {
        let disabled = |config: &cf::DistributionConfig| {
            let disabled = config::builder_of(config).enabled(false).build();
            disabled.map_err(|e| CallError::unbuilt("UpdateDistribution", &e))
        };
        change(cx, id, disabled).await
    }
}

/// The distribution of the site, if there is one.
pub async fn of_site(cx: &Cx) -> Result<Option<DistributionOutput>, StepError> {
    Ok(look(cx, &cx.cloud.names.mark()).await?.map(|(_, output)| output))
}

/// Our distribution with this comment: its configuration, and what others need of it.
async fn look(cx: &Cx, comment: &str) -> Result<Option<(cf::DistributionConfig, DistributionOutput)>, StepError> {
    let looking = || format!("look at the distribution \"{comment}\"");
    let Some(summary) = summary(cx, comment).await.telling(looking)? else { return Ok(None) };
    if !tags::are_ours(cx, summary.arn()).await.telling(looking)? {
        return Err(StepError::foreign("distribution with the comment", comment));
    }
    let (current, _) = read(cx, summary.id()).await.telling(looking)?;
    let output = DistributionOutput {
        id: summary.id().to_owned(),
        arn: summary.arn().to_owned(),
        domain: summary.domain_name().to_owned(),
        secret_sha256: config::secret(&current).map(fingerprint),
    };
    Ok(Some((current, output)))
}

async fn summary(cx: &Cx, comment: &str) -> Result<Option<cf::DistributionSummary>, CallError> {
    let mut marker = None;
    loop {
        let call = cx.cloud.cloudfront.list_distributions().set_marker(marker);
        let Some(list) = answer("ListDistributions", call.send().await)?.distribution_list else { return Ok(None) };
        if let Some(found) = list.items().iter().find(|d| d.comment() == comment) {
            return Ok(Some(found.clone()));
        }
        match list.next_marker {
            Some(next) if list.is_truncated => marker = Some(next),
            _ => return Ok(None),
        }
    }
}

/// Changes the configuration as it is now; again when somebody else was quicker.
pub async fn change<F>(cx: &Cx, id: &str, with: F) -> Result<(), CallError>
where
    F: Fn(&cf::DistributionConfig) -> Result<cf::DistributionConfig, CallError>,
{
    Patience::CONFLICT
        .retry(
            |e| e.is_any(&["PreconditionFailed", "InvalidIfMatchVersion"]),
            || async {
                let (current, tag) = read(cx, id).await?;
                let changed = with(&current)?;
                if changed == current {
                    return Ok(());
                }
                let call = cx.cloud.cloudfront.update_distribution().id(id).if_match(tag);
                answer("UpdateDistribution", call.distribution_config(changed).send().await).map(|_| ())
            },
        )
        .await
}

/// The configuration with another origin secret.
pub fn with_secret(config: &cf::DistributionConfig, secret: &str) -> Result<cf::DistributionConfig, CallError> {
    config::replace_secret(config, secret).map_err(|e| CallError::unbuilt("UpdateDistribution", &e))
}

/// Waits until every edge knows the distribution as it is; `false` when patience ends first.
pub async fn wait_until_deployed(cx: &Cx, id: &str, note: &str) -> Result<bool, CallError> {
    let deployed = Patience::DISTRIBUTION
        .until(|| async {
            let output = answer("GetDistribution", cx.cloud.cloudfront.get_distribution().id(id).send().await)?;
            let deployed = output.distribution.is_some_and(|d| d.status == DEPLOYED);
            if !deployed {
                cx.note(note);
            }
            Ok(deployed.then_some(()))
        })
        .await?;
    Ok(deployed.is_some())
}

/// The configuration as it is, and its ETag.
pub(super) async fn read(cx: &Cx, id: &str) -> Result<(cf::DistributionConfig, String), CallError> {
    let output = answer("GetDistributionConfig", cx.cloud.cloudfront.get_distribution_config().id(id).send().await)?;
    let tag = etag(output.e_tag());
    let config = output.distribution_config;
    config
        .map(|config| (config, tag))
        .ok_or_else(|| CallError::part("GetDistributionConfig", None, Some("no configuration")))
}

/// A function or a firewall that was made a moment ago.
fn is_new(error: &CallError) -> bool {
    error.says("InvalidArgument", "function association") || error.is_any(&["NoSuchFunctionExists", "InvalidWebACLId"])
}

/// 256 random bits, in characters that a header may have.
pub fn new_secret() -> Result<String, StepError> {
    let mut bytes = [0; SECRET_LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| StepError::bug(format!("no random numbers: {e}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A reference that no other distribution has. An earlier run's distribution is found by its
/// comment and tags, so it need not be told again.
fn reference() -> Result<String, StepError> {
    Ok(format!("arqsite-{}", new_secret()?))
}

/// SHA-256 of a secret, lower-case hex.
pub fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}
