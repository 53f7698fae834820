//! The access logs of the distribution, delivered into the logs bucket.
//!
//! CloudFront's standard logging, version 2: a source (the distribution), a destination (the
//! bucket) and the delivery between them, all in one region, wherever the bucket is. The version
//! before it needs a bucket with access lists, which ours have not.
//!
//! Source: CloudFront developer guide, "Configure standard logging (v2)".

use aws_sdk_cloudwatchlogs::types as logs;
use serde::{Deserialize, Serialize};

use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Place, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// The one kind of log that a distribution has.
const ACCESS_LOGS: &str = "ACCESS_LOGS";
/// What AWS puts before a path when the destination has no prefix of its own.
const UNASKED: &str = "AWSLogs/{account-id}/CloudFront";

/// The delivery of a distribution's access logs into a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Name of the source and of the destination.
    pub name: String,
    /// Node of the distribution, or an ARN that is not its.
    pub distribution: String,
    /// The bucket, whose policy must let CloudWatch Logs deliver.
    pub bucket: String,
    /// What the keys begin with, without slashes at the ends.
    pub prefix: String,
    /// How the keys go on, with CloudFront's variables.
    pub path: String,
    /// Format of the files.
    pub format: String,
    /// Whether source and destination are there and connected.
    pub delivering: bool,
}

/// A delivery gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliveryOutput {}

impl Delivery {
    /// The access logs of the distribution of this node, by day, as JSON lines below `edge/`.
    pub fn of_edge(names: &Names, distribution: &str, bucket: String) -> Self {
        Self {
            name: names.part("edge-logs"),
            distribution: distribution.into(),
            bucket,
            prefix: "edge".into(),
            path: "{yyyy}/{MM}/{dd}".into(),
            format: "json".into(),
            delivering: true,
        }
    }
}

/// What is there of the three.
#[derive(Default)]
struct Parts {
    source: Option<logs::DeliverySource>,
    destination: Option<logs::DeliveryDestination>,
    delivery: Option<logs::Delivery>,
}

