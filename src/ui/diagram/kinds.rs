//! Where each kind of resource is drawn, and which kinds ask which.

use super::{Group, PictureBox};
use crate::deploy::Planned;

/// Id of the visitor's box.
pub(super) const VISITOR: &str = "visitor";

/// What the visitor meets first: the first of these that there is.
pub(super) const ENTRIES: &[&str] = &["route53.zone", "wafv2.web_acl", "cloudfront.distribution"];

/// Which kinds a request goes between.
pub(super) const FLOWS: &[(&str, &str)] = &[
    ("route53.zone", "wafv2.web_acl"),
    ("route53.zone", "cloudfront.distribution"),
    ("wafv2.web_acl", "cloudfront.distribution"),
    ("cloudfront.distribution", "cloudfront.function"),
    ("cloudfront.function", "cloudfront.key_value_store"),
    ("cloudfront.distribution", "s3.bucket"),
    ("cloudfront.distribution", "apigateway.api"),
    ("apigateway.api", "lambda.function"),
    ("lambda.function", "dynamodb.table"),
    ("lambda.function", "rds.cluster"),
    ("lambda.function", "secretsmanager.secret"),
];

/// Kind, group and title. What is not here is wiring, and not drawn.
const KINDS: &[(&str, Group, &str)] = &[
    ("route53.zone", Group::Dns, "Route 53 zone"),
    ("acm.certificate", Group::Dns, "Certificate"),
    ("acm.validation", Group::Dns, "Validation"),
    ("wafv2.web_acl", Group::Edge, "Firewall (WAF)"),
    ("cloudfront.distribution", Group::Edge, "CloudFront"),
    ("cloudfront.function", Group::Edge, "Edge function"),
    ("cloudfront.key_value_store", Group::Edge, "Edge store"),
    ("apigateway.api", Group::Api, "HTTP API"),
    ("lambda.function", Group::Function, "Lambda function"),
    ("dynamodb.table", Group::Data, "DynamoDB table"),
    ("secretsmanager.secret", Group::Data, "Secret"),
    ("rds.cluster", Group::Database, "Aurora PostgreSQL"),
    ("rds.instance", Group::Database, "Aurora instance"),
    ("ec2.vpc", Group::Vpc, "VPC"),
    ("ec2.subnet", Group::Network, "Private subnet"),
    ("ec2.security_group", Group::Network, "Security group"),
    ("ec2.gateway_endpoint", Group::Network, "Gateway endpoint"),
    ("ec2.interface_endpoint", Group::Network, "Interface endpoint"),
    ("ec2.nat_gateway", Group::Network, "NAT gateway"),
    ("ec2.elastic_ip", Group::Network, "Public address"),
    ("cloudwatch.alarm", Group::Observe, "Alarm"),
    ("cloudwatch.dashboard", Group::Observe, "Dashboard"),
    ("logs.group", Group::Observe, "Log group"),
    ("cloudtrail.trail", Group::Observe, "CloudTrail"),
    ("sns.topic", Group::Observe, "Mail topic"),
    ("scheduler.schedule", Group::Manage, "Schedule"),
    ("events.rule", Group::Manage, "Event rule"),
    ("ssm.document", Group::Manage, "Runbook"),
    ("ssm.parameter", Group::Manage, "Parameter"),
    ("iam.role", Group::Manage, "Role"),
];

/// The place of a kind within its group.
pub(super) fn rank(kind: &str) -> usize {
    KINDS.iter().position(|(name, ..)| *name == kind).unwrap_or(KINDS.len())
}

/// Where a step is drawn, and under which title; `None` for wiring.
pub(super) fn place_of(step: &Planned) -> Option<(Group, &'static str)> {
    let called = |word: &str| step.node.contains(word);
    Some(match step.kind {
        "s3.bucket" if called("log") || called("trail") => (Group::Observe, "Log bucket"),
        "s3.bucket" if called("file") || called("upload") => (Group::Data, "Files bucket"),
        "s3.bucket" => (Group::Site, "Site bucket"),
        // It is run by hand and by runbooks; no visitor reaches it.
        "lambda.function" if called("operator") => (Group::Manage, "Operator function"),
        kind => KINDS.iter().find(|(name, ..)| *name == kind).map(|(_, group, title)| (*group, *title))?,
    })
}

/// Whether a request may pass through it: not what only looks like it, as the operator function.
pub(super) fn is_on_the_way(step: &Planned, drawn: &PictureBox) -> bool {
    match step.kind {
        "s3.bucket" => drawn.group == Group::Site,
        "lambda.function" => drawn.group == Group::Function,
        _ => true,
    }
}

/// What to say of a kind in general.
pub(super) fn note(kind: &str) -> Option<&'static str> {
    match kind {
        "cloudfront.key_value_store" => Some("which release is live"),
        "scheduler.schedule" => Some("calls the API"),
        "events.rule" => Some("mails the owner"),
        "acm.certificate" => Some("renews itself"),
        _ => None,
    }
}
