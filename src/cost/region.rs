//! How far other regions are from the prices of us-east-1.

use super::prices::REGION;

/// When the factors were put together.
pub const DATED: &str = "2026-11-24";

/// Thousandths of the price in us-east-1: one rough factor a region, from general knowledge, for
/// all services. What it gives is marked as an estimate.
pub const FACTORS: &[(&str, u64)] = &[
    ("us-east-1", 1000),
    ("us-east-2", 1000),
    ("us-west-1", 1170),
    ("us-west-2", 1000),
    ("ca-central-1", 1100),
    ("eu-central-1", 1150),
    ("eu-north-1", 1020),
    ("eu-south-2", 1100),
    ("eu-west-1", 1080),
    ("eu-west-2", 1130),
    ("eu-west-3", 1140),
    ("ap-northeast-1", 1230),
    ("ap-south-1", 1080),
    ("ap-southeast-1", 1200),
    ("ap-southeast-2", 1210),
    ("sa-east-1", 1600),
];

/// How a region's prices come from the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// They are the table's.
    Table,
    /// They are about so many thousandths of the table's.
    About(u64),
    /// It is not known how they differ.
    Unknown,
}

/// How the prices of `region` come from the table.
pub fn factor(region: &str) -> Factor {
    match FACTORS.iter().find(|(name, _)| *name == region) {
        _ if region == REGION => Factor::Table,
        Some((_, thousandths)) => Factor::About(*thousandths),
        None => Factor::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_the_tables_about_or_unknown() {
        let regions = ["us-east-1", "sa-east-1", "mars-north-1"];
        assert_eq!(regions.map(factor), [Factor::Table, Factor::About(1600), Factor::Unknown]);
    }
}
