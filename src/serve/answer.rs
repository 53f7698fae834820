//! One request: the site's own words, in the order in which the edge decides.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::encoding::preferred;
use super::range::Wanted;
use super::reload::{self, EVENTS, SCRIPT, SCRIPT_TEXT};
use super::shown::{Body, Served, Shown};
use super::{State, api, condition, host, range};
use crate::release::{Answer, rules};

/// Size of the pieces in which large files are read, in bytes.
const PIECE: usize = 64 * 1024;
/// What browsers are told of redirects.
const REVALIDATE: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// Answers a request.
pub async fn answer(state: web::Data<State>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    if state.local_only && !for_this_machine(&request) {
        return misdirected();
    }
    if let Some(own) = own(&state, &request) {
        return own;
    }
    let Some(shown) = state.shown() else { return nothing_built(&state) };
    if rules::is_api(request.uri().path()) {
        return match &shown.engine {
            Some(engine) => api::answer(engine, &request, payload).await,
            None => page(&state, &shown, shown.not_found(), &request).await,
        };
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return with_headers(HttpResponse::MethodNotAllowed(), &shown)
            .insert_header((header::ALLOW, "GET, HEAD"))
            .finish();
    }
    match shown.lookup(request.uri().path()) {
        Answer::Object(served) => page(&state, &shown, served, &request).await,
        Answer::NotFound => page(&state, &shown, shown.not_found(), &request).await,
        Answer::Redirect(location) => redirect(&shown, &rules::with_query(&location, request.uri().query())),
    }
}

fn for_this_machine(request: &HttpRequest) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    host.or(request.uri().host()).is_some_and(host::means_this_machine)
}

fn misdirected() -> HttpResponse {
    HttpResponse::Forbidden().content_type("text/plain; charset=utf-8").body(
        "This preview answers requests for localhost and 127.0.0.1 only.\n\
         To show it to others, start it with --host and an address of this machine.\n",
    )
}

/// What is the preview's own, and not the site's.
fn own(state: &State, request: &HttpRequest) -> Option<HttpResponse> {
    if !state.reload {
        return None;
    }
    match request.uri().path() {
        EVENTS => Some(
            HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "text/event-stream"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .streaming(reload::stream(state.news.subscribe()).map(|piece| -> Result<Bytes, Infallible> { piece })),
        ),
        SCRIPT => Some(
            HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "text/javascript; charset=utf-8"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body(SCRIPT_TEXT),
        ),
        _ => None,
    }
}

fn nothing_built(state: &State) -> HttpResponse {
    let news = state.news.borrow().clone();
    let trouble = news.trouble.unwrap_or_else(|| super::Trouble::new("the site is being built"));
    HttpResponse::InternalServerError()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(reload::error_page(&trouble, &news.build))
}

fn redirect(shown: &Shown, location: &str) -> HttpResponse {
    with_headers(HttpResponse::PermanentRedirect(), shown)
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, REVALIDATE))
        .finish()
}

fn with_headers(mut builder: HttpResponseBuilder, shown: &Shown) -> HttpResponseBuilder {
    for (name, value) in &shown.headers {
        builder.append_header((name.clone(), value.clone()));
    }
    builder
}

/// A page or file.
async fn page(state: &State, shown: &Shown, served: Arc<Served>, request: &HttpRequest) -> HttpResponse {
    if state.reload && is_navigation(request) && is_html(&served) {
        return with_reload(state, shown, &served).await;
    }
    let encoding = if served.compressible { preferred(values(request, &header::ACCEPT_ENCODING)) } else { None };
    let encoded = match encoding {
        Some(encoding) => match served.compressed(encoding, &state.shelf).await {
            Ok(bytes) if !bytes.is_empty() => Some((encoding.name(), bytes)),
            Ok(_) => None,
            Err(error) => return unreadable(&error),
        },
        None => None,
    };
    let etag = if encoded.is_some() { format!("W/{}", served.etag) } else { served.etag.clone() };
    let status = StatusCode::from_u16(served.status).unwrap_or(StatusCode::OK);
    // As at the edge: a visitor who has these very bytes is told so, whatever their status.
    if condition::has_already(values(request, &header::IF_NONE_MATCH), &etag) {
        return head(StatusCode::NOT_MODIFIED, shown, &served, &etag).finish();
    }
    let mut builder = head(status, shown, &served, &etag);
    builder.insert_header((header::CONTENT_TYPE, served.content_type.clone()));
    if let Some((name, bytes)) = encoded {
        builder.insert_header((header::CONTENT_ENCODING, name));
        return builder.body(bytes);
    }
    builder.insert_header((header::ACCEPT_RANGES, "bytes"));
    match served.body(&state.shelf).await {
        Ok(body) => part_of(builder, served.status, body, served.size, &etag, request).await,
        Err(error) => unreadable(&error),
    }
}

