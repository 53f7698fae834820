//! What publish sees of a release through the edge, before it is live and after.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::Project;

const BUCKET: &str = "small-site-123456789012";
const HOME: &str = "<!doctype html><title>Welcome</title>";
const NOTES: &str = "[collection]
store = \"documents\"
[fields]
text = { type = \"text\", max = 100 }
[rules]
list = \"true\"
";

fn account_with(api: &[(&str, &str)], arguments: &[&str]) -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    api.iter().for_each(|(name, text)| project.write(name, text));
    project.run(&[&["publish", "--yes"], arguments].concat()).ok();
    (account, project)
}

fn pointer(account: &Account) -> Value {
    let keys = account.ask("GET", "kvs/small-edge", &json!(null)).json()["keys"].clone();
    serde_json::from_str(keys["live"].as_str().unwrap()).unwrap()
}

/// Somebody removes the object of a page from the bucket.
fn remove_object(account: &Account, path: &str) {
    let release = pointer(account)["r"].as_str().unwrap().to_owned();
    let manifest = account.aws(&["s3", "cp", &format!("s3://{BUCKET}/releases/{release}.json"), "-"]);
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let id = manifest["paths"][path].as_str().unwrap();
    account.aws(&["s3api", "delete-object", "--bucket", BUCKET, "--key", &format!("c/{id}")]);
}

/// From now on, what functions ask the tables for fails.
fn break_tables(account: &Account) {
    let fault = json!({"service": "dynamodb", "operation": "Query", "code": "ValidationException", "status": 400,
        "times": 1000, "by": "function"});
    assert_eq!(account.ask("POST", "faults", &fault).status, 200);
}

#[test]
fn a_page_that_is_broken_keeps_the_release_before_live() {
    let (account, project) = account_with(&[], &["--no-check"]);
    remove_object(&account, "/about.html");
    let before = pointer(&account);
    project.write("site/index.html", HOME);
    let error = project.run(&["publish", "--yes"]).failed(1);
    let release = before["r"].as_str().unwrap();
    assert!(error.contains("/about.html answered 404, and 200 with the published bytes"), "{error}");
    assert!(error.contains(&format!("{release} stays live.")), "{error}");
    assert_eq!(pointer(&account), before);
    assert!(account.edge().get("/").text().contains("Home"));
    project.run(&["publish", "--yes", "--no-check"]).ok();
    assert_eq!(account.edge().get("/").text(), HOME);
}

#[test]
fn an_api_that_fails_keeps_the_release_before_live() {
    let (account, project) = account_with(&[("api/notes.toml", NOTES)], &[]);
    let before = pointer(&account);
    break_tables(&account);
    project.write("site/index.html", HOME);
    let error = project.run(&["publish", "--yes"]).failed(3);
    assert!(error.contains("/api/notes answered 5") && error.contains("a status below 500"), "{error}");
    assert!(error.contains("stays live"), "{error}");
    assert_eq!(pointer(&account), before);
    account.ask("DELETE", "faults", &Value::Null);
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.edge().get("/").text(), HOME);
}

#[test]
fn what_breaks_when_it_is_live_is_taken_back() {
    let (account, project) = account_with(&[("api/notes.toml", NOTES)], &[]);
    let before = pointer(&account);
    // The pointer has moved, and the program does not know yet.
    let held = json!({"service": "cloudfront-keyvaluestore", "operation": "PutKey", "when": "after", "hold": true});
    account.ask("POST", "faults", &held);
    project.write("site/index.html", HOME);
    let mut command = project.command(&["publish", "--yes"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(account.ask("GET", "held", &Value::Null).status, 200);
    assert_eq!(account.edge().get("/").text(), HOME);
    break_tables(&account);
    account.ask("POST", "resume", &json!({}));
    let ended = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(3), "{error}");
    let release = before["r"].as_str().unwrap();
    assert!(error.contains("/api/notes answered 5") && error.contains(&format!("{release} is live again.")), "{error}");
    assert_eq!(pointer(&account), before);
    account.ask("DELETE", "faults", &Value::Null);
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.edge().get("/").text(), HOME);
}

#[test]
fn an_edge_that_nobody_reaches_is_a_warning() {
    let (account, mut project) = account_with(&[], &[]);
    let edge = format!("http://127.0.0.1:{}", account.edge_port);
    project.variable("ARQ_EDGE_ENDPOINT", "http://127.0.0.1:1");
    project.write("site/index.html", HOME);
    let ran = project.run(&["publish", "--yes", "--json"]);
    assert!(ran.err.contains("could not be checked before it went live"), "{}", ran.err);
    let json: Value = serde_json::from_str(&ran.ok()).unwrap();
    assert_eq!(json["unchecked"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(account.edge().get("/").text(), HOME);
    project.variable("ARQ_EDGE_ENDPOINT", &edge);
    project.write("site/index.html", "<!doctype html><title>Again</title>");
    let ran = project.run(&["publish", "--yes", "--json"]);
    let json: Value = serde_json::from_str(&ran.ok()).unwrap();
    assert_eq!(json["unchecked"], json!([]));
}

#[test]
fn an_edge_that_learns_late_is_waited_for_and_asked_as_few_times_as_that_takes() {
    let (account, project) = account_with(&[], &[]);
    account.ask("POST", "edges", &json!({"lags": [[0.5, 0.5]], "mode": "ordered"}));
    project.write("site/index.html", HOME);
    let ran = project.run(&["publish", "--yes", "--json"]);
    let json: Value = serde_json::from_str(&ran.ok()).unwrap();
    assert_eq!(json["unchecked"], json!([]));
    assert_eq!(account.edge().get("/").text(), HOME);
}

#[test]
fn a_first_release_that_is_broken_is_told_of() {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    project.write("api/notes.toml", NOTES);
    break_tables(&account);
    let error = project.run(&["publish", "--yes"]).failed(3);
    assert!(error.contains("/api/notes answered 5") && error.contains("It is live all the same"), "{error}");
    assert_eq!(account.edge().get("/").status, 200);
}
