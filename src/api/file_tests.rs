//! What the engine answers where a collection holds files.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::{Clock, Engine};
use super::tokens::{self, Tokens};
use super::{Bundle, declare};
use crate::store::files::{LARGEST_FILE, NoFiles};
use crate::store::{Files, MemoryFiles, MemoryStore};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const OPEN: &str = "[rules]\ncreate = \"true\"\nlist = \"true\"\nget = \"true\"\ndelete = \"true\"\n";

/// An id for every call, and always the same moment.
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
}

/// A site whose collection `photos` is declared so.
async fn site(declared: &str) -> Site {
    site_over(declared, Arc::new(MemoryFiles::default())).await
}

async fn site_over(declared: &str, files: Arc<dyn Files>) -> Site {
    let text = format!("[collection]\nstore = \"files\"\n{declared}");
    let photos = declare::parse("api/photos.toml", &text).unwrap();
    let bundle = json!({"format": 1, "collections": {"photos": photos}}).to_string();
    let (store, clock) = (Arc::new(MemoryStore::default()), Arc::new(Ticks::default()));
    let (_, owner) = tokens::create(&*store, "me", "owner", None, clock.now()).await.unwrap();
    let bundle = Bundle::parse(bundle.into()).unwrap();
    Site { engine: Engine::new(bundle, store, files, Arc::new(Tokens::default()), clock, &[]), owner }
}

impl Site {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value.as_bytes());
        }
        self.engine.handle(request.body(Bytes::copy_from_slice(body)).unwrap()).await
    }

    async fn get(&self, path: &str) -> Response<Bytes> {
        self.send("GET", path, &[], b"").await
    }

    async fn post(&self, kind: &str, body: &[u8]) -> Response<Bytes> {
        self.send("POST", "/api/photos", &[("content-type", kind)], body).await
    }
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// The form of a browser with these parts: headers and content.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (headers, content) in parts {
        body.extend_from_slice(format!("--b\r\nContent-Disposition: form-data; {headers}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

const FORM: &str = "multipart/form-data; boundary=b";
const PHOTO: &str = "name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png";

#[tokio::test]
async fn a_file_is_sent_read_listed_and_deleted() {
    let site = site(OPEN).await;
    let made = site.send("POST", "/api/photos?name=a%20b.png", &[("content-type", "Image/PNG; x=y")], PNG).await;
    assert_eq!((made.status().as_u16(), header(&made, "location")), (201, "/api/photos/id-0000"));
    let url = "/api/photos/id-0000";
    let shown = json!({"id": "id-0000", "name": "a b.png", "type": "image/png", "size": PNG.len(), "url": url});
    assert_eq!(body(&made), shown);
    let read = site.get("/api/photos/id-0000").await;
    assert_eq!((read.status().as_u16(), &read.body()[..]), (200, PNG));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\"a b.png\"; filename*=UTF-8''a%20b.png"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("etag", "\"id-0000\""),
    ] {
        assert_eq!(header(&read, name), value, "{name}");
    }
    let list = body(&site.get("/api/photos").await);
    assert_eq!(list, json!({"items": [shown], "next": null}));
    assert_eq!(site.send("DELETE", "/api/photos/id-0000", &[], b"").await.status(), 204);
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(site.send(method, "/api/photos/id-0000", &[], b"").await.status(), 404, "{method}");
    }
}

#[tokio::test]
async fn head_and_conditions_are_right() {
    let site = site(OPEN).await;
    site.post("image/png", PNG).await;
    let path = "/api/photos/id-0000";
    let head = site.send("HEAD", path, &[], b"").await;
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
    assert_eq!((header(&head, "content-length"), header(&head, "content-type")), ("16", "image/png"));
    for (method, name, tag, status) in [
        ("GET", "if-none-match", "W/\"id-0000\"", 304),
        ("HEAD", "if-none-match", "\"x\", \"id-0000\"", 304),
        ("GET", "if-none-match", "\"x\"", 200),
        ("HEAD", "if-none-match", "\"x\"", 200),
        ("DELETE", "if-match", "\"x\"", 412),
        ("DELETE", "if-match", "\"id-0000\"", 204),
    ] {
        let answer = site.send(method, path, &[(name, tag)], b"").await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "cache-control")),
            (status, "no-store"),
            "{method} {tag}"
        );
        let sent = answer.body() == PNG;
        assert_eq!(sent, (method, status) == ("GET", 200), "{method} {tag}");
    }
    let options = site.send("OPTIONS", path, &[], b"").await;
    assert_eq!(header(&options, "allow"), "DELETE, GET, HEAD, OPTIONS");
    assert_eq!(site.send("PUT", path, &[], b"").await.status(), 405);
}