fn head(status: StatusCode, shown: &Shown, served: &Served, etag: &str) -> HttpResponseBuilder {
    let mut builder = with_headers(HttpResponse::build(status), shown);
    for (name, value) in &served.headers {
        builder.insert_header((name.clone(), value.clone()));
    }
    builder.insert_header((header::ETAG, etag));
    if served.compressible {
        builder.insert_header((header::VARY, "Accept-Encoding"));
    }
    builder
}

/// The whole body, or the part that `Range` asks for.
async fn part_of(
    mut builder: HttpResponseBuilder,
    status: u16,
    body: Body,
    size: u64,
    etag: &str,
    request: &HttpRequest,
) -> HttpResponse {
    let asked = values(request, &header::RANGE).next().filter(|_| {
        status == 200 && values(request, &header::IF_RANGE).next().is_none_or(|tag| range::still_the_same(tag, etag))
    });
    match asked.map_or(Wanted::Whole, |asked| range::wanted(asked, size)) {
        Wanted::Whole => send(builder, body, 0, size).await,
        Wanted::Part { first, last } => {
            builder.status(StatusCode::PARTIAL_CONTENT);
            builder.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            send(builder, body, first, last - first + 1).await
        }
        Wanted::Outside => {
            builder.status(StatusCode::RANGE_NOT_SATISFIABLE);
            builder.insert_header((header::CONTENT_RANGE, format!("bytes */{size}"))).finish()
        }
    }
}

async fn send(mut builder: HttpResponseBuilder, body: Body, first: u64, length: u64) -> HttpResponse {
    match body {
        Body::Bytes(bytes) => {
            let from = usize::try_from(first).unwrap_or(usize::MAX).min(bytes.len());
            let to = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
            builder.body(bytes.slice(from..to))
        }
        Body::File(path) => match open(&path, first).await {
            Ok(file) => builder.body(SizedStream::new(length, pieces(file, length))),
            Err(error) => unreadable(&error),
        },
    }
}

async fn open(path: &std::path::Path, first: u64) -> io::Result<tokio::fs::File> {
    let mut file = tokio::fs::File::open(path).await?;
    file.seek(SeekFrom::Start(first)).await?;
    Ok(file)
}

fn pieces(file: tokio::fs::File, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

/// The page with the script of live reload in it; not to be mixed up with the page itself, so it
/// has no tag and is not kept.
async fn with_reload(state: &State, shown: &Shown, served: &Served) -> HttpResponse {
    let Ok(Body::Bytes(bytes)) = served.body(&state.shelf).await else {
        return unreadable(&io::Error::other("the page is being changed"));
    };
    let build = state.news.borrow().build.clone();
    let status = StatusCode::from_u16(served.status).unwrap_or(StatusCode::OK);
    with_headers(HttpResponse::build(status), shown)
        .insert_header((header::CONTENT_TYPE, served.content_type.clone()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(reload::with_script(&bytes, &build))
}

/// Whether a browser shows the answer as a page of its own.
fn is_navigation(request: &HttpRequest) -> bool {
    values(request, &HeaderName::from_static("sec-fetch-dest")).next() == Some("document")
        && request.method() == Method::GET
}

fn is_html(served: &Served) -> bool {
    served.content_type.as_bytes().starts_with(b"text/html")
}

/// The rebuild that follows the change mends it.
fn unreadable(error: &io::Error) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::RETRY_AFTER, "1"))
        .content_type("text/plain; charset=utf-8")
        .body(format!("This file cannot be read at the moment: {error}\n"))
}

fn values<'a>(request: &'a HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().into_iter()
}
