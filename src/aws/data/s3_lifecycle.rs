//! What a bucket forgets by itself: the rules of its lifecycle, in the words of arqsite.

use aws_sdk_s3::types as s3;
use aws_smithy_types::error::operation::BuildError;
use serde::{Deserialize, Serialize};

/// Id of the rule that ends unfinished uploads.
const ABORT: &str = "unfinished-uploads";
/// Id of the rule that removes old versions.
const OLD: &str = "old-versions";
/// Days after which an upload that was never finished is removed; it is paid for until then.
const ABORT_DAYS: i32 = 7;

/// The lifecycle of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Days after which an unfinished upload is removed.
    pub unfinished_days: Option<i32>,
    /// Days that a version is kept after it was overwritten or deleted.
    pub old_versions_days: Option<i32>,
    /// What is removed by age, ordered by prefix.
    pub expire: Vec<Expiry>,
    /// Ids of rules that are none of these; none is wanted, for each could remove what is live.
    pub others: Vec<String>,
}

/// Objects that are removed when they are old.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expiry {
    /// What their keys begin with; everything when it is empty.
    pub prefix: String,
    /// Days after which they are removed.
    pub days: i32,
}

impl Lifecycle {
    /// Nothing is removed but unfinished uploads.
    pub fn keep() -> Self {
        Self { unfinished_days: Some(ABORT_DAYS), ..Self::default() }
    }

    /// Old versions are removed after these days, and so are unfinished uploads.
    pub fn keep_versions(days: i32) -> Self {
        Self { old_versions_days: Some(days), ..Self::keep() }
    }

    /// Everything is removed after these days.
    pub fn expire_all(days: i32) -> Self {
        Self { expire: vec![Expiry { prefix: String::new(), days }], ..Self::keep() }
    }

    /// The rules as S3 keeps them.
    pub(super) fn rules(&self) -> Result<Vec<s3::LifecycleRule>, BuildError> {
        let mut rules = Vec::new();
        if let Some(days) = self.unfinished_days {
            let abort = s3::AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
            rules.push(rule(ABORT, "").abort_incomplete_multipart_upload(abort).build()?);
        }
        if let Some(days) = self.old_versions_days {
            let old = s3::NoncurrentVersionExpiration::builder().noncurrent_days(days).build();
            // A delete marker that hides nothing any more goes too.
            let markers = s3::LifecycleExpiration::builder().expired_object_delete_marker(true).build();
            rules.push(rule(OLD, "").noncurrent_version_expiration(old).expiration(markers).build()?);
        }
        for expiry in &self.expire {
            let expiration = s3::LifecycleExpiration::builder().days(expiry.days).build();
            rules.push(rule(&expiry.id(), &expiry.prefix).expiration(expiration).build()?);
        }
        Ok(rules)
    }

    /// Reads the rules that S3 keeps. A rule counts only when it is exactly what arqsite writes.
    pub(super) fn read(rules: &[s3::LifecycleRule]) -> Self {
        let mut read = Self::default();
        for rule in rules {
            let seen = Self::of(rule);
            let exact = seen.rules().is_ok_and(|written| written.first() == Some(&plain(rule)));
            if !exact {
                read.others.push(rule.id().unwrap_or_default().to_owned());
                continue;
            }
            read.unfinished_days = read.unfinished_days.or(seen.unfinished_days);
            read.old_versions_days = read.old_versions_days.or(seen.old_versions_days);
            read.expire.extend(seen.expire);
        }
        read.expire.sort();
        read.others.sort();
        read
    }

    /// What one rule would be if it were ours.
    fn of(rule: &s3::LifecycleRule) -> Self {
        let abort = rule.abort_incomplete_multipart_upload().and_then(|abort| abort.days_after_initiation());
        let old = rule.noncurrent_version_expiration().and_then(|old| old.noncurrent_days());
        let days = rule.expiration().and_then(|expiration| expiration.days());
        let prefix = rule.filter().and_then(|filter| filter.prefix()).unwrap_or_default().to_owned();
        let expire = days.map(|days| Expiry { prefix, days }).into_iter().collect();
        Self { unfinished_days: abort, old_versions_days: old, expire, others: Vec::new() }
    }
}

impl Expiry {
    fn id(&self) -> String {
        if self.prefix.is_empty() { "expire".to_owned() } else { format!("expire-{}", self.prefix) }
    }
}

fn rule(id: &str, prefix: &str) -> s3::builders::LifecycleRuleBuilder {
    let filter = s3::LifecycleRuleFilter::builder().prefix(prefix).build();
    s3::LifecycleRule::builder().id(id).filter(filter).status(s3::ExpirationStatus::Enabled)
}

/// The same rule without what says nothing: S3 may leave an empty prefix out, and say `false`
/// where a builder leaves a flag out.
fn plain(rule: &s3::LifecycleRule) -> s3::LifecycleRule {
    let mut rule = rule.clone();
    if let Some(filter) = rule.filter.as_mut() {
        filter.prefix.get_or_insert_default();
    }
    if let Some(expiration) = rule.expiration.as_mut() {
        expiration.expired_object_delete_marker = expiration.expired_object_delete_marker.filter(|on| *on);
    }
    rule.transitions = rule.transitions.filter(|transitions| !transitions.is_empty());
    rule.noncurrent_version_transitions = rule.noncurrent_version_transitions.filter(|t| !t.is_empty());
    rule
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn full() -> Lifecycle {
        let expire = vec![Expiry { prefix: "edge/".into(), days: 30 }, Expiry { prefix: "trail/".into(), days: 365 }];
        Lifecycle { expire, ..Lifecycle::keep_versions(30) }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for lifecycle in [full(), Lifecycle::default(), Lifecycle::keep(), Lifecycle::expire_all(400)] {
            assert_eq!(Lifecycle::read(&lifecycle.rules().unwrap()), lifecycle);
        }
    }

    #[test]
    fn a_rule_of_somebody_else_is_named() {
        let mut rules = full().rules().unwrap();
        rules[0].status = s3::ExpirationStatus::Disabled;
        let read = Lifecycle::read(&rules);
        assert_eq!((read.unfinished_days, read.others), (None, vec![ABORT.to_owned()]));
    }

    #[test]
    fn a_filter_that_narrows_a_rule_is_not_ours() {
        let mut rules = Lifecycle::keep_versions(30).rules().unwrap();
        rules[1].filter = Some(s3::LifecycleRuleFilter::builder().prefix("").object_size_less_than(5).build());
        assert_eq!(Lifecycle::read(&rules).others, [OLD]);
    }

    #[test]
    fn an_empty_prefix_may_be_left_out() {
        let mut rules = Lifecycle::keep().rules().unwrap();
        rules[0].filter = Some(s3::LifecycleRuleFilter::builder().build());
        assert_eq!(Lifecycle::read(&rules), Lifecycle::keep());
    }
}
