//! The record of who changed what in the account.

use aws_sdk_cloudtrail::types as cloudtrail;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A trail that is written into a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Name, unique in the region.
    pub name: String,
    /// The bucket, whose policy must name the trail.
    pub bucket: String,
    /// Whether files can be proved unchanged.
    pub validated: bool,
    /// Whether it records every region.
    pub multi_region: bool,
    /// Whether it records services that have no region, as IAM and CloudFront.
    pub global_events: bool,
    /// Whether it records: a new trail does not.
    pub logging: bool,
    /// Whether it records exactly the changes of the account: all management events, and no data
    /// events, which cost money.
    pub management_events: bool,
}

/// What others need of a trail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrailOutput {
    /// ARN.
    pub arn: String,
}

impl Trail {
    /// The trail of this site, into this bucket.
    pub fn audit(names: &Names, bucket: String) -> Self {
        Self {
            name: names.part("audit"),
            bucket,
            validated: true,
            multi_region: true,
            global_events: true,
            logging: true,
            management_events: true,
        }
    }
}

impl Resource for Trail {
    const KIND: &'static str = "cloudtrail.trail";
    type Cloud = crate::aws::Cloud;
    type Output = TrailOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the trail {}", self.name);
        let trail = match answer("GetTrail", cx.cloud.trail.get_trail().name(&self.name).send().await) {
            Err(e) if absent(&e) => return Ok(None),
            result => result.telling(looking)?.trail,
        };
        let Some(trail) = trail else { return Ok(None) };
        let names = &cx.cloud.names;
        // A trail of another region is seen here too, but changed only there.
        if trail.home_region().is_some_and(|home| home != names.region) {
            return Err(StepError::foreign("trail", &self.name));
        }
        let arn = trail.trail_arn.clone().unwrap_or_default();
        let (ours, logging, management_events) =
            tokio::try_join!(is_ours(cx, &arn), is_logging(cx, &arn), only_changes(cx, &arn)).telling(looking)?;
        if !ours {
            return Err(StepError::foreign("trail", &self.name));
        }
        let spec = Self {
            name: self.name.clone(),
            bucket: trail.s3_bucket_name.unwrap_or_default(),
            validated: trail.log_file_validation_enabled.unwrap_or_default(),
            multi_region: trail.is_multi_region_trail.unwrap_or_default(),
            global_events: trail.include_global_service_events.unwrap_or_default(),
            logging,
            management_events,
        };
        Ok(Some(Found { spec, output: TrailOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<TrailOutput, StepError> {
        let found = match found {
            Some(found) => found,
            None => self.create(cx).await?,
        };
        let (was, arn) = (found.spec, found.output.arn);
        let settings = |trail: &Self| Self { logging: true, management_events: true, ..trail.clone() };
        if settings(&was) != settings(self) {
            self.update(cx, &arn).await.telling(|| format!("change the trail {}", self.name))?;
        }
        if self.management_events && !was.management_events {
            record_changes(cx, &arn).await.telling(|| format!("set what the trail {} records", self.name))?;
        }
        if was.logging != self.logging {
            self.switch(cx, &arn).await.telling(|| format!("switch the trail {}", self.name))?;
        }
        Ok(TrailOutput { arn })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let result = in_turn(|| async {
            answer("DeleteTrail", cx.cloud.trail.delete_trail().name(&found.output.arn).send().await).map(|_| ())
        });
        match result.await {
            Err(e) if absent(&e) => Ok(()),
            result => result.telling(|| format!("delete the trail {}", self.name)),
        }
    }
}

impl Trail {
    /// Makes it, and gives what was there already when an earlier try's answer was lost.
    async fn create(&self, cx: &Cx) -> Result<Found<Self>, StepError> {
        let making = || format!("make the trail {}", self.name);
        let call = cx.cloud.trail.create_trail().name(&self.name).s3_bucket_name(&self.bucket);
        let call = call.enable_log_file_validation(self.validated).is_multi_region_trail(self.multi_region);
        let mut call = call.include_global_service_events(self.global_events);
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags_list(cloudtrail::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        let result = in_turn(|| async { answer("CreateTrail", call.clone().send().await) });
        match result.await {
            Ok(made) => {
                let output = TrailOutput { arn: made.trail_arn.unwrap_or_default() };
                // A new trail records all management events, once it records.
                Ok(Found { spec: Self { logging: false, management_events: true, ..self.clone() }, output })
            }
            Err(e) if e.is("TrailAlreadyExistsException") => match self.find(cx).await? {
                Some(found) => Ok(found),
                None => Err(e.while_doing(making())),
            },
            Err(e) if e.is("MaximumNumberOfTrailsExceededException") => Err(StepError::yours(making(), e)
                .hint("A region has room for five trails. Remove one, or switch observe.audit off in arq.toml.")),
            Err(e) => Err(e.while_doing(making())),
        }
    }

    async fn update(&self, cx: &Cx, arn: &str) -> Result<(), CallError> {
        let call = cx.cloud.trail.update_trail().name(arn).s3_bucket_name(&self.bucket);
        let call = call.enable_log_file_validation(self.validated).is_multi_region_trail(self.multi_region);
        let call = call.include_global_service_events(self.global_events);
        in_turn(|| async { answer("UpdateTrail", call.clone().send().await).map(|_| ()) }).await
    }

    async fn switch(&self, cx: &Cx, arn: &str) -> Result<(), CallError> {
        in_turn(|| async {
            if self.logging {
                answer("StartLogging", cx.cloud.trail.start_logging().name(arn).send().await).map(|_| ())
            } else {
                answer("StopLogging", cx.cloud.trail.stop_logging().name(arn).send().await).map(|_| ())
            }
        })
        .await
    }
}

async fn is_ours(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let output = answer("ListTags", cx.cloud.trail.list_tags().resource_id_list(arn).send().await)?;
    let tags = output.resource_tag_list().iter().flat_map(|resource| resource.tags_list());
    Ok(cx.cloud.names.owns(tags.map(|t| (t.key(), t.value().unwrap_or_default()))))
}

async fn is_logging(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let status = answer("GetTrailStatus", cx.cloud.trail.get_trail_status().name(arn).send().await)?;
    Ok(status.is_logging.unwrap_or_default())
}

async fn only_changes(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let output = answer("GetEventSelectors", cx.cloud.trail.get_event_selectors().trail_name(arn).send().await)?;
    if !output.advanced_event_selectors().is_empty() {
        return Ok(false);
    }
    Ok(match output.event_selectors() {
        // Nothing was ever set: the default.
        [] => true,
        [one] => is_default(one),
        _ => false,
    })
}

fn is_default(selector: &cloudtrail::EventSelector) -> bool {
    selector.include_management_events != Some(false)
        && selector.read_write_type.as_ref().is_none_or(|kind| *kind == cloudtrail::ReadWriteType::All)
        && selector.data_resources().is_empty()
        && selector.exclude_management_event_sources().is_empty()
}

async fn record_changes(cx: &Cx, arn: &str) -> Result<(), CallError> {
    let all = cloudtrail::EventSelector::builder().read_write_type(cloudtrail::ReadWriteType::All);
    let all = all.include_management_events(true).build();
    in_turn(|| async {
        let call = cx.cloud.trail.put_event_selectors().trail_name(arn).event_selectors(all.clone());
        answer("PutEventSelectors", call.send().await).map(|_| ())
    })
    .await
}

/// The bucket's policy was set a moment ago, or another change of the trail is under way.
async fn in_turn<T, F, Fut>(call: F) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let passing = |e: &CallError| e.is_any(&["InsufficientS3BucketPolicyException", "ConflictException"]);
    Patience::PROPAGATION.retry(passing, call).await
}

fn absent(error: &CallError) -> bool {
    error.is("TrailNotFoundException")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_selector_of_all_changes_is_the_default() {
        let all = || cloudtrail::EventSelector::builder().include_management_events(true);
        let all = || all().read_write_type(cloudtrail::ReadWriteType::All);
        assert!(is_default(&all().build()));
        assert!(!is_default(&all().read_write_type(cloudtrail::ReadWriteType::WriteOnly).build()));
        assert!(!is_default(&all().include_management_events(false).build()));
        assert!(!is_default(&all().exclude_management_event_sources("kms.amazonaws.com").build()));
        assert!(!is_default(&all().data_resources(cloudtrail::DataResource::builder().build()).build()));
    }
}
