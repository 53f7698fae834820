//! What it costs a month, line by line.

use serde::Serialize;

use super::component::Component;
use super::money::{Amount, Money};
use super::prices::{self, Price, price};
use super::region::{self, Factor, factor};
use super::usage::{Assumptions, Usage, usage};

/// What a site costs a month.
///
/// As JSON, money is in millionths of a dollar, and quantities are in thousandths of their unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// One for every row of the price table that is used.
    pub lines: Vec<Line>,
    /// All lines together when nobody visits.
    pub idle: Money,
    /// All lines together with the typical traffic.
    pub typical: Money,
    /// What the typical traffic is, in a few words.
    pub traffic: String,
    /// What was assumed, in sentences.
    pub assumptions: Vec<String>,
    /// The region.
    pub region: String,
    /// When the price table was put together.
    pub dated: &'static str,
}

/// What one row of the price table comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The service.
    pub part: &'static str,
    /// What is counted.
    pub what: &'static str,
    /// The row of [`prices::PRICES`].
    pub row: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// The price, for so many units as `per` says.
    pub unit_price: Money,
    /// How many units the price is for.
    pub per: u64,
    /// Units a month that cost nothing.
    pub free: u64,
    /// How much is used when nobody visits, what is free included.
    pub idle_quantity: Amount,
    /// How much is used with the typical traffic, what is free included.
    pub typical_quantity: Amount,
    /// What it costs a month when nobody visits.
    pub idle: Money,
    /// What it costs a month with the typical traffic.
    pub typical: Money,
    /// Where the price is published.
    pub source: &'static str,
    /// How far the price can be trusted.
    pub verified: Trust,
}

/// How far a price can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// It was seen in a published text when the table was made.
    Seen,
    /// It is from general knowledge.
    Unverified,
    /// It is the price of us-east-1 times a rough factor of the region.
    Estimate,
    /// It is the price of us-east-1; the region's is not known.
    OtherRegion,
}

impl Trust {
    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Unverified => "unverified",
            Self::Estimate => "estimate",
            Self::OtherRegion => "price of us-east-1",
        }
    }
}

/// What `components` cost a month in `region`.
pub fn estimate(components: &[Component], region: &str, assume: &Assumptions) -> Estimate {
    let used = by_row(usage(components, assume));
    let factor = factor(region);
    let lines: Vec<Line> = used.iter().filter_map(|usage| Some(line(usage, price(usage.row)?, factor))).collect();
    Estimate {
        idle: lines.iter().map(|line| line.idle).sum(),
        typical: lines.iter().map(|line| line.typical).sum(),
        lines,
        traffic: assume.traffic(components.contains(&Component::Api)),
        assumptions: assume.sentences().into_iter().chain([about_prices(region, factor)]).collect(),
        region: region.to_owned(),
        dated: prices::DATED,
    }
}

/// Usage of the same row together, since what is free is free once; in the order of the table.
fn by_row(all: Vec<Usage>) -> Vec<Usage> {
    let mut rows = Vec::<Usage>::new();
    for usage in all {
        match rows.iter_mut().find(|other| other.row == usage.row) {
            Some(row) => (row.idle, row.typical) = (row.idle + usage.idle, row.typical + usage.typical),
            None => rows.push(usage),
        }
    }
    let place = |usage: &Usage| prices::PRICES.iter().position(|price| price.row == usage.row);
    rows.sort_by_key(place);
    rows
}

fn line(usage: &Usage, price: &Price, factor: Factor) -> Line {
    let (unit_price, verified) = in_region(price, factor);
    let costs = |amount: Amount| amount.beyond(price.free).at(unit_price, price.per);
    Line {
        part: price.service,
        what: price.what,
        row: price.row,
        unit: price.unit,
        unit_price,
        per: price.per,
        free: price.free,
        idle_quantity: usage.idle,
        typical_quantity: usage.typical,
        idle: costs(usage.idle),
        typical: costs(usage.typical),
        source: price.source,
        verified,
    }
}

fn in_region(price: &Price, factor: Factor) -> (Money, Trust) {
    let own = if price.seen { Trust::Seen } else { Trust::Unverified };
    match factor {
        _ if !price.regional => (price.price, own),
        Factor::Table => (price.price, own),
        Factor::About(thousandths) => (Amount::thousandths(thousandths).at(price.price, 1), Trust::Estimate),
        Factor::Unknown => (price.price, Trust::OtherRegion),
    }
}

