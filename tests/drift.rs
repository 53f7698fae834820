//! What somebody changes by hand is shown field by field, and mended by the next publish.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::Project;

mod around;
mod made;

/// Region of the project.
const HOME: &str = "eu-west-1";

/// Something changed behind the publisher's back.
struct Drift {
    /// What was done, in words.
    what: &'static str,
    /// Node of the part that differs then.
    node: &'static str,
    /// Beginning of the path of the field that differs.
    field: &'static str,
    /// Part of the snapshot that is made anew when it is mended, as a secret that is lost has to be.
    anew: &'static str,
    /// Does it.
    make: fn(&Account),
}

/// A project with every part, published, with its domain.
fn published() -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::everything();
    account.give_to(&mut project);
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    assert_eq!(account.ask("POST", "delegate", &json!({"domain": "example.com"})).status, 200);
    project.run(&["publish", "--yes", "--wait", "1"]).ok();
    (account, project)
}

/// The state of a part as `status` says it, and the lines of its fields.
fn status(project: &Project, kind: &str, name: &str) -> (String, Vec<String>) {
    let text = project.run(&["status"]).ok();
    let mut lines = text.lines();
    let is_part =
        |line: &str| line.get(10..).is_some_and(|rest| rest.split_whitespace().eq([kind, name].join(" ").split(' ')));
    let state = lines.find(|line| is_part(line)).map(|line| line[..9].trim().to_owned()).unwrap_or_default();
    let fields = lines.take_while(|line| line.starts_with("            "));
    (state, fields.map(|line| line.trim().to_owned()).collect())
}

/// The step that `plan` has for a node.
fn planned(project: &Project, node: &str) -> Value {
    let plan: Value = serde_json::from_str(&project.run(&["plan", "--json"]).ok()).unwrap();
    plan["steps"].as_array().unwrap().iter().find(|step| step["node"] == node).cloned().unwrap_or_default()
}

/// What is wrong about how a drift was seen and mended, and the fields that status showed.
fn see_and_mend(account: &Account, project: &Project, before: &Value, drift: &Drift) -> (Vec<String>, Vec<String>) {
    let mut wrong = Vec::new();
    (drift.make)(account);
    if account.differences(before).is_empty() {
        wrong.push("nothing was changed by it".to_owned());
    }
    let step = planned(project, drift.node);
    let paths: Vec<_> = step["fields"].as_array().into_iter().flatten().filter_map(|f| f["path"].as_str()).collect();
    if step["verb"] != "update" || !paths.iter().any(|path| path.starts_with(drift.field)) {
        wrong.push(format!("plan says {} with {paths:?}", step["verb"]));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (state, fields) = status(project, &text(&step["kind"]), &text(&step["name"]));
    if state != "differs" || !fields.iter().any(|field| field.starts_with(drift.field)) {
        wrong.push(format!("status says {state:?} with {fields:?}"));
    }
    let mended = project.run(&["publish", "--yes", "--wait", "0"]);
    if mended.code != Some(0) {
        wrong.push(format!("publish ends with {:?}: {}", mended.code, mended.err));
    }
    let left = account.differences(before).into_iter();
    let left = left.filter(|line| drift.anew.is_empty() || !line.starts_with(drift.anew));
    wrong.extend(left.map(|line| format!("not mended: {line}")));
    account.forget_calls();
    let again = project.run(&["publish", "--yes", "--wait", "0"]);
    let calls = account.changing_calls();
    if again.code != Some(0) || !calls.is_empty() {
        wrong.push(format!("the publish after it ends with {:?} and changes {calls:?}", again.code));
    }
    (wrong, fields)
}

/// Makes one drift after the other in one account.
fn every_one(drifts: &[Drift]) {
    let (account, project) = published();
    let mut before = account.snapshot();
    let mut failures = Vec::new();
    for drift in drifts {
        let (wrong, fields) = see_and_mend(&account, &project, &before, drift);
        if !drift.anew.is_empty() {
            before = account.snapshot();
        }
        println!("| {} | {}: {} | {} |", drift.what, drift.node, fields.join("; "), wrong.is_empty());
        wrong.iter().for_each(|wrong| println!("    {wrong}"));
        failures.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", drift.what)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_is_changed_at_the_edge_and_in_the_data_is_shown_and_mended() {
    every_one(made::DRIFTS);
}

#[test]
fn what_is_changed_around_them_is_shown_and_mended() {
    every_one(around::DRIFTS);
}

/// An answer of the AWS CLI.
fn ask(account: &Account, region: &str, arguments: &[&str]) -> Value {
    let text = account.aws(&[arguments, &["--region", region, "--output", "json"]].concat());
    if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// What `--query` finds, as text.
fn query(account: &Account, region: &str, arguments: &[&str], query: &str) -> String {
    account.aws(&[arguments, &["--region", region, "--output", "text", "--query", query]].concat()).trim().to_owned()
}
