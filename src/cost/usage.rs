//! How much of everything a site uses: idle, and with a typical small traffic.

use serde::Serialize;

use super::component::Component;
use super::money::{Amount, apart};

/// Hours of a month, as AWS's own calculator counts them.
const HOURS: u64 = 730;

/// The traffic of a month for the second column, and what is stored in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumptions {
    /// Pages that are looked at.
    pub page_views: u64,
    /// Requests for a page and all that is on it.
    pub requests_per_page: u64,
    /// Thousandths of a GB that a page and all that is on it weighs.
    pub page_weight: u64,
    /// Of so many requests one reaches the bucket; the others are in a cache.
    pub cached: u64,
    /// Requests to the API.
    pub api_requests: u64,
    /// Milliseconds that one of them takes.
    pub api_ms: u64,
    /// GB in the buckets, all together.
    pub files_gb: u64,
    /// Thousandths of a GB in the tables, all together.
    pub documents: u64,
    /// GB in a database.
    pub rows_gb: u64,
    /// Hours in which a database is not paused, at half an ACU.
    pub database_hours: u64,
    /// Times that something is published.
    pub publishes: u64,
    /// Thousandths of a GB of logs.
    pub logs: u64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            page_views: 100_000,
            requests_per_page: 10,
            page_weight: 1,
            cached: 10,
            api_requests: 10_000,
            api_ms: 100,
            files_gb: 1,
            documents: 100,
            rows_gb: 1,
            database_hours: 60,
            publishes: 20,
            logs: 500,
        }
    }
}

/// Calls to the edge store for one publish: the keys of a small release, the pointer, and a look.
const STORE_CALLS: u64 = 10;
/// Objects that one publish writes.
const PUTS: u64 = 50;
/// Reads and writes of storage for one request to an API with a database.
const IO: u64 = 10;

impl Assumptions {
    /// Requests that reach the edge.
    pub(super) fn edge_requests(&self) -> u64 {
        self.page_views.saturating_mul(self.requests_per_page).saturating_add(self.api_requests)
    }

    /// The traffic in a few words: `100,000 page views and 10,000 API requests`.
    pub(super) fn traffic(&self, api: bool) -> String {
        let pages = format!("{} page views", apart(self.page_views));
        if api { format!("{pages} and {} API requests", apart(self.api_requests)) } else { pages }
    }

    /// Sentences that say it all.
    pub(super) fn sentences(&self) -> Vec<String> {
        vec![
            format!(
                "Typical is {} page views a month with {} requests and {} MB each, {} requests to the API of {} ms, \
                 and {} publishes; idle is none of these.",
                apart(self.page_views),
                self.requests_per_page,
                self.page_weight,
                apart(self.api_requests),
                self.api_ms,
                self.publishes
            ),
            format!(
                "Stored is {} GB in buckets, {} GB of documents and {} GB in a database, also when idle.",
                self.files_gb,
                Amount::thousandths(self.documents),
                self.rows_gb
            ),
            format!("A database that may pause is awake for {} hours a month, at half an ACU.", self.database_hours),
            "What is free every month is counted as if the account had nothing else; what is free for new accounts \
             only is not counted."
                .into(),
            format!("A month has {HOURS} hours. Taxes and a domain's registration are not included."),
        ]
    }
}

/// How much of a row of the price table is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    pub(super) row: &'static str,
    pub(super) idle: Amount,
    pub(super) typical: Amount,
}

/// Used all the same, idle or not.
fn always(row: &'static str, amount: Amount) -> Usage {
    Usage { row, idle: amount, typical: amount }
}

/// Used by visitors only.
fn visited(row: &'static str, amount: Amount) -> Usage {
    Usage { row, idle: Amount::default(), typical: amount }
}

/// What these components use together. Traffic and what is stored count once, however many
/// components share it.
pub(super) fn usage(components: &[Component], assume: &Assumptions) -> Vec<Usage> {
    let mut all = Vec::<Usage>::new();
    let mut seen = Vec::<&Component>::new();
    for component in components {
        all.extend(each(component, assume));
        let same = |other: &&Component| std::mem::discriminant(*other) == std::mem::discriminant(component);
        if !seen.iter().any(same) {
            seen.push(component);
            all.extend(together(component, assume));
        }
    }
    all
}

