//! A distribution's configuration, between CloudFront's shape and the spec's.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types as cf;
use aws_sdk_cloudfront::types::builders::DistributionConfigBuilder;

use super::cloudfront_distribution::{Behaviour, Distribution, ErrorCaching, Origin};
use super::cloudfront_function::Function;
use super::cloudfront_origin_access_control::OriginAccessControl;
use super::wafv2_web_acl::WebAcl;
use crate::aws::compute::apigateway_api::HttpApi;
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;

/// Header that carries the origin secret.
const SECRET_HEADER: &str = "x-arq-origin";
/// Node of the web ACL.
const FIREWALL: &str = "firewall";
/// Pattern of the default behaviour in the spec.
pub const DEFAULT: &str = "*";
/// Methods whose answers are cached.
const CACHED: [cf::Method; 2] = [cf::Method::Get, cf::Method::Head];

/// The configuration as a spec; an id that belongs to a node reads as the node's name.
pub fn read(cx: &Cx, config: &cf::DistributionConfig) -> Result<Distribution, StepError> {
    let mut behaviours = Vec::new();
    for behaviour in config.cache_behaviors().map(cf::CacheBehaviors::items).unwrap_or_default() {
        behaviours.push(read_behaviour(cx, behaviour)?);
    }
    if let Some(default) = config.default_cache_behavior() {
        behaviours.push(read_default(cx, default)?);
    }
    let origins = config.origins().map(cf::Origins::items).unwrap_or_default();
    Ok(Distribution {
        comment: config.comment().to_owned(),
        enabled: config.enabled(),
        http_version: config.http_version().map(|v| v.as_str().to_lowercase()).unwrap_or_default(),
        ipv6: config.is_ipv6_enabled().unwrap_or_default(),
        price_class: config.price_class().map(|c| c.as_str().to_owned()).unwrap_or_default(),
        origins: origins.iter().map(|origin| read_origin(cx, origin)).collect::<Result<_, _>>()?,
        behaviours,
        errors: read_errors(config.custom_error_responses()),
        firewall: read_firewall(cx, config.web_acl_id())?,
    })
}

/// The node whose web ACL it is; another reads as what it is.
fn read_firewall(cx: &Cx, id: Option<&str>) -> Result<Option<String>, StepError> {
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
    let known = cx.try_output::<WebAcl>(FIREWALL)?;
    let ours = known.is_some_and(|known| known.arn == id);
    Ok(Some(if ours { FIREWALL.to_owned() } else { id.to_owned() }))
}

fn read_errors(responses: Option<&cf::CustomErrorResponses>) -> Vec<ErrorCaching> {
    let read = |response: &cf::CustomErrorResponse| ErrorCaching {
        status: response.error_code(),
        seconds: response.error_caching_min_ttl().unwrap_or(10),
        page: response.response_page_path().filter(|path| !path.is_empty()).map(str::to_owned),
    };
    let mut errors: Vec<_> =
        responses.map(cf::CustomErrorResponses::items).unwrap_or_default().iter().map(read).collect();
    errors.sort_by_key(|error| error.status);
    errors
}

fn write_errors(errors: &[ErrorCaching]) -> Result<cf::CustomErrorResponses, StepError> {
    let building = || "describe how errors are kept";
    let mut responses = cf::CustomErrorResponses::builder().quantity(count(errors.len()));
    for error in errors {
        let response = cf::CustomErrorResponse::builder().error_code(error.status);
        let response = response.error_caching_min_ttl(error.seconds).set_response_page_path(error.page.clone());
        responses = responses.items(response.build().telling(building)?);
    }
    responses.build().telling(building)
}

