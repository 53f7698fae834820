//! The price table: us-east-1, US dollars, without taxes.

use super::money::Money;

/// When the table was put together. Prices change; AWS's own pages count.
pub const DATED: &str = "2026-11-24";
/// The region of the prices.
pub const REGION: &str = "us-east-1";

/// What one thing costs.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// Name of the row, `<service>.<meter>`.
    pub row: &'static str,
    /// The service, as AWS names it.
    pub service: &'static str,
    /// What is counted.
    pub what: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// The price is for so many units.
    pub per: u64,
    /// The price.
    pub price: Money,
    /// Units a month that cost nothing, for the whole account, for good.
    pub free: u64,
    /// Whether it differs from region to region.
    pub regional: bool,
    /// Where the price is published.
    pub source: &'static str,
    /// Whether it was seen in a published text when the table was made; else it is from general
    /// knowledge.
    pub seen: bool,
}

/// The row of this name.
pub fn price(row: &str) -> Option<&'static Price> {
    PRICES.iter().find(|price| price.row == row)
}

/// A price that is the same everywhere, and was seen.
const fn global(row: &'static str, service: &'static str, what: &'static str, unit: &'static str) -> Price {
    let price = Money::micros(0);
    Price { row, service, what, unit, per: 1, price, free: 0, regional: false, source: "", seen: true }
}

/// A price of the region, seen.
const fn regional(row: &'static str, service: &'static str, what: &'static str, unit: &'static str) -> Price {
    Price { regional: true, ..global(row, service, what, unit) }
}

impl Price {
    /// In millionths of a dollar, for so many units.
    const fn at(self, micros: u64, per: u64, source: &'static str) -> Self {
        Self { price: Money::micros(micros), per, source, ..self }
    }

    const fn free(self, units: u64) -> Self {
        Self { free: units, ..self }
    }

    const fn unseen(self) -> Self {
        Self { seen: false, ..self }
    }
}

const ROUTE53: &str = "https://aws.amazon.com/route53/pricing/";
const CLOUDFRONT: &str = "https://aws.amazon.com/cloudfront/pricing/";
const WAF: &str = "https://aws.amazon.com/waf/pricing/";
const S3: &str = "https://aws.amazon.com/s3/pricing/";
const API_GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/";
const LAMBDA: &str = "https://aws.amazon.com/lambda/pricing/";
const DYNAMODB: &str = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const AURORA: &str = "https://aws.amazon.com/rds/aurora/pricing/";
const VPC: &str = "https://aws.amazon.com/vpc/pricing/";
const ENDPOINTS: &str = "https://aws.amazon.com/privatelink/pricing/";
const SECRETS: &str = "https://aws.amazon.com/secrets-manager/pricing/";
const CLOUDWATCH: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const EVENTBRIDGE: &str = "https://aws.amazon.com/eventbridge/pricing/";
const SNS: &str = "https://aws.amazon.com/sns/pricing/";
const CLOUDTRAIL: &str = "https://aws.amazon.com/cloudtrail/pricing/";

const MILLION: u64 = 1_000_000;

