//! Answers, and the headers that all of them carry.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::form;
use super::problem::Problem;
use crate::store::Document;

/// An answer of JSON.
pub fn json(status: StatusCode, value: &Value) -> Response<Bytes> {
    typed(status, "application/json", value.to_string())
}

/// A document, with its tag.
pub fn document(status: StatusCode, document: &Document) -> Response<Bytes> {
    let mut response = json(status, &as_json(document));
    set(&mut response, ETAG, &etag(document));
    response
}

/// A document as the API shows it.
pub fn as_json(document: &Document) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert("id".into(), json!(document.id));
    shown.insert("created".into(), json!(document.created));
    shown.insert("updated".into(), json!(document.updated));
    shown.extend(document.fields.clone());
    Value::Object(shown)
}

/// The tag of a document: its version.
pub fn etag(document: &Document) -> String {
    format!("\"{}\"", document.version)
}

/// Nothing to show.
pub fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// 303: a form was taken, and the browser goes on to a page.
pub fn see_other(location: &str) -> Response<Bytes> {
    let mut response = empty(StatusCode::SEE_OTHER);
    // A declaration may name a page in any language; an address is ASCII.
    set(&mut response, LOCATION, &utf8_percent_encode(location, CONTROLS).to_string());
    response
}

/// A refusal; as a page where a browser posted a plain form.
pub fn problem(problem: &Problem, page: bool) -> Response<Bytes> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if page {
        typed(status, "text/html; charset=utf-8", form::page(problem))
    } else {
        typed(status, "application/problem+json", serde_json::to_string(problem).unwrap_or_default())
    };
    if let Some(allow) = problem.allow {
        set(&mut response, ALLOW, allow);
    }
    if let Some(seconds) = problem.retry_after {
        set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    if status == StatusCode::UNAUTHORIZED {
        set(&mut response, WWW_AUTHENTICATE, "Bearer");
    }
    response
}

/// Sets a header; a value that no header may have is left out.
pub fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What every answer carries: never cached, and the site's security headers.
pub fn finish(mut response: Response<Bytes>, headers: &[(HeaderName, HeaderValue)]) -> Response<Bytes> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_any_language_can_be_gone_on_to() {
        assert_eq!(see_other("/até-já/?a=%20").headers()[LOCATION], "/at%C3%A9-j%C3%A1/?a=%20");
    }
}
