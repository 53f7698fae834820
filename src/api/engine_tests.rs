//! What the engine answers, request by request.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::{Clock, Engine};
use super::tokens::{self, Tokens};
use super::{Bundle, bundle};
use crate::config::Project;
use crate::store::files::NoFiles;
use crate::store::{Document, Documents, Listing, MemoryStore, Page, StoreError};

/// A second for every id, from the beginning of 2026.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_767_225_600).unwrap()
    }

    fn id(&self) -> String {
        format!("id-{:04}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct Site {
    engine: Engine,
    owner: String,
    guest: String,
}

async fn site() -> Site {
    let bundle = Bundle::load(&Project::Starter(".".into())).unwrap().unwrap();
    site_of(bundle, Arc::new(MemoryStore::default())).await
}

async fn site_of(bundle: Bundle, store: Arc<dyn Documents>) -> Site {
    let now = Ticks::default().now();
    let (_, owner) = tokens::create(&*store, "me", "owner", None, now).await.unwrap();
    let (_, guest) = tokens::create(&*store, "you", "guest", None, now).await.unwrap();
    let headers = [("x-content-type-options".to_owned(), "nosniff".to_owned())];
    let files = Arc::new(NoFiles);
    let engine = Engine::new(bundle, store, files, Arc::new(Tokens::default()), Arc::new(Ticks::default()), &headers);
    Site { engine, owner, guest }
}

impl Site {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.engine.handle(request.body(Bytes::from(body.to_owned())).unwrap()).await
    }

    async fn as_owner(&self, method: &str, path: &str) -> Response<Bytes> {
        self.send(method, path, &[("authorization", &format!("Bearer {}", self.owner))], "").await
    }

    async fn post(&self, body: &Value) -> Response<Bytes> {
        self.send("POST", "/api/messages", &[("content-type", "application/json")], &body.to_string()).await
    }
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn message() -> Value {
    json!({"name": "Ana", "email": "ana@example.com", "message": "Two loaves, please."})
}

#[tokio::test]
async fn a_document_is_made_read_listed_and_deleted() {
    let site = site().await;
    let made = site.post(&message()).await;
    assert_eq!((made.status().as_u16(), header(&made, "location")), (201, "/api/messages/id-0000"));
    assert_eq!(body(&made)["created"], "2026-01-01T00:00:00.000Z");
    let read = site.as_owner("GET", "/api/messages/id-0000").await;
    assert_eq!((read.status().as_u16(), header(&read, "etag")), (200, "\"1\""));
    assert_eq!(body(&read), body(&made));
    let list = body(&site.as_owner("GET", "/api/messages").await);
    assert_eq!((list["items"].as_array().unwrap().len(), &list["next"]), (1, &Value::Null));
    assert_eq!(site.as_owner("DELETE", "/api/messages/id-0000").await.status(), 204);
    assert_eq!(site.as_owner("GET", "/api/messages/id-0000").await.status(), 404);
}

#[tokio::test]
async fn only_the_owner_reads() {
    let site = site().await;
    site.post(&message()).await;
    for path in ["/api/messages", "/api/messages/id-0000", "/api/messages/id-9999"] {
        let anybody = site.send("GET", path, &[], "").await;
        assert_eq!((anybody.status().as_u16(), header(&anybody, "www-authenticate")), (401, "Bearer"), "{path}");
        let guest = site.send("GET", path, &[("authorization", &format!("bearer {}", site.guest))], "").await;
        assert_eq!((guest.status().as_u16(), body(&guest)["type"].as_str()), (403, Some("/problems/forbidden")));
    }
    let wrong = site.send("GET", "/api/messages", &[("authorization", "Bearer arq_nonsense")], "").await;
    assert_eq!(wrong.status(), 401);
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let site = site().await;
    let answer = site.post(&json!({"email": "nobody", "message": " ", "extra": 1})).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (422, "application/problem+json"));
    let errors = body(&answer)["errors"].clone();
    assert_eq!(
        errors,
        json!([
            {"field": "email", "message": "has to be an e-mail address"},
            {"field": "message", "message": "is required"},
            {"field": "name", "message": "is required"},
            {"field": "extra", "message": "is not a field of this collection"},
        ])
    );
}