/// Every row, by service in the order of the way that a request takes.
pub const PRICES: &[Price] = &[
    global("route53.zone", "Route 53", "hosted zone", "zone").at(500_000, 1, ROUTE53),
    global("cloudfront.data", "CloudFront", "data to visitors", "GB").at(85_000, 1, CLOUDFRONT).free(1000).unseen(),
    global("cloudfront.request", "CloudFront", "requests", "request")
        .at(1_000_000, MILLION, CLOUDFRONT)
        .free(10 * MILLION)
        .unseen(),
    global("cloudfront.function", "CloudFront", "runs of the edge function", "run")
        .at(100_000, MILLION, CLOUDFRONT)
        .free(2 * MILLION),
    global("cloudfront.store_read", "CloudFront", "reads of the edge store", "read").at(30_000, MILLION, CLOUDFRONT),
    global("cloudfront.store_call", "CloudFront", "calls to change the edge store", "call")
        .at(1_000_000, 1000, CLOUDFRONT),
    global("waf.acl", "WAF", "web ACL", "ACL").at(5_000_000, 1, WAF),
    global("waf.rule", "WAF", "rules", "rule").at(1_000_000, 1, WAF),
    global("waf.request", "WAF", "requests looked at", "request").at(600_000, MILLION, WAF),
    regional("s3.storage", "S3", "files, releases and logs", "GB").at(23_000, 1, S3),
    regional("s3.put", "S3", "writes", "request").at(5_000, 1000, S3).unseen(),
    regional("s3.get", "S3", "reads", "request").at(400, 1000, S3).unseen(),
    regional("apigateway.request", "API Gateway", "requests", "request").at(1_000_000, MILLION, API_GATEWAY),
    regional("lambda.request", "Lambda", "requests", "request").at(200_000, MILLION, LAMBDA).free(MILLION),
    regional("lambda.compute", "Lambda", "memory for the time it runs, on arm64", "GB-second")
        .at(13_333_400, MILLION, LAMBDA)
        .free(400_000),
    regional("dynamodb.write", "DynamoDB", "writes", "write unit").at(625_000, MILLION, DYNAMODB),
    regional("dynamodb.read", "DynamoDB", "reads", "read unit").at(125_000, MILLION, DYNAMODB),
    regional("dynamodb.storage", "DynamoDB", "documents", "GB").at(250_000, 1, DYNAMODB).free(25),
    regional("dynamodb.backup", "DynamoDB", "point-in-time recovery", "GB").at(200_000, 1, DYNAMODB).unseen(),
    regional("aurora.compute", "Aurora", "capacity", "ACU-hour").at(120_000, 1, AURORA),
    regional("aurora.storage", "Aurora", "rows and indexes", "GB").at(100_000, 1, AURORA),
    regional("aurora.io", "Aurora", "reads and writes of storage", "I/O").at(200_000, MILLION, AURORA),
    regional("ec2.nat_hour", "VPC", "NAT gateway", "hour").at(45_000, 1, VPC),
    regional("ec2.nat_data", "VPC", "data through the NAT gateway", "GB").at(45_000, 1, VPC),
    regional("ec2.address", "VPC", "public IPv4 address", "hour").at(5_000, 1, VPC),
    regional("ec2.endpoint_hour", "VPC", "interface endpoints", "hour").at(10_000, 1, ENDPOINTS),
    regional("ec2.endpoint_data", "VPC", "data through interface endpoints", "GB").at(10_000, 1, ENDPOINTS),
    regional("secretsmanager.secret", "Secrets Manager", "secrets", "secret").at(400_000, 1, SECRETS),
    regional("secretsmanager.call", "Secrets Manager", "reads", "call").at(50_000, 10_000, SECRETS),
    regional("cloudwatch.alarm", "CloudWatch", "alarms", "alarm").at(100_000, 1, CLOUDWATCH).free(10),
    regional("cloudwatch.dashboard", "CloudWatch", "dashboards", "dashboard")
        .at(3_000_000, 1, CLOUDWATCH)
        .free(3)
        .unseen(),
    regional("cloudwatch.logs", "CloudWatch", "logs", "GB").at(500_000, 1, CLOUDWATCH).free(5),
    regional("cloudtrail.event", "CloudTrail", "first trail of management events", "trail")
        .at(0, 1, CLOUDTRAIL)
        .unseen(),
    regional("scheduler.run", "EventBridge", "runs of schedules", "run")
        .at(1_000_000, MILLION, EVENTBRIDGE)
        .free(14 * MILLION)
        .unseen(),
    regional("events.event", "EventBridge", "events of AWS services", "event").at(0, MILLION, EVENTBRIDGE).unseen(),
    regional("sns.mail", "SNS", "mails", "mail").at(20, 1, SNS).free(1000).unseen(),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_a_source() {
        let rows: BTreeSet<_> = PRICES.iter().map(|price| price.row).collect();
        assert_eq!(rows.len(), PRICES.len());
        assert!(PRICES.iter().all(|price| price.per > 0 && price.source.starts_with("https://aws.amazon.com/")));
        assert_eq!(price("waf.rule").unwrap().price, Money::micros(1_000_000));
        assert!(price("waf.nothing").is_none());
    }
}
