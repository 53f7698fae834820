//! What tells how the site is doing, and what keeps a record of it.

pub mod cloudtrail_trail;
pub mod cloudwatch_alarm;
pub mod cloudwatch_dashboard;
pub mod logs_delivery;
pub mod sns_subscription;
pub mod sns_topic;

use super::{EDGE_REGION, Names, Place};

/// The region of a place, as it stands in ARNs.
fn region(names: &Names, place: Place) -> &str {
    match place {
        Place::Home => &names.region,
        Place::Edge => EDGE_REGION,
    }
}
