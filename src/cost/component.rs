//! What of a site costs money, told from its resources.

use serde::Serialize;
use serde_json::Value;

/// Something that costs money, or would if it were used more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "component", rename_all = "snake_case")]
pub enum Component {
    /// A distribution with its edge function and store.
    StaticSite,
    /// A hosted zone.
    HostedZone,
    /// A web ACL.
    WebAcl {
        /// How many rules it has.
        rules: u64,
    },
    /// A bucket.
    Bucket,
    /// An HTTP API.
    Api,
    /// A function.
    Function {
        /// Its memory in MB.
        memory: u64,
    },
    /// A table with point-in-time recovery.
    Table,
    /// An Aurora Serverless v2 cluster with a managed master secret.
    Database {
        /// The least capacity in halves of an ACU; with 0 it pauses when idle.
        min_half_acu: u64,
    },
    /// A NAT gateway, which is in one zone.
    NatGateway,
    /// A public IPv4 address.
    ElasticIp,
    /// An interface endpoint.
    InterfaceEndpoint {
        /// In how many zones it is.
        zones: u64,
    },
    /// A secret.
    Secret,
    /// An alarm of standard resolution.
    Alarm,
    /// A dashboard.
    Dashboard,
    /// A log group.
    LogGroup,
    /// A trail.
    Trail,
    /// A schedule.
    Schedule,
    /// A rule for events of AWS services.
    EventRule,
    /// A topic that mails.
    Topic,
}

/// Memory of a function whose spec does not say it.
const MEMORY: u64 = 256;

/// The components among these resources, each given as its kind and its spec. What is not listed
/// costs nothing.
pub fn components_of<'a>(resources: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Component> {
    resources.into_iter().filter_map(|(kind, spec)| component_of(kind, &spec)).collect()
}

fn component_of(kind: &str, spec: &Value) -> Option<Component> {
    let number = |field: &str| spec.get(field).and_then(Value::as_u64);
    let length = |field: &str| spec.get(field).and_then(Value::as_array).map_or(0, |list| list.len() as u64);
    Some(match kind {
        "cloudfront.distribution" => Component::StaticSite,
        "route53.zone" => Component::HostedZone,
        "wafv2.web_acl" => Component::WebAcl { rules: length("rules") },
        "s3.bucket" => Component::Bucket,
        "apigateway.api" => Component::Api,
        "lambda.function" => Component::Function { memory: number("memory").unwrap_or(MEMORY) },
        "dynamodb.table" => Component::Table,
        "rds.cluster" => Component::Database { min_half_acu: number("min_half_acu").unwrap_or(0) },
        "ec2.nat_gateway" => Component::NatGateway,
        "ec2.elastic_ip" => Component::ElasticIp,
        "ec2.interface_endpoint" => Component::InterfaceEndpoint { zones: length("subnets") },
        "secretsmanager.secret" => Component::Secret,
        "cloudwatch.alarm" => Component::Alarm,
        "cloudwatch.dashboard" => Component::Dashboard,
        "logs.group" => Component::LogGroup,
        "cloudtrail.trail" => Component::Trail,
        "scheduler.schedule" => Component::Schedule,
        "events.rule" => Component::EventRule,
        "sns.topic" => Component::Topic,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_spec_says_how_much_of_a_thing_there_is() {
        let resources = [
            ("wafv2.web_acl", json!({ "rules": [{}, {}, {}] })),
            ("lambda.function", json!({ "memory": 512 })),
            ("rds.cluster", json!({ "min_half_acu": 1 })),
            ("ec2.interface_endpoint", json!({ "subnets": ["a", "b"] })),
            ("iam.role", json!({})),
            ("s3.bucket_policy", json!({})),
        ];
        let expected = [
            Component::WebAcl { rules: 3 },
            Component::Function { memory: 512 },
            Component::Database { min_half_acu: 1 },
            Component::InterfaceEndpoint { zones: 2 },
        ];
        assert_eq!(components_of(resources), expected);
    }
}
