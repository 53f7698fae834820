//! What works on the site by itself or on request: the operator's functions, runbooks, schedules,
//! the customer's secrets, and parameters that say what is live.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::{ATTACHED, interfaces, log_statement, network};
use super::{Wanted, database};
use crate::aws::compute::iam_role::Role;
use crate::aws::compute::lambda_function::Function;
use crate::aws::compute::logs_group::LogGroup;
use crate::aws::content::engine_package::EnginePackage;
use crate::aws::manage::runbooks;
use crate::aws::manage::scheduler_group::Group;
use crate::aws::manage::scheduler_schedule::{Nodes, Schedule};
use crate::aws::manage::secretsmanager_secret::Secret;
use crate::aws::manage::ssm_document::{Document, Reference};
use crate::aws::manage::ssm_parameter::{self as parameter, Parameter};
use crate::aws::{Cloud, Place};
use crate::config;
use crate::deploy::{Graph, GraphError};

/// Memory of the operator's functions, in MB.
const MEMORY: i32 = 512;
/// Seconds that one of their tasks may take: Lambda's most, since a migration may be long.
const TIMEOUT: i32 = 900;

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let package = EnginePackage { bucket: wanted.names.bucket(), engine: wanted.engine.identity.clone() };
    graph.add("engine-package", package, &["site-bucket"])?;
    operator(graph, wanted)?;
    if wanted.migrations.is_some() {
        migrator(graph, wanted)?;
    }
    books(graph, wanted)?;
    parameters(graph, wanted)?;
    secret(graph, wanted)?;
    schedules(graph, wanted)
}

/// The function that moves the pointer, and no other may.
fn operator(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let name = names.part("operator");
    let (region, account) = (&names.region, &names.account);
    let api = format!("arn:aws:lambda:{region}:{account}:function:{}", names.part("api"));
    let statements = vec![
        log_statement(wanted, &name),
        json!({"Sid": "Pointer", "Effect": "Allow", "Resource": "${edge-store}", "Action": [
            "cloudfront-keyvaluestore:DescribeKeyValueStore", "cloudfront-keyvaluestore:GetKey",
            "cloudfront-keyvaluestore:PutKey"]}),
        json!({"Sid": "Store", "Effect": "Allow", "Resource": "*", "Action": [
            "cloudfront:DescribeKeyValueStore", "cloudfront:ListDistributions", "cloudfront:ListTagsForResource"]}),
        json!({"Sid": "Secret", "Effect": "Allow", "Resource": "${distribution}", "Action": [
            "cloudfront:GetDistributionConfig", "cloudfront:UpdateDistribution"]}),
        json!({"Sid": "Accept", "Effect": "Allow", "Resource": [&api, format!("{api}:*")], "Action": [
            "lambda:GetFunctionConfiguration", "lambda:PublishVersion", "lambda:UpdateAlias",
            "lambda:UpdateFunctionConfiguration"]}),
        json!({"Sid": "Ledger", "Effect": "Allow", "Action": "s3:GetObject",
               "Resource": format!("arn:aws:s3:::{}/ledger.json", names.bucket())}),
    ];
    let role = Role::for_lambda(name.clone(), statements);
    graph.add("operator-role", role, &["edge-store", "distribution"])?;
    one(graph, wanted, "operator", &name, BTreeMap::new(), |_| {})
}

/// The function that alters tables; it is where the database is, and does nothing else.
fn migrator(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let name = names.part("migrator");
    let (region, account) = (&names.region, &names.account);
    let mut statements = vec![
        log_statement(wanted, &name),
        json!({"Sid": "Migrations", "Effect": "Allow", "Action": "s3:GetObject",
               "Resource": format!("arn:aws:s3:::{}/migrations/*", names.bucket())}),
        json!({"Sid": "SignIn", "Effect": "Allow", "Action": "rds-db:connect",
               "Resource": format!("arn:aws:rds-db:{region}:{account}:dbuser:${{database.resource_id}}/{}", database::OWNER)}),
    ];
    statements.extend(interfaces(wanted, &name));
    graph.add("migrator-role", Role::for_lambda(name.clone(), statements), &["database"])?;
    let environment = BTreeMap::from([("ARQ_DATABASE_USER".to_owned(), database::OWNER.to_owned())]);
    one(graph, wanted, "migrator", &name, environment, |function| {
        function.database = Some("database".into());
        function.network = Some(network());
    })?;
    for node in ATTACHED.into_iter().chain(["database"]) {
        graph.depend("migrator", node)?;
    }
    Ok(())
}

