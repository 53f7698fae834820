//! Releases that are seen by those who have a link.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::http::Answer;
use crate::support::project::Project;

const ABOUT: &str = "<!doctype html><title>About us</title>";
const WEEK: i64 = 7 * 24 * 3600;

fn published() -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    project.run(&["publish", "--yes"]).ok();
    (account, project)
}

/// The path and query of a link that the program prints.
fn link(project: &Project, arguments: &[&str]) -> String {
    let told = project.run(&[&["publish", "--preview", "--yes"], arguments].concat()).ok();
    let (line, rest) = told.split_once('\n').unwrap();
    assert!(rest.is_empty(), "the link is alone: {told}");
    let path = line.strip_prefix("http://127.0.0.1:").unwrap();
    path[path.find('/').unwrap()..].to_owned()
}

/// The cookie that an opened link gives.
fn cookie(opened: &Answer) -> String {
    assert_eq!((opened.status, opened.header("location")), (302, "/"), "{}", opened.text());
    let cookie = opened.header("set-cookie");
    assert!(cookie.starts_with("__Host-arq-preview=") && cookie.contains("Secure; HttpOnly"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn with_cookie(account: &Account, path: &str, cookie: &str) -> Answer {
    account.edge().send("GET", path, &[("cookie", cookie)], b"")
}

#[test]
fn a_link_opens_the_release_that_nobody_else_sees() {
    let (account, project) = published();
    let before = account.edge().get("/about.html");
    project.write("site/about.html", ABOUT);
    let link = link(&project, &[]);
    let cookie = cookie(&account.edge().get(&link));
    let seen = with_cookie(&account, "/about.html", &cookie);
    assert_eq!((seen.status, seen.text()), (200, ABOUT.to_owned()));
    assert_eq!((seen.header("x-robots-tag"), seen.header("cache-control")), ("noindex", "private, no-store"));
    assert_eq!(with_cookie(&account, "/api/health", &cookie).status, 200);
    let live = account.edge().get("/about.html");
    assert_eq!((live.status, &live.body, live.header("x-robots-tag")), (200, &before.body, ""));
    let forged = link.replace(".o.", ".c.");
    assert_eq!(account.edge().get(&forged).status, 403);
}

#[test]
fn a_preview_makes_nothing_but_content_and_its_publish_moves_the_pointer_only() {
    let (account, project) = published();
    project.write("site/about.html", ABOUT);
    account.forget_calls();
    let first = link(&project, &[]);
    let lock = "s3 PutObject";
    let content = ["s3 PutObject", "s3 PutObject", "cloudfront-keyvaluestore UpdateKeys"];
    assert_eq!(account.changing_calls(), [&[lock][..], &content[..], &[lock][..]].concat());
    account.forget_calls();
    let second = link(&project, &["--expires", "30m"]);
    assert_eq!(account.changing_calls(), [""; 0], "everything is there");
    assert_ne!(first, second);
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.changing_calls(), [lock, "cloudfront-keyvaluestore PutKey", lock]);
    assert_eq!(account.edge().get("/about.html").text(), ABOUT);
}

#[test]
fn a_link_and_its_cookie_end() {
    let (account, project) = published();
    project.write("site/about.html", ABOUT);
    let link = link(&project, &[]);
    let cookie = cookie(&account.edge().get(&link));
    account.ask("POST", "clock", &json!({"ahead": WEEK - 60}));
    assert_eq!(with_cookie(&account, "/about.html", &cookie).text(), ABOUT);
    account.ask("POST", "clock", &json!({"ahead": WEEK + 60}));
    assert_eq!(account.edge().get(&link).status, 403);
    assert_ne!(with_cookie(&account, "/about.html", &cookie).text(), ABOUT, "the live one");
}

#[test]
fn a_password_is_asked_for_and_never_printed() {
    let (account, mut project) = published();
    project.write("site/about.html", ABOUT);
    let shut = link(&project, &["--password", "opensesame"]);
    let told = account.edge().get(&shut);
    assert_eq!(told.status, 401);
    assert!(told.header("www-authenticate").starts_with("Basic "));
    let wrong = [("authorization", "Basic YTpi")];
    assert_eq!(account.edge().send("GET", &shut, &wrong, b"").status, 401);
    // printf anybody:opensesame | base64
    let right = [("authorization", "Basic YW55Ym9keTpvcGVuc2VzYW1l")];
    let cookie = cookie(&account.edge().send("GET", &shut, &right, b""));
    assert_eq!(with_cookie(&account, "/about.html", &cookie).text(), ABOUT);
    let error = project.run(&["publish", "--preview", "--yes", "--password"]).failed(1);
    assert!(error.contains("ARQ_PREVIEW_PASSWORD"), "{error}");
    project.variable("ARQ_PREVIEW_PASSWORD", "opensesame");
    let ran = project.run(&["publish", "--preview", "--yes", "--json", "--password"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("opensesame"));
    let json: Value = serde_json::from_str(&ran.ok()).unwrap();
    assert_eq!((json["password"].as_bool(), json["not_shown"].clone()), (Some(true), json!([])));
    let shut = json["link"].as_str().unwrap().rsplit_once("/?").unwrap().1.to_owned();
    assert_eq!(account.edge().send("GET", &format!("/?{shut}"), &right, b"").status, 302);
}

#[test]
fn a_site_that_was_never_live_is_seen_by_its_link_only_until_it_is_published() {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    let link = link(&project, &[]);
    assert_eq!(account.edge().get("/").status, 404);
    let opened = cookie(&account.edge().get(&link));
    assert!(with_cookie(&account, "/", &opened).text().contains("Home"));
    assert_eq!(with_cookie(&account, "/api/health", &opened).status, 200);
    account.forget_calls();
    project.run(&["publish", "--yes"]).ok();
    assert!(account.edge().get("/").text().contains("Home"));
    let calls = account.changing_calls();
    assert!(calls.contains(&"cloudfront UpdateFunction".to_owned()), "it has something to fall back to: {calls:?}");
    account.forget_calls();
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.changing_calls(), [""; 0]);
}

#[test]
fn a_preview_says_what_it_does_not_show() {
    let (account, project) = published();
    project.write("site/about.html", ABOUT);
    let toml = "[site]\nname = \"small\"\n[security]\ncsp = \"default-src 'self'\"\n[api]\nmemory = 512\n";
    project.write("arq.toml", toml);
    account.forget_calls();
    let ran = project.run(&["publish", "--preview", "--yes"]);
    for part in ["does not show", "security headers and host names", "lambda.function small-api"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let _ = ran.ok();
    let calls = account.changing_calls();
    assert!(calls.iter().all(|call| !call.starts_with("lambda") && !call.starts_with("cloudfront ")), "{calls:?}");
}

#[test]
fn an_older_edge_function_shows_no_preview() {
    let (account, project) = published();
    let (name, file) = ("small-edge", project.path().join("older.js"));
    let function = |verb: &str, more: &[&str]| account.aws(&[&["cloudfront", verb, "--name", name], more].concat());
    function("get-function", &["--stage", "LIVE", file.to_str().unwrap()]);
    project.replace("older.js", "arq-preview", "arq-else");
    let described: Value = serde_json::from_str(&function("describe-function", &[])).unwrap();
    let config = described["FunctionSummary"]["FunctionConfig"].to_string();
    let code = format!("fileb://{}", file.display());
    let tag = described["ETag"].as_str().unwrap();
    let put = ["--if-match", tag, "--function-config", &config, "--function-code", &code, "--query", "ETag"];
    let tag = function("update-function", &put).trim().trim_matches('"').to_owned();
    function("publish-function", &["--if-match", &tag]);
    project.write("site/about.html", ABOUT);
    account.forget_calls();
    let error = project.run(&["publish", "--preview", "--yes"]).failed(1);
    assert!(error.contains("Run `arqsite publish` first"), "{error}");
    assert_eq!(account.changing_calls(), [""; 0]);
    project.write("site/about.html", "<!doctype html><title>About</title>");
    project.run(&["publish", "--yes"]).ok();
    project.write("site/about.html", ABOUT);
    let _ = link(&project, &[]);
}

#[test]
fn wrong_lives_are_refused_on_the_command_line() {
    let project = Project::small();
    for life in ["1s", "91d", "0m", "soon"] {
        let error = project.run(&["publish", "--preview", "--expires", life]).failed(2);
        assert!(error.contains("--expires"), "{error}");
    }
    let _ = project.run(&["publish", "--expires", "7d"]).failed(2);
    let _ = project.run(&["publish", "--preview", "--no-check"]).failed(2);
}
