//! Tags of CloudFront's resources, which are all written and read in one way.

use aws_sdk_cloudfront::types as cf;

use super::error::{CallError, answer};
use super::{Cx, Tell};
use crate::deploy::StepError;

/// The tags that a new resource gets.
pub fn of(cx: &Cx) -> Result<cf::Tags, StepError> {
    let mut tags = cf::Tags::builder();
    for (key, value) in cx.cloud.names.tags() {
        tags = tags.items(cf::Tag::builder().key(key).value(value).build().telling(|| "tag")?);
    }
    Ok(tags.build())
}

/// Whether the resource of this ARN has our tags.
pub async fn are_ours(cx: &Cx, arn: &str) -> Result<bool, CallError> {
    let call = cx.cloud.cloudfront.list_tags_for_resource().resource(arn);
    let tags = answer("ListTagsForResource", call.send().await)?.tags;
    let tags = tags.as_ref().map(cf::Tags::items).unwrap_or_default();
    Ok(cx.cloud.names.owns(tags.iter().map(|t| (t.key(), t.value().unwrap_or_default()))))
}
