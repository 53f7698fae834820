//! `[observe]`: what is kept of what happened.

use serde::{Deserialize, Serialize};

use super::Fault;

/// The retentions that CloudWatch Logs accepts, in days.
///
/// Source: CloudWatch Logs API reference, PutRetentionPolicy.
const RETENTIONS: [u16; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The `[observe]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// Days that logs are kept.
    pub retention_days: u16,
    /// Mail address that alarms are sent to.
    pub notify: Option<String>,
    /// Whether CloudTrail records what is done in the account.
    pub audit: bool,
}

impl Default for Observe {
    fn default() -> Self {
        Self { retention_days: 30, notify: None, audit: true }
    }
}

impl Observe {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        if let Some(address) = &self.notify
            && !address.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && host.contains('.') && !address.contains(char::is_whitespace)
            })
        {
            faults.push(Fault::new("observe.notify", format!("\"{address}\" is no mail address")));
        }
        if !RETENTIONS.contains(&self.retention_days) {
            faults.push(Fault::new(
                "observe.retention_days",
                format!(
                    "{} is not a number of days that CloudWatch Logs keeps; the nearest is {}",
                    self.retention_days,
                    nearest(self.retention_days)
                ),
            ));
        }
    }
}

fn nearest(days: u16) -> u16 {
    RETENTIONS.into_iter().min_by_key(|d| d.abs_diff(days)).unwrap_or(30)
}
