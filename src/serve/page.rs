//! The answer with a page or file: conditions, parts, compression, the script of live reload.
//!
//! The not-found page is answered by the same rules, as it is at the edge: its status is 404 when
//! the whole of it is sent, 304 to those who have it, and 206 for a part.

use std::io;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};

use super::answer::{NO_STORE, failed};
use super::asset::Asset;
use super::body::LengthOnly;
use super::current::Site;
use super::load::{self, Loaded};
use super::range::{self, Wanted};
use super::state::State;
use super::{condition, reload};
use crate::release::encoding::{self, Encoding};

/// Largest page that gets the script of live reload, in bytes: it is changed in memory.
const LARGEST_WITH_SCRIPT: u64 = 10 * 1024 * 1024;
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// Answers with an object of the site.
pub async fn answer(state: &State, site: &Site, asset: &Arc<Asset>, request: &HttpRequest) -> HttpResponse {
    let scripted = state.news.is_some() && asset.html && asset.size <= LARGEST_WITH_SCRIPT && is_navigation(request);
    let answer = if scripted {
        with_script(state, &site.build, asset, request).await
    } else {
        as_published(state, asset, request).await
    };
    match answer {
        Ok(response) => response,
        // It was deleted after the build; the next one will not have it.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !Arc::ptr_eq(asset, &site.not_found) => {
            Box::pin(self::answer(state, site, &site.not_found, request)).await
        }
        Err(error) => failed(&error, &site.headers),
    }
}

/// Whether a browser loads the page to show it in a tab.
///
/// Browsers tell `Sec-Fetch-Dest` only to HTTPS and this machine; to others, navigations are known
/// by `Upgrade-Insecure-Requests`.
fn is_navigation(request: &HttpRequest) -> bool {
    match request.headers().get(&FETCH_DEST) {
        Some(dest) => dest == "document",
        None => request.headers().get(header::UPGRADE_INSECURE_REQUESTS).is_some_and(|value| value == "1"),
    }
}

async fn with_script(
    state: &State,
    build: &str,
    asset: &Arc<Asset>,
    request: &HttpRequest,
) -> io::Result<HttpResponse> {
    let page = reload::with_script(&load::whole(asset, &state.shelf).await?, build);
    let mut response = started(asset, asset.status);
    // These bytes are nobody's but this tab's: no ETag may ever stand for them.
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    let length = page.len() as u64;
    let body = if *request.method() == Method::HEAD { BoxBody::new(LengthOnly(length)) } else { BoxBody::new(page) };
    Ok(response.set_body(body))
}

async fn as_published(state: &State, asset: &Arc<Asset>, request: &HttpRequest) -> io::Result<HttpResponse> {
    let accepted = if asset.encoded { accepted(request.headers()) } else { None };
    let loaded = load::load(asset, accepted, &state.shelf).await?;
    if condition::has_already(values(request.headers(), &header::IF_NONE_MATCH), text(&loaded.etag)) {
        return Ok(described(asset, StatusCode::NOT_MODIFIED, &loaded));
    }
    match wanted(request, &loaded) {
        Wanted::Outside => Ok(outside(asset, &loaded)),
        Wanted::Part { first, last } => Ok(part(asset, loaded, first, last, request.method())),
        Wanted::Whole => {
            let response = described(asset, asset.status, &loaded);
            let length = loaded.body.length();
            Ok(response.set_body(body(loaded, 0, length, request.method())))
        }
    }
}

fn accepted(headers: &HeaderMap) -> Option<Encoding> {
    encoding::preferred(values(headers, &header::ACCEPT_ENCODING))
}

/// The parts of a compressed body are parts of what was compressed, as at the edge.
fn wanted(request: &HttpRequest, loaded: &Loaded) -> Wanted {
    let Some(range) = request.headers().get(header::RANGE) else { return Wanted::Whole };
    let if_range = request.headers().get(header::IF_RANGE);
    let continues = if_range.is_none_or(|value| range::still_the_same(text(value), text(&loaded.etag)));
    if !continues {
        return Wanted::Whole;
    }
    range::wanted(text(range), loaded.body.length())
}

fn part(asset: &Asset, loaded: Loaded, first: u64, last: u64, method: &Method) -> HttpResponse {
    let mut response = described(asset, StatusCode::PARTIAL_CONTENT, &loaded);
    set_content_range(&mut response, &format!("bytes {first}-{last}/{}", loaded.body.length()));
    response.set_body(body(loaded, first, last - first + 1, method))
}

fn outside(asset: &Asset, loaded: &Loaded) -> HttpResponse {
    let mut response = described(asset, StatusCode::RANGE_NOT_SATISFIABLE, loaded);
    set_content_range(&mut response, &format!("bytes */{}", loaded.body.length()));
    response.headers_mut().remove(header::CONTENT_TYPE);
    response.headers_mut().remove(header::ETAG);
    response
}

fn body(loaded: Loaded, first: u64, length: u64, method: &Method) -> BoxBody {
    // Nothing is read from disk for an answer without a body.
    if *method == Method::HEAD { BoxBody::new(LengthOnly(length)) } else { loaded.body.part(first, length) }
}

/// An answer with the object's headers, those of its present body among them.
fn described(asset: &Asset, status: StatusCode, loaded: &Loaded) -> HttpResponse {
    let mut response = started(asset, status);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, loaded.etag.clone());
    headers.insert(header::ACCEPT_RANGES, BYTES);
    if let Some(encoding) = loaded.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    if status == StatusCode::NOT_MODIFIED {
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_TYPE);
    }
    response
}

fn started(asset: &Asset, status: StatusCode) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    for (name, value) in &asset.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

fn set_content_range(response: &mut HttpResponse, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).map(text)
}

/// The text of a header; empty when it is not ASCII, which none that is read here may be.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}
