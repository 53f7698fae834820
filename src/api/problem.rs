//! What an API answers when it does not do what was asked: problem details, RFC 9457.

use http::{Method, StatusCode};
use serde::Serialize;

/// A refusal. Nothing of the inside is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable identifier, a relative reference such as `/problems/not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the type means, in words that do not change.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What is wrong with this very request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What is wrong with single fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Methods that would be answered.
    #[serde(skip)]
    pub allow: Option<&'static str>,
    /// Seconds after which to try again.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its name.
    pub field: String,
    /// What is wrong, as a sentence without its subject: "is required".
    pub message: String,
}

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            allow: None,
            retry_after: None,
        }
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// 401: it has to be known who asks.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "A valid token is needed", detail)
    }

    /// 403: whoever asks may not.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed", "")
    }

    /// 403: the request did not come through the site's address.
    pub fn around() -> Self {
        Self::new(StatusCode::FORBIDDEN, "origin", "Requests have to come through the site's own address", "")
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", "")
    }

    /// 405.
    pub fn method(method: &Method, allow: &'static str) -> Self {
        let detail = format!("{method} is not answered here");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "The method is not allowed here", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// 409: somebody else changed it.
    pub fn conflict() -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It was changed at the same moment", "")
    }

    /// 412: it is not as `If-Match` says.
    pub fn precondition() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition", "It is not as the request expects", "")
    }

    /// 413.
    pub fn too_large(most: usize) -> Self {
        let detail = format!("at most {most} bytes are taken");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "This is too large", detail)
    }

    /// 415.
    pub fn media_type() -> Self {
        Self::media("send application/json or application/x-www-form-urlencoded")
    }

    /// 415, in the words that say what would be taken.
    pub fn media(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of a kind that is not read", detail)
    }

    /// 422: fields are not as they are declared.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Some fields are not right", "");
        Self { errors, ..problem }
    }

    /// 500: a fault of ours.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", "")
    }

    /// 503: later it may work.
    pub fn unavailable() -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "This does not work at the moment", "");
        Self { retry_after: Some(2), ..problem }
    }
}
