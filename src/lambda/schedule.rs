//! A schedule's event: the request that it makes.

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use crate::api::auth::Identity;

/// What EventBridge Scheduler sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Name of the schedule.
    pub schedule: String,
    /// Method of the request.
    pub method: String,
    /// Path and query of the request.
    pub path: String,
    /// Its JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The API bundle that was live when the schedule was written.
    pub api: String,
}

impl Scheduled {
    /// The request, made by the schedule itself.
    pub fn request(&self) -> Result<Request<Bytes>, http::Error> {
        let body = Bytes::from(self.body.clone().unwrap_or_default());
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.extension(Identity::schedule(&self.schedule)).body(body)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_schedule_asks_as_itself() {
        let event = serde_json::json!({"schedule": "nightly", "method": "POST", "path": "/api/reports",
            "body": "{}", "api": "x"});
        let request = serde_json::from_value::<Scheduled>(event).unwrap().request().unwrap();
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/api/reports"));
        assert_eq!(request.extensions().get::<Identity>().unwrap().role, "schedule");
    }
}
