//! Two publishers at once: one works, the other says so, and nothing is lost.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::{Project, begin};

const BUCKET: &str = "small-site-123456789012";
/// How the upload of a page begins.
const PAGE: &str = "PUT /small-site-123456789012/c/";

/// A copy of the small project, as it lies on somebody's machine.
fn copy(account: &Account, about: &str) -> Project {
    let mut project = Project::small();
    project.write("site/about.html", &format!("<!doctype html><title>{about}</title>"));
    account.give_to(&mut project);
    project
}

/// An account with the small project in it.
fn published() -> Account {
    let account = Account::start();
    copy(&account, "Once").run(&["publish", "--yes"]).ok();
    account
}

/// Keeps the next call of this kind waiting, after `skip` others.
fn hold(account: &Account, operation: &str, object: &str, skip: usize) {
    let fault = json!({"operation": operation, "match": object, "skip": skip, "hold": true});
    assert_eq!(account.ask("POST", "faults", &fault).status, 200);
}

/// Starts a command, and returns when a call of it is held.
fn held(account: &Account, project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(account.ask("GET", "held", &Value::Null).json()["held"], 1);
    child
}

/// Lets what is held go on, and waits for its end: the exit code, and what was said.
fn let_go(account: &Account, child: Child) -> (Option<i32>, String) {
    assert_eq!(account.ask("POST", "resume", &json!({})).status, 200);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn about(account: &Account) -> String {
    account.edge().get("/about.html").text()
}

fn ledger(account: &Account) -> Value {
    serde_json::from_str(&account.aws(&["s3", "cp", &format!("s3://{BUCKET}/ledger.json"), "-"])).unwrap()
}

/// Makes the ledger say that somebody on another machine is publishing.
fn another_holds(account: &Account, since: &str, expires: &str) {
    let mut ledger = ledger(account);
    ledger["holder"] = json!({"owner": "arn:aws:iam::123456789012:user/deployer", "host": "build-7",
        "process": "11111111-2222-3333-4444-555555555555 pid:[4026531836] 41 1000", "since": since, "expires": expires,
        "run": "0199a000-0000-7000-8000-000000000000"});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.json");
    std::fs::write(&path, ledger.to_string()).unwrap();
    account.aws(&["s3api", "put-object", "--bucket", BUCKET, "--key", "ledger.json", "--body", path.to_str().unwrap()]);
}

fn this_machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

#[test]
fn of_two_publishers_one_works_and_the_other_says_who_does() {
    let account = published();
    let (one, other) = (copy(&account, "One"), copy(&account, "Other"));
    hold(&account, "PutObject", PAGE, 0);
    let first = held(&account, &one, &["publish", "--yes"]);
    let since = ledger(&account)["holder"]["since"].as_str().unwrap().to_owned();

    account.forget_calls();
    let error = other.run(&["publish", "--yes"]).failed(3);
    let who = format!(
        "another publish is under way: arn:aws:iam::123456789012:user/practice on {} since {since}; it is taken over after ",
        this_machine()
    );
    assert!(error.contains(&who), "{error}");
    assert!(error.contains("Run `arqsite publish` again"), "{error}");
    assert_eq!(account.changing_calls(), [""; 0]);
    let told: Value = serde_json::from_str(&other.run(&["publish", "--yes", "--json"]).failed_with_data(3)).unwrap();
    assert_eq!((&told["error"]["kind"], &told["error"]["exit_code"]), (&json!("held"), &json!(3)));
    let status = other.run(&["status"]).ok();
    let running = format!("running   a publish by arn:aws:iam::123456789012:user/practice on {}", this_machine());
    assert!(status.contains(&format!("{running} since {since}")), "{status}");
    let status: Value = serde_json::from_str(&other.run(&["status", "--json"]).ok()).unwrap();
    assert_eq!(status["publishing"]["since"], since.as_str());
    assert!(other.run(&["destroy", "--yes", "--delete-data"]).failed(3).contains(&who));

    let (code, said) = let_go(&account, first);
    assert_eq!(code, Some(0), "{said}");
    assert!(about(&account).contains("One"));
    other.run(&["publish", "--yes"]).ok();
    assert!(about(&account).contains("Other"));
    assert_eq!(ledger(&account)["holder"], Value::Null);
    assert!(!other.run(&["status"]).ok().contains("running"));
}

#[test]
fn of_two_first_publishers_one_works_and_the_other_says_who_does() {
    let account = Account::start();
    let (one, other) = (copy(&account, "One"), copy(&account, "Other"));
    hold(&account, "CreateDistributionWithTags", "", 0);
    let first = held(&account, &one, &["publish", "--yes"]);
    let error = other.run(&["publish", "--yes"]).failed(3);
    assert!(error.contains("another publish is under way"), "{error}");
    let (code, said) = let_go(&account, first);
    assert_eq!(code, Some(0), "{said}");
    assert!(about(&account).contains("One"));
    account.forget_calls();
    one.run(&["publish", "--yes"]).ok();
    assert_eq!(account.changing_calls(), [""; 0]);
    other.run(&["publish", "--yes"]).ok();
    assert!(about(&account).contains("Other"));
    assert_eq!(account.snapshot()["distributions"].as_array().unwrap().len(), 1);
}

#[test]
fn two_first_publishers_that_make_the_bucket_at_once_do_not_both_go_on() {
    let account = Account::start();
    let (one, other) = (copy(&account, "One"), copy(&account, "Other"));
    // The bucket is made, and the first has not yet written who is publishing.
    hold(&account, "PutObject", "ledger.json", 0);
    let first = held(&account, &one, &["publish", "--yes"]);
    other.run(&["publish", "--yes"]).ok();
    let (code, said) = let_go(&account, first);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("somebody published since this plan was made"), "{said}");
    assert!(about(&account).contains("Other"));
    one.run(&["publish", "--yes"]).ok();
    assert!(about(&account).contains("One"));
    let after = account.snapshot();
    assert_eq!((after["distributions"].as_array().unwrap().len(), after["buckets"].as_object().unwrap().len()), (1, 2));
}

