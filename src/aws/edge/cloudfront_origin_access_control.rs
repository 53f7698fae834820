//! The signature by which the bucket knows CloudFront.

use aws_sdk_cloudfront::types as cf;
use serde::{Deserialize, Serialize};

use super::etag;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// An origin access control for a bucket: every request to it is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OriginAccessControl {
    /// Name, unique in the account.
    pub name: String,
    /// Whether every request is signed with SigV4.
    pub signs_always: bool,
}

/// What others need of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OriginAccessControlOutput {
    /// Id.
    pub id: String,
}

impl OriginAccessControl {
    /// One that signs every request.
    pub fn signing(name: String) -> Self {
        Self { name, signs_always: true }
    }
}

impl Resource for OriginAccessControl {
    const KIND: &'static str = "cloudfront.origin_access_control";
    type Cloud = crate::aws::Cloud;
    type Output = OriginAccessControlOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the origin access control {}", self.name);
        let Some(summary) = self.summary(cx).await.telling(looking)? else { return Ok(None) };
        // It cannot be tagged: its description is the mark.
        if summary.description() != cx.cloud.names.mark() {
            return Err(StepError::foreign("origin access control", &self.name));
        }
        let signs_always = summary.signing_behavior() == &cf::OriginAccessControlSigningBehaviors::Always
            && summary.signing_protocol() == &cf::OriginAccessControlSigningProtocols::Sigv4;
        let output = OriginAccessControlOutput { id: summary.id().to_owned() };
        Ok(Some(Found { spec: Self { name: self.name.clone(), signs_always }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<OriginAccessControlOutput, StepError> {
        let making = || format!("make the origin access control {}", self.name);
        if let Some(found) = found {
            return self.update(cx, found.output).await;
        }
        let call = cx.cloud.cloudfront.create_origin_access_control();
        let call = call.origin_access_control_config(self.config(cx)?);
        match answer("CreateOriginAccessControl", call.send().await) {
            Ok(output) => {
                let id = output.origin_access_control.map(|oac| oac.id).unwrap_or_default();
                Ok(OriginAccessControlOutput { id })
            }
            Err(e) if e.is("OriginAccessControlAlreadyExists") => match self.find(cx).await? {
                Some(found) => Ok(found.output),
                None => Err(e.while_doing(making())),
            },
            Err(e) => Err(e.while_doing(making())),
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let result = Patience::CONFLICT
            .retry(
                // The distribution that used it is gone, but not yet everywhere.
                |e| e.is_any(&["OriginAccessControlInUse", "PreconditionFailed", "InvalidIfMatchVersion"]),
                || async {
                    let tag = self.etag(cx, &found.output.id).await?;
                    let call = cx.cloud.cloudfront.delete_origin_access_control().id(&found.output.id).if_match(tag);
                    answer("DeleteOriginAccessControl", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("NoSuchOriginAccessControl") => Ok(()),
            result => result.telling(|| format!("delete the origin access control {}", self.name)),
        }
    }
}

impl OriginAccessControl {
    fn config(&self, cx: &Cx) -> Result<cf::OriginAccessControlConfig, StepError> {
        cf::OriginAccessControlConfig::builder()
            .name(&self.name)
            .description(cx.cloud.names.mark())
            .signing_protocol(cf::OriginAccessControlSigningProtocols::Sigv4)
            .signing_behavior(cf::OriginAccessControlSigningBehaviors::Always)
            .origin_access_control_origin_type(cf::OriginAccessControlOriginTypes::S3)
            .build()
            .telling(|| "describe it")
    }

    async fn summary(&self, cx: &Cx) -> Result<Option<cf::OriginAccessControlSummary>, CallError> {
        let mut marker = None;
        loop {
            let call = cx.cloud.cloudfront.list_origin_access_controls().set_marker(marker);
            let page = answer("ListOriginAccessControls", call.send().await)?;
            let Some(list) = page.origin_access_control_list else { return Ok(None) };
            if let Some(found) = list.items().iter().find(|oac| oac.name() == self.name) {
                return Ok(Some(found.clone()));
            }
            match list.next_marker {
                Some(next) if list.is_truncated => marker = Some(next),
                _ => return Ok(None),
            }
        }
    }

    async fn update(&self, cx: &Cx, was: OriginAccessControlOutput) -> Result<OriginAccessControlOutput, StepError> {
        let changing = || format!("change the origin access control {}", self.name);
        let tag = self.etag(cx, &was.id).await.telling(changing)?;
        let call = cx.cloud.cloudfront.update_origin_access_control().id(&was.id).if_match(tag);
        let call = call.origin_access_control_config(self.config(cx)?);
        answer("UpdateOriginAccessControl", call.send().await).telling(changing)?;
        Ok(was)
    }

    async fn etag(&self, cx: &Cx, id: &str) -> Result<String, CallError> {
        let call = cx.cloud.cloudfront.get_origin_access_control().id(id);
        answer("GetOriginAccessControl", call.send().await).map(|output| etag(output.e_tag()))
    }
}
