//! `[database]`: how large the database may grow, and when it sleeps.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fault;

/// Largest capacity of a Serverless v2 instance, in ACUs.
///
/// Source: Aurora user guide, "Aurora Serverless v2 capacity".
const LARGEST: f64 = 256.0;
/// Shortest and longest idle time before the database sleeps, in seconds.
///
/// Source: RDS API reference, ServerlessV2ScalingConfiguration.
const PAUSE: std::ops::RangeInclusive<u32> = 300..=86_400;

/// The `[database]` table. There is a database when `migrations/` has a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Least capacity; 0 lets it sleep.
    pub min_acu: Capacity,
    /// Most capacity.
    pub max_acu: Capacity,
    /// Idle time after which it sleeps, when `min_acu` is 0.
    pub pause_after: Duration,
}

impl Default for Database {
    fn default() -> Self {
        Self { min_acu: Capacity(0), max_acu: Capacity(4), pause_after: Duration(300) }
    }
}

/// Aurora capacity, in halves of an ACU (about 1 GiB of memory each).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Capacity(pub u32);

impl TryFrom<f64> for Capacity {
    type Error = String;

    fn try_from(acu: f64) -> Result<Self, String> {
        let halves = acu * 2.0;
        if !(0.0..=LARGEST).contains(&acu) || halves.fract() != 0.0 {
            return Err(format!("{acu} is no capacity: 0 to {LARGEST} in steps of 0.5"));
        }
        // Checked above: a whole number of at most 512.
        Ok(Self(halves as u32))
    }
}

impl From<Capacity> for f64 {
    fn from(capacity: Capacity) -> Self {
        Self::from(capacity.0) / 2.0
    }
}

/// A length of time, written as a number with `s`, `m` or `h`; kept in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(pub u32);

impl TryFrom<String> for Duration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no length of time such as \"5m\"");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let number: u32 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s % 3600 == 0 => write!(f, "{}h", s / 3600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl Database {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        let most = f64::from(self.max_acu);
        if self.max_acu < Capacity(2) {
            faults.push(Fault::new("database.max_acu", format!("{most} is less than 1, the least that AWS allows")));
        }
        if self.min_acu > self.max_acu {
            let what = format!("{} is more than max_acu, {most}", f64::from(self.min_acu));
            faults.push(Fault::new("database.min_acu", what));
        }
        if !PAUSE.contains(&self.pause_after.0) {
            faults.push(Fault::new("database.pause_after", format!("{} is outside 5m to 24h", self.pause_after)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn capacity_is_counted_in_halves() {
        assert_eq!(Capacity::try_from(1.5), Ok(Capacity(3)));
        assert!(Capacity::try_from(0.3).is_err() && Capacity::try_from(-1.0).is_err());
        assert!(Capacity::try_from(257.0).is_err());
    }

    #[test]
    fn a_time_is_written_as_it_was_read() {
        for text in ["5m", "90s", "2h"] {
            assert_eq!(Duration::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        assert!(Duration::try_from("soon".to_owned()).is_err() && Duration::try_from(String::new()).is_err());
    }
}
