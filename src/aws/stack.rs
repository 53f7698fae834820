//! The graph: which resources a site has, and what each needs.

use std::collections::BTreeMap;

use serde_json::json;

use super::compute::apigateway_api::HttpApi;
use super::compute::apigateway_integration::Integration;
use super::compute::apigateway_route::Route;
use super::compute::apigateway_stage::Stage;
use super::compute::iam_role::Role;
use super::compute::lambda_alias::Alias;
use super::compute::lambda_function;
use super::compute::lambda_permission::Permission;
use super::compute::logs_group::LogGroup;
use super::content::release_keys::Keys;
use super::content::release_live::Live;
use super::content::release_manifest::Manifest;
use super::content::release_objects::{Objects, PREFIX};
use super::content::s3_inventory;
use super::data::dynamodb_table::Table;
use super::data::s3_bucket::Bucket;
use super::data::s3_bucket_policy::{BucketPolicy, Grant};
use super::edge::cloudfront_config::DEFAULT;
use super::edge::cloudfront_deployment::Deployment;
use super::edge::cloudfront_distribution::{Behaviour, Distribution, ErrorCaching, Origin};
use super::edge::cloudfront_function;
use super::edge::cloudfront_key_value_store::KeyValueStore;
use super::edge::cloudfront_origin_access_control::OriginAccessControl;
use super::{Cloud, Names, Place, kinds};
use crate::config::Config;
use crate::deploy::{Graph, GraphError, Inventory, KindError, Made};
use crate::release::{Pointer, Slot, edge};
use crate::store;

/// Managed cache policy CachingOptimized: the path and the encoding are the key.
///
/// Source: CloudFront developer guide, "Use managed cache policies".
const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
/// Managed cache policy CachingDisabled.
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
/// Managed origin request policy AllViewerExceptHostHeader: API Gateway refuses another's host.
const ALL_BUT_HOST: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

/// Errors that are over when the origin says so: CloudFront would keep them for ten seconds, also
/// where nothing else is cached. For other errors it obeys `no-store`, which the API sends.
///
/// Source: CloudFront developer guide, "How CloudFront processes HTTP 4xx and 5xx status codes".
const UNKEPT: [i32; 4] = [500, 502, 503, 504];

/// What the graph is made from, besides the configuration.
pub struct Wanted<'a> {
    /// Names in the account.
    pub names: &'a Names,
    /// The configuration.
    pub config: &'a Config,
    /// The API, if there is one.
    pub api: Option<ApiParts>,
    /// The release that is published; `None` for `destroy` and `status`.
    pub release: Option<ReleaseParts>,
    /// What the inventory in the account lists.
    pub inventory: Vec<Made>,
}

/// What the graph needs to know of the API.
#[derive(Debug, Clone, Default)]
pub struct ApiParts {
    /// Collections that live in tables.
    pub collections: Vec<String>,
    /// Identity of the engine.
    pub engine: String,
    /// Architecture of the engine.
    pub architecture: String,
}

/// What the graph needs to know of the release.
#[derive(Debug, Clone)]
pub struct ReleaseParts {
    /// The pointer that makes it live.
    pub pointer: Pointer,
    /// How many objects it has.
    pub objects: usize,
    /// The release before the one before it, whose keys nobody needs any more.
    pub superseded: Option<Slot>,
}

/// What the site should have.
pub fn desired(wanted: &Wanted<'_>) -> Result<Graph<Cloud>, GraphError> {
    let mut graph = Graph::new();
    site(&mut graph, wanted)?;
    if let Some(api) = &wanted.api {
        tables(&mut graph, wanted, api)?;
        function(&mut graph, wanted, api)?;
        gateway(&mut graph, wanted)?;
    }
    inventory(&mut graph, wanted)?;
    if let Some(release) = &wanted.release {
        contents(&mut graph, wanted, release)?;
    }
    Ok(graph)
}

/// All that may exist: the stack with every option on, and what the inventory lists.
pub fn known(wanted: &Wanted<'_>) -> Result<Graph<Cloud>, KindError> {
    let everything = Wanted {
        names: wanted.names,
        config: wanted.config,
        api: Some(wanted.api.clone().unwrap_or_default()),
        release: wanted.release.clone(),
        inventory: wanted.inventory.clone(),
    };
    let mut graph = desired(&everything)?;
    let made = Inventory { made: wanted.inventory.clone() }.graph(&kinds::kinds())?;
    graph = graph.union(&made);
    if let Some(superseded) = wanted.release.as_ref().and_then(|release| release.superseded.as_ref()) {
        graph.add("release-superseded", keys(superseded), &["edge-store"])?;
        // They go when the pointer has moved.
        graph.depend("release-live", "release-superseded")?;
    }
    Ok(graph)
}

