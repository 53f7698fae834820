//! What was previewed is what they get: every request to `serve` and to the played edge.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use arqsite::release::rules::kept;

use crate::support::account::Account;
use crate::support::http::{Answer, Client};
use crate::support::project::Project;

/// Headers that have to be equal.
const COMPARED: [&str; 17] = [
    "accept-ranges",
    "allow",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "etag",
    "location",
    "permissions-policy",
    "referrer-policy",
    "vary",
    "x-content-type-options",
    "x-frame-options",
    "x-robots-tag",
    "x-own",
];

type Applies = fn(&str, &str, &Answer, &Answer) -> bool;

/// What the edge adds, drops or says in its own way, and why the preview does not: nothing else may
/// differ. A reason says whether it applies: to a method, a header (or `status`, `body`), and both answers.
const OWN: [(&str, Applies); 7] = [
    (
        "`via`, `x-cache`, `x-amz-cf-*`, `server`, `date`, `age`, `last-modified`: CloudFront's, and S3's own times",
        |_, name, _, _| !COMPARED.contains(&name) && !["body", "status"].contains(&name),
    ),
    (
        "a method that no page takes is refused by CloudFront itself, with 403 and a page of its own",
        |_, _, serve, edge| {
            (serve.status, edge.status) == (405, 403)
                && edge.text().contains("not configured to allow the HTTP request method")
        },
    ),
    ("a range outside of a file is refused by CloudFront itself, with a page of its own", |_, name, _, edge| {
        edge.status == 416 && name != "content-range"
    }),
    ("an answer to HEAD by the edge function, API Gateway or Lambda has no length", |method, name, _, edge| {
        method == "HEAD" && name == "content-length" && edge.header(name).is_empty()
    }),
    ("API Gateway gives an answer without a body a type", |_, name, serve, _| {
        name == "content-type" && serve.body.is_empty() && serve.header(name).is_empty()
    }),
    ("what CloudFront says beside a 304 is not documented; its ETag is compared", |_, name, serve, edge| {
        (serve.status, edge.status) == (304, 304) && !["etag", "body", "status"].contains(&name)
    }),
    (
        "an immutable name of no file is answered by S3 itself: edge functions do not see refusals",
        |_, _, serve, edge| {
            serve.status == 404 && [403, 404].contains(&edge.status) && edge.header("content-type") == "application/xml"
        },
    ),
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
    /// How many answers had to be excused, by reason.
    excused: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl Both {
    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (serve, edge) = (self.serve.send(method, path, headers, body), self.edge.send(method, path, headers, body));
        self.asked += 1;
        let mut own = BTreeSet::new();
        let mut excused = |name: &str| {
            let reason = OWN.iter().find(|(_, applies)| applies(method, name, &serve, &edge));
            own.extend(reason.map(|(reason, _)| *reason));
            reason.is_some()
        };
        let mut differences = Vec::new();
        if serve.status != edge.status && !excused("status") {
            differences.push(format!("status: serve {}, edge {}", serve.status, edge.status));
        }
        let names: BTreeSet<&String> = serve.headers.keys().chain(edge.headers.keys()).collect();
        for name in names {
            let (a, b) = (serve.header(name), edge.header(name));
            if a != b && !excused(name) {
                differences.push(format!("{name}: serve {a:?}, edge {b:?}"));
            }
        }
        if serve.body != edge.body && !excused("body") {
            differences.push(format!("body: serve {} bytes, edge {}", serve.body.len(), edge.body.len()));
        }
        own.into_iter().for_each(|reason| *self.excused.entry(reason).or_default() += 1);
        let about = |difference: String| format!("{method} {path} {headers:?}: {difference}");
        self.differences.extend(differences.into_iter().map(about));
        edge
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    fn with(&mut self, path: &str, name: &str, value: &str) -> Answer {
        self.ask("GET", path, &[(name, value)], b"")
    }

    /// A page in every way that it may be asked for.
    fn page(&mut self, path: &str) -> Answer {
        let plain = self.get(path);
        self.ask("HEAD", path, &[], b"");
        for accept in ["gzip, deflate, br, zstd", "gzip", "br;q=0.1, gzip;q=0.2", "identity", "*"] {
            self.with(path, "accept-encoding", accept);
        }
        let etag = plain.header("etag").to_owned();
        self.with(path, "if-none-match", &etag);
        self.with(path, "if-none-match", "\"other\"");
        self.ask("GET", path, &[("range", "bytes=5-20"), ("if-range", &etag)], b"");
        self.ask("GET", path, &[("range", "bytes=5-20"), ("if-range", "\"other\"")], b"");
        self.ask("GET", path, &[("range", "bytes=-7"), ("accept-encoding", "br")], b"");
        for range in
            ["bytes=0-9", "bytes=10-", "bytes=-5", "bytes=99999999-", "bytes=5-2", "lines=1-2", "bytes=0-1,4-5"]
        {
            self.with(path, "range", range);
        }
        plain
    }

    /// A page in all the ways that its URL may be written, and in some that are wrong.
    fn forms(&mut self, path: &str) {
        let stem = path.trim_end_matches(".html").trim_end_matches('/');
        let first = path.as_bytes().get(1).map_or_else(String::new, |b| format!("/%{b:02x}{}", &path[2..]));
        let forms = [
            stem.to_owned(),
            format!("{stem}/"),
            format!("{stem}.html"),
            format!("{stem}/index.html"),
            format!("/{path}"),
            format!("{path}?a=1&b=%C3%A3&c"),
            format!("{stem}?x"),
            format!("{path}x"),
            format!("{stem}/../x"),
            path.to_uppercase(),
            first,
        ];
        for form in forms.iter().filter(|form| form.starts_with('/')) {
            self.get(form);
        }
    }

    fn tell(&self, what: &str) {
        println!("{what}: {} requests, {} differences", self.asked, self.differences.len());
        for (reason, count) in &self.excused {
            println!("  {count} times: {reason}");
        }
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
    Both {
        serve: Client::new(preview.port),
        edge: account.edge(),
        asked: 0,
        excused: BTreeMap::new(),
        differences: Vec::new(),
    }
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
    for path in ["/", "/menu.html", "/styles/site.css", "/pictures/oven.svg", "/nope"] {
        both.page(path);
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for path in ["/", "/menu.html", "/menu", "/nope", "/styles/site.css"] {
            both.ask(method, path, &[], b"");
        }
    }
    for query in ["?limit=1", "?limit=x", "?limit=99999", "?after=x", "?%", "?a=b&a=c"] {
        both.get(&format!("/api/messages{query}"));
    }
    for token in ["Bearer x", "Bearer", "Basic eDp5", "x"] {
        both.with("/api/messages", "authorization", token);
    }
    for accept in ["application/json", "text/html", "image/png", "*/*;q=0"] {
        both.with("/api/messages/x", "accept", accept);
    }
    both.tell("the starter");
    both.assert_equal();
}

/// A site of Debian's, as it was unpacked, with these tables; none where it could not be fetched.
fn real_site(name: &str, tables: &str) -> Option<Project> {
    let sites = std::env::var_os("ARQ_TEST_SITES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.sites")), PathBuf::from);
    let site = sites.join(name);
    if !site.is_dir() {
        println!("skipped: {} is not there; tests/run fetches it where there is apt", site.display());
        return None;
    }
    let project = Project::with(&[("arq.toml", &format!("[site]\nname = \"manual\"\n{tables}"))]);
    std::os::unix::fs::symlink(&site, project.path().join("site")).unwrap();
    Some(project)
}

