//! EC2's few calls, over the SDK's own runtime.
//!
//! The official crate takes eight gigabytes of memory to compile; the network needs thirty of its
//! eight hundred operations. Credentials, signature, TLS, timeouts and retries are the SDK's.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::element::Element;
use crate::aws::error::{CallError, answer};

/// Version of the API. Source: EC2 API reference, "Common parameters".
const VERSION: &str = "2016-11-15";

/// What RFC 3986 calls unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A form, encoded.
#[derive(Debug)]
struct Form(String);

type Query = Operation<Form, Element, ErrorMetadata>;

/// A client of EC2 in the region of the site.
#[derive(Clone)]
pub struct Ec2 {
    patient: Query,
    once: Query,
}

impl Ec2 {
    /// From what every AWS client is made of.
    pub fn new(config: &SdkConfig) -> Self {
        let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        Self { patient: query(config, &retries), once: query(config, &RetryConfig::disabled()) }
    }

    /// Calls an operation, with the SDK's retries of throttling and of what fails in passing.
    pub async fn call(&self, operation: &'static str, parameters: &[(String, String)]) -> Result<Element, CallError> {
        answer(operation, self.patient.invoke(form(operation, parameters)).await)
    }

    /// Calls an operation once: one that makes something and has no client token would make a
    /// second one when the first answer was lost.
    pub async fn call_once(
        &self,
        operation: &'static str,
        parameters: &[(String, String)],
    ) -> Result<Element, CallError> {
        answer(operation, self.once.invoke(form(operation, parameters)).await)
    }
}

fn form(operation: &str, parameters: &[(String, String)]) -> Form {
    let mut form = format!("Action={operation}&Version={VERSION}");
    for (name, value) in parameters {
        form.push_str(&format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
    }
    Form(form)
}

fn query(config: &SdkConfig, retries: &RetryConfig) -> Query {
    let mut operation = Operation::builder()
        .service_name("ec2")
        .operation_name("Query")
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&endpoint(config))
        .standard_retry(retries)
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .with_connection_poisoning()
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(UserAgentInterceptor::new())
        .interceptor(InvocationIdInterceptor::new())
        .runtime_plugin(signing(config));
    if let Some(timeouts) = config.timeout_config() {
        operation = operation.timeout_config(timeouts.clone());
    }
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        operation = operation.time_source(time);
    }
    operation.serializer(request).deserializer(read).build()
}

/// `AWS_ENDPOINT_URL`, or the region's endpoint.
///
/// Source: EC2 user guide, "Service endpoints": dual-stack ones are in `api.aws`.
fn endpoint(config: &SdkConfig) -> String {
    let region = config.region().map(AsRef::as_ref).unwrap_or("us-east-1");
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match config.endpoint_url() {
        Some(url) => url.to_owned(),
        None if config.use_dual_stack() == Some(true) => format!("https://ec2.{region}.api.aws"),
        None => format!("https://ec2.{region}.{domain}"),
    }
}

fn signing(config: &SdkConfig) -> StaticRuntimePlugin {
    let mut layer = Layer::new("ec2");
    layer.store_put(ApiMetadata::new("ec2", env!("CARGO_PKG_VERSION")));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(Into::into),
        name: Some("ec2".into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("ec2");
    components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
        StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
    )));
    components.push_auth_scheme(SigV4AuthScheme::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    if let Some(cache) = config.identity_cache() {
        components.set_identity_cache(Some(cache));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn request(form: Form) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let request = http::Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(SdkBody::from(form.0))?;
    Ok(request.try_into()?)
}

fn read(response: &HttpResponse) -> Result<Element, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        Element::parse(body).map_err(OrchestratorError::other)
    } else {
        Err(OrchestratorError::operation(refusal(body)))
    }
}

/// `<Response><Errors><Error><Code>…</Code><Message>…</Message></Error></Errors></Response>`
///
/// Source: EC2 API reference, "Error responses".
fn refusal(body: &[u8]) -> ErrorMetadata {
    let mut refusal = ErrorMetadata::builder();
    let Ok(response) = Element::parse(body) else { return refusal.build() };
    let error = response.list("Errors").first();
    if let Some(error) = error.filter(|error| !error.get("Code").is_empty()) {
        refusal = refusal.code(error.get("Code")).message(error.get("Message"));
    }
    refusal.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::network::parameters::Parameters;

    #[test]
    fn a_call_is_a_form() {
        let parameters = Parameters::new().with("CidrBlock", "10.71.0.0/16").filter("tag:Name", "a b+c&d~é");
        assert_eq!(
            form("CreateVpc", &parameters).0,
            "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.71.0.0%2F16\
             &Filter.1.Name=tag%3AName&Filter.1.Value.1=a%20b%2Bc%26d~%C3%A9"
        );
    }

    #[test]
    fn a_refusal_has_its_code_and_its_words() {
        let refused = refusal(
            b"<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>\
              <Message>The vpc ID 'vpc-1' does not exist</Message></Error></Errors><RequestID>1</RequestID></Response>",
        );
        assert_eq!(refused.code(), Some("InvalidVpcID.NotFound"));
        assert_eq!(refused.message(), Some("The vpc ID 'vpc-1' does not exist"));
        assert_eq!(refusal(b"<html>Bad Gateway</html>").code(), None);
        assert_eq!(refusal(b"Bad Gateway").code(), None);
    }
}
