//! `[releases]`: how many of them stay, and how each is tried.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Fault;

/// How many may be kept. Each cleaning reads the manifests of those that are kept.
const KEEP: RangeInclusive<usize> = 1..=100;
/// The longest time for which everything that was live is kept, in days.
const DAYS: u32 = 365;
/// Most pages that are asked for.
const CHECK: usize = 100;

/// The `[releases]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Releases {
    /// How many of the last releases stay, so that each can be live again.
    pub keep: usize,
    /// What was live in so many last days stays too.
    pub days: u32,
    /// How many pages are asked for before and after a release becomes live; 0 for none.
    pub check: usize,
}

impl Default for Releases {
    fn default() -> Self {
        Self { keep: 10, days: 7, check: 10 }
    }
}

impl Releases {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        if !KEEP.contains(&self.keep) {
            let (least, most) = (KEEP.start(), KEEP.end());
            faults.push(Fault::new("releases.keep", format!("{} is not from {least} to {most}", self.keep)));
        }
        if self.days > DAYS {
            faults.push(Fault::new("releases.days", format!("{} is more than {DAYS}", self.days)));
        }
        if self.check > CHECK {
            faults.push(Fault::new("releases.check", format!("{} is more than {CHECK}", self.check)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_named() {
        let faults = |releases: Releases| {
            let mut faults = Vec::new();
            releases.validate(&mut faults);
            faults.into_iter().map(|fault| fault.key).collect::<Vec<_>>()
        };
        assert_eq!(faults(Releases::default()), [""; 0]);
        assert_eq!(faults(Releases { keep: 1, days: 0, check: 0 }), [""; 0]);
        let all = Releases { keep: 0, days: 366, check: 101 };
        assert_eq!(faults(all), ["releases.keep", "releases.days", "releases.check"]);
    }
}
