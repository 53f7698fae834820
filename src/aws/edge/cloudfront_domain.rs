//! The domain and its certificate on the distribution.

use aws_sdk_cloudfront::types as cf;
use serde::{Deserialize, Serialize};

use super::acm_certificate::Certificate;
use super::cloudfront_config as config;
use super::cloudfront_distribution::{self as distribution, Distribution};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Security policy that CloudFront recommends: TLS 1.2 and 1.3 with forward secrecy.
///
/// Source: CloudFront developer guide, "Supported protocols and ciphers between viewers and
/// CloudFront".
const MINIMUM_TLS: &str = "TLSv1.2_2021";

/// The names under which a distribution answers, and the certificate for them.
///
/// A node of its own, so that the site is up on its `cloudfront.net` name before a certificate is
/// issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// Node of the distribution.
    pub distribution: String,
    /// The names, sorted.
    pub aliases: Vec<String>,
    /// Node of the certificate, or its ARN.
    pub certificate: String,
    /// CloudFront's name for the oldest TLS and the ciphers that are spoken.
    pub minimum_tls: String,
}

/// What others need of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainOutput {
    /// The names.
    pub aliases: Vec<String>,
}

impl Domain {
    /// These names on the distribution of that node, with the certificate of that node.
    pub fn of<'a>(distribution: &str, certificate: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            distribution: distribution.to_owned(),
            aliases: sorted(names),
            certificate: certificate.to_owned(),
            minimum_tls: MINIMUM_TLS.to_owned(),
        }
    }
}

impl Resource for Domain {
    const KIND: &'static str = "cloudfront.domain";
    type Cloud = crate::aws::Cloud;
    type Output = DomainOutput;

