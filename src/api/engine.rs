//! The engine: a request in, an answer out, the same under serve and in Lambda.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::auth::{AuthError, Identity, identify};
use super::body;
use super::bundle::Bundle;
use super::declare::{Collection, Store, Verb};
use super::guarded::guarded;
use super::problem::Problem;
use super::respond;
use super::rule::{Asked, Rule};
use super::tokens::Tokens;
use crate::store::{Document, Documents, Files, Listing, PAGE, Page, StoreError, files::is_id};

/// Most bytes of documents in one page of a list. In Lambda's answer, a JSON text within JSON, they
/// may become twice as many, and 6 MB are the most.
const PAGE_BYTES: usize = 2_500_000;

/// The time and new ids, so that tests can set them.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
    /// A new id; greater than all before it.
    fn id(&self) -> String;
}

/// The machine's clock, and UUIDs of version 7.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn id(&self) -> String {
        Uuid::now_v7().to_string()
    }
}

/// Answers the requests of one API.
pub struct Engine {
    bundle: Bundle,
    rules: BTreeMap<String, BTreeMap<Verb, Rule>>,
    documents: Arc<dyn Documents>,
    pub(super) files: Arc<dyn Files>,
    tokens: Arc<Tokens>,
    pub(super) clock: Arc<dyn Clock>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a path names.
enum Target<'a> {
    Health,
    Collection(&'a str, &'a Collection),
    /// A document or a file: the collection, and the id.
    One(&'a str, &'a Collection, &'a str),
}

/// An answer, or the problem that is answered instead.
pub(super) type Answer = Result<Response<Bytes>, Problem>;

impl Engine {
    /// An engine for `bundle`, over a store of documents and one of files. `headers` are put on
    /// every answer.
    ///
    /// A rule that does not compile, which `check` would have found, lets nobody through.
    pub fn new(
        bundle: Bundle,
        documents: Arc<dyn Documents>,
        files: Arc<dyn Files>,
        tokens: Arc<Tokens>,
        clock: Arc<dyn Clock>,
        headers: &[(String, String)],
    ) -> Self {
        let compiled = |collection: &Collection| {
            let rules = collection.rules.iter();
            rules.filter_map(|(verb, text)| Some((*verb, collection.rule(text, *verb).ok()?))).collect()
        };
        let rules = bundle.collections.iter().map(|(name, collection)| (name.clone(), compiled(collection))).collect();
        let headers =
            headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect();
        Self { bundle, rules, documents, files, tokens, clock, headers }
    }

    /// Answers one request. Its path and query are as they were sent. Never panics.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let head = request.method() == Method::HEAD;
        let page = wants_page(&request);
        let response = match guarded(self.answer(&request)).await.unwrap_or_else(|| Err(panicked())) {
            Ok(response) => response,
            Err(problem) => respond::problem(&problem, page),
        };
        let mut response = respond::finish(response, &self.headers);
        if head {
            // The length of what GET would answer is told, the body is not sent.
            if !response.headers().contains_key(CONTENT_LENGTH) {
                let length = response.body().len().to_string();
                respond::set(&mut response, CONTENT_LENGTH, &length);
            }
            *response.body_mut() = Bytes::new();
        }
        response
    }

    async fn answer(&self, request: &Request<Bytes>) -> Answer {
        let target = self.target(request.uri().path()).ok_or_else(Problem::not_found)?;
        let method = request.method();
        let allow = target.allow();
        if method == Method::OPTIONS {
            let mut response = respond::empty(StatusCode::NO_CONTENT);
            respond::set(&mut response, http::header::ALLOW, allow);
            return Ok(response);
        }
        if !allow.split(", ").any(|allowed| allowed == method.as_str()) {
            return Err(Problem::method(method, allow));
        }
        if let Target::Health = target {
            return Ok(respond::json(StatusCode::OK, &json!({"status": "ok"})));
        }
        let identity = self.identity(request).await?;
        match target {
            Target::Health => Err(Problem::not_found()),
            Target::Collection(name, collection) => self.collection(name, collection, &identity, request).await,
            Target::One(name, collection, id) => self.one(name, collection, id, &identity, request).await,
        }
    }

    async fn collection(&self, name: &str, of: &Collection, identity: &Identity, request: &Request<Bytes>) -> Answer {
        match (of.store, *request.method() == Method::POST) {
            (Store::Documents, true) => self.create(name, of, identity, request).await,
            (Store::Documents, false) => self.list(name, identity, request).await,
            (Store::Files, true) => self.upload(name, of, identity, request).await,
            (Store::Files, false) => self.list_files(name, identity, request).await,
        }
    }

