//! The story of a request, from its first look to its answer.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};

use super::asset::Header;
use super::current::{Current, Site};
use super::state::State;
use super::{api, host, page, reload};
use crate::release::redirects::Found;
use crate::release::rules::{self, Answer};
use crate::site::url;

/// What browsers are told of redirects, as of pages: ask again each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static(crate::release::object::CACHE_CONTROL);
/// What they are told of what is named by its contents.
const IMMUTABLE: HeaderValue = HeaderValue::from_static(crate::release::object::IMMUTABLE);
/// What is said of answers that are of this moment only.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What an error page may do: listen for the end of the trouble.
const ERROR_PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Answers one request.
pub async fn answer(state: &State, request: &HttpRequest, payload: Payload) -> HttpResponse {
    if state.local_only && !for_this_machine(request) {
        return wrong_host();
    }
    if let Some(answer) = own_path(state, request) {
        return answer;
    }
    match &*state.current() {
        Current::Broken { trouble, build } => broken(&reload::error_page(trouble, build)),
        Current::Site(site) => from_site(state, site, request, payload).await,
    }
}

async fn from_site(state: &State, site: &Site, request: &HttpRequest, payload: Payload) -> HttpResponse {
    let path = request.uri().path();
    let for_api = rules::is_api(path);
    if let Some(engine) = site.engine.as_ref().filter(|_| for_api) {
        return api::answer(engine, site, request, payload).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return method_not_allowed(&site.headers);
    }
    if let Some(target) = rules::kept(path) {
        let asset = site.assets.get(&target.id);
        let Some(asset) = asset else {
            return with_lifetime(page::answer(state, site, &site.not_found, request).await, REVALIDATE);
        };
        let response = page::answer(state, site, asset, request).await;
        // A file that was changed after the build must not be kept under the name of what it was.
        let changed = response.status() == StatusCode::OK
            && !response.headers().contains_key(header::CONTENT_ENCODING)
            && response.headers().get(header::ETAG) != Some(&asset.strong);
        return with_lifetime(response, if changed { REVALIDATE } else { IMMUTABLE });
    }
    // Without an API its paths are unknown like any other.
    let answer = if for_api { Answer::NotFound } else { rules::lookup(&site.paths, path) };
    match answer {
        Answer::Object(asset) => with_lifetime(page::answer(state, site, &asset, request).await, REVALIDATE),
        Answer::NotFound => match ruled(site, request).filter(|_| !for_api) {
            Some(Found::Redirect { status, location }) => moved(status, &location, &site.headers),
            Some(Found::Object(target)) => {
                let asset = site.assets.get(&target.id).unwrap_or(&site.not_found);
                with_lifetime(page::answer(state, site, asset, request).await, REVALIDATE)
            }
            None => with_lifetime(page::answer(state, site, &site.not_found, request).await, REVALIDATE),
        },
        Answer::Redirect(to) => {
            let location = rules::with_query(&to, request.uri().query());
            moved(StatusCode::PERMANENT_REDIRECT.as_u16(), &location, &site.headers)
        }
    }
}

/// What the redirects of the site say of a path that has no page.
fn ruled(site: &Site, request: &HttpRequest) -> Option<Found> {
    let decoded = url::decode(request.uri().path()).filter(|path| url::is_addressable(path))?;
    let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    site.redirects.find(&url::single_slashes(&decoded), request.uri().query(), language)
}

/// How long a page may be kept, unless it says so itself.
fn with_lifetime(mut response: HttpResponse, lifetime: HeaderValue) -> HttpResponse {
    add_absent(&mut response, &[(header::CACHE_CONTROL, lifetime)]);
    response
}

/// SECURITY: the name in the request line counts before `Host`, as RFC 9112 section 3.2.2 has it;
/// both have to mean this machine. A browser always sends `Host`.
fn for_this_machine(request: &HttpRequest) -> bool {
    let named = request.uri().host().is_none_or(host::means_this_machine);
    let mut hosts = request.headers().get_all(header::HOST);
    named && hosts.all(|value| value.to_str().is_ok_and(host::means_this_machine))
}

/// The paths of the server's own.
fn own_path(state: &State, request: &HttpRequest) -> Option<HttpResponse> {
    let news = state.news.as_ref()?;
    let own = [reload::EVENTS, reload::SCRIPT].contains(&request.uri().path());
    if !own {
        return None;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(method_not_allowed(&[]));
    }
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CACHE_CONTROL, NO_STORE))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Some(if request.uri().path() == reload::SCRIPT {
        response.content_type("text/javascript; charset=utf-8").body(reload::SCRIPT_TEXT)
    } else if *request.method() == Method::HEAD {
        response.content_type("text/event-stream").finish()
    } else {
        response.content_type("text/event-stream").streaming(Box::pin(reload::stream(news.clone())))
    })
}

fn wrong_host() -> HttpResponse {
    let text = "This preview answers only to the names of this machine, such as localhost or 127.0.0.1.\n\
                To let other machines in, start it with --host 0.0.0.0.\n";
    plain(StatusCode::FORBIDDEN, text)
}

fn method_not_allowed(headers: &[Header]) -> HttpResponse {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Pages can only be read.\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    add_absent(&mut response, headers);
    response
}

/// A trouble of this machine's, such as a file that may not be read.
pub fn failed(error: &std::io::Error, headers: &[Header]) -> HttpResponse {
    let mut response = plain(StatusCode::INTERNAL_SERVER_ERROR, format!("The file could not be read: {error}.\n"));
    add_absent(&mut response, headers);
    response
}

fn plain(status: StatusCode, text: impl Into<String>) -> HttpResponse {
    let mut response = HttpResponse::new(status).set_body(actix_web::body::BoxBody::new(text.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

fn broken(page: &str) -> HttpResponse {
    let mut response = plain(StatusCode::INTERNAL_SERVER_ERROR, page);
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, ERROR_PAGE_POLICY);
    response
}

fn moved(status: u16, location: &str, headers: &[Header]) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND));
    // The rules encode every location.
    let location = HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, REVALIDATE);
    add_absent(&mut response, headers);
    response
}

/// Adds the headers that the answer does not have yet.
pub fn add_absent(response: &mut HttpResponse, headers: &[Header]) {
    for (name, value) in headers {
        if !response.headers().contains_key(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
}
