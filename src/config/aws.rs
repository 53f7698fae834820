//! `[aws]`: where the account's regional parts live.

use serde::{Deserialize, Serialize};

use super::Fault;

/// The `[aws]` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// Region of the bucket, the API and the tables. Without it, that of the AWS profile.
    pub region: Option<String>,
}

impl Aws {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        let Some(region) = &self.region else { return };
        let shape = region.split('-').count() >= 3
            && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && region.ends_with(|c: char| c.is_ascii_digit());
        if !shape {
            faults.push(Fault::new("aws.region", format!("\"{region}\" is not a region such as \"eu-west-1\"")));
        }
    }
}
