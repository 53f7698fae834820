//! The kinds that the ledger lists, so that what is no longer wanted is found and taken down.
//!
//! Not among them is what lies in a bucket or a store and goes with it: releases, packages.

use super::Cloud;
use super::compute::{
    apigateway_api, apigateway_integration, apigateway_route, apigateway_stage, iam_role, lambda_alias,
    lambda_function, lambda_permission, logs_group,
};
use super::content::migrations_applied;
use super::data::{
    dynamodb_table, rds_cluster, rds_instance, rds_parameter_group, rds_roles, rds_subnet_group, s3_bucket,
    s3_bucket_policy,
};
use super::edge::{
    acm_certificate, acm_validation, cloudfront_deployment, cloudfront_distribution, cloudfront_domain,
    cloudfront_function, cloudfront_key_value_store, cloudfront_origin_access_control, route53_records, route53_zone,
    wafv2_logging, wafv2_web_acl,
};
use super::manage::{
    events_rule, scheduler_group, scheduler_schedule, secretsmanager_secret, ssm_document, ssm_parameter,
};
use super::network::{
    ec2_endpoint, ec2_gateway, ec2_group_rules, ec2_route_table, ec2_security_group, ec2_subnet, ec2_vpc,
};
use super::observe::{
    cloudtrail_trail, cloudwatch_alarm, cloudwatch_dashboard, logs_delivery, sns_subscription, sns_topic,
};
use crate::deploy::Kinds;

/// Every kind that can be revived when it is no longer declared.
pub fn kinds() -> Kinds<Cloud> {
    let kinds = Kinds::new()
        .with::<s3_bucket::Bucket>()
        .with::<s3_bucket_policy::BucketPolicy>()
        .with::<dynamodb_table::Table>()
        .with::<iam_role::Role>()
        .with::<logs_group::LogGroup>();
    observe(manage(network(database(compute(edge(kinds))))))
}

fn edge(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<route53_zone::Zone>()
        .with::<route53_records::Records>()
        .with::<acm_certificate::Certificate>()
        .with::<acm_validation::Validation>()
        .with::<wafv2_web_acl::WebAcl>()
        .with::<wafv2_logging::Logging>()
        .with::<cloudfront_origin_access_control::OriginAccessControl>()
        .with::<cloudfront_key_value_store::KeyValueStore>()
        .with::<cloudfront_function::Function>()
        .with::<cloudfront_distribution::Distribution>()
        .with::<cloudfront_domain::Domain>()
        .with::<cloudfront_deployment::Deployment>()
}

fn compute(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<lambda_function::Function>()
        .with::<lambda_alias::Alias>()
        .with::<lambda_permission::Permission>()
        .with::<apigateway_api::HttpApi>()
        .with::<apigateway_integration::Integration>()
        .with::<apigateway_route::Route>()
        .with::<apigateway_stage::Stage>()
}

fn database(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<rds_subnet_group::SubnetGroup>()
        .with::<rds_parameter_group::ParameterGroup>()
        .with::<rds_cluster::Cluster>()
        .with::<rds_instance::Instance>()
        .with::<rds_roles::DatabaseRoles>()
        .with::<migrations_applied::MigrationsApplied>()
}

fn network(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<ec2_vpc::Vpc>()
        .with::<ec2_subnet::Subnet>()
        .with::<ec2_route_table::RouteTable>()
        .with::<ec2_endpoint::GatewayEndpoint>()
        .with::<ec2_endpoint::InterfaceEndpoint>()
        .with::<ec2_security_group::SecurityGroup>()
        .with::<ec2_group_rules::GroupRules>()
        .with::<ec2_gateway::InternetGateway>()
        .with::<ec2_gateway::ElasticIp>()
        .with::<ec2_gateway::NatGateway>()
}

fn manage(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<secretsmanager_secret::Secret>()
        .with::<events_rule::Rule>()
        .with::<scheduler_group::Group>()
        .with::<scheduler_schedule::Schedule>()
        .with::<ssm_parameter::Parameter>()
        .with::<ssm_document::Document>()
}

fn observe(kinds: Kinds<Cloud>) -> Kinds<Cloud> {
    kinds
        .with::<sns_topic::Topic>()
        .with::<sns_subscription::Subscription>()
        .with::<cloudwatch_alarm::Alarm>()
        .with::<cloudwatch_dashboard::Dashboard>()
        .with::<cloudtrail_trail::Trail>()
        .with::<logs_delivery::Delivery>()
}