fn site(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let (bucket, store) = (names.bucket(), names.part("edge"));
    graph.add("site-bucket", Bucket::private(bucket.clone()), &[])?;
    graph.add("origin-access-control", OriginAccessControl::signing(names.part("site")), &[])?;
    graph.add("edge-store", KeyValueStore::ready(store.clone()), &[])?;
    let fallback = wanted.release.as_ref().map(|release| release.pointer.clone());
    let function = cloudfront_function::Function {
        name: store,
        code: edge::text(&wanted.config.security.headers(), &leads(wanted.config), fallback.as_ref()),
        store: "edge-store".into(),
        live: true,
    };
    graph.add("edge-function", function, &["edge-store"])?;
    let mut needs = vec!["site-bucket", "origin-access-control", "edge-function"];
    if wanted.api.is_some() {
        needs.push("http-api");
    }
    graph.add("distribution", distribution(wanted), &needs)?;
    let deployment = Deployment { distribution: "distribution".into(), everywhere: true };
    graph.add("distribution-deployed", deployment, &["distribution"])?;
    let reader = Grant::Reader { distribution: "distribution".into(), prefix: PREFIX.into() };
    let policy = BucketPolicy::new("site-bucket", bucket, vec![reader]);
    graph.add("site-bucket-policy", policy, &["site-bucket", "distribution"])
}

fn leads(config: &Config) -> edge::Leads {
    let to = config.site.domain.clone().unwrap_or_default();
    edge::Leads { from: config.site.redirect_from.clone(), to }
}

