//! The certificate by which browsers know the domain.

use aws_sdk_acm::config::retry::RetryConfig;
use aws_sdk_acm::operation::list_certificates::ListCertificatesOutput;
use aws_sdk_acm::types as acm;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::hex;
use super::route53_zone::plain;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A P-256 key: every browser that speaks TLS 1.2 with the ciphers of `TLSv1.2_2021` knows it, its
/// handshake is smaller than RSA's, and one costs a server a fraction of the other's work.
///
/// Source: CloudFront developer guide, "Supported protocols and ciphers between viewers and
/// CloudFront".
const KEY: acm::KeyAlgorithm = acm::KeyAlgorithm::EcPrime256v1;
/// How many requests are made when every earlier one led to a certificate that is gone.
const GENERATIONS: u32 = 8;
/// For a certificate that was requested a moment ago and is not yet known everywhere.
const NEW: Patience = Patience { total: Duration::from_secs(30), pause: Duration::from_secs(3) };
/// For what used the certificate until now: CloudFront takes minutes to let go of it.
const LET_GO: Patience = Patience { total: Duration::from_secs(20 * 60), pause: Duration::from_secs(15) };

/// A public certificate of ACM, validated by DNS and renewed by AWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The name it is made out to.
    pub domain: String,
    /// Further names, sorted, without the first.
    pub alternatives: Vec<String>,
    /// Whether ACM has said which records prove that the domain is ours.
    pub provable: bool,
}

/// What others need of a certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertificateOutput {
    /// ARN.
    pub arn: String,
    /// The records that prove that its names are ours, sorted, each once; CNAMEs all of them.
    pub records: Vec<ProofRecord>,
}

/// A CNAME by which ACM sees that a name is ours, now and at every renewal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProofRecord {
    /// Name, without a dot at its end.
    pub name: String,
    /// What it stands for, without a dot at its end.
    pub value: String,
}

impl Certificate {
    /// A certificate of these names.
    pub fn of<'a>(domain: &str, alternatives: impl IntoIterator<Item = &'a str>) -> Self {
        let mut alternatives: Vec<_> =
            alternatives.into_iter().filter(|name| *name != domain).map(str::to_owned).collect();
        alternatives.sort();
        alternatives.dedup();
        Self { domain: domain.to_owned(), alternatives, provable: true }
    }

    fn names(&self) -> Vec<String> {
        let mut names = vec![self.domain.clone()];
        names.extend(self.alternatives.iter().cloned());
        names.sort();
        names
    }
}

impl Resource for Certificate {
    const KIND: &'static str = "acm.certificate";
    type Cloud = crate::aws::Cloud;
    type Output = CertificateOutput;

