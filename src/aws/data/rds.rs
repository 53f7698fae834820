//! What the resources of RDS have in common.

use std::future::Future;

use aws_sdk_rds::types as rds;

use crate::aws::Cx;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;

/// The tags that a new resource gets.
pub fn tags(cx: &Cx) -> Vec<rds::Tag> {
    cx.cloud.names.tags().map(|(key, value)| rds::Tag::builder().key(key).value(value).build()).into()
}

/// Whether these are our tags.
pub fn owns(cx: &Cx, tags: &[rds::Tag]) -> bool {
    cx.cloud.names.owns(pairs(tags))
}

/// Tags as pairs.
pub fn pairs(tags: &[rds::Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()))
}

/// The tags of the resource of this ARN.
pub async fn tags_of(cx: &Cx, arn: &str) -> Result<Vec<rds::Tag>, CallError> {
    let call = cx.cloud.rds.list_tags_for_resource().resource_name(arn);
    Ok(answer("ListTagsForResource", call.send().await)?.tag_list.unwrap_or_default())
}

/// Calls while another change of the database, or of what it stands on, is under way.
pub async fn passing<T, F, Fut>(call: F) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    Patience::CONFLICT.retry(is_busy, call).await
}

fn is_busy(error: &CallError) -> bool {
    error.is_any(&[
        "InvalidDBClusterStateFault",
        "InvalidDBInstanceState",
        "InvalidDBInstanceStateFault",
        "InvalidDBSubnetGroupStateFault",
        "InvalidDBParameterGroupState",
        "InvalidDBParameterGroupStateFault",
        "InvalidResourceStateFault",
    ])
}

/// Whether there is no thing of this name. The codes of RDS end in `Fault` or do not.
pub fn is_absent(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    code.trim_end_matches("Fault").ends_with("NotFound")
}

/// Whether there is one already.
pub fn is_there(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    code.trim_end_matches("Fault").ends_with("AlreadyExists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_with_and_without_their_ending() {
        let error = |code| CallError::part("X", Some(code), None);
        assert!(is_absent(&error("DBClusterNotFoundFault")) && is_absent(&error("DBInstanceNotFound")));
        assert!(is_there(&error("DBClusterAlreadyExistsFault")) && is_there(&error("DBInstanceAlreadyExists")));
        assert!(!is_absent(&error("InvalidDBClusterStateFault")) && !is_there(&error("DBClusterNotFoundFault")));
    }
}
