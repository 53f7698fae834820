//! The stage: the API as it is, with a bound on what it lets through.

use aws_sdk_apigatewayv2::types as gateway;
use serde::{Deserialize, Serialize};

use super::apigateway_api::HttpApi;
use super::logs_group::LogGroup;
use crate::aws::error::answer;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// One line for each request, as JSON; no header, no query, no body.
///
/// Source: API Gateway developer guide, "Customize HTTP API access logs".
const FORMAT: &str = r#"{"time":"$context.requestTime","id":"$context.requestId","ip":"$context.identity.sourceIp","method":"$context.httpMethod","path":"$context.path","status":"$context.status","bytes":"$context.responseLength","ms":"$context.responseLatency","error":"$context.integrationErrorMessage"}"#;

/// The stage `$default`, deployed by itself on every change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Node of the API.
    pub api: String,
    /// Name; `$default` has no path of its own.
    pub name: String,
    /// Whether changes are deployed by themselves.
    pub auto_deploy: bool,
    /// Requests a second.
    pub rate: f64,
    /// Requests at once.
    pub burst: i32,
    /// Node of the log group that each request is a line in.
    pub log: Option<String>,
}

/// A stage gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageOutput {}

impl Stage {
    /// The default stage, letting `rate` requests a second through.
    pub fn default_of(api: &str, rate: u32, log: &str) -> Self {
        let burst = i32::try_from(rate.saturating_mul(2)).unwrap_or(i32::MAX);
        Self {
            api: api.into(),
            name: "$default".into(),
            auto_deploy: true,
            rate: rate.into(),
            burst,
            log: Some(log.into()),
        }
    }

    fn logs(&self, cx: &Cx) -> Result<Option<gateway::AccessLogSettings>, StepError> {
        let Some(node) = &self.log else { return Ok(None) };
        let arn = cx.output::<LogGroup>(node)?.arn;
        Ok(Some(gateway::AccessLogSettings::builder().destination_arn(arn).format(FORMAT).build()))
    }

    /// The node's name when all is as it is wanted, else where it is written to.
    fn read_log(&self, cx: &Cx, found: Option<&gateway::AccessLogSettings>) -> Result<Option<String>, StepError> {
        let Some(found) = found.filter(|found| found.destination_arn().is_some()) else { return Ok(None) };
        let wanted = self.log.as_deref().map(|node| cx.try_output::<LogGroup>(node)).transpose()?.flatten();
        let same = wanted.is_some_and(|wanted| found.destination_arn() == Some(&wanted.arn));
        if same && found.format() == Some(FORMAT) {
            return Ok(self.log.clone());
        }
        Ok(found.destination_arn().map(|arn| format!("{arn} in another form")))
    }

    fn throttle(&self) -> gateway::RouteSettings {
        gateway::RouteSettings::builder().throttling_rate_limit(self.rate).throttling_burst_limit(self.burst).build()
    }
}

impl Resource for Stage {
    const KIND: &'static str = "apigateway.stage";
    type Cloud = crate::aws::Cloud;
    type Output = StageOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(api) = cx.try_output::<HttpApi>(&self.api)? else { return Ok(None) };
        let call = cx.cloud.gateway.get_stage().api_id(&api.id).stage_name(&self.name);
        let stage = match answer("GetStage", call.send().await) {
            Err(e) if e.is("NotFoundException") => return Ok(None),
            result => result.telling(|| "look at the API's stage")?,
        };
        let throttle = stage.default_route_settings;
        let spec = Self {
            api: self.api.clone(),
            name: self.name.clone(),
            auto_deploy: stage.auto_deploy.unwrap_or_default(),
            rate: throttle.as_ref().and_then(|t| t.throttling_rate_limit).unwrap_or_default(),
            burst: throttle.as_ref().and_then(|t| t.throttling_burst_limit).unwrap_or_default(),
            log: self.read_log(cx, stage.access_log_settings.as_ref())?,
        };
        Ok(Some(Found { spec, output: StageOutput {} }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<StageOutput, StepError> {
        let staging = || format!("make the stage {}", self.name);
        let api = cx.output::<HttpApi>(&self.api)?.id;
        if found.is_none() {
            let tags = cx.cloud.names.tags().map(|(key, value)| (key.to_owned(), value.to_owned()));
            let call =
                cx.cloud.gateway.create_stage().api_id(&api).stage_name(&self.name).auto_deploy(self.auto_deploy);
            let call = call.default_route_settings(self.throttle()).set_tags(Some(tags.into()));
            let call = call.set_access_log_settings(self.logs(cx)?);
            match answer("CreateStage", call.send().await) {
                Ok(_) => return Ok(StageOutput {}),
                // The answer to an earlier try was lost: bring it to what is wanted.
                Err(e) if e.is("ConflictException") => {}
                Err(e) => return Err(e.while_doing(staging())),
            }
        }
        let call = cx.cloud.gateway.update_stage().api_id(&api).stage_name(&self.name).auto_deploy(self.auto_deploy);
        let call = call.set_access_log_settings(self.logs(cx)?);
        answer("UpdateStage", call.default_route_settings(self.throttle()).send().await).telling(staging)?;
        Ok(StageOutput {})
    }

    /// It goes with the API.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}
