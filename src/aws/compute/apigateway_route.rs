//! The route that takes every request: what there is and what there is not is the engine's to say.

use serde::{Deserialize, Serialize};

use super::apigateway_api::HttpApi;
use super::apigateway_integration::Integration;
use crate::aws::error::answer;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Node of the API.
    pub api: String,
    /// Key, `$default` for every request.
    pub key: String,
    /// Node of the integration.
    pub integration: String,
}

/// What others need of a route.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RouteOutput {
    /// Id inside the API.
    pub id: String,
}

impl Resource for Route {
    const KIND: &'static str = "apigateway.route";
    type Cloud = crate::aws::Cloud;
    type Output = RouteOutput;

    fn name(&self) -> String {
        self.key.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(api) = cx.try_output::<HttpApi>(&self.api)? else { return Ok(None) };
        let routes = match answer("GetRoutes", cx.cloud.gateway.get_routes().api_id(&api.id).send().await) {
            Err(e) if e.is("NotFoundException") => return Ok(None),
            result => result.telling(|| "look at the API's route")?.items.unwrap_or_default(),
        };
        let Some(route) = routes.into_iter().find(|r| r.route_key() == Some(&self.key)) else { return Ok(None) };
        let wanted = cx.try_output::<Integration>(&self.integration)?.map(|i| target(&i.id));
        let actual = route.target.unwrap_or_default();
        let integration = if wanted.as_ref() == Some(&actual) { self.integration.clone() } else { actual };
        let output = RouteOutput { id: route.route_id.unwrap_or_default() };
        Ok(Some(Found { spec: Self { integration, ..self.clone() }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<RouteOutput, StepError> {
        let routing = || format!("make the route {}", self.key);
        let api = cx.output::<HttpApi>(&self.api)?.id;
        let to = target(&cx.output::<Integration>(&self.integration)?.id);
        if let Some(found) = found {
            let call = cx.cloud.gateway.update_route().api_id(api).route_id(&found.output.id).target(to);
            answer("UpdateRoute", call.send().await).telling(routing)?;
            return Ok(found.output);
        }
        let call = cx.cloud.gateway.create_route().api_id(&api).route_key(&self.key).target(&to);
        match answer("CreateRoute", call.send().await) {
            Ok(output) => Ok(RouteOutput { id: output.route_id.unwrap_or_default() }),
            Err(e) if e.is("ConflictException") => match self.find(cx).await? {
                Some(found) => Ok(found.output),
                None => Err(e.while_doing(routing())),
            },
            Err(e) => Err(e.while_doing(routing())),
        }
    }

    /// It goes with the API.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

fn target(integration: &str) -> String {
    format!("integrations/{integration}")
}