fn read_origin(cx: &Cx, origin: &cf::Origin) -> Result<Origin, StepError> {
    let control = origin.origin_access_control_id().filter(|id| !id.is_empty());
    let known = cx.try_output::<OriginAccessControl>("origin-access-control")?;
    let api = cx.try_output::<HttpApi>("http-api")?;
    let host = match api {
        Some(api) if api.host == origin.domain_name() => "http-api".to_owned(),
        _ => origin.domain_name().to_owned(),
    };
    Ok(Origin {
        id: origin.id().to_owned(),
        host,
        access_control: control.map(|id| match known {
            Some(known) if known.id == id => "origin-access-control".to_owned(),
            _ => id.to_owned(),
        }),
        secret: secret_of(origin).is_some(),
    })
}

fn read_default(cx: &Cx, b: &cf::DefaultCacheBehavior) -> Result<Behaviour, StepError> {
    Ok(Behaviour {
        path: DEFAULT.into(),
        origin: b.target_origin_id().to_owned(),
        methods: methods(b.allowed_methods()),
        cache_policy: b.cache_policy_id().unwrap_or_default().to_owned(),
        origin_request_policy: b.origin_request_policy_id().map(str::to_owned),
        viewer_protocol: b.viewer_protocol_policy().as_str().to_owned(),
        compress: b.compress().unwrap_or_default(),
        function: read_function(cx, b.function_associations())?,
    })
}

fn read_behaviour(cx: &Cx, b: &cf::CacheBehavior) -> Result<Behaviour, StepError> {
    Ok(Behaviour {
        path: b.path_pattern().to_owned(),
        origin: b.target_origin_id().to_owned(),
        methods: methods(b.allowed_methods()),
        cache_policy: b.cache_policy_id().unwrap_or_default().to_owned(),
        origin_request_policy: b.origin_request_policy_id().map(str::to_owned),
        viewer_protocol: b.viewer_protocol_policy().as_str().to_owned(),
        compress: b.compress().unwrap_or_default(),
        function: read_function(cx, b.function_associations())?,
    })
}

fn methods(allowed: Option<&cf::AllowedMethods>) -> Vec<String> {
    let mut methods: Vec<String> =
        allowed.map(cf::AllowedMethods::items).unwrap_or_default().iter().map(|m| m.as_str().to_owned()).collect();
    methods.sort();
    methods
}

/// The node whose function is run on both events; anything else reads as what it is.
fn read_function(cx: &Cx, associations: Option<&cf::FunctionAssociations>) -> Result<Option<String>, StepError> {
    let items = associations.map(cf::FunctionAssociations::items).unwrap_or_default();
    let known = cx.try_output::<Function>("edge-function")?;
    let both = [cf::EventType::ViewerRequest, cf::EventType::ViewerResponse];
    let ours = |event: &cf::EventType| {
        items.iter().any(|i| i.event_type() == event && known.as_ref().is_some_and(|k| k.arn == i.function_arn()))
    };
    if items.len() == both.len() && both.iter().all(ours) {
        return Ok(Some("edge-function".into()));
    }
    let words: Vec<_> = items.iter().map(|i| format!("{} {}", i.event_type().as_str(), i.function_arn())).collect();
    Ok((!words.is_empty()).then(|| words.join(", ")))
}

/// The origin secret in a configuration.
pub fn secret(config: &cf::DistributionConfig) -> Option<&str> {
    config.origins().map(cf::Origins::items).unwrap_or_default().iter().find_map(secret_of)
}

/// The configuration with `secret` wherever it carries one.
pub fn replace_secret(config: &cf::DistributionConfig, secret: &str) -> Result<cf::DistributionConfig, BuildError> {
    let mut origins = Vec::new();
    for origin in config.origins().map(cf::Origins::items).unwrap_or_default() {
        let mut origin = origin.clone();
        if secret_of(&origin).is_some()
            && let Some(headers) = &mut origin.custom_headers
        {
            let ours = |h: &&mut cf::OriginCustomHeader| h.header_name.eq_ignore_ascii_case(SECRET_HEADER);
            headers.items.iter_mut().flatten().filter(ours).for_each(|header| header.header_value = secret.to_owned());
        }
        origins.push(origin);
    }
    let origins = cf::Origins::builder().quantity(count(origins.len())).set_items(Some(origins)).build()?;
    builder_of(config).origins(origins).build()
}

