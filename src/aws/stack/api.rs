//! The API: tables and files, the function, and the gateway before it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApiParts, Wanted};
use crate::aws::Cloud;
use crate::aws::Place;
use crate::aws::compute::apigateway_api::HttpApi;
use crate::aws::compute::apigateway_integration::Integration;
use crate::aws::compute::apigateway_route::Route;
use crate::aws::compute::apigateway_stage::Stage;
use crate::aws::compute::iam_role::Role;
use crate::aws::compute::lambda_alias::Alias;
use crate::aws::compute::lambda_function::{Attachment, Function};
use crate::aws::compute::lambda_permission::Permission;
use crate::aws::compute::logs_group::LogGroup;
use crate::aws::data::dynamodb_table::Table;
use crate::aws::data::s3_bucket::Bucket;
use crate::aws::data::s3_bucket_policy::BucketPolicy;
use crate::deploy::{Graph, GraphError};
use crate::store;

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let Some(api) = &wanted.api else { return Ok(()) };
    data(graph, wanted, api)?;
    function(graph, wanted, api)?;
    gateway(graph, wanted)
}

/// Tables of the declared collections, the one of the API's tokens, and the bucket of files.
fn data(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, api: &ApiParts) -> Result<(), GraphError> {
    for collection in tables(api) {
        graph.add(&table_node(collection), Table::protected(wanted.names.part(collection)), &[])?;
    }
    if !api.files.is_empty() {
        let bucket = wanted.names.files_bucket();
        graph.add("files-bucket", Bucket::files(bucket.clone()), &[])?;
        graph.add("files-bucket-policy", BucketPolicy::new("files-bucket", bucket, Vec::new()), &["files-bucket"])?;
    }
    Ok(())
}

fn tables(api: &ApiParts) -> impl Iterator<Item = &str> {
    api.documents.iter().map(String::as_str).chain(["tokens"])
}

fn table_node(collection: &str) -> String {
    format!("table-{collection}")
}

fn function(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, api: &ApiParts) -> Result<(), GraphError> {
    let (names, config) = (wanted.names, wanted.config);
    let name = names.part("api");
    let days = i32::from(config.observe.retention_days);
    let log = LogGroup { name: format!("/aws/lambda/{name}"), retention_days: days, place: Place::Home };
    graph.add("log-group", log, &[])?;
    let role = Role::for_lambda(name.clone(), permissions(wanted, api));
    // The secret's ARN has a random end.
    let secret: &[&str] = if config.api.secrets.is_empty() { &[] } else { &["secret"] };
    graph.add("function-role", role, secret)?;
    let mut function = Function::new(name.clone(), "function-role", environment(wanted, api), &wanted.engine);
    function.memory = i32::try_from(config.api.memory).unwrap_or(i32::MAX);
    function.distribution = Some("distribution".into());
    // The log group first: Lambda would make one that never forgets.
    let mut needs = vec!["function-role", "log-group", "engine-package", "distribution"];
    if wanted.has_network() {
        function.network = Some(network());
        needs.extend(ATTACHED);
    }
    graph.add("function", function, &needs)?;
    let alias = Alias { function: "function".into(), function_name: name.clone(), alias: "live".into(), current: true };
    graph.add("function-alias", alias, &["function"])?;
    let permission = Permission { function_name: name, alias: "live".into(), api: "http-api".into() };
    graph.add("function-permission", permission, &["function-alias", "http-api"])
}

/// Nodes that a function in the network needs.
pub(super) const ATTACHED: [&str; 4] = ["subnet-a", "subnet-b", "function-group-rules", "function-group"];

/// Where functions run, when that is a network of the site.
pub(super) fn network() -> Attachment {
    Attachment { subnets: vec!["subnet-a".into(), "subnet-b".into()], group: "function-group".into() }
}

fn environment(wanted: &Wanted<'_>, api: &ApiParts) -> BTreeMap<String, String> {
    let names = wanted.names;
    let mut environment = BTreeMap::from([
        ("ARQ_SITE".to_owned(), names.site.clone()),
        ("ARQ_STAGE".to_owned(), names.stage.clone()),
        ("ARQ_BUCKET".to_owned(), names.bucket()),
        ("ARQ_TABLE_PREFIX".to_owned(), names.prefix()),
        ("ARQ_CSP".to_owned(), wanted.config.security.csp.clone()),
    ]);
    if !api.files.is_empty() {
        environment.insert("ARQ_FILES_BUCKET".into(), names.files_bucket());
    }
    environment
}

/// What the function may do: write its log, read API bundles, use its tables, files and secrets.
fn permissions(wanted: &Wanted<'_>, api: &ApiParts) -> Vec<Value> {
    let names = wanted.names;
    let (region, account) = (&names.region, &names.account);
    let mut statements = vec![
        log_statement(wanted, &names.part("api")),
        json!({"Sid": "ReadApi", "Effect": "Allow", "Action": "s3:GetObject",
               "Resource": format!("arn:aws:s3:::{}/api/*", names.bucket())}),
    ];
    let arns = tables(api).map(|c| format!("arn:aws:dynamodb:{region}:{account}:table/{}", names.part(c))).collect();
    statements.push(store::aws::dynamodb::permissions(arns).to_json());
    if !api.files.is_empty() {
        let files = store::aws::s3_files::permissions(&names.files_bucket(), &api.files);
        statements.extend(files.iter().map(store::permission::Statement::to_json));
    }
    if !wanted.config.api.secrets.is_empty() {
        statements.push(json!({"Sid": "Secrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
            "Resource": "${secret}"}));
    }
    if wanted.has_network() {
        statements.extend(interfaces(wanted, &names.part("api")));
    }
    statements
}

/// Writes into the log group of one function, which exists already.
pub(super) fn log_statement(wanted: &Wanted<'_>, function: &str) -> Value {
    let (region, account) = (&wanted.names.region, &wanted.names.account);
    json!({"Sid": "Log", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
           "Resource": format!("arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{function}:*")})
}

/// Lambda makes a network interface in each subnet with the role of the function; the function's own
/// code may not.
///
/// Source: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC".
pub(super) fn interfaces(wanted: &Wanted<'_>, function: &str) -> [Value; 2] {
    const ACTIONS: [&str; 6] = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ];
    let (region, account) = (&wanted.names.region, &wanted.names.account);
    let arn = format!("arn:aws:lambda:{region}:{account}:function:{function}");
    [
        json!({"Sid": "Interfaces", "Effect": "Allow", "Action": ACTIONS, "Resource": "*"}),
        json!({"Sid": "NotFromCode", "Effect": "Deny", "Action": ACTIONS, "Resource": "*",
               "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": arn}}}),
    ]
}

fn gateway(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let api = "http-api";
    graph.add(api, HttpApi { name: wanted.names.part("api") }, &[])?;
    let integration = Integration::proxy(api, "function-alias");
    graph.add("http-api-integration", integration, &[api, "function-alias"])?;
    let integration = "http-api-integration";
    let route = Route { api: api.into(), key: "$default".into(), integration: integration.into() };
    graph.add("http-api-route", route, &[api, integration])?;
    let days = i32::from(wanted.config.observe.retention_days);
    let name = format!("/aws/apigateway/{}", wanted.names.part("api"));
    graph.add("http-api-log", LogGroup { name, retention_days: days, place: Place::Home }, &[])?;
    let stage = Stage::default_of(api, wanted.config.api.rate, "http-api-log");
    graph.add("http-api-stage", stage, &[api, "http-api-route", "http-api-log"])
}
