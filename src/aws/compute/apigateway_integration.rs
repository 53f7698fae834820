//! How the API calls the function.

use aws_sdk_apigatewayv2::config::retry::RetryConfig;
use aws_sdk_apigatewayv2::types as gateway;
use serde::{Deserialize, Serialize};

use super::apigateway_api::HttpApi;
use super::lambda_alias::Alias;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Longest that an HTTP API waits, in milliseconds.
///
/// Source: API Gateway quotas, HTTP API, "Maximum integration timeout".
const TIMEOUT: i32 = 30_000;

/// A Lambda proxy integration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    /// Node of the API.
    pub api: String,
    /// Node of the alias it calls.
    pub function: String,
    /// Version of the event's form.
    pub payload: String,
    /// Milliseconds.
    pub timeout: i32,
}

/// What others need of an integration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IntegrationOutput {
    /// Id inside the API.
    pub id: String,
}

impl Integration {
    /// The integration of the alias of this node.
    pub fn proxy(api: &str, function: &str) -> Self {
        Self { api: api.into(), function: function.into(), payload: "2.0".into(), timeout: TIMEOUT }
    }
}

impl Resource for Integration {
    const KIND: &'static str = "apigateway.integration";
    type Cloud = crate::aws::Cloud;
    type Output = IntegrationOutput;

    fn name(&self) -> String {
        format!("{} -> {}", self.api, self.function)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(api) = cx.try_output::<HttpApi>(&self.api)? else { return Ok(None) };
        let found = self.proxy_of(cx, &api.id).await.telling(|| "look at the API's integration")?;
        let Some(found) = found else { return Ok(None) };
        let wanted = cx.try_output::<Alias>(&self.function)?.map(|alias| alias.arn);
        let actual = found.integration_uri.unwrap_or_default();
        let spec = Self {
            api: self.api.clone(),
            function: if wanted.as_ref() == Some(&actual) { self.function.clone() } else { actual },
            payload: found.payload_format_version.unwrap_or_default(),
            timeout: found.timeout_in_millis.unwrap_or_default(),
        };
        Ok(Some(Found { spec, output: IntegrationOutput { id: found.integration_id.unwrap_or_default() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<IntegrationOutput, StepError> {
        let wiring = || "wire the API to the function";
        let api = cx.output::<HttpApi>(&self.api)?.id;
        let uri = cx.output::<Alias>(&self.function)?.arn;
        if let Some(found) = found {
            let call = cx.cloud.gateway.update_integration().api_id(api).integration_id(&found.output.id);
            let call = call.integration_uri(uri).payload_format_version(&self.payload).timeout_in_millis(self.timeout);
            answer("UpdateIntegration", call.send().await).telling(wiring)?;
            return Ok(found.output);
        }
        let call = cx.cloud.gateway.create_integration().api_id(&api).integration_uri(uri);
        let call = call.integration_type(gateway::IntegrationType::AwsProxy).integration_method("POST");
        let call = call.payload_format_version(&self.payload).timeout_in_millis(self.timeout);
        // A second try of a call whose answer was lost would make a second one: look first.
        let once = aws_sdk_apigatewayv2::Config::builder().retry_config(RetryConfig::disabled());
        let result = Patience::PROPAGATION
            .retry(
                |e| e.unreachable() || e.is("TooManyRequestsException"),
                || async {
                    if let Some(there) = self.proxy_of(cx, &api).await? {
                        return Ok(there.integration_id);
                    }
                    let made = call.clone().customize().config_override(once.clone()).send().await;
                    answer("CreateIntegration", made).map(|made| made.integration_id)
                },
            )
            .await;
        Ok(IntegrationOutput { id: result.telling(wiring)?.unwrap_or_default() })
    }

    /// It goes with the API.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Integration {
    /// The first integration of its kind: an API of ours has one.
    async fn proxy_of(&self, cx: &Cx, api: &str) -> Result<Option<gateway::Integration>, CallError> {
        let page = match answer("GetIntegrations", cx.cloud.gateway.get_integrations().api_id(api).send().await) {
            Err(e) if e.is("NotFoundException") => return Ok(None),
            result => result?,
        };
        let proxy = |i: &gateway::Integration| i.integration_type() == Some(&gateway::IntegrationType::AwsProxy);
        Ok(page.items.unwrap_or_default().into_iter().find(proxy))
    }
}
