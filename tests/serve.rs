//! The preview, asked over sockets: what it answers, and how browsers learn of changes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arqsite::api::{Bundle, Engine, SystemClock, Tokens};
use arqsite::config::{Config, Project as Source};
use arqsite::release::Release;
use arqsite::release::fingerprint::Settings;
use arqsite::serve::{Build, Options, ServeError, ServeEvent, Trouble, run};
use arqsite::store::{MemoryFiles, MemoryStore};
use tokio::sync::oneshot;

use crate::support::http::{Answer, Client, line};
use crate::support::project::Project;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// A page of a size that is compressed.
const LONG: &str = "<p>All the bread that we bake, every day but Sunday.</p>\n";

/// A preview that ends with the test.
struct Preview {
    port: u16,
    events: Receiver<ServeEvent>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Preview {
    fn of(project: &Project) -> Self {
        Self::start(
            project.path(),
            Options { host: "127.0.0.1".into(), port: 0, watch: watched(project), reload: true },
        )
    }

    fn start(folder: &Path, options: Options) -> Self {
        let (teller, events) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let folder = folder.to_owned();
        let thread = std::thread::spawn(move || {
            let rebuild = Arc::new(move || build(&folder));
            let events = Arc::new(move |event| drop(teller.send(event)));
            let stop = async { drop(stopped.await) };
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(run(options, rebuild, events, stop))
        });
        let mut preview = Self { port: 0, events, stop: Some(stop), thread: Some(thread) };
        let listening = preview.event(|event| matches!(event, ServeEvent::Listening { .. }));
        if let ServeEvent::Listening { address, .. } = listening {
            preview.port = address.port();
        }
        preview
    }

    fn client(&self) -> Client {
        Client::new(self.port)
    }

    fn get(&self, path: &str) -> Answer {
        self.client().get(path)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client().send(method, path, headers, b"")
    }

    /// The next event that is wanted.
    fn event(&self, wanted: impl Fn(&ServeEvent) -> bool) -> ServeEvent {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("no such event in time");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Ends the preview; says how long that took.
    fn end(&mut self) -> Duration {
        let start = Instant::now();
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap().unwrap();
        start.elapsed()
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.end();
        }
    }
}

fn watched(project: &Project) -> Vec<std::path::PathBuf> {
    ["arq.toml", "site", "api"].map(|name| project.path().join(name)).to_vec()
}

/// What the command line does, with documents in memory.
fn build(folder: &Path) -> Result<Build, Trouble> {
    let source = Source::open(folder);
    let trouble = |error: &dyn std::error::Error| {
        Trouble::new("The site could not be built.").with(error.to_string(), Some("site/index.md".into()), Some(1))
    };
    let site = arqsite::site::load(&source, &Config::default()).map_err(|error| trouble(&error))?;
    let bundle = Bundle::load(&source).map_err(|_| Trouble::new("The API could not be read."))?;
    let headers = vec![
        ("x-frame-options".to_owned(), "DENY".to_owned()),
        ("x-content-type-options".to_owned(), "nosniff".to_owned()),
    ];
    let engine = bundle.map(|bundle| {
        let (documents, files) = (Arc::new(MemoryStore::default()), Arc::new(MemoryFiles::default()));
        Arc::new(Engine::new(bundle, documents, files, Arc::new(Tokens::default()), Arc::new(SystemClock), &headers))
    });
    let release = Release::build(&site, Settings::of(&Config::default()), None).map_err(|error| trouble(&error))?;
    Ok(Build { release, engine, headers })
}

fn site() -> Project {
    let project = Project::with(&[
        ("arq.toml", ""),
        ("site/index.html", "<!doctype html><html><body>Home</body></html>"),
        ("site/about.html", "<!doctype html><title>About</title>"),
        ("site/long.html", &LONG.repeat(200)),
        ("site/b/index.html", "b"),
        ("site/digits.bin", "0123456789"),
        ("site/pão.html", "pão"),
        ("site/404.html", "<!doctype html><title>Gone</title>"),
        (".env", "SECRET=1"),
        (".git/config", "[core]"),
        ("site/.env", "SECRET=1"),
        ("site/.well-known/security.txt", "Contact: mailto:a@example.org"),
    ]);
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i / 3) as u8).collect();
    std::fs::write(project.path().join("site/large.bin"), large).unwrap();
    project
}