    /// Whatever the names are: there is one set of them on a distribution.
    fn name(&self) -> String {
        format!("names of the {}", self.distribution)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(distribution) = cx.try_output::<Distribution>(&self.distribution)? else { return Ok(None) };
        let current = match distribution::read(cx, &distribution.id).await {
            Err(e) if e.is("NoSuchDistribution") => return Ok(None),
            result => result.telling(|| "look at the names of the distribution")?.0,
        };
        let known = cx.try_output::<Certificate>(&self.certificate)?.map(|known| known.arn);
        Ok(self.read(&current, known.as_deref()).map(|spec| {
            let output = DomainOutput { aliases: spec.aliases.clone() };
            Found { spec, output }
        }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<DomainOutput, StepError> {
        let arn = cx.output::<Certificate>(&self.certificate)?.arn;
        let aliases = aliases(&self.aliases).telling(|| "describe the names")?;
        let id = cx.output::<Distribution>(&self.distribution)?.id;
        match change(cx, &id, &aliases, &self.viewer_certificate(&arn)).await {
            Err(e) if e.is("CNAMEAlreadyExists") => return Err(self.taken(e)),
            result => result.telling(|| format!("put {} on the distribution", self.name()))?,
        }
        Ok(DomainOutput { aliases: self.aliases.clone() })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let Some(distribution) = cx.try_output::<Distribution>(&self.distribution)? else { return Ok(()) };
        let none = aliases(&[]).telling(|| "describe the names")?;
        let default = cf::ViewerCertificate::builder().cloud_front_default_certificate(true).build();
        match change(cx, &distribution.id, &none, &default).await {
            Err(e) if e.is("NoSuchDistribution") => Ok(()),
            result => result.telling(|| format!("take {} off the distribution", self.name())),
        }
    }
}

impl Domain {
    /// What is on the distribution; `None` when it has only its own name.
    fn read(&self, config: &cf::DistributionConfig, known: Option<&str>) -> Option<Self> {
        let names = config.aliases().map(cf::Aliases::items).unwrap_or_default();
        let viewer = config.viewer_certificate();
        let arn = viewer.and_then(used_certificate);
        if names.is_empty() && arn.is_none() {
            return None;
        }
        let arn = arn.unwrap_or_default();
        Some(Self {
            distribution: self.distribution.clone(),
            aliases: sorted(names.iter().map(String::as_str)),
            certificate: if known == Some(arn) { self.certificate.clone() } else { arn.to_owned() },
            minimum_tls: viewer.map(read_tls).unwrap_or_default(),
        })
    }

    fn viewer_certificate(&self, arn: &str) -> cf::ViewerCertificate {
        cf::ViewerCertificate::builder()
            .acm_certificate_arn(arn)
            // Addresses of its own would cost hundreds a month; every browser names the host.
            .ssl_support_method(cf::SslSupportMethod::SniOnly)
            .minimum_protocol_version(self.minimum_tls.as_str().into())
            .build()
    }

    fn taken(&self, error: CallError) -> StepError {
        StepError::yours(format!("put {} on the distribution", self.name()), error).hint(
            "One of the names is on another distribution, which may be in another account. Remove it there, or move \
             it with `aws cloudfront associate-alias --alias <name> --target-distribution-id <id>`; then run the \
             same command.",
        )
    }
}

/// Changes names and certificate in the configuration as it is now, and nothing else in it.
async fn change(cx: &Cx, id: &str, aliases: &cf::Aliases, viewer: &cf::ViewerCertificate) -> Result<(), CallError> {
    Patience::PROPAGATION
        .retry(
            // A certificate that was issued a moment ago is not yet known to CloudFront.
            |e| e.is_any(&["PreconditionFailed", "InvalidIfMatchVersion", "InvalidViewerCertificate"]),
            || async {
                let (current, tag) = distribution::read(cx, id).await?;
                let wanted = config::builder_of(&current).aliases(aliases.clone());
                let wanted = wanted.viewer_certificate(viewer.clone()).build();
                let wanted = wanted.map_err(|e| CallError::unbuilt("UpdateDistribution", &e))?;
                let call = cx.cloud.cloudfront.update_distribution().id(id).if_match(tag);
                answer("UpdateDistribution", call.distribution_config(wanted).send().await).map(|_| ())
            },
        )
        .await
}

/// The certificate that visitors are shown; `None` for CloudFront's own.
fn used_certificate(viewer: &cf::ViewerCertificate) -> Option<&str> {
    if viewer.cloud_front_default_certificate().unwrap_or_default() {
        return None;
    }
    let arn = viewer.acm_certificate_arn().filter(|arn| !arn.is_empty());
    arn.or_else(|| viewer.iam_certificate_id().filter(|id| !id.is_empty()))
}

/// With addresses of its own, the distribution reads as something that is not wanted.
fn read_tls(viewer: &cf::ViewerCertificate) -> String {
    let version = viewer.minimum_protocol_version().map(|version| version.as_str()).unwrap_or_default();
    match viewer.ssl_support_method() {
        Some(method) if *method != cf::SslSupportMethod::SniOnly => format!("{version} ({})", method.as_str()),
        _ => version.to_owned(),
    }
}

fn aliases(names: &[String]) -> Result<cf::Aliases, aws_smithy_types::error::operation::BuildError> {
    let quantity = i32::try_from(names.len()).unwrap_or(i32::MAX);
    cf::Aliases::builder().quantity(quantity).set_items(Some(names.to_vec())).build()
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().map(str::to_ascii_lowercase).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(names: &[&str], viewer: cf::ViewerCertificate) -> cf::DistributionConfig {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let origin = cf::Origin::builder().id("site").domain_name("bucket.example").build().unwrap();
        let origins = cf::Origins::builder().quantity(1).items(origin).build().unwrap();
        let default = cf::DefaultCacheBehavior::builder().target_origin_id("site");
        let default = default.viewer_protocol_policy(cf::ViewerProtocolPolicy::HttpsOnly).build().unwrap();
        cf::DistributionConfig::builder()
            .caller_reference("r")
            .comment("c")
            .enabled(true)
            .origins(origins)
            .default_cache_behavior(default)
            .aliases(aliases(&names).unwrap())
            .viewer_certificate(viewer)
            .build()
            .unwrap()
    }

    fn domain() -> Domain {
        Domain::of("distribution", "certificate", ["www.shop.example", "shop.example", "shop.example"])
    }

    #[test]
    fn a_distribution_with_its_own_name_only_has_no_domain() {
        let default = cf::ViewerCertificate::builder().cloud_front_default_certificate(true);
        // CloudFront repeats its own choice in the other fields.
        let default = default.minimum_protocol_version(cf::MinimumProtocolVersion::TlSv1).build();
        assert_eq!(domain().read(&config(&[], default.clone()), Some("arn")), None);
        let named = domain().read(&config(&["shop.example"], default), Some("arn")).unwrap();
        assert_eq!((named.aliases, named.certificate), (vec!["shop.example".to_owned()], String::new()));
    }

    #[test]
    fn what_is_written_reads_as_the_spec() {
        let written = config(&["www.shop.example", "Shop.example"], domain().viewer_certificate("arn"));
        assert_eq!(domain().read(&written, Some("arn")), Some(domain()));
        let other = domain().read(&written, Some("another")).unwrap();
        assert_eq!(other.certificate, "arn");
    }

    #[test]
    fn addresses_of_its_own_are_a_difference() {
        let viewer = cf::ViewerCertificate::builder().acm_certificate_arn("arn");
        let viewer = viewer.ssl_support_method(cf::SslSupportMethod::Vip);
        let viewer = viewer.minimum_protocol_version(cf::MinimumProtocolVersion::TlSv122021).build();
        let read = domain().read(&config(&["www.shop.example", "shop.example"], viewer), Some("arn")).unwrap();
        assert_eq!(read.minimum_tls, "TLSv1.2_2021 (vip)");
    }

    #[test]
    fn an_update_of_the_distribution_keeps_names_and_certificate() {
        let was = config(&["shop.example"], domain().viewer_certificate("arn"));
        let is = config::builder_of(&was).build().unwrap();
        assert_eq!((is.aliases(), is.viewer_certificate()), (was.aliases(), was.viewer_certificate()));
    }
}