fn distribution(wanted: &Wanted<'_>) -> Distribution {
    let names = wanted.names;
    let host = format!("{}.s3.{}.amazonaws.com", names.bucket(), names.region);
    let control = Some("origin-access-control".to_owned());
    let mut origins = vec![Origin { id: "site".into(), host, access_control: control, secret: false }];
    let mut behaviours = Vec::new();
    if wanted.api.is_some() {
        origins.push(Origin { id: "api".into(), host: "http-api".into(), access_control: None, secret: true });
        behaviours.push(Behaviour {
            methods: sorted(&["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]),
            cache_policy: CACHING_DISABLED.into(),
            origin_request_policy: Some(ALL_BUT_HOST.into()),
            ..behaviour("/api/*", "api")
        });
    }
    behaviours.push(behaviour(DEFAULT, "site"));
    Distribution {
        comment: names.mark(),
        enabled: true,
        http_version: "http2and3".into(),
        ipv6: true,
        price_class: "PriceClass_All".into(),
        origins,
        behaviours,
        errors: UNKEPT.map(|status| ErrorCaching { status, seconds: 0, page: None }).to_vec(),
    }
}

fn behaviour(path: &str, origin: &str) -> Behaviour {
    Behaviour {
        path: path.into(),
        origin: origin.into(),
        methods: sorted(&["GET", "HEAD"]),
        cache_policy: CACHING_OPTIMIZED.into(),
        origin_request_policy: None,
        viewer_protocol: "redirect-to-https".into(),
        compress: true,
        function: Some("edge-function".into()),
    }
}

fn sorted(methods: &[&str]) -> Vec<String> {
    let mut methods: Vec<String> = methods.iter().map(|&m| m.to_owned()).collect();
    methods.sort();
    methods
}

/// Tables of the declared collections, and the one of the API's tokens.
fn tables(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, api: &ApiParts) -> Result<(), GraphError> {
    for collection in api.collections.iter().map(String::as_str).chain(["tokens"]) {
        graph.add(&table_node(collection), Table::protected(wanted.names.part(collection)), &[])?;
    }
    Ok(())
}

fn table_node(collection: &str) -> String {
    format!("table-{collection}")
}

fn function(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, api: &ApiParts) -> Result<(), GraphError> {
    let names = wanted.names;
    let name = names.part("api");
    let days = i32::from(wanted.config.observe.retention_days);
    graph.add(
        "log-group",
        LogGroup { name: format!("/aws/lambda/{name}"), retention_days: days, place: Place::Home },
        &[],
    )?;
    graph.add("function-role", Role::for_lambda(name.clone(), permissions(names, api)), &[])?;
    let environment = BTreeMap::from([
        ("ARQ_SITE".to_owned(), names.site.clone()),
        ("ARQ_STAGE".to_owned(), names.stage.clone()),
        ("ARQ_BUCKET".to_owned(), names.bucket()),
        ("ARQ_TABLE_PREFIX".to_owned(), names.prefix()),
        ("ARQ_CSP".to_owned(), wanted.config.security.csp.clone()),
    ]);
    let memory = wanted.config.api.memory;
    let function =
        lambda_function::Function::new(name.clone(), &api.architecture, memory, environment, api.engine.clone());
    // The log group first: Lambda would make one that never forgets.
    graph.add("function", function, &["function-role", "log-group", "distribution"])?;
    let alias = Alias { function: "function".into(), function_name: name.clone(), alias: "live".into(), current: true };
    graph.add("function-alias", alias, &["function"])?;
    let permission = Permission { function_name: name, alias: "live".into(), api: "http-api".into() };
    graph.add("function-permission", permission, &["function-alias", "http-api"])
}

/// What the function may do: write its log, read API bundles, use its tables.
fn permissions(names: &Names, api: &ApiParts) -> Vec<serde_json::Value> {
    let (region, account) = (&names.region, &names.account);
    let log = format!("arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{}:*", names.part("api"));
    let mut statements = vec![
        json!({"Sid": "Log", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log}),
        json!({"Sid": "ReadApi", "Effect": "Allow", "Action": "s3:GetObject",
               "Resource": format!("arn:aws:s3:::{}/api/*", names.bucket())}),
    ];
    let tables = api.collections.iter().map(String::as_str).chain(["tokens"]);
    let arns = tables.map(|c| format!("arn:aws:dynamodb:{region}:{account}:table/{}", names.part(c))).collect();
    statements.push(store::aws::dynamodb::permissions(arns).to_json());
    statements
}

fn gateway(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let api = "http-api";
    graph.add(api, HttpApi { name: wanted.names.part("api") }, &[])?;
    let integration = Integration::proxy(api, "function-alias");
    graph.add("http-api-integration", integration, &[api, "function-alias"])?;
    let integration = "http-api-integration";
    let route = Route { api: api.into(), key: "$default".into(), integration: integration.into() };
    graph.add("http-api-route", route, &[api, integration])?;
    graph.add("http-api-stage", Stage::default_of(api, wanted.config.api.rate), &[api, "http-api-route"])
}

/// What only the declarations name is remembered in the bucket.
fn inventory(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let mut entries: BTreeMap<String, Made> = wanted.inventory.iter().map(|e| (e.node.clone(), e.clone())).collect();
    for collection in wanted.api.iter().flat_map(|api| &api.collections) {
        let node = table_node(collection);
        if let Some(step) = graph.step(&node) {
            let (kind, name, spec) = (step.kind().to_owned(), step.name(), step.spec());
            entries.insert(node.clone(), Made { node, kind, name, spec, after: Vec::new() });
        }
    }
    let inventory = s3_inventory::Inventory { bucket: wanted.names.bucket(), entries: entries.into_values().collect() };
    graph.add("inventory", inventory, &["site-bucket"])
}

fn contents(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, release: &ReleaseParts) -> Result<(), GraphError> {
    let (bucket, id) = (wanted.names.bucket(), release.pointer.live.release.clone());
    let objects = Objects { bucket: bucket.clone(), release: id.clone(), objects: release.objects };
    graph.add("release-objects", objects, &["site-bucket"])?;
    graph.add("release-manifest", Manifest { bucket, release: id }, &["release-objects"])?;
    graph.add(Keys::NODE, keys(&release.pointer.live), &["edge-store", "release-manifest"])?;
    // The pointer moves last: by then the release can be answered whole.
    let mut needs = vec![Keys::NODE, "edge-function", "site-bucket-policy"];
    if wanted.api.is_some() {
        needs.extend(["function-permission", "http-api-stage"]);
        needs.extend(["table-tokens"]);
    }
    graph.add("release-live", Live { store: "edge-store".into(), pointer: release.pointer.clone() }, &needs)
}

fn keys(slot: &Slot) -> Keys {
    Keys { store: "edge-store".into(), release: slot.release.clone(), buckets: slot.buckets }
}
