//! What everything is called: deterministic, so that an interrupted run is found again.

use crate::config::PRODUCTION;

/// Names and tags of one site and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `site.name`.
    pub site: String,
    /// The stage.
    pub stage: String,
    /// 12 digits.
    pub account: String,
    /// Region of the bucket, the API and the tables.
    pub region: String,
}

/// Tag that says which site a resource belongs to.
pub const SITE_TAG: &str = "arqsite:site";
/// Tag that says which stage a resource belongs to.
pub const STAGE_TAG: &str = "arqsite:stage";

impl Names {
    /// Names in this account and region.
    pub fn new(site: &str, stage: &str, account: &str, region: &str) -> Self {
        Self { site: site.into(), stage: stage.into(), account: account.into(), region: region.into() }
    }

    /// What every name begins with: the site's name, and the stage's unless it is production.
    pub fn prefix(&self) -> String {
        if self.stage == PRODUCTION { self.site.clone() } else { format!("{}-{}", self.site, self.stage) }
    }

    /// The site bucket. Bucket names are global, so the account's id is part of it.
    pub fn bucket(&self) -> String {
        format!("{}-site-{}", self.prefix(), self.account)
    }

    /// The bucket of uploaded files.
    pub fn files_bucket(&self) -> String {
        format!("{}-files-{}", self.prefix(), self.account)
    }

    /// The bucket of logs.
    pub fn logs_bucket(&self) -> String {
        format!("{}-logs-{}", self.prefix(), self.account)
    }

    /// Name of one part, `<prefix>-<part>`.
    pub fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.prefix())
    }

    /// The two tags that mark a resource as made by arqsite for this site and stage.
    pub fn tags(&self) -> [(&'static str, &str); 2] {
        [(SITE_TAG, &self.site), (STAGE_TAG, &self.stage)]
    }

    /// The mark in the description of what cannot be tagged, and in that of the distribution,
    /// whose summary has no tags.
    pub fn mark(&self) -> String {
        format!("arqsite {} ({})", self.site, self.stage)
    }

    /// Whether these tags are ours.
    pub fn owns<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        let tags: Vec<_> = tags.into_iter().collect();
        self.tags().iter().all(|tag| tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_has_the_plain_name_and_other_stages_their_own() {
        assert_eq!(Names::new("shop", "production", "1", "r").bucket(), "shop-site-1");
        assert_eq!(Names::new("shop", "preview", "1", "r").part("api"), "shop-preview-api");
    }

    #[test]
    fn tags_of_another_stage_are_not_ours() {
        let names = Names::new("shop", "production", "1", "r");
        assert!(names.owns([("x", "y"), (STAGE_TAG, "production"), (SITE_TAG, "shop")]));
        assert!(!names.owns([(STAGE_TAG, "preview"), (SITE_TAG, "shop")]));
        assert!(!names.owns([]));
    }
}
