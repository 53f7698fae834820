//! What was previewed is what they get: every request to `serve` and to the played edge.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::support::account::Account;
use crate::support::http::{Answer, Client};
use crate::support::project::Project;

/// Headers that have to be equal. What else differs is CloudFront's own: `via`, `x-cache`,
/// `x-amz-cf-*`, `last-modified` (S3's), `date`, `server`, HSTS, which plain HTTP has no use for, and
/// `www-authenticate`, which API Gateway renames.
const COMPARED: [&str; 11] = [
    "content-type",
    "content-length",
    "content-encoding",
    "content-range",
    "cache-control",
    "etag",
    "location",
    "allow",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
];

/// `arqsite serve`, as a user starts it.
struct Preview {
    process: Child,
    port: u16,
}

impl Preview {
    fn start(project: &Project) -> Self {
        let mut process =
            project.command(&["serve", "--port", "0", "--no-reload"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| Some(line.unwrap().strip_prefix("Address")?.trim().to_owned())).unwrap();
        let port = url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        // Its later lines go nowhere, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks both, and says where they differ.
struct Both {
    serve: Client,
    edge: Client,
    asked: usize,
    differences: Vec<String>,
}

impl Both {
    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (serve, edge) = (self.serve.send(method, path, headers, body), self.edge.send(method, path, headers, body));
        self.asked += 1;
        let mut differs = |what: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
            self.differences.push(format!("{method} {path} {headers:?}: {what}: serve {a:?}, edge {b:?}"));
        };
        if serve.status != edge.status {
            differs("status", &serve.status, &edge.status);
        }
        // A range outside a file is refused by CloudFront itself, with a page of its own.
        let own_page = edge.status == 416;
        for name in COMPARED.into_iter().filter(|name| !own_page || *name == "content-range") {
            // What a function or Lambda answers to HEAD has no length at the edge.
            let untold = method == "HEAD" && name == "content-length" && edge.header(name).is_empty();
            // API Gateway gives an answer without a body a type.
            let typed = name == "content-type" && serve.body.is_empty() && serve.header(name).is_empty();
            if !untold && !typed && serve.header(name) != edge.header(name) {
                differs(name, &serve.header(name), &edge.header(name));
            }
        }
        if !own_page && serve.body != edge.body {
            differs("body", &serve.body.len(), &edge.body.len());
        }
        edge
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    fn assert_equal(&self) {
        let shown: Vec<_> = self.differences.iter().take(20).cloned().collect();
        assert!(
            shown.is_empty(),
            "{} differences in {} requests:\n{}",
            self.differences.len(),
            self.asked,
            shown.join("\n")
        );
    }
}

fn both(account: &Account, preview: &Preview) -> Both {
    Both { serve: Client::new(preview.port), edge: account.edge(), asked: 0, differences: Vec::new() }
}

#[test]
fn the_starter_is_answered_alike_by_preview_and_edge() {
    let account = Account::start();
    let mut project = Project::empty();
    project.run(&["new", "."]).ok();
    account.give_to(&mut project);
    project.run(&["publish", "--yes"]).ok();
    let preview = Preview::start(&project);
    let mut both = both(&account, &preview);
    for path in [
        "/",
        "/index.html",
        "/about",
        "/about/",
        "/about/index.html",
        "/about.html",
        "/menu",
        "/menu/",
        "/menu.html",
        "/menu.html?x=1&y=%C3%A3",
        "/menu?x=1",
        "//menu.html",
        "/nope",
        "/nope/",
        "/404.html",
        "/404",
        "/.env",
        "/a/../b",
        "/%2e%2e/etc/passwd",
        "/..%2f..%2fetc",
        "/%",
        "/%ff",
        "/%00",
        "/menu%2Ehtml",
        "/Menu.html",
        "/_layouts/page.html",
        "/styles/site.css",
        "/pictures/oven.svg",
        "/favicon.ico",
        "/robots.txt",
        "/.well-known/x",
        "/api",
        "/api/",
        "/api/nope",
        "/api/health",
        "/api/messages",
        "/api/messages/x",
        "/api/messages/%2e%2e",
        "/pictures",
        "/pictures/",
    ] {
        both.get(path);
        both.ask("HEAD", path, &[], b"");
    }
    let etag = both.get("/menu.html").header("etag").to_owned();
    both.ask("GET", "/menu.html", &[("if-none-match", &etag)], b"");
    both.ask("GET", "/menu.html", &[("if-none-match", "\"other\"")], b"");
    for range in ["bytes=0-9", "bytes=10-", "bytes=-5", "bytes=999999-", "bytes=5-2", "lines=1-2"] {
        both.ask("GET", "/menu.html", &[("range", range)], b"");
    }
    for (kind, body) in [
        ("application/json", &b"{"[..]),
        ("application/json", b"[]"),
        ("application/json", b"{\"name\":\"A\",\"email\":\"x\"}"),
        ("text/plain", b"x"),
        ("application/x-www-form-urlencoded", b"name=A&email=a%40b.co&message=hi"),
        ("application/x-www-form-urlencoded", b"name=A&email=nobody&message=hi"),
    ] {
        both.ask("POST", "/api/messages", &[("content-type", kind), ("accept", "text/html")], body);
        both.ask("POST", "/api/messages", &[("content-type", kind)], body);
    }
    both.ask("PUT", "/api/messages", &[], b"x");
    both.ask("OPTIONS", "/api/messages", &[], b"");
    both.ask("DELETE", "/api/messages/x", &[], b"");
    println!("{} requests to the starter, {} differences", both.asked, both.differences.len());
    both.assert_equal();
}

/// Debian's PostgreSQL documentation: more than 1,100 pages that nobody here wrote.
#[test]
fn a_real_site_is_answered_alike_by_preview_and_edge() {
    let sites = std::env::var_os("ARQ_TEST_SITES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.sites")), PathBuf::from);
    let site = sites.join("postgresql-doc-15");
    if !site.is_dir() {
        println!("skipped: {} is not there; tests/run fetches it where there is apt", site.display());
        return;
    }
    let account = Account::start();
    let mut project = Project::with(&[("arq.toml", "[site]\nname = \"manual\"\n")]);
    std::os::unix::fs::symlink(&site, project.path().join("site")).unwrap();
    account.give_to(&mut project);
    let start = Instant::now();
    project.run(&["publish", "--yes"]).ok();
    let (seconds, calls) = (start.elapsed().as_secs_f32(), account.calls("calls").len());
    let changing = account.changing_calls().len();
    let preview = Preview::start(&project);
    let mut both = both(&account, &preview);
    let mut files: Vec<String> =
        std::fs::read_dir(&site).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    for name in &files {
        both.get(&format!("/{name}"));
        if let Some(stem) = name.strip_suffix(".html") {
            both.get(&format!("/{stem}"));
            both.get(&format!("/{stem}/index.html"));
        }
    }
    println!(
        "{} files published in {seconds:.1} s with {calls} calls, {changing} of them changing; {} requests, {} differences",
        files.len(),
        both.asked,
        both.differences.len()
    );
    both.assert_equal();
    assert!(files.len() > 1000 && both.asked > 2000);
}