    /// A certificate cannot be changed, and the old one is in use until the new one is: another
    /// set of names is another thing.
    fn name(&self) -> String {
        format!("{} ({})", self.domain, hex(&Sha256::digest(self.names().join("\n"))[..4]))
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look for the certificate of {}", self.domain);
        let mut ours = self.ours(cx, &ALIVE).await.telling(looking)?;
        // Several can only come of runs by different hands; the issued one counts.
        ours.sort_by_key(|c| c.status != Some(acm::CertificateStatus::Issued));
        Ok(ours.first().map(|certificate| {
            let output = output(certificate);
            let spec = Self { provable: is_provable(certificate), ..self.clone() };
            Found { spec, output }
        }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<CertificateOutput, StepError> {
        let making = || format!("request the certificate of {}", self.domain);
        let arn = match found {
            Some(found) => found.output.arn,
            None => {
                self.clear(cx).await.telling(making)?;
                self.request(cx).await?
            }
        };
        let known = Patience::CONFLICT
            .until(|| async {
                let known = describe(cx, &arn).await?.filter(is_provable);
                if known.is_none() {
                    cx.note("waiting until AWS says which records prove the domain; seconds are usual");
                }
                Ok(known)
            })
            .await
            .telling(making)?;
        known
            .map(|certificate| output(&certificate))
            .ok_or_else(|| StepError::cloud(making(), "AWS has not said how to prove the domain after 5 minutes"))
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let result = LET_GO
            .retry(
                |e| {
                    let in_use = e.is("ResourceInUseException");
                    if in_use {
                        cx.note("waiting until CloudFront has let go of the certificate");
                    }
                    in_use || e.is_any(&["ConflictException", "ThrottlingException"])
                },
                || async {
                    let call = cx.cloud.acm.delete_certificate().certificate_arn(&found.output.arn);
                    answer("DeleteCertificate", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("ResourceNotFoundException") => Ok(()),
            result => result.telling(|| format!("delete the certificate of {}", self.domain)),
        }
    }
}

/// A certificate that is, or may still be issued.
const ALIVE: [acm::CertificateStatus; 2] = [acm::CertificateStatus::PendingValidation, acm::CertificateStatus::Issued];
/// One that never will be.
const LOST: [acm::CertificateStatus; 2] = [acm::CertificateStatus::Failed, acm::CertificateStatus::ValidationTimedOut];

impl Certificate {
    /// Certificates of ours with these very names: ACM lets any number have the same.
    async fn ours(
        &self,
        cx: &Cx,
        statuses: &[acm::CertificateStatus],
    ) -> Result<Vec<acm::CertificateDetail>, CallError> {
        let mut ours = Vec::new();
        let mut token = None;
        loop {
            let page = list(cx, statuses, token).await?;
            for summary in page.certificate_summary_list() {
                let same = summary.domain_name().is_some_and(|name| plain(name) == self.domain);
                let Some(arn) = summary.certificate_arn().filter(|_| same) else { continue };
                if !has_our_tags(cx, arn).await? {
                    continue;
                }
                // The summary names a hundred at most.
                ours.extend(describe(cx, arn).await?.filter(|c| self.has_same_names(c) && is_among(c, statuses)));
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(ours),
            }
        }
    }

    fn has_same_names(&self, certificate: &acm::CertificateDetail) -> bool {
        let mut names: Vec<_> = certificate.subject_alternative_names().iter().map(|name| plain(name)).collect();
        // ACM repeats the first name here; others need not.
        names.extend(certificate.domain_name().map(plain));
        names.sort();
        names.dedup();
        names == self.names()
    }

    /// Removes what earlier requests left: certificates that will never be issued.
    async fn clear(&self, cx: &Cx) -> Result<(), CallError> {
        for lost in self.ours(cx, &LOST).await? {
            let call = cx.cloud.acm.delete_certificate().set_certificate_arn(lost.certificate_arn);
            match answer("DeleteCertificate", call.send().await) {
                Err(e) if !e.is_any(&["ResourceNotFoundException", "ResourceInUseException"]) => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// Requests it and gives its ARN.
    ///
    /// Within an hour the same token leads to the same certificate, also when that one has failed
    /// or was deleted: then the next token is tried.
    ///
    /// Source: ACM API reference, RequestCertificate, IdempotencyToken.
    async fn request(&self, cx: &Cx) -> Result<String, StepError> {
        let making = || format!("request the certificate of {}", self.domain);
        for generation in 0..GENERATIONS {
            let arn = match self.request_once(cx, generation).await? {
                Ok(arn) => arn,
                Err(e) if e.is("LimitExceededException") => {
                    let hint = "A quota of the account is used up; it says which one. Delete certificates that nobody \
                                uses, or ask for a higher quota in the Service Quotas console (ACM, us-east-1).";
                    return Err(e.while_doing(making()).hint(hint));
                }
                Err(e) => return Err(e.while_doing(making())),
            };
            let look = || async { Ok(describe(cx, &arn).await?.map(|certificate| is_among(&certificate, &ALIVE))) };
            if NEW.until(look).await.telling(making)?.unwrap_or_default() {
                return Ok(arn);
            }
        }
        Err(StepError::cloud(making(), "AWS goes on answering with certificates that have failed or are gone")
            .hint("Run the same command again in an hour."))
    }

    async fn request_once(&self, cx: &Cx, generation: u32) -> Result<Result<String, CallError>, StepError> {
        let mut call = cx
            .cloud
            .acm
            .request_certificate()
            .domain_name(&self.domain)
            .validation_method(acm::ValidationMethod::Dns)
            .key_algorithm(KEY)
            .idempotency_token(self.token(cx, generation));
        if !self.alternatives.is_empty() {
            call = call.set_subject_alternative_names(Some(self.alternatives.clone()));
        }
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(acm::Tag::builder().key(key).value(value).build().telling(|| "tag")?);
        }
        // The SDK takes a quota that is used up for throttling, and would go on asking.
        let once = aws_sdk_acm::Config::builder().retry_config(RetryConfig::disabled());
        let result = Patience::PROPAGATION
            .retry(
                |e| e.unreachable() || e.is("ThrottlingException") || e.status.is_some_and(|status| status >= 500),
                || async {
                    let made = call.clone().customize().config_override(once.clone()).send().await;
                    answer("RequestCertificate", made).map(|made| made.certificate_arn.unwrap_or_default())
                },
            )
            .await;
        Ok(result)
    }

    fn token(&self, cx: &Cx, generation: u32) -> String {
        let identity = format!("{}\n{}\n{generation}", cx.cloud.names.prefix(), self.names().join("\n"));
        hex(&Sha256::digest(identity)[..16])
    }
}

async fn list(
    cx: &Cx,
    statuses: &[acm::CertificateStatus],
    token: Option<String>,
) -> Result<ListCertificatesOutput, CallError> {
    // Without a filter only certificates with RSA keys of up to 2048 bits are listed.
    //
    // Source: ACM API reference, ListCertificates, Includes.
    let all = acm::KeyAlgorithm::values().iter().map(|name| acm::KeyAlgorithm::from(*name));
    let filters = acm::Filters::builder().set_key_types(Some(all.collect())).build();
    let call = cx.cloud.acm.list_certificates().includes(filters).set_next_token(token);
    answer("ListCertificates", call.set_certificate_statuses(Some(statuses.to_vec())).send().await)
}

async fn has_our_tags(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let call = cx.cloud.acm.list_tags_for_certificate().certificate_arn(arn);
    match answer("ListTagsForCertificate", call.send().await) {
        Ok(tags) => Ok(cx.cloud.names.owns(tags.tags().iter().map(|t| (t.key(), t.value().unwrap_or_default())))),
        Err(e) if e.is("ResourceNotFoundException") => Ok(false),
        Err(e) => Err(e),
    }
}

/// A certificate as it is; `None` when it does not exist.
pub(super) async fn describe(cx: &Cx, arn: &str) -> Result<Option<acm::CertificateDetail>, CallError> {
    match answer("DescribeCertificate", cx.cloud.acm.describe_certificate().certificate_arn(arn).send().await) {
        Ok(output) => Ok(output.certificate),
        Err(e) if e.is("ResourceNotFoundException") => Ok(None),
        Err(e) => Err(e),
    }
}

fn is_among(certificate: &acm::CertificateDetail, statuses: &[acm::CertificateStatus]) -> bool {
    certificate.status().is_some_and(|status| statuses.contains(status))
}

/// Whether the record of every name is known; that takes AWS some seconds.
fn is_provable(certificate: &acm::CertificateDetail) -> bool {
    let options = certificate.domain_validation_options();
    !options.is_empty() && options.iter().all(|option| option.resource_record().is_some())
}

fn output(certificate: &acm::CertificateDetail) -> CertificateOutput {
    let records = certificate.domain_validation_options().iter().filter_map(|option| option.resource_record());
    let mut records: Vec<_> =
        records.map(|record| ProofRecord { name: plain(record.name()), value: plain(record.value()) }).collect();
    // A name and its wildcard are proved by the same record.
    records.sort();
    records.dedup();
    CertificateOutput { arn: certificate.certificate_arn().unwrap_or_default().to_owned(), records }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn option(domain: &str, value: Option<&str>) -> acm::DomainValidation {
        let record = value.map(|value| {
            let record = acm::ResourceRecord::builder().name("_a.Shop.example.").value(value);
            record.r#type(acm::RecordType::Cname).build().unwrap()
        });
        acm::DomainValidation::builder().domain_name(domain).set_resource_record(record).build().unwrap()
    }

    #[test]
    fn another_set_of_names_is_another_certificate() {
        let one = Certificate::of("shop.example", []);
        let two = Certificate::of("shop.example", ["www.shop.example", "a.shop.example", "shop.example"]);
        assert_eq!(two.alternatives, ["a.shop.example", "www.shop.example"]);
        assert_ne!(one.name(), two.name());
        assert_eq!(two.name(), Certificate::of("shop.example", ["a.shop.example", "www.shop.example"]).name());
        assert_eq!(one.name().len(), "shop.example (01234567)".len());
    }

    #[test]
    fn the_first_name_counts_once() {
        let detail = acm::CertificateDetail::builder().domain_name("Shop.example");
        let detail = detail.subject_alternative_names("shop.example").subject_alternative_names("www.shop.example");
        assert!(Certificate::of("shop.example", ["www.shop.example"]).has_same_names(&detail.clone().build()));
        assert!(!Certificate::of("shop.example", []).has_same_names(&detail.build()));
    }

    #[test]
    fn it_is_provable_when_every_name_has_its_record_and_each_record_counts_once() {
        let detail = acm::CertificateDetail::builder().domain_validation_options(option("shop.example", Some("_b.")));
        assert!(!is_provable(&acm::CertificateDetail::builder().build()));
        let half = detail.clone().domain_validation_options(option("*.shop.example", None)).build();
        assert!(!is_provable(&half));
        let whole = detail.domain_validation_options(option("*.shop.example", Some("_b."))).build();
        assert!(is_provable(&whole));
        let record = ProofRecord { name: "_a.shop.example".into(), value: "_b".into() };
        assert_eq!(output(&whole).records, [record]);
    }
}