    async fn one(
        &self,
        name: &str,
        of: &Collection,
        id: &str,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Answer {
        match (of.store, *request.method() == Method::DELETE) {
            (Store::Documents, true) => self.delete(name, id, identity, request).await,
            (Store::Documents, false) => self.get(name, id, identity, request).await,
            (Store::Files, true) => self.delete_file(name, id, identity, request).await,
            (Store::Files, false) => self.get_file(name, id, identity, request).await,
        }
    }

    /// Who asks: whoever this program says it is, as for a schedule, else whoever holds the token.
    async fn identity(&self, request: &Request<Bytes>) -> Result<Identity, Problem> {
        // SECURITY: an extension is set by this program; nothing that was sent becomes one.
        if let Some(known) = request.extensions().get::<Identity>() {
            return Ok(known.clone());
        }
        let identity = identify(&*self.documents, &self.tokens, request.headers(), self.clock.now()).await;
        identity.map_err(|error| match error {
            AuthError::Refused(problem) => *problem,
            AuthError::Store(error) => unavailable(&error),
        })
    }

    /// `/api/<collection>` and `/api/<collection>/<id>`; nothing else is anything.
    fn target<'a>(&'a self, path: &'a str) -> Option<Target<'a>> {
        let rest = path.strip_prefix("/api/")?;
        if rest == "health" {
            return Some(Target::Health);
        }
        let (name, id) = match rest.split_once('/') {
            Some((name, id)) => (name, Some(id)),
            None => (rest, None),
        };
        let (name, collection) = self.bundle.collections.get_key_value(name)?;
        match id {
            None => Some(Target::Collection(name, collection)),
            Some(id) if is_id(id) => Some(Target::One(name, collection, id)),
            Some(_) => None,
        }
    }

    fn rule(&self, name: &str, verb: Verb) -> Option<&Rule> {
        self.rules.get(name)?.get(&verb)
    }

    /// Refuses before anything is read, where the rule says so whatever the document is.
    pub(super) fn allow_at_all(
        &self,
        name: &str,
        verb: Verb,
        identity: &Identity,
        method: &Method,
    ) -> Result<(), Problem> {
        match self.rule(name, verb) {
            Some(rule) if rule.needs_doc() => Ok(()),
            _ => self.allow(name, verb, identity, method, json!({})),
        }
    }

    pub(super) fn allow(
        &self,
        name: &str,
        verb: Verb,
        identity: &Identity,
        method: &Method,
        doc: Value,
    ) -> Result<(), Problem> {
        let rule = self.rule(name, verb);
        let asked = Asked { auth: identity, method: method.as_str(), doc };
        match rule {
            Some(rule) if rule.allows(&asked) => Ok(()),
            _ if identity.is_known() => Err(Problem::forbidden()),
            _ => Err(Problem::unauthenticated("send a token as Authorization: Bearer …")),
        }
    }

    async fn create(
        &self,
        name: &str,
        collection: &Collection,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Answer {
        self.allow_at_all(name, Verb::Create, identity, request.method())?;
        let kind = body::kind(request.headers())?;
        let fields = body::read(collection, kind, request.body());
        // Whoever may not create is not told what a document would have to be.
        let shown = fields.as_ref().map_or_else(|_| json!({}), |fields| Value::Object(fields.clone()));
        self.allow(name, Verb::Create, identity, request.method(), shown)?;
        let now = format!("{:.3}", self.clock.now());
        let document =
            Document { id: self.clock.id(), version: 1, created: now.clone(), updated: now, fields: fields? };
        self.documents.create(name, &document).await.map_err(|error| refusal(&error))?;
        if let (body::Kind::Form, Some(form)) = (kind, &collection.form) {
            return Ok(respond::see_other(&form.redirect));
        }
        let mut response = respond::document(StatusCode::CREATED, &document);
        respond::set(&mut response, LOCATION, &format!("/api/{name}/{}", document.id));
        Ok(response)
    }

    async fn list(&self, name: &str, identity: &Identity, request: &Request<Bytes>) -> Answer {
        self.allow(name, Verb::List, identity, request.method(), json!({}))?;
        let page = page(request.uri().query().unwrap_or_default())?;
        let listing = self.documents.list(name, &page).await.map_err(|error| refusal(&error))?;
        let listing = fitting(listing);
        let items: Vec<Value> = listing.documents.iter().map(respond::as_json).collect();
        Ok(respond::json(StatusCode::OK, &json!({"items": items, "next": listing.next.map(|id| cursor(&id))})))
    }

    async fn get(&self, name: &str, id: &str, identity: &Identity, request: &Request<Bytes>) -> Answer {
        let document = self.read(name, id, Verb::Get, identity, request).await?;
        let tag = respond::etag(&document);
        if names_tag(request.headers(), &IF_NONE_MATCH, &tag) {
            let mut response = respond::empty(StatusCode::NOT_MODIFIED);
            respond::set(&mut response, ETAG, &tag);
            return Ok(response);
        }
        Ok(respond::document(StatusCode::OK, &document))
    }

    async fn delete(&self, name: &str, id: &str, identity: &Identity, request: &Request<Bytes>) -> Answer {
        let document = self.read(name, id, Verb::Delete, identity, request).await?;
        let tagged = request.headers().contains_key(IF_MATCH);
        if tagged && !names_tag(request.headers(), &IF_MATCH, &respond::etag(&document)) {
            return Err(Problem::precondition());
        }
        // What was judged by the rule is what is deleted, and not what took its place meanwhile.
        match self.documents.delete(name, id, Some(document.version)).await {
            Ok(_) => Ok(respond::empty(StatusCode::NO_CONTENT)),
            Err(StoreError::Conflict { .. }) if tagged => Err(Problem::precondition()),
            Err(error) => Err(refusal(&error)),
        }
    }

    /// A document that the rule of `verb` shows to whoever asks. To those who may see nothing, a
    /// document that is not there looks as one that is.
    async fn read(
        &self,
        name: &str,
        id: &str,
        verb: Verb,
        identity: &Identity,
        request: &Request<Bytes>,
    ) -> Result<Document, Problem> {
        self.allow_at_all(name, verb, identity, request.method())?;
        let document = self.documents.get(name, id).await.map_err(|error| refusal(&error))?;
        let shown = document.as_ref().map_or_else(|| json!({}), respond::as_json);
        self.allow(name, verb, identity, request.method(), shown)?;
        document.ok_or_else(Problem::not_found)
    }
}

impl Target<'_> {
    fn allow(&self) -> &'static str {
        match self {
            Self::Health => "GET, HEAD, OPTIONS",
            Self::Collection(..) => "GET, HEAD, OPTIONS, POST",
            Self::One(..) => "DELETE, GET, HEAD, OPTIONS",
        }
    }
}

