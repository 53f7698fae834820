//! The operator's functions: runbooks from the AWS side, migrations, schedules, secrets.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::Project;

/// Where the project of everything is.
const REGION: &[&str] = &["--region", "eu-west-1"];
/// Asks for the state of an execution at most so often; each asking is a tick of the account's clock.
const ASKED: usize = 200;

/// Everything but the domain, which is waited for elsewhere.
fn published() -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::everything();
    account.give_to(&mut project);
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    (account, project)
}

/// Starts a runbook as the AWS console does; gives how it ended and what it said.
fn runbook(account: &Account, name: &str, parameters: &[&str]) -> (String, Value) {
    let start = ["ssm", "start-automation-execution", "--document-name", name];
    let started = account.aws(&[&start[..], parameters, REGION].concat());
    let started: Value = serde_json::from_str(&started).unwrap();
    let id = started["AutomationExecutionId"].as_str().unwrap();
    for _ in 0..ASKED {
        let text =
            account.aws(&[&["ssm", "get-automation-execution", "--automation-execution-id", id], REGION].concat());
        let execution = serde_json::from_str::<Value>(&text).unwrap()["AutomationExecution"].take();
        let status = execution["AutomationExecutionStatus"].as_str().unwrap().to_owned();
        if !["Pending", "InProgress", "Waiting"].contains(&status.as_str()) {
            return (status, execution);
        }
    }
    panic!("{name} has no end");
}

fn succeeds(account: &Account, name: &str, parameters: &[&str]) {
    let (status, execution) = runbook(account, name, parameters);
    assert_eq!(status, "Success", "{execution}");
}

fn sql(account: &Account, text: &str) -> Value {
    account.ask("POST", "sql", &json!({"cluster": "small-database", "sql": text})).json()["rows"].clone()
}

#[test]
fn runbooks_close_and_open_the_site_and_take_a_release_back() {
    let (account, project) = published();
    succeeds(&account, "small-maintenance-on", &[]);
    let closed = account.edge().get("/");
    assert_eq!((closed.status, closed.header("retry-after")), (503, "300"));
    assert_eq!(account.edge().get("/api/health").status, 503);
    project.write("site/about.html", "<!doctype html><title>About us</title>");
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    assert_eq!(account.edge().get("/").status, 503, "a publish leaves a closed site closed");
    succeeds(&account, "small-maintenance-off", &[]);
    assert!(account.edge().get("/about.html").text().contains("About us"));
    succeeds(&account, "small-rollback", &[]);
    assert!(!account.edge().get("/about.html").text().contains("About us"));
    // Any release whose keys are in the store can be named.
    project.write("site/about.html", "<!doctype html><title>Third</title>");
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    let list: Value = serde_json::from_str(&project.run(&["releases", "--json"]).ok()).unwrap();
    let named = format!("Release={}", list["releases"][1]["id"].as_str().unwrap());
    succeeds(&account, "small-rollback", &["--parameters", &named]);
    assert!(account.edge().get("/about.html").text().contains("About us"));
    let status = project.run(&["status"]).ok();
    assert!(status.contains("release.live"), "{status}");
    let (status, execution) =
        runbook(&account, "small-rollback", &["--parameters", "Release=20200101-000000-0123456789"]);
    assert_eq!(status, "Failed");
    assert!(execution["FailureMessage"].as_str().unwrap().contains("no such release"), "{execution}");
}

#[test]
fn the_origin_secret_is_changed_while_the_api_answers() {
    let (account, project) = published();
    let before = account.snapshot();
    let secret = |account: &Account| {
        let list = account.aws(&["cloudfront", "list-distributions", "--query", "DistributionList.Items[0].Id"]);
        let id = list.trim().trim_matches('"').to_owned();
        let query = "DistributionConfig.Origins.Items[].CustomHeaders.Items[][].HeaderValue";
        account.aws(&["cloudfront", "get-distribution-config", "--id", &id, "--query", query])
    };
    let old = secret(&account);
    succeeds(&account, "small-rotate-secret", &[]);
    assert_ne!(secret(&account), old);
    assert_eq!(account.edge().get("/api/health").status, 200);
    // Nothing is left to mend, and but for the value and the function's versions all is as it was.
    account.forget_calls();
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    let calls = account.changing_calls();
    assert!(calls.iter().all(|call| call == "s3 PutObject"), "{calls:?}");
    let after = account.snapshot();
    assert_eq!(after["distributions"], before["distributions"]);
}

