//! `/api/*`: between actix and the engine.

use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, to_bytes_limited};
use actix_web::dev::Payload;
use actix_web::http::header as actix;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::answer::add_absent;
use super::body::LengthOnly;
use super::current::Site;
use crate::api::{ClientAddress, Engine, LARGEST_BODY, Problem, respond};

/// Headers that only the edge may say to the API begin so.
const FROM_THE_EDGE: &str = "x-arq-";
/// How long a request may take to arrive.
///
/// Source: API Gateway quotas for HTTP APIs, "Integration timeout".
const LONGEST: Duration = Duration::from_secs(30);

/// Lets the engine answer.
pub async fn answer(engine: &Engine, site: &Site, request: &HttpRequest, payload: Payload) -> HttpResponse {
    let response = match converted(request, payload).await {
        Ok(request) => engine.handle(request).await,
        Err(problem) => respond::finish(respond::problem(&problem, false), &[]),
    };
    let mut response = returned(response, request.method());
    add_absent(&mut response, &site.headers);
    response
}

async fn converted(request: &HttpRequest, payload: Payload) -> Result<http::Request<Bytes>, Problem> {
    let whole = to_bytes_limited(BodyStream::new(payload), LARGEST_BODY);
    let body = match tokio::time::timeout(LONGEST, whole).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Err(_)) => return Err(Problem::too_large(LARGEST_BODY)),
        Ok(Ok(Err(_))) | Err(_) => return Err(Problem::malformed("the body did not arrive whole")),
    };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(target);
    for (name, value) in request.headers() {
        if !name.as_str().starts_with(FROM_THE_EDGE) {
            builder = builder.header(name.as_str(), value.as_bytes());
        }
    }
    if let Some(address) = request.peer_addr() {
        builder = builder.extension(ClientAddress(address.ip()));
    }
    builder.body(body).map_err(|error| Problem::malformed(error.to_string()))
}

fn returned(answer: http::Response<Bytes>, method: &Method) -> HttpResponse {
    let (head, body) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::new(status);
    let mut length = body.len() as u64;
    for (name, value) in &head.headers {
        if *name == http::header::CONTENT_LENGTH {
            length = value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(length);
        } else if let (Ok(name), Ok(value)) =
            (actix::HeaderName::from_bytes(name.as_ref()), actix::HeaderValue::from_bytes(value.as_bytes()))
        {
            response.headers_mut().append(name, value);
        }
    }
    let body = if *method == Method::HEAD { BoxBody::new(LengthOnly(length)) } else { BoxBody::new(body) };
    response.set_body(body)
}