fn secret_of(origin: &cf::Origin) -> Option<&str> {
    let headers = origin.custom_headers().map(cf::CustomHeaders::items).unwrap_or_default();
    headers
        .iter()
        .find(|h| h.header_name().eq_ignore_ascii_case(SECRET_HEADER))
        .map(cf::OriginCustomHeader::header_value)
}

/// Whether any origin of the spec is sent the secret.
pub fn carries_secret(spec: &Distribution) -> bool {
    spec.origins.iter().any(|origin| origin.secret)
}

/// A builder that holds all that `config` holds, so that what is not ours is kept.
pub fn builder_of(config: &cf::DistributionConfig) -> DistributionConfigBuilder {
    cf::DistributionConfig::builder()
        .caller_reference(config.caller_reference())
        .set_aliases(config.aliases.clone())
        .set_default_root_object(config.default_root_object.clone())
        .set_origins(config.origins.clone())
        .set_origin_groups(config.origin_groups.clone())
        .set_default_cache_behavior(config.default_cache_behavior.clone())
        .set_cache_behaviors(config.cache_behaviors.clone())
        .set_custom_error_responses(config.custom_error_responses.clone())
        .comment(config.comment())
        .set_logging(config.logging.clone())
        .set_price_class(config.price_class.clone())
        .enabled(config.enabled)
        .set_viewer_certificate(config.viewer_certificate.clone())
        .set_restrictions(config.restrictions.clone())
        .set_web_acl_id(config.web_acl_id.clone())
        .set_http_version(config.http_version.clone())
        .set_is_ipv6_enabled(config.is_ipv6_enabled)
        .set_continuous_deployment_policy_id(config.continuous_deployment_policy_id.clone())
        .set_staging(config.staging)
        .set_anycast_ip_list_id(config.anycast_ip_list_id.clone())
        .set_tenant_config(config.tenant_config.clone())
        .set_connection_mode(config.connection_mode.clone())
        .set_viewer_mtls_config(config.viewer_mtls_config.clone())
        .set_connection_function_association(config.connection_function_association.clone())
        .set_cache_tag_config(config.cache_tag_config.clone())
}

/// The spec put over what `start` holds.
pub fn write(
    cx: &Cx,
    spec: &Distribution,
    start: DistributionConfigBuilder,
    secret: Option<&str>,
) -> Result<cf::DistributionConfig, StepError> {
    let building = || "describe the distribution";
    let mut origins = cf::Origins::builder().quantity(count(spec.origins.len()));
    for origin in &spec.origins {
        origins = origins.items(write_origin(cx, origin, secret)?);
    }
    let (default, others): (Vec<_>, Vec<_>) = spec.behaviours.iter().partition(|b| b.path == DEFAULT);
    let mut behaviours = cf::CacheBehaviors::builder().quantity(count(others.len()));
    for behaviour in others {
        behaviours = behaviours.items(write_behaviour(cx, behaviour)?);
    }
    let default = default.first().ok_or_else(|| StepError::bug("a distribution needs a default behaviour"))?;
    let firewall = spec.firewall.as_deref().map(|node| cx.output::<WebAcl>(node)).transpose()?;
    start
        .web_acl_id(firewall.map(|firewall| firewall.arn).unwrap_or_default())
        .comment(&spec.comment)
        .enabled(spec.enabled)
        .http_version(spec.http_version.as_str().into())
        .is_ipv6_enabled(spec.ipv6)
        .price_class(spec.price_class.as_str().into())
        .origins(origins.build().telling(building)?)
        .default_cache_behavior(write_default(cx, default)?)
        .cache_behaviors(behaviours.build().telling(building)?)
        .custom_error_responses(write_errors(&spec.errors)?)
        .build()
        .telling(building)
}

