//! The API under actix: its request as the engine's, the engine's answer as its own.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use crate::api::{ClientAddress, Engine, LARGEST_BODY, Problem, respond};

/// Answers one request of the API.
pub async fn answer(engine: &Engine, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = match payload.to_bytes_limited(LARGEST_BODY).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return convert(respond::problem(&Problem::malformed("the body broke off"), false)),
        Err(_) => return convert(respond::problem(&Problem::too_large(LARGEST_BODY), false)),
    };
    match to_request(request, body) {
        Some(request) => convert(engine.handle(request).await),
        None => convert(respond::problem(&Problem::malformed("the request cannot be read"), false)),
    }
}

/// actix has its own version of the `http` types.
fn to_request(request: &HttpRequest, body: Bytes) -> Option<http::Request<Bytes>> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut builder = http::Request::builder().method(request.method().as_str()).uri(target);
    for (name, value) in request.headers() {
        // SECURITY: what only the edge may say is not taken from a visitor.
        if !name.as_str().starts_with("x-arq-") {
            builder = builder.header(name.as_str(), value.as_bytes());
        }
    }
    let mut converted = builder.body(body).ok()?;
    if let Some(address) = request.peer_addr() {
        converted.extensions_mut().insert(ClientAddress(address.ip()));
    }
    Some(converted)
}

fn convert(response: http::Response<Bytes>) -> HttpResponse {
    let (head, body) = response.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    for (name, value) in &head.headers {
        // The length is the server's to say, also of what HEAD is not sent.
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes()))
            && name != actix_web::http::header::CONTENT_LENGTH
        {
            builder.append_header((name, value));
        }
    }
    match head.headers.get(http::header::CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse().ok()) {
        Some(length) => builder.body(actix_web::body::SizedStream::new(
            length,
            futures_util::stream::empty::<Result<Bytes, std::io::Error>>(),
        )),
        None => builder.body(body),
    }
}