#[tokio::test]
async fn a_file_is_named_by_whoever_sends_it() {
    let site = site(OPEN).await;
    for (disposition, query, name) in [
        (None, "", "file"),
        (None, "?name=a+%C3%A3.png", "a ã.png"),
        (Some("attachment; filename=\"b.png\""), "", "b.png"),
        (Some("attachment; filename=\"b.png\""), "?name=a.png", "b.png"),
        (Some("attachment; filename=\"ã.png\""), "", "ã.png"),
        (Some("attachment; filename*=UTF-8''..%2F%C3%A3.png"), "", "ã.png"),
        (Some("attachment"), "?name=a.png", "a.png"),
    ] {
        let mut headers = vec![("content-type", "image/png")];
        headers.extend(disposition.map(|value| ("content-disposition", value)));
        let made = site.send("POST", &format!("/api/photos{query}"), &headers, PNG).await;
        assert_eq!(
            (made.status().as_u16(), body(&made)["name"].as_str()),
            (201, Some(name)),
            "{disposition:?} {query}"
        );
    }
    for (disposition, query) in
        [("attachment", "?name=%ff"), ("attachment", "?name=a&name=b"), ("attachment", "?x=1"), ("a; b", "")]
    {
        let headers = [("content-type", "image/png"), ("content-disposition", disposition)];
        let answer = site.send("POST", &format!("/api/photos{query}"), &headers, PNG).await;
        assert_eq!(answer.status(), 400, "{disposition} {query}");
    }
}

#[tokio::test]
async fn what_is_not_taken_is_refused_and_not_kept() {
    let site = site(&format!("[files]\nmax_bytes = 20\n{OPEN}")).await;
    for (kind, bytes, status) in [
        ("", PNG, 415),
        ("image", PNG, 415),
        ("image/*", PNG, 415),
        ("text/html", b"<p>", 415),
        ("application/x-www-form-urlencoded", b"a=b", 415),
        ("image/png", b"only text", 415),
        ("image/jpeg", PNG, 415),
        ("text/plain", PNG, 415),
        ("application/pdf", PNG, 415),
        ("image/png\u{e3}", PNG, 415),
        ("text/plain", b"123456789012345678901", 413),
    ] {
        let answer = site.post(kind, bytes).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "content-type")),
            (status, "application/problem+json"),
            "{kind}"
        );
    }
    let mut named = site.post("image/png", b"GIF89a").await;
    assert_eq!(body(&named)["detail"], "it says image/png, and its bytes are image/gif");
    named = site.post("text/html", b"<p>").await;
    assert_eq!(body(&named)["detail"], "files of these types are taken: image/*, application/pdf, text/plain");
    assert_eq!(body(&site.get("/api/photos").await)["items"], json!([]));
    assert_eq!(site.post("text/plain", b"12345678901234567890").await.status(), 201);
}

#[tokio::test]
async fn the_largest_file_is_taken() {
    let site = site(OPEN).await;
    let largest = vec![b'x'; LARGEST_FILE];
    assert_eq!(site.post("text/plain", &largest).await.status(), 201);
    assert_eq!(site.get("/api/photos/id-0000").await.body().len(), LARGEST_FILE);
    assert_eq!(site.post("text/plain", &[largest, vec![b'x']].concat()).await.status(), 413);
}

