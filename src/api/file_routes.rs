//! What the engine does with a collection of files.

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::auth::Identity;
use super::body;
use super::declare::{Collection, Verb};
use super::disposition;
use super::engine::{Answer, Engine, cursor, names_tag, page, refusal};
use super::file_body;
use super::problem::Problem;
use super::respond;
use crate::store::files::LARGEST_FILE;
use crate::store::{FileMeta, StoreError};

impl Engine {
    /// `POST /api/<collection>`: the body is the file, or a form that holds it.
    pub(super) async fn upload(
        &self,
        name: &str,
        collection: &Collection,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Answer {
        self.allow_at_all(name, Verb::Create, identity, request.method())?;
        let file = file_body::read(&collection.files.clone().unwrap_or_default(), request);
        // Whoever may not create is not told what a file would have to be.
        let shown = file.as_ref().map_or_else(|_| json!({}), |(meta, _)| judged(None, meta));
        self.allow(name, Verb::Create, identity, request.method(), shown)?;
        let (meta, bytes) = file?;
        let id = self.clock.id();
        self.files.put(name, &id, meta.clone(), bytes).await.map_err(|error| refused(&error))?;
        match &collection.form {
            Some(form) if body::is_form(request.headers()) => Ok(respond::see_other(&form.redirect)),
            _ => Ok(made(name, &id, &meta)),
        }
    }

    /// `GET /api/<collection>`: what is known of the files, in the order of their ids.
    pub(super) async fn list_files(&self, name: &str, identity: &Identity, request: &Request<Bytes>) -> Answer {
        self.allow(name, Verb::List, identity, request.method(), json!({}))?;
        let page = page(request.uri().query().unwrap_or_default())?;
        let listing = self.files.list(name, page.after.as_deref(), page.limit).await;
        let listing = listing.map_err(|error| refused(&error))?;
        let items: Vec<Value> = listing.files.iter().map(|(id, meta)| as_json(name, id, meta)).collect();
        Ok(respond::json(StatusCode::OK, &json!({"items": items, "next": listing.next.map(|id| cursor(&id))})))
    }

    /// `GET /api/<collection>/<id>`: the bytes, which are only read when they are sent.
    pub(super) async fn get_file(&self, name: &str, id: &str, identity: &Identity, request: &Request<Bytes>) -> Answer {
        self.allow_at_all(name, Verb::Get, identity, request.method())?;
        let whole = *request.method() == Method::GET && !request.headers().contains_key(IF_NONE_MATCH);
        if !whole {
            let meta = self.look(name, id, Verb::Get, identity, request).await?;
            if names_tag(request.headers(), &IF_NONE_MATCH, &etag(id)) {
                return Ok(unchanged(id));
            }
            if *request.method() == Method::HEAD {
                return Ok(bytes_of(id, &meta, Bytes::new()));
            }
        }
        let file = self.files.get(name, id).await.map_err(|error| refused(&error))?;
        let shown = file.as_ref().map_or_else(|| json!({}), |(meta, _)| judged(Some(id), meta));
        self.allow(name, Verb::Get, identity, request.method(), shown)?;
        let (meta, bytes) = file.ok_or_else(Problem::not_found)?;
        Ok(bytes_of(id, &meta, bytes))
    }

    /// `DELETE /api/<collection>/<id>`.
    pub(super) async fn delete_file(
        &self,
        name: &str,
        id: &str,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Answer {
        self.allow_at_all(name, Verb::Delete, identity, request.method())?;
        self.look(name, id, Verb::Delete, identity, request).await?;
        if request.headers().contains_key(IF_MATCH) && !names_tag(request.headers(), &IF_MATCH, &etag(id)) {
            return Err(Problem::precondition());
        }
        self.files.delete(name, id).await.map_err(|error| refused(&error))?;
        Ok(respond::empty(StatusCode::NO_CONTENT))
    }

    /// What is known of a file that the rule of `verb` shows to whoever asks. To those who may see
    /// nothing, a file that is not there looks as one that is.
    async fn look(
        &self,
        name: &str,
        id: &str,
        verb: Verb,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Result<FileMeta, Problem> {
        let meta = self.files.head(name, id).await.map_err(|error| refused(&error))?;
        let shown = meta.as_ref().map_or_else(|| json!({}), |meta| judged(Some(id), meta));
        self.allow(name, verb, identity, request.method(), shown)?;
        meta.ok_or_else(Problem::not_found)
    }
}

/// A file as rules see it; a new one has no id yet.
fn judged(id: Option<&str>, meta: &FileMeta) -> Value {
    let mut shown = json!({"name": meta.name, "type": meta.content_type, "size": meta.size});
    if let Some(id) = id {
        shown["id"] = json!(id);
    }
    shown
}

/// A file as the API shows it.
fn as_json(collection: &str, id: &str, meta: &FileMeta) -> Value {
    json!({"id": id, "name": meta.name, "type": meta.content_type, "size": meta.size, "url": url(collection, id)})
}

fn url(collection: &str, id: &str) -> String {
    format!("/api/{collection}/{id}")
}

/// A file is never changed, only made and deleted: its id names its bytes.
fn etag(id: &str) -> String {
    format!("\"{id}\"")
}

fn made(collection: &str, id: &str, meta: &FileMeta) -> Response<Bytes> {
    let mut response = respond::json(StatusCode::CREATED, &as_json(collection, id, meta));
    respond::set(&mut response, LOCATION, &url(collection, id));
    response
}

fn unchanged(id: &str) -> Response<Bytes> {
    let mut response = respond::empty(StatusCode::NOT_MODIFIED);
    respond::set(&mut response, ETAG, &etag(id));
    response
}

/// The answer with a file; its length is told also where the bytes are not sent.
fn bytes_of(id: &str, meta: &FileMeta, bytes: Bytes) -> Response<Bytes> {
    let mut response = respond::empty(StatusCode::OK);
    let kind = match meta.content_type.starts_with("text/") {
        true => format!("{}; charset=utf-8", meta.content_type),
        false => meta.content_type.clone(),
    };
    respond::set(&mut response, CONTENT_TYPE, &kind);
    respond::set(&mut response, CONTENT_LENGTH, &meta.size.to_string());
    respond::set(&mut response, CONTENT_DISPOSITION, &disposition::header(is_inline(&meta.content_type), &meta.name));
    respond::set(&mut response, ETAG, &etag(id));
    // SECURITY: with the type that is said, or not at all.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    *response.body_mut() = bytes;
    response
}

/// SECURITY: what runs scripts as a page of the site is only ever downloaded. SVG does.
fn is_inline(kind: &str) -> bool {
    match kind {
        "application/pdf" | "text/plain" => true,
        "image/svg+xml" => false,
        // Other images that are XML.
        kind => kind.starts_with("image/") && !kind.ends_with("xml"),
    }
}

fn refused(error: &StoreError) -> Problem {
    match error {
        StoreError::TooLarge { .. } => Problem::too_large(LARGEST_FILE),
        error => refusal(error),
    }
}