/// The paths that a published page refers to, among them the immutable names of its files.
fn references(page: &Answer) -> Vec<String> {
    let text = page.text();
    let values = text.split(['"', '\'', '(', ')', ' ']).filter(|value| value.starts_with('/') && kept(value).is_some());
    values.map(str::to_owned).collect()
}

/// The URL paths of the files of a site.
fn paths(site: &Path) -> Vec<String> {
    let files = walkdir::WalkDir::new(site).follow_links(true).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = files.filter(|file| file.file_type().is_file());
    files.map(|file| format!("/{}", file.path().strip_prefix(site).unwrap().to_str().unwrap())).collect()
}

/// Debian's PostgreSQL documentation: more than 1,100 pages that nobody here wrote.
#[test]
fn a_real_site_is_answered_alike_by_preview_and_edge() {
    let Some(mut project) = real_site("postgresql-doc-15", "") else { return };
    let account = Account::start();
    account.give_to(&mut project);
    let start = Instant::now();
    project.run(&["publish", "--yes"]).ok();
    let (seconds, calls) = (start.elapsed().as_secs_f32(), account.calls("calls").len());
    let changing = account.changing_calls().len();
    let preview = Preview::start(&project);
    let mut both = both(&account, &preview);
    let paths = paths(&project.path().join("site").canonicalize().unwrap());
    let mut names = BTreeSet::new();
    for (number, path) in paths.iter().enumerate() {
        names.extend(references(&both.get(path)));
        both.with(path, "accept-encoding", ["br", "gzip, br", "gzip"][number % 3]);
        if let Some(stem) = path.strip_suffix(".html") {
            both.get(stem);
            both.get(&format!("{stem}/index.html"));
        }
        if number % 50 == 0 {
            both.page(path);
            both.forms(path);
        }
    }
    for name in &names {
        both.page(name);
    }
    println!("{} files published in {seconds:.1} s with {calls} calls, {changing} of them changing", paths.len());
    both.tell("Debian's postgresql-doc-15");
    both.assert_equal();
    assert!(paths.len() > 1000 && both.asked > 4000 && !names.is_empty());
}