#[tokio::test]
async fn only_what_runs_nothing_is_shown_in_the_page() {
    let site = site(&format!("[files]\ntypes = [\"image/*\", \"text/*\", \"application/*\"]\n{OPEN}")).await;
    for (kind, bytes, served, how) in [
        ("image/png", PNG, "image/png", "inline"),
        ("image/svg+xml", b"<svg/>", "image/svg+xml", "attachment"),
        ("image/x+xml", b"<svg/>", "image/x+xml", "attachment"),
        ("text/plain", "ã".as_bytes(), "text/plain; charset=utf-8", "inline"),
        ("text/html", b"<p>", "text/html; charset=utf-8", "attachment"),
        ("text/xml", b"<p/>", "text/xml; charset=utf-8", "attachment"),
        ("application/pdf", b"%PDF-1.7", "application/pdf", "inline"),
        ("application/xhtml+xml", b"<p/>", "application/xhtml+xml", "attachment"),
    ] {
        let made = site.post(kind, bytes).await;
        let read = site.get(body(&made)["url"].as_str().unwrap()).await;
        let disposition = header(&read, "content-disposition").split(';').next();
        assert_eq!((header(&read, "content-type"), disposition), (served, Some(how)), "{kind}");
        assert_eq!(header(&read, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_plain_form_sends_one_file() {
    let site = site(&format!("[form]\nredirect = \"/thanks.html\"\n{OPEN}")).await;
    let page = [("content-type", FORM), ("accept", "text/html,*/*;q=0.8")];
    let taken = site.send("POST", "/api/photos", &page, &form(&[(PHOTO, PNG)])).await;
    assert_eq!((taken.status().as_u16(), header(&taken, "location")), (303, "/thanks.html"));
    assert_eq!(body(&site.get("/api/photos").await)["items"][0]["name"], "a.png");
    assert_eq!(site.get("/api/photos/id-0000").await.body(), PNG);
    assert_eq!(site.post("image/png", PNG).await.status(), 201, "bytes alone are not a form");
    let unchosen = "name=\"photo\"; filename=\"\"\r\nContent-Type: application/octet-stream";
    for (parts, status, told) in [
        (vec![], 400, "holds no file"),
        (vec![(PHOTO, PNG), (PHOTO, PNG)], 400, "more than one file"),
        (vec![(PHOTO, PNG), ("name=\"<b>\"", b"x")], 422, "<strong>&lt;b&gt;</strong> is no file"),
        (vec![(unchosen, b"")], 422, "<strong>photo</strong> is required"),
        (vec![(PHOTO, b"text")], 415, "its bytes are something else"),
        (vec![("name=a; filename=a", PNG)], 415, "files of these types"),
    ] {
        let answer = site.send("POST", "/api/photos", &page, &form(&parts)).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (status, "text/html; charset=utf-8"));
        assert!(text.contains(told), "{told}: {text}");
    }
    assert_eq!(site.post("multipart/form-data", &form(&[(PHOTO, PNG)])).await.status(), 400);
    assert_eq!(site.post(FORM, b"--b\r\n").await.status(), 400);
}

#[tokio::test]
async fn a_list_of_files_comes_in_pages_by_id() {
    let site = site(OPEN).await;
    for _ in 0..5 {
        site.post("image/png", PNG).await;
    }
    let ids = |list: &Value| {
        list["items"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = body(&site.get("/api/photos?limit=3").await);
    assert_eq!(ids(&first), ["id-0000", "id-0001", "id-0002"]);
    let second = body(&site.get(&format!("/api/photos?cursor={}", first["next"].as_str().unwrap())).await);
    assert_eq!((ids(&second), &second["next"]), (vec!["id-0003".into(), "id-0004".into()], &Value::Null));
    for bad in ["limit=0", "limit=101", "cursor=!!", "page=2"] {
        assert_eq!(site.get(&format!("/api/photos?{bad}")).await.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn an_absent_rule_means_nobody_and_a_rule_sees_the_file() {
    let closed = site("").await;
    for (method, path) in [("POST", ""), ("GET", ""), ("GET", "/x"), ("HEAD", "/x"), ("DELETE", "/x")] {
        let answer = closed.send(method, &format!("/api/photos{path}"), &[], b"no file").await;
        assert_eq!(answer.status(), 401, "{method} {path}");
    }
    let rules = "[rules]\ncreate = \"doc.size < 20 && doc.name.endsWith('.png') && doc.type == 'image/png'\"\n\
                 get = \"doc.id == 'id-0000' || auth.role == 'owner'\"\ndelete = \"auth.role == 'owner'\"\n";
    let site = site(rules).await;
    let owner = format!("Bearer {}", site.owner);
    for (name, bytes, status) in
        [("a.png", PNG, 201), ("b.png", PNG, 201), ("a.jpg", PNG, 401), ("c.png", &[PNG, PNG].concat(), 401)]
    {
        let path = format!("/api/photos?name={name}");
        assert_eq!(site.send("POST", &path, &[("content-type", "image/png")], bytes).await.status(), status, "{name}");
    }
    assert_eq!(site.post("text/html", b"").await.status(), 401, "who may not is not told what is wrong");
    for (id, token, status) in [
        ("id-0000", "", 200),
        ("id-0001", "", 401),
        ("id-9999", "", 401),
        ("id-0001", owner.as_str(), 200),
        ("id-9999", owner.as_str(), 404),
    ] {
        let path = format!("/api/photos/{id}");
        let headers: Vec<_> = [("authorization", token)].into_iter().filter(|(_, token)| !token.is_empty()).collect();
        for method in ["GET", "HEAD"] {
            assert_eq!(site.send(method, &path, &headers, b"").await.status(), status, "{method} {id}");
        }
    }
    assert_eq!(site.send("DELETE", "/api/photos/id-0000", &[], b"").await.status(), 401);
    let deleted = site.send("DELETE", "/api/photos/id-0000", &[("authorization", &owner)], b"").await;
    assert_eq!(deleted.status(), 204);
}

#[tokio::test]
async fn without_a_place_for_files_the_answer_is_that_it_does_not_work() {
    let site = site_over(OPEN, Arc::new(NoFiles)).await;
    assert_eq!(site.post("image/png", PNG).await.status(), 503);
    assert_eq!(site.get("/api/photos/id-0000").await.status(), 503);
}