fn about_prices(region: &str, factor: Factor) -> String {
    let table = format!("Prices are those of {} of {}", prices::REGION, prices::DATED);
    match factor {
        Factor::Table => format!("{table}; what is marked unverified was not seen on a price page."),
        Factor::About(thousandths) => format!(
            "{table}, times {} for {region}, which is a rough estimate of {}; services that cost the same everywhere \
             are not multiplied.",
            Amount::thousandths(thousandths),
            region::DATED
        ),
        Factor::Unknown => format!("{table}; how those of {region} differ is not known here."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(components: &[Component]) -> Estimate {
        estimate(components, "us-east-1", &Assumptions::default())
    }

    fn line<'a>(estimate: &'a Estimate, row: &str) -> &'a Line {
        estimate.lines.iter().find(|line| line.row == row).unwrap()
    }

    fn is_sound(estimate: &Estimate) {
        assert_eq!(estimate.idle, estimate.lines.iter().map(|line| line.idle).sum());
        assert_eq!(estimate.typical, estimate.lines.iter().map(|line| line.typical).sum());
        assert!(estimate.lines.iter().all(|line| price(line.row).is_some() && line.typical >= line.idle));
    }

    fn with_api() -> Vec<Component> {
        let mut all = vec![Component::StaticSite, Component::HostedZone, Component::WebAcl { rules: 3 }];
        all.extend([Component::Bucket, Component::Api, Component::Function { memory: 256 }, Component::Table]);
        all
    }

    fn everything() -> Vec<Component> {
        let mut all = with_api();
        all.extend([Component::Database { min_half_acu: 0 }, Component::NatGateway, Component::ElasticIp]);
        all.extend([Component::InterfaceEndpoint { zones: 2 }, Component::Secret, Component::Dashboard]);
        all.extend([Component::LogGroup, Component::Trail, Component::Schedule, Component::EventRule]);
        all.extend(std::iter::repeat_n(Component::Alarm, 12));
        all.push(Component::Topic);
        all
    }

    #[test]
    fn a_static_site_without_a_domain_costs_cents() {
        let estimate = of(&[Component::StaticSite, Component::Bucket]);
        is_sound(&estimate);
        assert_eq!((estimate.idle.to_string().as_str(), estimate.traffic.as_str()), ("$0.02", "100,000 page views"));
        assert!(estimate.typical < Money::micros(1_000_000), "{}", estimate.typical);
    }

    #[test]
    fn with_a_domain_a_firewall_and_an_api_it_is_mostly_the_firewall() {
        let estimate = of(&with_api());
        is_sound(&estimate);
        assert_eq!((estimate.idle.to_string(), estimate.typical.to_string()), ("$8.54".into(), "$9.47".into()));
        assert_eq!(line(&estimate, "waf.rule").idle.to_string(), "$3.00");
        assert_eq!(line(&estimate, "lambda.compute").typical, Money::default());
    }

    #[test]
    fn with_everything_every_component_has_its_line() {
        let estimate = of(&everything());
        is_sound(&estimate);
        assert_eq!(estimate.lines.len(), prices::PRICES.len(), "a row that nothing uses");
        assert_eq!(line(&estimate, "ec2.endpoint_hour").idle.to_string(), "$14.60");
        assert_eq!((line(&estimate, "ec2.nat_hour").idle + line(&estimate, "ec2.address").idle).to_string(), "$36.50");
        assert_eq!(line(&estimate, "cloudwatch.alarm").idle.to_string(), "$0.20");
        assert_eq!(line(&estimate, "cloudwatch.dashboard").idle, Money::default());
        assert_eq!(line(&estimate, "secretsmanager.secret").idle.to_string(), "$0.80");
        assert_eq!(line(&estimate, "aurora.compute").idle, Money::default());
    }

    #[test]
    fn a_database_that_never_pauses_costs_its_least_capacity() {
        let estimate = of(&[Component::Database { min_half_acu: 1 }]);
        assert_eq!(line(&estimate, "aurora.compute").idle.to_string(), "$43.80");
    }

    #[test]
    fn another_region_is_an_estimate_and_an_unknown_one_says_so() {
        let all = [Component::HostedZone, Component::Secret];
        let there = estimate(&all, "sa-east-1", &Assumptions::default());
        let secret = line(&there, "secretsmanager.secret");
        assert_eq!((secret.idle.to_string().as_str(), secret.verified), ("$0.64", Trust::Estimate));
        assert_eq!(line(&there, "route53.zone").verified, Trust::Seen);
        let nowhere = estimate(&all, "mars-north-1", &Assumptions::default());
        assert_eq!(line(&nowhere, "secretsmanager.secret").verified, Trust::OtherRegion);
        assert!(nowhere.assumptions.last().unwrap().contains("mars-north-1"));
    }

    #[test]
    fn as_json_money_is_a_whole_number() {
        let json = serde_json::to_value(of(&[Component::HostedZone])).unwrap();
        assert_eq!((&json["idle"], &json["lines"][0]["verified"]), (&500_000.into(), &"seen".into()));
    }
}