/// What every component uses of its own.
fn each(component: &Component, assume: &Assumptions) -> Vec<Usage> {
    let one = |row| vec![always(row, Amount::of(1))];
    let hours = |row, of: u64| vec![always(row, Amount::of(of.saturating_mul(HOURS)))];
    match component {
        Component::HostedZone => one("route53.zone"),
        Component::WebAcl { rules } => [one("waf.acl"), vec![always("waf.rule", Amount::of(*rules))]].concat(),
        Component::Database { min_half_acu } => {
            [one("secretsmanager.secret"), vec![capacity(*min_half_acu, assume)]].concat()
        }
        Component::NatGateway => hours("ec2.nat_hour", 1),
        Component::ElasticIp => hours("ec2.address", 1),
        Component::InterfaceEndpoint { zones } => hours("ec2.endpoint_hour", *zones),
        Component::Secret => one("secretsmanager.secret"),
        Component::Alarm => one("cloudwatch.alarm"),
        Component::Dashboard => one("cloudwatch.dashboard"),
        Component::Trail => one("cloudtrail.event"),
        Component::Schedule => vec![always("scheduler.run", Amount::of(HOURS))],
        _ => Vec::new(),
    }
}

/// ACU-hours: half an ACU is half of one.
fn capacity(min_half_acu: u64, assume: &Assumptions) -> Usage {
    let hours = |half_acu: u64, hours: u64| Amount::thousandths(half_acu.saturating_mul(hours).saturating_mul(500));
    match min_half_acu {
        0 => visited("aurora.compute", hours(1, assume.database_hours)),
        min => always("aurora.compute", hours(min, HOURS)),
    }
}

/// What all components of a sort use together.
fn together(component: &Component, assume: &Assumptions) -> Vec<Usage> {
    let (requests, api) = (assume.edge_requests(), assume.api_requests);
    let calls = |row, number| visited(row, Amount::of(number));
    match component {
        Component::StaticSite => vec![
            visited("cloudfront.data", Amount::thousandths(assume.page_views.saturating_mul(assume.page_weight))),
            calls("cloudfront.request", requests),
            // One for the request and one for the response; the pointer and the path are read.
            calls("cloudfront.function", requests.saturating_mul(2)),
            calls("cloudfront.store_read", requests.saturating_sub(api).saturating_mul(2)),
            calls("cloudfront.store_call", assume.publishes.saturating_mul(STORE_CALLS)),
        ],
        Component::WebAcl { .. } => vec![calls("waf.request", requests)],
        Component::Bucket => vec![
            always("s3.storage", Amount::of(assume.files_gb)),
            calls("s3.put", assume.publishes.saturating_mul(PUTS)),
            calls("s3.get", requests.saturating_sub(api) / assume.cached.max(1)),
        ],
        Component::Api => vec![calls("apigateway.request", api)],
        Component::Function { memory } => vec![calls("lambda.request", api), computed(*memory, assume)],
        Component::Table => vec![
            calls("dynamodb.write", api),
            calls("dynamodb.read", api),
            always("dynamodb.storage", Amount::thousandths(assume.documents)),
            always("dynamodb.backup", Amount::thousandths(assume.documents)),
        ],
        Component::Database { .. } => {
            vec![always("aurora.storage", Amount::of(assume.rows_gb)), calls("aurora.io", api.saturating_mul(IO))]
        }
        Component::NatGateway => vec![visited("ec2.nat_data", Amount::of(1))],
        Component::InterfaceEndpoint { .. } => vec![visited("ec2.endpoint_data", Amount::of(1))],
        Component::Secret => vec![calls("secretsmanager.call", api / 10)],
        Component::LogGroup => vec![visited("cloudwatch.logs", Amount::thousandths(assume.logs))],
        Component::EventRule => vec![calls("events.event", api)],
        Component::Topic => vec![calls("sns.mail", 100)],
        _ => Vec::new(),
    }
}

/// GB-seconds: MB times milliseconds are millionths of a thousand and twenty-four of them.
fn computed(memory: u64, assume: &Assumptions) -> Usage {
    let mb_ms = assume.api_requests.saturating_mul(assume.api_ms).saturating_mul(memory);
    visited("lambda.compute", Amount::thousandths(mb_ms / 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_counted_once_and_things_one_by_one() {
        let all =
            usage(&[Component::Bucket, Component::Bucket, Component::Alarm, Component::Alarm], &Assumptions::default());
        let count = |row| all.iter().filter(|usage| usage.row == row).count();
        assert_eq!((count("s3.storage"), count("cloudwatch.alarm")), (1, 2));
    }

    #[test]
    fn a_gb_for_a_second_is_a_gb_second() {
        let assume = Assumptions { api_requests: 1, api_ms: 1000, ..Assumptions::default() };
        assert_eq!(computed(1024, &assume).typical, Amount::of(1));
        assert_eq!(capacity(1, &assume).idle, Amount::of(365));
    }
}