#[tokio::test]
async fn a_plain_form_is_answered_as_a_browser_needs_it() {
    let site = site().await;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html,*/*;q=0.8")];
    let good = "name=Ana+%C3%83&email=ana%40example.com&message=Hello%0D%0Athere";
    let taken = site.send("POST", "/api/messages", &form, good).await;
    assert_eq!((taken.status().as_u16(), header(&taken, "location")), (303, "/thanks.html"));
    let kept = body(&site.as_owner("GET", "/api/messages/id-0000").await);
    assert_eq!((kept["name"].as_str(), kept["message"].as_str()), (Some("Ana Ã"), Some("Hello\nthere")));
    let bad = site.send("POST", "/api/messages", &form, "name=%3Cb%3E&email=x&message=y&%3Ci%3E=1").await;
    let page = String::from_utf8(bad.body().to_vec()).unwrap();
    assert_eq!((bad.status().as_u16(), header(&bad, "content-type")), (422, "text/html; charset=utf-8"));
    assert!(page.contains("<strong>email</strong> has to be an e-mail address") && !page.contains("<i>"), "{page}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_right_status() {
    let site = site().await;
    let json = [("content-type", "application/json")];
    let huge = format!("{{\"message\":\"{}\"}}", "x".repeat(500_000));
    let cases = [
        ("POST", "/api/messages", &[][..], "x", 415),
        ("POST", "/api/messages", &[("content-type", "text/plain")][..], "x", 415),
        ("POST", "/api/messages", &json[..], "{\"a\":", 400),
        ("POST", "/api/messages", &json[..], "[1]", 400),
        ("POST", "/api/messages", &json[..], &huge, 413),
        ("PUT", "/api/messages", &json[..], "{}", 405),
        ("POST", "/api/messages/id-0000", &json[..], "{}", 405),
        ("GET", "/api/", &[][..], "", 404),
        ("GET", "/api/nothing", &[][..], "", 404),
        ("GET", "/api/messages/", &[][..], "", 404),
        ("GET", "/api/messages/a/b", &[][..], "", 404),
        ("GET", "/api/messages/%2e%2e", &[][..], "", 404),
        ("GET", "/api/tokens", &[][..], "", 404),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = site.send(method, path, headers, body).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
    }
    let put = site.send("PUT", "/api/messages", &json, "{}").await;
    assert_eq!(header(&put, "allow"), "GET, HEAD, OPTIONS, POST");
}

#[tokio::test]
async fn head_and_options_are_right() {
    let site = site().await;
    let get = site.as_owner("GET", "/api/messages").await;
    let head = site.as_owner("HEAD", "/api/messages").await;
    assert_eq!((head.status(), head.body().len()), (get.status(), 0));
    assert_eq!(header(&head, "content-length"), get.body().len().to_string());
    let options = site.send("OPTIONS", "/api/messages/x", &[], "").await;
    assert_eq!((options.status().as_u16(), header(&options, "allow")), (204, "DELETE, GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn a_list_comes_in_pages_newest_first() {
    let site = site().await;
    for _ in 0..5 {
        site.post(&message()).await;
    }
    let ids = |list: &Value| {
        list["items"].as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = body(&site.as_owner("GET", "/api/messages?limit=3").await);
    assert_eq!(ids(&first), ["id-0004", "id-0003", "id-0002"]);
    let path = format!("/api/messages?cursor={}&limit=3", first["next"].as_str().unwrap());
    let second = body(&site.as_owner("GET", &path).await);
    assert_eq!((ids(&second), &second["next"]), (vec!["id-0001".into(), "id-0000".into()], &Value::Null));
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=!!", "cursor=", "page=2"] {
        assert_eq!(site.as_owner("GET", &format!("/api/messages?{bad}")).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn conditions_are_kept() {
    let site = site().await;
    site.post(&message()).await;
    let owner = format!("Bearer {}", site.owner);
    let same =
        site.send("GET", "/api/messages/id-0000", &[("authorization", &owner), ("if-none-match", "W/\"1\"")], "").await;
    assert_eq!((same.status().as_u16(), same.body().len()), (304, 0));
    let old =
        site.send("DELETE", "/api/messages/id-0000", &[("authorization", &owner), ("if-match", "\"2\"")], "").await;
    assert_eq!(old.status(), 412);
    let right =
        site.send("DELETE", "/api/messages/id-0000", &[("authorization", &owner), ("if-match", "\"1\"")], "").await;
    assert_eq!(right.status(), 204);
}

#[tokio::test]
async fn an_absent_rule_means_nobody() {
    let text =
        Bytes::from_static(br#"{"format":1,"collections":{"notes":{"store":"documents","fields":{},"rules":{}}}}"#);
    let bundle = bundle::Bundle::parse(text).unwrap();
    let site = site_of(bundle, Arc::new(MemoryStore::default())).await;
    assert_eq!(site.as_owner("GET", "/api/notes").await.status(), 403);
}

/// A collection of one text, which everybody may write and `get` says who may read.
fn notes(get: &str) -> Bundle {
    let text = json!({"format": 1, "collections": {"notes": {
        "store": "documents", "fields": {"text": {"type": "text", "max": 400_000}},
        "rules": {"create": "true", "list": "true", "get": get},
    }}});
    bundle::Bundle::parse(Bytes::from(text.to_string())).unwrap()
}

async fn note(site: &Site, text: &str) -> Response<Bytes> {
    let body = json!({"text": text}).to_string();
    site.send("POST", "/api/notes", &[("content-type", "application/json")], &body).await
}

#[tokio::test]
async fn a_page_ends_before_it_is_larger_than_an_answer_may_be() {
    let site = site_of(notes("true"), Arc::new(MemoryStore::default())).await;
    for _ in 0..10 {
        assert_eq!(note(&site, &"x".repeat(390_000)).await.status(), 201);
    }
    let (mut query, mut seen) = (String::new(), 0);
    loop {
        let answer = site.send("GET", &format!("/api/notes?limit=100{query}"), &[], "").await;
        assert!(answer.body().len() < 2_600_000, "{}", answer.body().len());
        let page = body(&answer);
        seen += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        query = format!("&cursor={next}");
    }
    assert_eq!(seen, 10);
}

#[tokio::test]
async fn whoever_may_not_is_told_nothing_of_what_is_there_or_should_be() {
    let site = site().await;
    let text = r#"{"format":1,"collections":{"notes":{"store":"documents","fields":{},"rules":{"create":"auth.role == 'owner'"}}}}"#;
    let closed = site_of(bundle::Bundle::parse(Bytes::from(text)).unwrap(), Arc::new(MemoryStore::default())).await;
    assert_eq!(closed.send("POST", "/api/notes", &[], "not even JSON").await.status(), 401);
    assert_eq!(site.send("DELETE", "/api/messages/absent", &[], "").await.status(), 401);
}

#[tokio::test]
async fn a_rule_may_look_at_the_document() {
    let site = site_of(notes("doc.text.startsWith('public')"), Arc::new(MemoryStore::default())).await;
    note(&site, "public: hello").await;
    note(&site, "private").await;
    assert_eq!(site.send("GET", "/api/notes/id-0000", &[], "").await.status(), 200);
    assert_eq!(site.send("GET", "/api/notes/id-0001", &[], "").await.status(), 401);
}

#[tokio::test]
async fn two_authorizations_are_one_too_many() {
    let site = site().await;
    let owner = format!("Bearer {}", site.owner);
    let twice = [("authorization", owner.as_str()), ("authorization", owner.as_str())];
    assert_eq!(site.send("GET", "/api/messages", &twice, "").await.status(), 401);
}

/// A store with a bug, or one that cannot be reached.
struct Broken {
    panics: bool,
}

impl Broken {
    fn fail<T>(&self) -> Result<T, StoreError> {
        assert!(!self.panics, "a bug");
        Err(StoreError::failed("notes", "10.0.0.1 refused the connection"))
    }
}

#[async_trait::async_trait]
impl Documents for Broken {
    async fn get(&self, _: &str, _: &str) -> Result<Option<Document>, StoreError> {
        self.fail()
    }
    async fn create(&self, collection: &str, _: &Document) -> Result<(), StoreError> {
        if collection == tokens::COLLECTION { Ok(()) } else { self.fail() }
    }
    async fn replace(&self, _: &str, _: &Document, _: u64) -> Result<(), StoreError> {
        self.fail()
    }
    async fn delete(&self, _: &str, _: &str, _: Option<u64>) -> Result<bool, StoreError> {
        self.fail()
    }
    async fn list(&self, _: &str, _: &Page) -> Result<Listing, StoreError> {
        self.fail()
    }
}

#[tokio::test]
async fn a_failure_of_ours_is_an_answer_that_tells_nothing_of_the_inside() {
    for (panics, status) in [(true, 500), (false, 503)] {
        let site = site_of(notes("true"), Arc::new(Broken { panics })).await;
        let answer = note(&site, "x").await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (status, "application/problem+json"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        let text = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(!text.contains("10.0.0.1") && !text.contains("bug"), "{text}");
    }
}
