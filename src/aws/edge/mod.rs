//! What visitors meet: the domain, the firewall, the distribution, its function, the function's store.

pub mod acm_certificate;
pub mod acm_validation;
pub mod cloudfront_config;
pub mod cloudfront_deployment;
pub mod cloudfront_distribution;
pub mod cloudfront_domain;
pub mod cloudfront_function;
pub mod cloudfront_key_value_store;
pub mod cloudfront_origin_access_control;
pub mod route53_records;
mod route53_set;
mod route53_wish;
pub mod route53_zone;
pub mod wafv2_logging;
pub mod wafv2_rules;
pub mod wafv2_web_acl;

/// The ETag of a CloudFront answer, which the next change must name.
fn etag(tag: Option<&str>) -> String {
    tag.unwrap_or_default().to_owned()
}

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