#[test]
fn a_runbook_waits_for_no_publish_but_refuses_beside_one() {
    let (account, _project) = published();
    let ledger = json!({
        "holder": {"owner": "somebody", "host": "elsewhere", "process": "", "since": "2026-01-01T00:00:00Z",
            "expires": "2999-01-01T00:00:00Z", "run": "1"},
        "made": [],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.json");
    std::fs::write(&file, ledger.to_string()).unwrap();
    let body = file.to_str().unwrap();
    let bucket = "small-site-123456789012";
    account.aws(&["s3api", "put-object", "--bucket", bucket, "--key", "ledger.json", "--body", body]);
    let (status, execution) = runbook(&account, "small-maintenance-on", &[]);
    assert_eq!(status, "Failed");
    assert!(execution["FailureMessage"].as_str().unwrap().contains("a publish is under way: somebody"), "{execution}");
    assert_eq!(account.edge().get("/").status, 200);
}

#[test]
fn migrations_run_once_each_as_the_owner_and_the_api_may_only_touch_rows() {
    let (account, project) = published();
    let owner = "select tableowner from pg_tables where tablename = 'products'";
    assert_eq!(sql(&account, owner), json!([["arq_owner"]]));
    let may = "select string_agg(privilege_type, ',' order by privilege_type) from information_schema.role_table_grants \
               where grantee = 'arq_app' and table_name = 'products'";
    assert_eq!(sql(&account, may), json!([["DELETE,INSERT,SELECT,UPDATE"]]));
    project.write("migrations/0002_colours.sql", "alter table products add column colour text;\n");
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    let ran = "select number from app.arq_migrations order by number";
    assert_eq!(sql(&account, ran), json!([[1], [2]]));
    succeeds(&account, "small-migrate", &[]);
    assert_eq!(sql(&account, ran), json!([[1], [2]]));
}

#[test]
fn a_migration_that_fails_leaves_database_and_release_as_they_were() {
    let (account, project) = published();
    project.write("site/about.html", "<!doctype html><title>Never seen</title>");
    project.write("migrations/0002_broken.sql", "create table good (id integer);\n\ninsert into nowhere values (1);\n");
    let error = project.run(&["publish", "--yes", "--wait", "0"]).failed(1);
    assert!(error.contains("migrations/0002_broken.sql:3: relation \"nowhere\" does not exist (42P01)"), "{error}");
    assert_eq!(sql(&account, "select to_regclass('app.good') is null"), json!([[true]]));
    assert!(!account.edge().get("/about.html").text().contains("Never seen"));
    // An edited one is refused, and says what to do.
    project.write("migrations/0002_broken.sql", "create table good (id integer);\n");
    project.write("migrations/0001_products.sql", "create table other (id integer);\n");
    let error = project.run(&["publish", "--yes", "--wait", "0"]).failed(1);
    assert!(error.contains("migrations/0001_products.sql was changed after it ran"), "{error}");
}

#[test]
fn a_migration_that_can_lose_data_runs_only_when_that_is_said() {
    let (account, project) = published();
    project.write("migrations/0002_drop.sql", "create table next (id integer);\ndrop table products;\n");
    let error = project.run(&["publish", "--yes", "--wait", "0"]).failed(1);
    assert!(error.contains("migrations/0002_drop.sql:2: drop table products"), "{error}");
    assert!(error.contains("--allow-destructive"), "{error}");
    project.run(&["publish", "--yes", "--wait", "0", "--allow-destructive"]).ok();
    assert_eq!(sql(&account, "select to_regclass('app.products') is null"), json!([[true]]));
}

#[test]
fn a_schedule_calls_the_api_as_itself() {
    let (account, project) = published();
    let ran = account.ask("POST", "schedule", &json!({"name": "nightly", "group": "small-schedules"})).json();
    assert_eq!((&ran["ran"], &ran["payload"]["status"]), (&json!(true), &json!(201)), "{ran}");
    let token = project.run(&["token", "new", "--stage", "production", "--quiet"]).ok();
    let owner = format!("Bearer {}", token.trim());
    let list = account.edge().send("GET", "/api/messages", &[("authorization", &owner)], b"").json();
    assert_eq!(list["items"][0]["name"], "Nightly");
}

#[test]
fn files_go_through_the_edge_into_their_bucket() {
    let (account, _project) = published();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
    let made = account.edge().send("POST", "/api/photos?name=dot.png", &[("content-type", "image/png")], png);
    assert_eq!(made.status, 201, "{}", made.text());
    let url = made.header("location").to_owned();
    let read = account.edge().get(&url);
    assert_eq!((read.status, read.header("content-type"), read.body.as_slice()), (200, "image/png", &png[..]));
    let keys =
        account.aws(&["s3api", "list-objects-v2", "--bucket", "small-files-123456789012", "--query", "Contents[].Key"]);
    assert!(keys.contains("photos/"), "{keys}");
}

#[test]
fn secrets_are_set_from_stdin_and_never_shown() {
    let (account, project) = published();
    let mut child =
        project.command(&["secret", "set", "PAYMENT_KEY"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"open sesame\n").unwrap();
    assert!(child.wait().unwrap().success());
    let list = project.run(&["secret", "list"]).ok();
    assert!(list.contains("PAYMENT_KEY") && list.contains("set") && !list.contains("sesame"), "{list}");
    let kept = account.aws(
        &[&["secretsmanager", "get-secret-value", "--secret-id", "small-secrets", "--query", "SecretString"], REGION]
            .concat(),
    );
    assert!(kept.contains("open sesame"), "{kept}");
    let error = project.run(&["secret", "rm", "OTHER"]).failed(1);
    assert!(error.contains("there is no secret OTHER"), "{error}");
    for folder in ["journal", "cache"] {
        let place = project.path().join(".arq").join(folder);
        for entry in std::fs::read_dir(place).into_iter().flatten() {
            let text = String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned();
            assert!(!text.contains("sesame"));
        }
    }
}
