//! The HTTP API in front of the function.

use aws_sdk_apigatewayv2::config::retry::RetryConfig;
use aws_sdk_apigatewayv2::types as gateway;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// An HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpApi {
    /// Name; AWS lets several have the same, so it is the tags that tell.
    pub name: String,
}

/// What others need of an API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HttpApiOutput {
    /// Id.
    pub id: String,
    /// Host name.
    pub host: String,
}

impl Resource for HttpApi {
    const KIND: &'static str = "apigateway.api";
    type Cloud = crate::aws::Cloud;
    type Output = HttpApiOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let api = self.ours(cx).await.telling(|| format!("look for the API {}", self.name))?;
        Ok(api.map(|api| Found { spec: self.clone(), output: output(api.api_id(), api.api_endpoint()) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<HttpApiOutput, StepError> {
        if let Some(found) = found {
            return Ok(found.output);
        }
        let tags = cx.cloud.names.tags().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let call = cx.cloud.gateway.create_api().name(&self.name).protocol_type(gateway::ProtocolType::Http);
        let call = call.description(cx.cloud.names.mark()).set_tags(Some(tags.into()));
        // A second try of a call whose answer was lost would make a second API: look first.
        let once = aws_sdk_apigatewayv2::Config::builder().retry_config(RetryConfig::disabled());
        let result = Patience::PROPAGATION
            .retry(
                |e| e.unreachable() || e.is("TooManyRequestsException"),
                || async {
                    if let Some(api) = self.ours(cx).await? {
                        return Ok(output(api.api_id(), api.api_endpoint()));
                    }
                    let made = call.clone().customize().config_override(once.clone()).send().await;
                    answer("CreateApi", made).map(|made| output(made.api_id(), made.api_endpoint()))
                },
            )
            .await;
        result.telling(|| format!("make the API {}", self.name))
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.gateway.delete_api().api_id(&found.output.id);
        match answer("DeleteApi", call.send().await) {
            Err(e) if !e.is("NotFoundException") => Err(e.while_doing(format!("delete the API {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl HttpApi {
    async fn ours(&self, cx: &Cx) -> Result<Option<gateway::Api>, CallError> {
        let mut token = None;
        loop {
            let page = answer("GetApis", cx.cloud.gateway.get_apis().set_next_token(token).send().await)?;
            let ours = |api: &&gateway::Api| {
                let tags = api.tags();
                let tags = tags.iter().flat_map(|tags| tags.iter());
                api.name() == Some(&self.name) && cx.cloud.names.owns(tags.map(|(k, v)| (k.as_str(), v.as_str())))
            };
            if let Some(api) = page.items().iter().find(ours) {
                return Ok(Some(api.clone()));
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(None),
            }
        }
    }
}

fn output(id: Option<&str>, endpoint: Option<&str>) -> HttpApiOutput {
    let host = endpoint.unwrap_or_default().trim_start_matches("https://").trim_end_matches('/');
    HttpApiOutput { id: id.unwrap_or_default().to_owned(), host: host.to_owned() }
}