/// A function of the operator, with its log.
fn one(
    graph: &mut Graph<Cloud>,
    wanted: &Wanted<'_>,
    node: &str,
    name: &str,
    more: BTreeMap<String, String>,
    adjust: impl FnOnce(&mut Function),
) -> Result<(), GraphError> {
    let names = wanted.names;
    let days = i32::from(wanted.config.observe.retention_days);
    let (log, role) = (format!("{node}-log"), format!("{node}-role"));
    let group = LogGroup { name: format!("/aws/lambda/{name}"), retention_days: days, place: Place::Home };
    graph.add(&log, group, &[])?;
    let mut environment = BTreeMap::from([
        ("ARQ_ROLE".to_owned(), node.to_owned()),
        ("ARQ_SITE".to_owned(), names.site.clone()),
        ("ARQ_STAGE".to_owned(), names.stage.clone()),
        ("ARQ_BUCKET".to_owned(), names.bucket()),
    ]);
    environment.extend(more);
    let mut function = Function::new(name.to_owned(), &role, environment, &wanted.engine);
    (function.memory, function.timeout) = (MEMORY, TIMEOUT);
    adjust(&mut function);
    graph.add(node, function, &[&role, &log, "engine-package"])
}

/// The runbooks, and the role that they work in.
fn books(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let mut functions = vec!["operator"];
    if wanted.migrations.is_some() {
        functions.push("migrator");
    }
    let arns: Vec<_> = functions.iter().map(|node| format!("${{{node}}}")).collect();
    let statements = vec![
        json!({"Sid": "Operate", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arns}),
        json!({"Sid": "Watch", "Effect": "Allow", "Action": "cloudfront:GetDistribution", "Resource": "${distribution}"}),
    ];
    let role = Role::for_service(names.part("runbooks"), "ssm.amazonaws.com", &names.account, statements);
    let needs: Vec<&str> = functions.iter().copied().chain(["distribution"]).collect();
    graph.add("runbook-role", role, &needs)?;
    let placeholders = [
        ("role", Reference::Role("runbook-role".into())),
        ("operator", Reference::Function("operator".into())),
        ("distribution", Reference::Distribution("distribution".into())),
    ];
    let mut all = vec![
        ("rollback", runbooks::rollback()),
        ("maintenance-on", runbooks::maintenance_on()),
        ("maintenance-off", runbooks::maintenance_off()),
    ];
    if wanted.has_api() {
        all.push(("rotate-secret", runbooks::rotate_secret()));
    }
    for (part, content) in all {
        let document = Document::runbook(names, part, content, &placeholders);
        graph.add(&format!("runbook-{part}"), document, &["operator", "distribution", "runbook-role"])?;
    }
    if wanted.migrations.is_none() {
        return Ok(());
    }
    let placeholders =
        [("role", Reference::Role("runbook-role".into())), ("migrator", Reference::Function("migrator".into()))];
    let document = Document::runbook(names, "migrate", runbooks::migrate(), &placeholders);
    graph.add("runbook-migrate", document, &["migrator", "runbook-role"])
}

/// Name of a parameter.
pub(super) fn parameter_name(wanted: &Wanted<'_>, part: &str) -> String {
    format!("/arqsite/{}/{}/{part}", wanted.names.site, wanted.names.stage)
}

/// Where the site is, for whoever looks from within the account. What is live, the pointer alone says.
fn parameters(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let domain = parameter::Value::DistributionDomain("distribution".into());
    let address = Parameter::of_site(wanted.names, "address", domain, "Host name of the distribution");
    graph.add("parameter-address", address, &["distribution"])?;
    let bucket = parameter::Value::Text(wanted.names.bucket());
    graph.add("parameter-bucket", Parameter::of_site(wanted.names, "bucket", bucket, "Bucket of the site"), &[])
}

/// One secret for all that the customer keeps.
fn secret(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    if wanted.config.api.secrets.is_empty() {
        return Ok(());
    }
    graph.add("secret", Secret::of_stage(wanted.names), &[])
}

fn schedules(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    if wanted.config.schedule.is_empty() || !wanted.has_api() {
        return Ok(());
    }
    let names = wanted.names;
    graph.add("schedule-group", Group::of_site(names), &[])?;
    let statements = vec![json!({"Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Resource": "${function-alias}"})];
    let role = Role::for_service(names.part("scheduler"), "scheduler.amazonaws.com", &names.account, statements);
    graph.add("schedule-role", role, &["function-alias"])?;
    for schedule in &wanted.config.schedule {
        let nodes = Nodes { group: "schedule-group", alias: "function-alias", role: "schedule-role" };
        let input = event(wanted, schedule).to_string();
        let resource = Schedule::new(&schedule.name, &schedule.at, &schedule.timezone, input, nodes);
        let node = format!("schedule-{}", schedule.name);
        graph.add(&node, resource, &["schedule-group", "schedule-role", "function-alias"])?;
    }
    Ok(())
}

/// What the function is sent; see `lambda::schedule`, which reads it.
fn event(wanted: &Wanted<'_>, schedule: &config::schedule::Schedule) -> Value {
    let api = wanted.release.as_ref().map(|release| release.pointer.live.api.clone()).unwrap_or_default();
    // Checked when the configuration was read.
    let (method, path) = schedule.request().unwrap_or_default();
    let mut event = json!({"schedule": schedule.name, "method": method, "path": path, "api": api});
    if let (Some(body), Some(event)) = (&schedule.body, event.as_object_mut()) {
        event.insert("body".into(), body.clone().into());
    }
    event
}