#[test]
fn a_page_has_the_headers_of_the_edge() {
    let project = site();
    let answer = Preview::of(&project).get("/");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("last-modified"), "");
    assert_eq!(answer.header("strict-transport-security"), "");
    assert_eq!(answer.text(), "<!doctype html><html><body>Home</body></html>");
}

#[test]
fn the_etag_is_the_md5_of_the_body() {
    let project = Project::with(&[("arq.toml", ""), ("site/hello.txt", "hello")]);
    assert_eq!(Preview::of(&project).get("/hello.txt").header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
}

#[test]
fn what_a_page_is_made_of_may_be_kept_for_good() {
    let page = format!("<link rel=stylesheet href=s/a.css>{}", LONG.repeat(200));
    let project = Project::with(&[
        ("arq.toml", ""),
        ("site/index.html", &page),
        ("site/s/a.css", "@import 'b.css';"),
        ("site/s/b.css", "b{}"),
    ]);
    let preview = Preview::of(&project);
    let mut client = preview.client();
    let plain = client.get("/");
    let (before, rest) = plain.text().split_once("~").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(before, "<link rel=stylesheet href=/s/a");
    let sheet = client.get(&format!("/s/a~{}", rest.split('>').next().unwrap()));
    assert_eq!(sheet.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(sheet.text(), client.get("/s/a.css").text());
    let imported = sheet.text().trim_start_matches("@import '").trim_end_matches("';").to_owned();
    assert!(imported.starts_with("/s/b~"), "{imported}");
    assert_eq!(client.get(&imported).text(), "b{}");
    for answer in [client.get("/"), client.send("HEAD", "/", &[], b"")] {
        assert_eq!(answer.header("content-length"), plain.body.len().to_string());
        assert_eq!(answer.header("etag"), plain.header("etag"));
    }
    let zipped = client.send("GET", "/", &[("accept-encoding", "gzip")], b"");
    assert_eq!(zipped.header("content-encoding"), "gzip");
}

#[test]
fn head_says_what_get_would_and_sends_nothing() {
    let project = site();
    let preview = Preview::of(&project);
    let mut client = preview.client();
    for path in ["/", "/large.bin", "/nowhere", "/about", "/api/x"] {
        let get = client.get(path);
        let mut head = client.send("HEAD", path, &[], b"");
        assert_eq!(head.body, b"", "{path}");
        head.body = get.body.clone();
        head.headers.insert("date".into(), get.header("date").into());
        assert_eq!(head, get, "{path}");
    }
    let zipped = client.send("HEAD", "/long.html", &[("accept-encoding", "gzip")], b"");
    let whole = client.send("GET", "/long.html", &[("accept-encoding", "gzip")], b"");
    assert_eq!(zipped.header("content-length"), whole.body.len().to_string());
}

#[test]
fn other_forms_of_a_page_lead_to_it() {
    let project = site();
    let preview = Preview::of(&project);
    for (path, location) in [
        ("/about", "/about.html"),
        ("/about/?a=1&b", "/about.html?a=1&b"),
        ("/b", "/b/"),
        ("/index.html", "/"),
        ("/p%c3%a3o", "/p%C3%A3o.html"),
        ("//b//", "/b/"),
    ] {
        let answer = preview.get(path);
        assert_eq!((answer.status, answer.header("location")), (308, location), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
}

#[test]
fn nothing_outside_the_site_is_ever_answered() {
    let project = site();
    let preview = Preview::of(&project);
    for path in [
        "/..%2f.env",
        "/../.env",
        "/%2e%2e/.env",
        "/%2e%2e%2f.env",
        "/b/../../.env",
        "/..%5c.env",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/b/%00",
        "/%00/etc/passwd",
        "/etc/passwd",
        "/%2fetc%2fpasswd",
        "/..%252f.env",
        "/%c0%ae%c0%ae/.env",
        "/.arq/documents.redb",
        "/arq.toml",
        "/404.html",
    ] {
        let answer = preview.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.text(), "<!doctype html><title>Gone</title>", "{path}");
    }
    for path in ["/..\\.env", "/b\\..\\..\\.env"] {
        assert!([400, 404].contains(&preview.get(path).status), "{path}");
    }
    assert_eq!(preview.get("/.well-known/security.txt").status, 200);
}

#[test]
fn the_not_found_page_keeps_its_status_and_its_headers() {
    let project = site();
    let preview = Preview::of(&project);
    let answer = preview.get("/nowhere?a=1");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    // As at the edge: whoever has the page is told so, by another status than 404.
    let again = preview.ask("GET", "/nowhere", &[("if-none-match", answer.header("etag"))]);
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn whoever_has_the_page_is_told_so() {
    let project = site();
    let preview = Preview::of(&project);
    let etag = preview.get("/").header("etag").to_owned();
    for tag in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let answer = preview.ask("GET", "/", &[("if-none-match", &tag)]);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{tag}");
        assert_eq!(answer.header("etag"), etag);
        assert_eq!(answer.header("cache-control"), "public, max-age=0, must-revalidate");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
    assert_eq!(preview.ask("GET", "/", &[("if-none-match", "\"x\"")]).status, 200);
    assert_eq!(preview.ask("GET", "/digits.bin", &[("if-none-match", "\"x\""), ("range", "bytes=0-1")]).status, 206);
}

#[test]
fn parts_come_from_memory_and_from_disk() {
    let project = site();
    let preview = Preview::of(&project);
    let mut client = preview.client();
    for path in ["/digits.bin", "/large.bin"] {
        let whole = client.get(path);
        let size = whole.body.len();
        for (range, first, last) in [("bytes=2-5", 2, 5), ("bytes=7-", 7, size - 1), ("bytes=-4", size - 4, size - 1)] {
            let part = client.send("GET", path, &[("range", range)], b"");
            assert_eq!(part.status, 206, "{path} {range}");
            assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{size}"));
            assert_eq!(part.body, &whole.body[first..=last]);
            assert_eq!(part.header("etag"), whole.header("etag"));
        }
        let outside = client.send("GET", path, &[("range", "bytes=9999999-")], b"");
        assert_eq!((outside.status, outside.body.len()), (416, 0));
        assert_eq!(outside.header("content-range"), format!("bytes */{size}"));
        for ignored in ["bytes=0-1,3-4", "bytes=x", "pages=1-2"] {
            assert_eq!(
                client.send("GET", path, &[("range", ignored)], b""),
                Answer { headers: client.get(path).headers, ..whole.clone() }
            );
        }
    }
}

#[test]
fn a_part_continues_only_what_is_still_the_same() {
    let project = site();
    let preview = Preview::of(&project);
    let etag = preview.get("/digits.bin").header("etag").to_owned();
    let status =
        |if_range: &str| preview.ask("GET", "/digits.bin", &[("range", "bytes=5-"), ("if-range", if_range)]).status;
    assert_eq!(status(&etag), 206);
    for other in ["\"x\"", &format!("W/{etag}"), "Wed, 21 Oct 2015 07:28:00 GMT"] {
        assert_eq!(status(other), 200, "{other}");
    }
}

#[test]
fn long_text_is_compressed_for_those_who_accept_it() {
    let project = site();
    let preview = Preview::of(&project);
    let plain = preview.get("/long.html");
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    assert_eq!(plain.header("content-encoding"), "");
    for (accept, encoding) in [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0.1, gzip", "gzip"), ("*", "br")] {
        for _ in 0..2 {
            let answer = preview.ask("GET", "/long.html", &[("accept-encoding", accept)]);
            assert_eq!((answer.status, answer.header("content-encoding")), (200, encoding), "{accept}");
            let etag = format!("\"{}\"", arqsite::release::object::etag_of(&*answer.body).unwrap());
            assert_eq!((answer.header("etag"), answer.header("vary")), (&*etag, "Accept-Encoding"));
            assert_eq!(decoded(&answer), plain.body);
        }
    }
    let brotli = preview.ask("GET", "/long.html", &[("accept-encoding", "br")]);
    let ask = |more: (&str, &str)| preview.ask("GET", "/long.html", &[("accept-encoding", "br"), more]);
    let again = ask(("if-none-match", brotli.header("etag")));
    assert_eq!((again.status, again.header("vary")), (304, "Accept-Encoding"));
    assert_eq!(ask(("if-none-match", plain.header("etag"))).status, 200, "other bytes");
    let ranged = ask(("range", "bytes=0-9"));
    assert_eq!((ranged.status, ranged.header("content-encoding")), (206, "br"));
    assert_eq!(ranged.body, brotli.body[..10]);
}

#[test]
fn what_is_short_or_no_text_is_not_compressed() {
    let project = site();
    let preview = Preview::of(&project);
    for path in ["/", "/large.bin"] {
        let answer = preview.ask("GET", path, &[("accept-encoding", "br, gzip")]);
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("", ""), "{path}");
        assert!(answer.header("etag").starts_with('"'));
    }
}

#[test]
fn pages_can_only_be_read() {
    let project = site();
    let preview = Preview::of(&project);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let answer = preview.ask(method, "/", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
}

#[test]
fn the_api_is_answered_by_the_engine() {
    let project = Project::small();
    let preview = Preview::of(&project);
    let health = preview.get("/api/health");
    assert_eq!((health.status, health.header("cache-control")), (200, "no-store"));
    assert_eq!(health.header("x-frame-options"), "DENY");
    let missing = preview.get("/api/nowhere");
    assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"));
    assert_eq!((preview.get("/api").status, preview.get("/api").header("location")), (308, "/api/"));
    assert_eq!(preview.ask("HEAD", "/api/health", &[]).header("content-length"), health.body.len().to_string());
}

#[test]
fn a_picture_is_sent_listed_and_given_back() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let project = Project::small();
    let rules = "create = \"true\"\nlist = \"true\"\nget = \"true\"\n";
    project.write("api/photos.toml", &format!("[collection]\nstore = \"files\"\n[rules]\n{rules}"));
    let preview = Preview::of(&project);
    let mut client = preview.client();
    let made = client.send("POST", "/api/photos?name=a%20b.png", &[("content-type", "image/png")], PNG);
    assert_eq!((made.status, made.json()["name"].as_str()), (201, Some("a b.png")), "{}", made.text());
    let url = made.header("location");
    let read = client.get(url);
    assert_eq!((read.status, read.body.as_slice(), read.header("content-type")), (200, PNG, "image/png"));
    assert!(read.header("content-disposition").starts_with("inline; filename=\"a b.png\""));
    assert_eq!((read.header("x-content-type-options"), read.header("cache-control")), ("nosniff", "no-store"));
    let head = client.send("HEAD", url, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, PNG.len().to_string().as_str()));
    let same = client.send("GET", url, &[("if-none-match", read.header("etag"))], b"");
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(client.get("/api/photos").json()["items"], serde_json::json!([made.json()]));
    let text = client.send("POST", "/api/photos", &[("content-type", "image/png")], b"only text");
    assert_eq!((text.status, text.header("content-type")), (415, "application/problem+json"));
    assert_eq!(client.send("DELETE", url, &[], b"").status, 401);
}

#[test]
fn a_body_that_lambda_would_not_take_is_refused() {
    let project = Project::small();
    let preview = Preview::of(&project);
    let body = vec![b'x'; 6 * 1024 * 1024 + 1];
    let mut stream = TcpStream::connect(("127.0.0.1", preview.port)).unwrap();
    write!(stream, "POST /api/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    // It may answer, and stop reading, before the last byte.
    let _ = stream.write_all(&body);
    let mut reader = BufReader::new(stream);
    assert_eq!(line(&mut reader), "HTTP/1.1 413 Payload Too Large");
}

#[test]
fn without_an_api_its_paths_are_unknown() {
    let project = site();
    let preview = Preview::of(&project);
    let answer = preview.get("/api/health");
    assert_eq!((answer.status, answer.text()), (404, "<!doctype html><title>Gone</title>".into()));
    assert_eq!(preview.ask("POST", "/api/health", &[]).status, 405);
}

#[test]
fn a_stranger_s_host_name_is_refused() {
    let project = site();
    let preview = Preview::of(&project);
    for host in ["example.com", "example.com:80", "localhost.example.com", "192.168.0.1"] {
        let answer = preview.ask("GET", "/", &[("host", host)]);
        assert_eq!(answer.status, 403, "{host}");
        assert!(answer.text().contains("--host"));
    }
    for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "shop.localhost"] {
        assert_eq!(preview.ask("GET", "/", &[("host", host)]).status, 200, "{host}");
    }
    assert_eq!(preview.ask("GET", "http://example.com/", &[("host", "localhost")]).status, 403);
}

#[test]
fn whoever_lets_the_network_in_may_be_called_anything() {
    let project = site();
    let preview =
        Preview::start(project.path(), Options { host: "0.0.0.0".into(), port: 0, watch: Vec::new(), reload: false });
    assert_eq!(preview.ask("GET", "/", &[("host", "laptop.example.com")]).status, 200);
}

#[test]
fn only_a_tab_gets_the_script() {
    let project = site();
    let preview = Preview::of(&project);
    let published = preview.get("/");
    for dest in ["empty", "iframe", "image", "style"] {
        assert_eq!(preview.ask("GET", "/", &[("sec-fetch-dest", dest)]).body, published.body, "{dest}");
    }
    let document =
        [("sec-fetch-dest", "document"), ("accept-encoding", "br"), ("if-none-match", "*"), ("range", "bytes=0-1")];
    for (path, status) in [("/", 200), ("/nowhere", 404)] {
        let answer = preview.ask("GET", path, &document);
        assert_eq!(answer.status, status);
        assert!(answer.text().contains("<script src=\"/.arq/reload.js?build="), "{}", answer.text());
        assert_eq!((answer.header("cache-control"), answer.header("etag")), ("no-store", ""));
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(preview.ask("HEAD", path, &document).header("content-length"), answer.body.len().to_string());
    }
    assert_eq!(preview.ask("GET", "/digits.bin", &[("sec-fetch-dest", "document")]).text(), "0123456789");
    assert_eq!(preview.get("/.arq/reload.js").header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(preview.ask("POST", "/.arq/reload.js", &[]).status, 405);
}

#[test]
fn without_reload_there_is_no_script_and_no_path_of_its_own() {
    let project = site();
    let preview =
        Preview::start(project.path(), Options { host: "127.0.0.1".into(), port: 0, watch: Vec::new(), reload: false });
    assert!(!preview.ask("GET", "/", &[("sec-fetch-dest", "document")]).text().contains("script"));
    assert_eq!((preview.get("/.arq/reload.js").status, preview.get("/.arq/events").status), (404, 404));
}

/// The events of the stream for browsers, each as JSON.
struct Listener(BufReader<TcpStream>);

impl Listener {
    fn of(preview: &Preview) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", preview.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /.arq/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    fn next(&mut self) -> serde_json::Value {
        loop {
            let mut text = String::new();
            assert_ne!(self.0.read_line(&mut text).expect("no event in time"), 0, "the stream has ended");
            if let Some(json) = text.strip_prefix("data: ") {
                return serde_json::from_str(json).unwrap();
            }
        }
    }

    /// Whether the stream ends.
    fn ends(&mut self) -> bool {
        self.0.read_to_end(&mut Vec::new()).is_ok()
    }
}

#[test]
fn a_saved_page_reaches_the_browser() {
    let project = site();
    let preview = Preview::of(&project);
    let mut listener = Listener::of(&preview);
    let first = listener.next();
    let page = preview.ask("GET", "/", &[("sec-fetch-dest", "document")]).text();
    assert!(page.contains(&format!("?build={}", first["build"].as_str().unwrap())));

    project.write("site/index.html", "changed");
    let second = listener.next();
    assert_ne!(first["build"], second["build"]);
    assert!(second["trouble"].is_null());
    assert_eq!(preview.get("/").text(), "changed");
}

#[test]
fn new_and_deleted_pages_are_seen_too() {
    let project = site();
    let preview = Preview::of(&project);
    let mut listener = Listener::of(&preview);
    listener.next();
    project.write("site/new/deep/page.html", "new");
    until(&mut listener, || preview.get("/new/deep/page.html").status == 200);
    std::fs::remove_dir_all(project.path().join("site/new")).unwrap();
    until(&mut listener, || preview.get("/new/deep/page.html").status == 404);
    project.write("api/messages.toml", include_str!("../api/messages.toml"));
    until(&mut listener, || preview.get("/api/health").status == 200);
}

/// Waits for one event after another until it is so.
fn until(listener: &mut Listener, so: impl Fn() -> bool) {
    loop {
        listener.next();
        if so() {
            return;
        }
    }
}

#[test]
fn a_failed_rebuild_leaves_the_site_and_is_told_until_it_is_mended() {
    let project = site();
    let preview = Preview::of(&project);
    let mut listener = Listener::of(&preview);
    let first = listener.next();
    project.write("site/index.md", "---\nno front matter\n");
    let failed = listener.next();
    assert_eq!(failed["build"], first["build"], "a page that is open is still the present one");
    assert_eq!(failed["trouble"]["title"], "The site could not be built.");
    assert_eq!(failed["trouble"]["lines"][0]["file"], "site/index.md");
    assert!(matches!(preview.event(|e| matches!(e, ServeEvent::Trouble(_))), ServeEvent::Trouble(_)));
    assert_eq!(preview.get("/").status, 200);
    // A tab that is opened now hears of it as well.
    assert_eq!(Listener::of(&preview).next(), failed);

    std::fs::remove_file(project.path().join("site/index.md")).unwrap();
    let mended = listener.next();
    assert!(mended["trouble"].is_null());
    assert_ne!(mended["build"], first["build"]);
}

#[test]
fn a_first_build_that_fails_is_shown_and_can_be_mended() {
    let project = site();
    project.write("site/index.md", "---\nno front matter\n");
    let preview = Preview::of(&project);
    for path in ["/", "/anything", "/api/health"] {
        let answer = preview.get(path);
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("site/index.md:1"), "{}", answer.text());
        assert!(answer.text().contains("/.arq/reload.js?build="));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let mut listener = Listener::of(&preview);
    let broken = listener.next();
    std::fs::remove_file(project.path().join("site/index.md")).unwrap();
    assert_ne!(listener.next()["build"], broken["build"]);
    assert_eq!(preview.get("/").status, 200);
}

#[test]
fn a_file_that_changes_before_the_rebuild_is_answered_with_its_own_etag() {
    let project = site();
    let options = Options { host: "127.0.0.1".into(), port: 0, watch: Vec::new(), reload: false };
    let preview = Preview::start(project.path(), options);
    for path in ["digits.bin", "large.bin"] {
        let file = project.path().join("site").join(path);
        let before = std::fs::read(&file).unwrap();
        let after = [before.as_slice(), b"more"].concat();
        std::fs::write(&file, &after).unwrap();
        let answer = preview.get(&format!("/{path}"));
        assert_eq!(answer.body, after);
        assert_eq!(answer.header("etag"), preview.ask("HEAD", &format!("/{path}"), &[]).header("etag"));
        // Of the same size, but other bytes.
        std::fs::write(&file, vec![b'y'; after.len()]).unwrap();
        let other = preview.get(&format!("/{path}"));
        assert_eq!(other.body, vec![b'y'; after.len()]);
        assert_ne!(other.header("etag"), answer.header("etag"));
    }
    std::fs::remove_file(project.path().join("site/large.bin")).unwrap();
    assert_eq!(preview.get("/large.bin").status, 404);
}

#[test]
fn it_ends_at_once_with_open_connections() {
    let project = site();
    let mut preview = Preview::of(&project);
    let mut idle = preview.client();
    idle.get("/");
    let mut listener = Listener::of(&preview);
    listener.next();
    let took = preview.end();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(listener.ends());
}

#[test]
fn a_taken_port_is_named_and_another_offered() {
    let project = site();
    let preview = Preview::of(&project);
    let folder = project.path().to_owned();
    let options = Options { host: "127.0.0.1".into(), port: preview.port, watch: Vec::new(), reload: false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let again =
        runtime.block_on(run(options, Arc::new(move || build(&folder)), Arc::new(|_| {}), std::future::pending()));
    match again {
        Err(ServeError::PortTaken { port, free }) => {
            assert_eq!(port, preview.port);
            assert_ne!(free, Some(port));
        }
        other => panic!("{other:?}"),
    }
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        "br" => brotli::BrotliDecompress(&mut answer.body.as_slice(), &mut plain).unwrap(),
        "gzip" => drop(flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap()),
        other => panic!("{other:?}"),
    }
    plain
}
