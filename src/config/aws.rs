//! `[aws]`: where the account's regional parts live.

use serde::{Deserialize, Serialize};

use super::Fault;

/// The `[aws]` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// Region of the bucket, the API and the tables. Without it, that of the AWS profile.
    pub region: Option<String>,
    /// Who keeps the records of `site.domain`.
    pub dns: Dns,
    /// Id of an existing hosted zone that the records may be added to.
    pub zone: Option<String>,
}

/// Who keeps a domain's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dns {
    /// Route 53, in the same account.
    #[default]
    Route53,
    /// Somebody else: the records are printed.
    Manual,
}

impl Aws {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        if let Some(zone) = &self.zone
            && !(zone.starts_with('Z') && zone.len() <= 32 && zone.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            faults.push(Fault::new(
                "aws.zone",
                format!("\"{zone}\" is no id of a hosted zone, such as \"Z0123456789ABC\""),
            ));
        }
        let Some(region) = &self.region else { return };
        let shape = region.split('-').count() >= 3
            && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && region.ends_with(|c: char| c.is_ascii_digit());
        if !shape {
            faults.push(Fault::new("aws.region", format!("\"{region}\" is not a region such as \"eu-west-1\"")));
        }
    }
}
