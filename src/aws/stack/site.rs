//! The site: bucket, edge function, firewall, distribution, and the logs of its visitors.

use super::Wanted;
use crate::aws::compute::logs_group::LogGroup;
use crate::aws::content::release_objects::PREFIX;
use crate::aws::data::s3_bucket::Bucket;
use crate::aws::data::s3_bucket_policy::{BucketPolicy, Grant};
use crate::aws::edge::cloudfront_config::DEFAULT;
use crate::aws::edge::cloudfront_deployment::Deployment;
use crate::aws::edge::cloudfront_distribution::{Behaviour, Distribution, ErrorCaching, Origin};
use crate::aws::edge::cloudfront_function::Function;
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::edge::cloudfront_origin_access_control::OriginAccessControl;
use crate::aws::edge::wafv2_logging::Logging;
use crate::aws::edge::wafv2_web_acl::WebAcl;
use crate::aws::observe::logs_delivery::Delivery;
use crate::aws::{Cloud, Place};
use crate::config::Config;
use crate::deploy::{Graph, GraphError};
use crate::release::edge;

/// Managed cache policy CachingOptimizedForUncompressedObjects: the path alone is the key, which the
/// edge function has made to name the encoding, too.
///
/// Source: CloudFront developer guide, "Use managed cache policies".
const CACHING_OPTIMIZED: &str = "b2884449-e4de-46a7-ac36-70bc7f1ddd6d";
/// Managed cache policy CachingDisabled.
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
/// Managed origin request policy AllViewerExceptHostHeader: API Gateway refuses another's host.
const ALL_BUT_HOST: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

/// Errors that are over when the origin says so: CloudFront would keep them for ten seconds, also
/// where nothing else is cached. For other errors it obeys `no-store`, which the API sends.
///
/// Source: CloudFront developer guide, "How CloudFront processes HTTP 4xx and 5xx status codes".
const UNKEPT: [i32; 4] = [500, 502, 503, 504];
/// Prefix of the distribution's logs in the bucket of logs.
const EDGE_LOGS: &str = "edge";

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let (bucket, store) = (names.bucket(), names.part("edge"));
    graph.add("site-bucket", Bucket::private(bucket.clone()), &[])?;
    graph.add("origin-access-control", OriginAccessControl::signing(names.part("site")), &[])?;
    graph.add("edge-store", KeyValueStore::ready(store.clone()), &[])?;
    let fallback = wanted.release.as_ref().filter(|release| release.flip).map(|release| release.pointer.clone());
    let code = edge::text(&wanted.config.security.headers(), &leads(wanted.config), fallback.as_ref());
    let function = Function { name: store, code, store: "edge-store".into(), live: true };
    graph.add("edge-function", function, &["edge-store"])?;
    let mut needs = vec!["site-bucket", "origin-access-control", "edge-function"];
    if wanted.config.security.waf {
        firewall(graph, wanted)?;
        needs.push("firewall");
    }
    if wanted.has_api() {
        needs.push("http-api");
    }
    graph.add("distribution", distribution(wanted), &needs)?;
    graph.add("distribution-deployed", Deployment::of("distribution"), &["distribution"])?;
    let reader = Grant::Reader { distribution: "distribution".into(), prefix: PREFIX.into() };
    let policy = BucketPolicy::new("site-bucket", bucket, vec![reader]);
    graph.add("site-bucket-policy", policy, &["site-bucket", "distribution"])?;
    logs(graph, wanted)
}

fn leads(config: &Config) -> edge::Leads {
    edge::Leads { from: config.site.redirect_from.clone(), to: config.site.domain.clone().unwrap_or_default() }
}

fn firewall(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let (names, config) = (wanted.names, wanted.config);
    let uploads = wanted.api.iter().flat_map(|api| &api.files).map(|files| format!("/api/{files}")).collect();
    let acl = WebAcl::new(names.part("firewall"), i64::from(config.security.rate_limit), uploads);
    graph.add("firewall", acl, &[])?;
    // The name that WAF asks for. Source: WAF developer guide, "Sending web ACL traffic logs".
    let name = format!("aws-waf-logs-{}", names.prefix());
    let days = i32::from(config.observe.retention_days);
    graph.add("firewall-log", LogGroup { name, retention_days: days, place: Place::Edge }, &[])?;
    let logging = Logging::new("firewall", "firewall-log");
    graph.add("firewall-logging", logging, &["firewall", "firewall-log"])
}

/// The bucket of logs, and what is written there by others.
fn logs(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let (names, config) = (wanted.names, wanted.config);
    let days = i32::from(config.observe.retention_days);
    let bucket = names.logs_bucket();
    graph.add("logs-bucket", Bucket::logs(bucket.clone(), days), &[])?;
    let mut grants = vec![Grant::Delivery { prefix: EDGE_LOGS.into() }];
    if config.observe.audit {
        grants.push(Grant::Trail { name: names.part("audit") });
    }
    graph.add("logs-bucket-policy", BucketPolicy::new("logs-bucket", bucket.clone(), grants), &["logs-bucket"])?;
    let delivery = Delivery::of_edge(names, "distribution", bucket);
    graph.add("edge-log", delivery, &["distribution", "logs-bucket-policy"])
}

fn distribution(wanted: &Wanted<'_>) -> Distribution {
    let names = wanted.names;
    let host = format!("{}.s3.{}.amazonaws.com", names.bucket(), names.region);
    let control = Some("origin-access-control".to_owned());
    let mut origins = vec![Origin { id: "site".into(), host, access_control: control, secret: false }];
    let mut behaviours = Vec::new();
    if wanted.has_api() {
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
        firewall: wanted.config.security.waf.then(|| "firewall".into()),
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
        compress: false,
        function: Some("edge-function".into()),
    }
}

fn sorted(methods: &[&str]) -> Vec<String> {
    let mut methods: Vec<String> = methods.iter().map(|&m| m.to_owned()).collect();
    methods.sort();
    methods
}