#[test]
fn a_publisher_that_was_killed_on_this_machine_is_taken_over_at_once() {
    let account = published();
    let (one, other) = (copy(&account, "One"), copy(&account, "Other"));
    let mut killed = one.waiting(&["publish", "--yes"]);
    // The first changing call takes the lock, the second is of the release.
    let stop = json!({"stop_at": 2, "when": "after", "kill_pid": killed.id()});
    assert_eq!(account.ask("POST", "faults", &stop).status, 200);
    begin(&mut killed);
    assert_eq!(killed.wait().unwrap().code(), None);
    account.ask("POST", "resume", &json!({}));

    let holder = ledger(&account)["holder"].clone();
    assert_eq!(holder["host"], this_machine().as_str());
    assert!(holder["process"].as_str().unwrap().contains(&format!(" {} ", killed.id())), "{holder}");
    assert!(!other.run(&["status"]).ok().contains("running"));
    other.run(&["publish", "--yes"]).ok();
    assert!(about(&account).contains("Other"));
    assert_eq!(ledger(&account)["holder"], Value::Null);
}

#[test]
fn a_publisher_on_another_machine_is_waited_out() {
    let account = published();
    let project = copy(&account, "Mine");
    another_holds(&account, "2099-01-01T00:00:00Z", "2099-01-01T00:02:00Z");
    let theirs = ledger(&account);
    let error = project.run(&["publish", "--yes"]).failed(3);
    let who = "arn:aws:iam::123456789012:user/deployer on build-7 since 2099-01-01T00:00:00Z; it is taken over after \
               2099-01-01T00:02:00Z if that run is dead";
    assert!(error.contains(who), "{error}");
    assert!(
        project
            .run(&["status"])
            .ok()
            .contains("running   a publish by arn:aws:iam::123456789012:user/deployer on build-7")
    );
    assert_eq!(ledger(&account), theirs);
    assert!(about(&account).contains("Once"));

    another_holds(&account, "2020-01-01T00:00:00Z", "2020-01-01T00:02:00Z");
    assert!(!project.run(&["status"]).ok().contains("running"));
    project.run(&["publish", "--yes"]).ok();
    assert!(about(&account).contains("Mine"));
    assert_eq!(ledger(&account)["holder"], Value::Null);
}

#[test]
fn what_has_nothing_to_change_asks_for_no_lock() {
    let account = published();
    another_holds(&account, "2099-01-01T00:00:00Z", "2099-01-01T00:02:00Z");
    copy(&account, "Once").run(&["publish", "--yes"]).ok();
    copy(&account, "Other").run(&["plan"]).ok();
}

#[test]
fn a_plan_that_was_overtaken_is_not_carried_out() {
    // Before its last look at the ledger; and after that, before it writes that it is publishing.
    for (operation, skip) in [("GetObject", 1), ("PutObject", 0)] {
        let account = published();
        let (one, other) = (copy(&account, "One"), copy(&account, "Other"));
        hold(&account, operation, "ledger.json", skip);
        let first = held(&account, &one, &["publish", "--yes"]);
        other.run(&["publish", "--yes"]).ok();
        let wanted = account.snapshot();
        let (code, said) = let_go(&account, first);
        assert_eq!(code, Some(3), "{operation}: {said}");
        assert!(said.contains("somebody published since this plan was made"), "{operation}: {said}");
        account.assert_equals(&wanted, operation);
        assert!(about(&account).contains("Other"));
        one.run(&["publish", "--yes"]).ok();
        assert!(about(&account).contains("One"));
    }
}

#[test]
fn a_publisher_whose_lock_was_taken_over_does_not_give_back_anothers() {
    let account = published();
    let project = copy(&account, "Slow");
    hold(&account, "PutObject", PAGE, 0);
    let slow = held(&account, &project, &["publish", "--yes"]);
    // Nobody heard of it for so long that another took over.
    another_holds(&account, "2099-01-01T00:00:00Z", "2099-01-01T00:02:00Z");
    let theirs = ledger(&account);
    let _ = let_go(&account, slow);
    assert_eq!(ledger(&account), theirs);
}