const RULES: &str = r#"
[[redirects]]
from = "/old/*"
to = "/patterns/:splat"
status = 302

[[redirects]]
from = "/start"
to = "/quickstart.html?from=start"

[[redirects]]
from = "/away/*"
to = "https://example.org/:splat"
status = 307

[[redirects]]
from = "/app/*"
to = "/index.html"
status = 200

[[redirects]]
from = "/cli.html"
to = "/shell.html"
status = 301
force = true

[[redirects]]
from = "/hello"
to = "/testing.html"
status = 302
language = "pt"

[[redirects]]
from = "/hello"
to = "/server.html"
status = 302

[[headers]]
for = "/_static/*"
[headers.values]
cache-control = "public, max-age=600"
x-own = "static"

[[headers]]
for = "/search.html"
[headers.values]
x-own = "searched"
x-frame-options = "SAMEORIGIN"
"#;

/// Flask's documentation, by Sphinx: style sheets, scripts, pictures; with redirects and headers.
#[test]
fn a_real_site_with_files_redirects_and_headers_is_answered_alike() {
    let Some(mut project) = real_site("python-flask-doc", RULES) else { return };
    let account = Account::start();
    account.give_to(&mut project);
    project.run(&["publish", "--yes"]).ok();
    let preview = Preview::start(&project);
    let mut both = both(&account, &preview);
    let paths = paths(&project.path().join("site").canonicalize().unwrap());
    let mut names = BTreeSet::new();
    for path in &paths {
        names.extend(references(&both.page(path)));
        both.forms(path);
    }
    for name in &names {
        names_of_sheet(&mut both, name);
    }
    for path in [
        "/old",
        "/old/",
        "/old/x",
        "/old/caching.html?a=1",
        "/old/a%20b/%C3%A3",
        "/old//x",
        "/older",
        "/start",
        "/start/",
        "/start.html",
        "/start?x=1",
        "/away",
        "/away/x?y=1",
        "/away/https://x",
        "/app",
        "/app/",
        "/app/a/b/c",
        "/cli",
        "/cli.html",
        "/cli/",
        "/cli/index.html",
        "/hello",
        "/hello/",
        "/_redirects",
        "/_headers",
        "/_static/none~AAAAAAAAAAAAA.css",
    ] {
        both.get(path);
        both.ask("HEAD", path, &[], b"");
        for language in ["pt-BR,pt;q=0.9,en", "en, pt", "PT", "", "*", "de"] {
            both.with(path, "accept-language", language);
        }
    }
    both.tell("Debian's python-flask-doc");
    both.assert_equal();
    assert!(both.asked > 3000 && names.len() > 10, "{} {}", both.asked, names.len());
}

/// An immutable name, and those that a style sheet behind it leads to.
fn names_of_sheet(both: &mut Both, name: &str) {
    for inner in references(&both.page(name)) {
        both.page(&inner);
    }
}