pub(super) fn refusal(error: &StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => Problem::conflict(),
        StoreError::TooLarge { .. } => Problem::too_large(crate::store::LARGEST),
        StoreError::Number => Problem::malformed("a number is too great or too small to be kept"),
        error => unavailable(error),
    }
}

/// What the store said goes to the log; whoever asked learns nothing of the inside.
fn unavailable(error: &StoreError) -> Problem {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    tracing::error!(error = text, "the store failed");
    Problem::unavailable()
}

/// A panic is a fault of ours, and is noted as one; the message of it may hold what a visitor sent.
fn panicked() -> Problem {
    tracing::error!("a request could not be answered: the program panicked");
    Problem::internal()
}

/// Ends a page before it is larger than an answer may be. One document always fits.
fn fitting(mut listing: Listing) -> Listing {
    let mut bytes = 0;
    let fits = listing.documents.iter().take_while(|document| {
        bytes += respond::as_json(document).to_string().len();
        bytes <= PAGE_BYTES
    });
    let keep = fits.count().max(1);
    if keep < listing.documents.len() {
        listing.documents.truncate(keep);
        listing.next = listing.documents.last().map(|last| last.id.clone());
    }
    listing
}

pub(super) fn page(query: &str) -> Result<Page, Problem> {
    let mut page = Page { limit: 20, after: None, newest_first: true };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("limit", number) => match number.parse() {
                Ok(limit) if (1..=PAGE).contains(&limit) => page.limit = limit,
                _ => return Err(Problem::malformed(format!("limit has to be a number from 1 to {PAGE}"))),
            },
            ("cursor", text) => {
                let id = read_cursor(text).ok_or_else(|| Problem::malformed("the cursor is not one that was given"))?;
                page.after = Some(id);
            }
            (name, _) => {
                return Err(Problem::malformed(format!("there is no parameter {name}; known are limit and cursor")));
            }
        }
    }
    Ok(page)
}

/// An opaque cursor: nobody should build on what is in it.
pub(super) fn cursor(id: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("1:{id}"))
}

fn read_cursor(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix("1:").filter(|id| is_id(id)).map(str::to_owned)
}

pub(super) fn names_tag(headers: &HeaderMap, name: &HeaderName, tag: &str) -> bool {
    let named = |value: &HeaderValue| {
        value
            .to_str()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
    };
    headers.get_all(name).iter().any(named)
}

/// Whether a browser sent a plain form: it shows what comes back.
fn wants_page(request: &Request<Bytes>) -> bool {
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.split(',').next().unwrap_or_default().trim().starts_with("text/html") && body::is_form(request.headers())
}
