//! The wait until the certificate is issued, which only the keeper of the domain can end.

use std::time::Duration;

use aws_sdk_acm::types as acm;
use serde::{Deserialize, Serialize};

use super::acm_certificate::{Certificate, CertificateOutput, ProofRecord, describe};
use super::route53_zone::{Zone, ZoneOutput};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Longest pause between two looks. Issuing takes half a minute once the records can be seen.
const PAUSE: Duration = Duration::from_secs(10);

/// An issued certificate.
///
/// A node of its own, so that all that needs no domain need not wait for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Node of the certificate.
    pub certificate: String,
    /// Node of the hosted zone; `None` when the domain's records are made by hand.
    pub zone: Option<String>,
    /// Whether it is issued.
    pub issued: bool,
}

/// What others need of an issued certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidationOutput {
    /// ARN of the certificate.
    pub arn: String,
}

impl Validation {
    /// The certificate of that node, validated in the zone of that node or by hand.
    pub fn of(certificate: &str, zone: Option<&str>) -> Self {
        Self { certificate: certificate.to_owned(), zone: zone.map(str::to_owned), issued: true }
    }
}

impl Resource for Validation {
    const KIND: &'static str = "acm.validation";
    type Cloud = crate::aws::Cloud;
    type Output = ValidationOutput;

    fn name(&self) -> String {
        "issued".into()
    }

    fn waits(&self) -> bool {
        true
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(certificate) = cx.try_output::<Certificate>(&self.certificate)? else { return Ok(None) };
        let Some(detail) = describe(cx, &certificate.arn).await.telling(|| "look at the certificate")? else {
            return Ok(None);
        };
        let issued = detail.status() == Some(&acm::CertificateStatus::Issued);
        Ok(Some(Found { spec: Self { issued, ..self.clone() }, output: ValidationOutput { arn: certificate.arn } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<ValidationOutput, StepError> {
        let certificate = cx.output::<Certificate>(&self.certificate)?;
        let zone = self.zone.as_ref().map(|node| cx.output::<Zone>(node)).transpose()?;
        let note = note(zone.as_ref(), &certificate);
        let end = Patience { total: cx.cloud.wait, pause: PAUSE }
            .until(|| async {
                let detail = describe(cx, &certificate.arn).await?;
                let pending =
                    detail.as_ref().and_then(|d| d.status()) == Some(&acm::CertificateStatus::PendingValidation);
                if pending {
                    cx.note(&note);
                }
                Ok((!pending).then_some(detail))
            })
            .await
            .telling(|| "wait for the certificate")?;
        match end {
            None => Err(StepError::waiting(
                "have the certificate issued",
                "AWS does not yet see the records that prove the domain",
            )
            .hint(hint(zone.as_ref(), &certificate))),
            Some(Some(detail)) if detail.status() == Some(&acm::CertificateStatus::Issued) => {
                Ok(ValidationOutput { arn: certificate.arn })
            }
            Some(detail) => Err(lost(detail.as_ref())),
        }
    }

    /// The certificate's own deletion is all that there is to do.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

/// What is waited for, in a line.
fn note(zone: Option<&ZoneOutput>, certificate: &CertificateOutput) -> String {
    match zone {
        Some(zone) => format!(
            "waiting until {} is delegated to its hosted zone and the certificate is issued; \
             half a minute is usual once it is",
            zone.name
        ),
        None => {
            let records = &certificate.records;
            let names: Vec<_> = records.iter().map(|r| format!("{} CNAME {}", r.name, r.value)).collect();
            format!("waiting until the certificate is issued; it needs {}", names.join(", "))
        }
    }
}

/// What the keeper of the domain has to do.
fn hint(zone: Option<&ZoneOutput>, certificate: &CertificateOutput) -> String {
    match zone {
        Some(zone) if zone.made_here => format!(
            "At your registrar, set these name servers for {}: {}; then run the same command.",
            zone.name,
            zone.name_servers.join(", ")
        ),
        Some(zone) => format!(
            "Check that the name servers of {} at your registrar are those of its hosted zone: {}; \
             then run the same command.",
            zone.name,
            zone.name_servers.join(", ")
        ),
        None => {
            let line = |r: &ProofRecord| format!("\n  {} CNAME {}", r.name, r.value);
            let lines: String = certificate.records.iter().map(line).collect();
            format!("Make these records where the domain is kept, then run the same command:{lines}")
        }
    }
}

/// Why a certificate will never be issued.
fn lost(certificate: Option<&acm::CertificateDetail>) -> StepError {
    let failing = "have the certificate issued";
    let again = "Then run the same command: a new certificate is requested.";
    let Some(certificate) = certificate else {
        return StepError::cloud(failing, "the certificate is gone").hint("Run the same command to request another.");
    };
    let status = certificate.status().map_or("unknown", |status| status.as_str());
    match (certificate.status(), certificate.failure_reason()) {
        (Some(acm::CertificateStatus::Failed), Some(acm::FailureReason::CaaError)) => {
            StepError::yours(failing, "a CAA record of the domain lets only other authorities issue certificates")
                .hint(format!("Add the CAA record `0 issue \"amazon.com\"` to the domain, or remove them all. {again}"))
        }
        (Some(acm::CertificateStatus::Failed), reason) => {
            let reason = reason.map_or("without a reason", |reason| reason.as_str());
            StepError::yours(failing, format!("AWS refuses it: {reason}")).hint(format!(
                "The ACM user guide, \"Certificate request fails\", says what each reason means. {again}"
            ))
        }
        (Some(acm::CertificateStatus::ValidationTimedOut), _) => {
            StepError::yours(failing, "AWS did not see the records that prove the domain within 72 hours")
                .hint("Run the same command: a new certificate is requested.")
        }
        _ => StepError::yours(failing, format!("its state is {status}"))
            .hint(format!("Find out in the ACM console (us-east-1) what happened to it, and delete it there. {again}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::Blame;

    fn zone(made_here: bool) -> ZoneOutput {
        let name_servers = vec!["ns-1.awsdns-1.com".into(), "ns-2.awsdns-2.net".into()];
        ZoneOutput { id: "Z1".into(), name: "shop.example".into(), name_servers, made_here }
    }

    fn certificate() -> CertificateOutput {
        let record = |n: &str| ProofRecord { name: format!("_{n}.shop.example"), value: format!("_{n}.acm") };
        CertificateOutput { arn: "arn".into(), records: vec![record("a"), record("b")] }
    }

    #[test]
    fn the_way_out_depends_on_who_keeps_the_domain() {
        let own = hint(Some(&zone(true)), &certificate());
        assert_eq!(
            own,
            "At your registrar, set these name servers for shop.example: ns-1.awsdns-1.com, ns-2.awsdns-2.net; \
             then run the same command."
        );
        assert!(hint(Some(&zone(false)), &certificate()).starts_with("Check that the name servers of shop.example"));
        let manual = hint(None, &certificate());
        assert!(manual.ends_with("\n  _a.shop.example CNAME _a.acm\n  _b.shop.example CNAME _b.acm"));
    }

    #[test]
    fn a_certificate_that_will_not_be_issued_says_why() {
        let failed = acm::CertificateDetail::builder().status(acm::CertificateStatus::Failed);
        let caa = lost(Some(&failed.failure_reason(acm::FailureReason::CaaError).build()));
        assert!(caa.blame == Blame::Yours && caa.hint.is_some_and(|hint| hint.contains("amazon.com")));
        let late = acm::CertificateDetail::builder().status(acm::CertificateStatus::ValidationTimedOut).build();
        assert!(lost(Some(&late)).chain().contains("72 hours"));
    }
}