fn write_origin(cx: &Cx, origin: &Origin, secret: Option<&str>) -> Result<cf::Origin, StepError> {
    let building = || "describe an origin";
    let host = match origin.host.as_str() {
        "http-api" => cx.output::<HttpApi>("http-api")?.host,
        host => host.to_owned(),
    };
    let mut headers = cf::CustomHeaders::builder().quantity(0);
    if let (true, Some(secret)) = (origin.secret, secret) {
        let header = cf::OriginCustomHeader::builder().header_name(SECRET_HEADER).header_value(secret).build();
        headers = headers.quantity(1).items(header.telling(building)?);
    }
    let start = cf::Origin::builder().id(&origin.id).domain_name(host).origin_path("");
    let start = start.custom_headers(headers.build().telling(building)?);
    let start = match &origin.access_control {
        Some(node) => start
            .origin_access_control_id(cx.output::<OriginAccessControl>(node)?.id)
            // Empty: the older way of access is not used, but the element is asked for.
            .s3_origin_config(cf::S3OriginConfig::builder().origin_access_identity("").build()),
        None => start.custom_origin_config(https_only()?),
    };
    start.build().telling(building)
}

fn https_only() -> Result<cf::CustomOriginConfig, StepError> {
    let protocols = cf::OriginSslProtocols::builder().quantity(1).items(cf::SslProtocol::TlSv12).build();
    cf::CustomOriginConfig::builder()
        .http_port(80)
        .https_port(443)
        .origin_protocol_policy(cf::OriginProtocolPolicy::HttpsOnly)
        .origin_ssl_protocols(protocols.telling(|| "describe an origin")?)
        .origin_read_timeout(30)
        .origin_keepalive_timeout(5)
        .build()
        .telling(|| "describe an origin")
}

fn write_default(cx: &Cx, b: &Behaviour) -> Result<cf::DefaultCacheBehavior, StepError> {
    cf::DefaultCacheBehavior::builder()
        .target_origin_id(&b.origin)
        .viewer_protocol_policy(b.viewer_protocol.as_str().into())
        .allowed_methods(write_methods(b)?)
        .compress(b.compress)
        .cache_policy_id(&b.cache_policy)
        .set_origin_request_policy_id(b.origin_request_policy.clone())
        .function_associations(write_functions(cx, b)?)
        .build()
        .telling(|| "describe a behaviour")
}

fn write_behaviour(cx: &Cx, b: &Behaviour) -> Result<cf::CacheBehavior, StepError> {
    cf::CacheBehavior::builder()
        .path_pattern(&b.path)
        .target_origin_id(&b.origin)
        .viewer_protocol_policy(b.viewer_protocol.as_str().into())
        .allowed_methods(write_methods(b)?)
        .compress(b.compress)
        .cache_policy_id(&b.cache_policy)
        .set_origin_request_policy_id(b.origin_request_policy.clone())
        .function_associations(write_functions(cx, b)?)
        .build()
        .telling(|| "describe a behaviour")
}

fn write_methods(b: &Behaviour) -> Result<cf::AllowedMethods, StepError> {
    let building = || "describe the methods";
    let cached = cf::CachedMethods::builder().quantity(count(CACHED.len())).set_items(Some(CACHED.to_vec()));
    let methods = b.methods.iter().map(|m| m.as_str().into()).collect();
    cf::AllowedMethods::builder()
        .quantity(count(b.methods.len()))
        .set_items(Some(methods))
        .cached_methods(cached.build().telling(building)?)
        .build()
        .telling(building)
}

fn write_functions(cx: &Cx, b: &Behaviour) -> Result<cf::FunctionAssociations, StepError> {
    let building = || "associate the function";
    let Some(node) = &b.function else {
        return cf::FunctionAssociations::builder().quantity(0).build().telling(building);
    };
    let arn = cx.output::<Function>(node)?.arn;
    let mut associations = cf::FunctionAssociations::builder().quantity(2);
    for event in [cf::EventType::ViewerRequest, cf::EventType::ViewerResponse] {
        let association = cf::FunctionAssociation::builder().function_arn(&arn).event_type(event).build();
        associations = associations.items(association.telling(building)?);
    }
    associations.build().telling(building)
}

/// CloudFront wants the length of every list said again.
fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}