impl Resource for Delivery {
    const KIND: &'static str = "logs.delivery";
    type Cloud = crate::aws::Cloud;
    type Output = DeliveryOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    /// Only the path of a delivery can be changed.
    fn change(&self, found: &Self) -> Change {
        let fixed = |delivery: &Self| Self { path: String::new(), delivering: true, ..delivery.clone() };
        if self == found {
            Change::Same
        } else if fixed(self) == fixed(found) {
            Change::Update
        } else {
            Change::Replace
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the log delivery {}", self.name);
        let parts = self.parts(cx).await.telling(looking)?;
        let arns = [
            parts.source.as_ref().and_then(|source| source.arn()),
            parts.destination.as_ref().and_then(|destination| destination.arn()),
        ];
        if parts.is_empty() {
            return Ok(None);
        }
        for arn in arns.into_iter().flatten() {
            if !is_ours(cx, arn).await.telling(looking)? {
                return Err(StepError::foreign("log delivery", &self.name));
            }
        }
        let distribution = cx.try_output::<Distribution>(&self.distribution)?.map(|output| output.arn);
        Ok(Some(Found { spec: self.read(&parts, distribution.as_deref()), output: DeliveryOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<DeliveryOutput, StepError> {
        let making = || format!("make the log delivery {}", self.name);
        let parts = self.parts(cx).await.telling(making)?;
        if parts.source.is_none() {
            self.make_source(cx).await?;
        }
        let destination = match parts.destination.and_then(|destination| destination.arn) {
            Some(arn) => arn,
            None => self.make_destination(cx).await.telling(making)?,
        };
        match parts.delivery {
            Some(delivery) if self.path_of(&delivery) == self.path => {}
            Some(delivery) => self.redirect(cx, delivery.id()).await.telling(making)?,
            None => self.connect(cx, &destination).await.telling(making)?,
        }
        Ok(DeliveryOutput {})
    }

    /// The delivery first: a source or a destination that is in use cannot be deleted.
    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the log delivery {}", self.name);
        if let Some(id) = self.delivery(cx).await.telling(deleting)?.and_then(|delivery| delivery.id) {
            gone(|| async { answer("DeleteDelivery", client(cx).delete_delivery().id(&id).send().await).map(|_| ()) })
                .await
                .telling(deleting)?;
        }
        gone(|| async {
            let call = client(cx).delete_delivery_source().name(&self.name);
            answer("DeleteDeliverySource", call.send().await).map(|_| ())
        })
        .await
        .telling(deleting)?;
        gone(|| async {
            let call = client(cx).delete_delivery_destination().name(&self.name);
            answer("DeleteDeliveryDestination", call.send().await).map(|_| ())
        })
        .await
        .telling(deleting)
    }
}

impl Delivery {
    async fn parts(&self, cx: &Cx) -> Result<Parts, CallError> {
        let (source, destination, delivery) =
            tokio::try_join!(self.source(cx), self.destination(cx), self.delivery(cx))?;
        Ok(Parts { source, destination, delivery })
    }

    async fn source(&self, cx: &Cx) -> Result<Option<logs::DeliverySource>, CallError> {
        match answer("GetDeliverySource", client(cx).get_delivery_source().name(&self.name).send().await) {
            Ok(output) => Ok(output.delivery_source),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn destination(&self, cx: &Cx) -> Result<Option<logs::DeliveryDestination>, CallError> {
        match answer("GetDeliveryDestination", client(cx).get_delivery_destination().name(&self.name).send().await) {
            Ok(output) => Ok(output.delivery_destination),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A delivery has no name; it is known by its source.
    async fn delivery(&self, cx: &Cx) -> Result<Option<logs::Delivery>, CallError> {
        let mut token = None;
        loop {
            let call = client(cx).describe_deliveries().set_next_token(token);
            let page = answer("DescribeDeliveries", call.send().await)?;
            let ours = |delivery: &&logs::Delivery| delivery.delivery_source_name() == Some(&self.name);
            if let Some(delivery) = page.deliveries().iter().find(ours) {
                return Ok(Some(delivery.clone()));
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// What is absent is as wanted, but nothing is delivered.
    fn read(&self, parts: &Parts, distribution: Option<&str>) -> Self {
        let mut read = self.clone();
        if let Some(source) = &parts.source {
            let seen = source.resource_arns().first().map(String::as_str);
            if seen != distribution {
                read.distribution = seen.unwrap_or_default().to_owned();
            }
        }
        if let Some(destination) = &parts.destination {
            let place = destination.delivery_destination_configuration().map(|c| c.destination_resource_arn());
            let place = place.unwrap_or_default().trim_start_matches("arn:aws:s3:::");
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            read.bucket = bucket.to_owned();
            read.prefix = prefix.trim_matches('/').to_owned();
            read.format = destination.output_format().map(logs::OutputFormat::as_str).unwrap_or_default().to_owned();
        }
        if let Some(delivery) = &parts.delivery {
            read.path = self.path_of(delivery);
        }
        read.delivering = parts.source.is_some() && parts.destination.is_some() && parts.delivery.is_some();
        read
    }

    fn path_of(&self, delivery: &logs::Delivery) -> String {
        let path = delivery.s3_delivery_configuration().and_then(|c| c.suffix_path()).unwrap_or_default();
        path.trim_matches('/').trim_start_matches(UNASKED).trim_matches('/').to_owned()
    }

    async fn make_source(&self, cx: &Cx) -> Result<(), StepError> {
        let making = || format!("name the distribution as the source of {}", self.name);
        let arn = cx.output::<Distribution>(&self.distribution)?.arn;
        let call = client(cx).put_delivery_source().name(&self.name).resource_arn(arn).log_type(ACCESS_LOGS);
        match answer("PutDeliverySource", call.set_tags(Some(tags(cx))).send().await) {
            Ok(_) => Ok(()),
            Err(e) if e.is("ConflictException") => Err(StepError::yours(making(), e)
                .hint("A distribution can have one source of logs; remove the other in the CloudFront console.")),
            Err(e) => Err(e.while_doing(making())),
        }
    }

    /// Its prefix is part of its ARN, so that AWS puts no other before the path.
    async fn make_destination(&self, cx: &Cx) -> Result<String, CallError> {
        let unbuilt = |e| CallError::unbuilt("PutDeliveryDestination", &e);
        let arn = format!("arn:aws:s3:::{}/{}", self.bucket, self.prefix);
        let place = logs::DeliveryDestinationConfiguration::builder().destination_resource_arn(arn).build();
        let call = client(cx).put_delivery_destination().name(&self.name).output_format(self.format.as_str().into());
        let call = call.delivery_destination_configuration(place.map_err(unbuilt)?).set_tags(Some(tags(cx)));
        let made = answer("PutDeliveryDestination", call.send().await)?.delivery_destination;
        Ok(made.and_then(|destination| destination.arn).unwrap_or_default())
    }

    fn written(&self) -> logs::S3DeliveryConfiguration {
        logs::S3DeliveryConfiguration::builder().suffix_path(&self.path).enable_hive_compatible_path(false).build()
    }

    /// Source and destination are not known everywhere at once, and the answer to an earlier try
    /// may have been lost: look first.
    async fn connect(&self, cx: &Cx, destination: &str) -> Result<(), CallError> {
        let call = client(cx).create_delivery().delivery_source_name(&self.name);
        let call = call.delivery_destination_arn(destination).s3_delivery_configuration(self.written());
        let call = call.set_tags(Some(tags(cx)));
        Patience::PROPAGATION
            .retry(
                |e| e.is("ConflictException") || absent(e),
                || async {
                    if self.delivery(cx).await?.is_some() {
                        return Ok(());
                    }
                    answer("CreateDelivery", call.clone().send().await).map(|_| ())
                },
            )
            .await
    }

    async fn redirect(&self, cx: &Cx, id: Option<&str>) -> Result<(), CallError> {
        let call = client(cx).update_delivery_configuration().set_id(id.map(str::to_owned));
        let call = call.s3_delivery_configuration(self.written());
        Patience::PROPAGATION
            .retry(
                |e| e.is("ConflictException"),
                || async { answer("UpdateDeliveryConfiguration", call.clone().send().await).map(|_| ()) },
            )
            .await
    }
}

impl Parts {
    fn is_empty(&self) -> bool {
        self.source.is_none() && self.destination.is_none() && self.delivery.is_none()
    }
}

fn client(cx: &Cx) -> &aws_sdk_cloudwatchlogs::Client {
    cx.cloud.logs.at(Place::Edge)
}

fn tags(cx: &Cx) -> std::collections::HashMap<String, String> {
    cx.cloud.names.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

async fn is_ours(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let output = answer("ListTagsForResource", client(cx).list_tags_for_resource().resource_arn(arn).send().await)?;
    let tags = output.tags.unwrap_or_default();
    Ok(cx.cloud.names.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

fn absent(error: &CallError) -> bool {
    error.is("ResourceNotFoundException")
}

/// Deletes; what is absent is deleted, and what is still in use will not be for long.
async fn gone<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    match Patience::PROPAGATION.retry(|e| e.is("ConflictException"), call).await {
        Err(e) if absent(&e) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const DISTRIBUTION: &str = "arn:aws:cloudfront::1:distribution/E1";

    fn wanted() -> Delivery {
        Delivery::of_edge(&Names::new("shop", "production", "1", "sa-east-1"), "distribution", "shop-logs-1".into())
    }

    fn parts(place: &str, path: &str) -> Parts {
        let place = logs::DeliveryDestinationConfiguration::builder().destination_resource_arn(place).build().unwrap();
        let destination = logs::DeliveryDestination::builder().delivery_destination_configuration(place);
        let s3 = logs::S3DeliveryConfiguration::builder().suffix_path(path).build();
        Parts {
            source: Some(logs::DeliverySource::builder().resource_arns(DISTRIBUTION).build()),
            destination: Some(destination.output_format(logs::OutputFormat::Json).build()),
            delivery: Some(logs::Delivery::builder().s3_delivery_configuration(s3).build()),
        }
    }

    #[test]
    fn what_is_made_is_what_is_read() {
        for path in ["{yyyy}/{MM}/{dd}", "/{yyyy}/{MM}/{dd}/", "AWSLogs/{account-id}/CloudFront/{yyyy}/{MM}/{dd}"] {
            let read = wanted().read(&parts("arn:aws:s3:::shop-logs-1/edge", path), Some(DISTRIBUTION));
            assert_eq!((wanted().change(&read), read), (Change::Same, wanted()));
        }
    }

    #[test]
    fn a_half_made_delivery_is_completed() {
        let half = Parts { delivery: None, ..parts("arn:aws:s3:::shop-logs-1/edge", "") };
        let read = wanted().read(&half, Some(DISTRIBUTION));
        assert!(!read.delivering);
        assert_eq!(wanted().change(&read), Change::Update);
    }

    #[test]
    fn another_bucket_needs_another_destination() {
        let read = wanted().read(&parts("arn:aws:s3:::other", "{yyyy}/{MM}/{dd}"), Some(DISTRIBUTION));
        assert_eq!((read.bucket.as_str(), read.prefix.as_str()), ("other", ""));
        assert_eq!(wanted().change(&read), Change::Replace);
    }

    #[test]
    fn logs_of_another_distribution_are_a_difference() {
        let read = wanted().read(&parts("arn:aws:s3:::shop-logs-1/edge", "{yyyy}/{MM}/{dd}"), Some("arn:other"));
        assert_eq!(read.distribution, DISTRIBUTION);
    }
}
