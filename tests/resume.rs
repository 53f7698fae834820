//! Stop anywhere: the publisher is killed before and after changing calls, and run again.
//!
//! Every call of a site with every part is a long run: `ARQ_TEST_EVERY=1 tests/run resume` takes the
//! better part of an hour. Without it, a sample is taken, spread over the whole run.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::{Project, begin};

/// Accounts that are used at once.
const ACCOUNTS: usize = 2;

/// Which places are killed at, `n`, `2n`, `3n` …: `one_of`, unless the environment says otherwise.
/// An odd number, so that both moments of calls are taken.
fn stride(one_of: usize) -> usize {
    std::env::var("ARQ_TEST_EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(one_of)
}

/// Runs a command that is killed at its `k`-th changing call; says whether it came so far.
fn killed(account: &Account, project: &Project, arguments: &[&str], k: usize, when: &str) -> bool {
    let mut child = project.waiting(arguments);
    let stop = json!({"stop_at": k, "when": when, "kill_pid": child.id()});
    assert_eq!(account.ask("POST", "faults", &stop).status, 200);
    begin(&mut child);
    let ended = child.wait().unwrap();
    let stopped = account.ask("GET", "faults", &Value::Null).json()["stopped"] == true;
    assert_eq!(stopped, ended.code().is_none(), "killed where it should be: {ended}");
    account.ask("POST", "resume", &json!({}));
    account.ask("DELETE", "faults", &Value::Null);
    stopped
}

/// What is killed: a command, and what has to be there before it.
struct Scenario {
    prepare: fn(&Account, &Project),
    command: &'static [&'static str],
    /// Of how many places one is taken, unless all are asked for.
    one_of: usize,
    /// How many places there are at least: two for each changing call.
    places: usize,
}

/// Kills the command at changing calls, runs it again, and compares the account.
fn every_call(what: &str, scenario: &Scenario) {
    let stride = stride(scenario.one_of);
    let next = AtomicUsize::new(stride);
    let kills = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ACCOUNTS {
            scope.spawn(|| {
                let account = Account::start();
                let mut project = Project::everything();
                account.give_to(&mut project);
                let fresh = || {
                    account.reset();
                    let _ = std::fs::remove_dir_all(project.path().join(".arq/journal"));
                    adopt(&account, &project);
                    (scenario.prepare)(&account, &project);
                };
                fresh();
                project.run(scenario.command).ok();
                let undisturbed = account.snapshot();
                loop {
                    let number = next.fetch_add(stride, Ordering::Relaxed) - 1;
                    let (k, when) = (number / 2 + 1, ["before", "after"][number % 2]);
                    fresh();
                    if !killed(&account, &project, scenario.command, k, when) {
                        return;
                    }
                    kills.fetch_add(1, Ordering::Relaxed);
                    let again = project.run(scenario.command);
                    assert_eq!(again.code, Some(0), "{when} call {k}: {}{}", again.out, again.err);
                    account.assert_equals(&undisturbed, &format!("killed {when} call {k}"));
                }
            });
        }
    });
    let kills = kills.into_inner();
    println!("killed at {kills} places of {what}, one of {stride}");
    assert!(kills * stride + 2 * stride >= scenario.places, "only {kills} kills: the loop did not reach the end");
}

/// A zone that the domain's registrar points to already, so that nothing has to be waited for.
pub fn adopt(account: &Account, project: &Project) {
    let zone = account.ask("POST", "zone", &json!({"name": "example.com"})).json();
    let id = zone["zone"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned();
    let toml = std::fs::read_to_string(project.path().join("arq.toml")).unwrap();
    let others = toml.lines().filter(|line| !line.starts_with("zone = "));
    let lines: Vec<String> = others
        .flat_map(|line| match line {
            "[aws]" => vec![line.to_owned(), format!("zone = \"{id}\"")],
            line => vec![line.to_owned()],
        })
        .collect();
    project.write("arq.toml", &(lines.join("\n") + "\n"));
}

fn publish(_: &Account, project: &Project) {
    project.run(&["publish", "--yes"]).ok();
}

/// Another name, so another certificate; a larger function; no schedule any more; another page.
fn change(account: &Account, project: &Project) {
    let toml = std::fs::read_to_string(project.path().join("arq.toml")).unwrap();
    let before = toml.replace(", \"shop.example.com\"", "").replace("memory = 512\n", "");
    project.write("arq.toml", &before);
    project.write("site/about.html", "<!doctype html><title>About</title>");
    publish(account, project);
    let after = before
        .replace("[\"www.example.com\"]", "[\"www.example.com\", \"shop.example.com\"]")
        .replace("[api]\n", "[api]\nmemory = 512\n");
    project.write("arq.toml", &after);
    project.write("site/about.html", "<!doctype html><title>About us</title>");
}

#[test]
fn a_first_publish_killed_at_any_call_ends_as_one_that_was_not() {
    let command = &["publish", "--yes"];
    every_call("a first publish", &Scenario { prepare: |_, _| {}, command, one_of: 61, places: 270 });
}

#[test]
fn an_update_killed_at_any_call_ends_as_one_that_was_not() {
    let command = &["publish", "--yes"];
    every_call("an update", &Scenario { prepare: change, command, one_of: 13, places: 30 });
}

#[test]
fn a_destroy_killed_at_any_call_ends_as_one_that_was_not() {
    let command = &["destroy", "--yes", "--delete-data"];
    every_call("a destroy", &Scenario { prepare: publish, command, one_of: 61, places: 180 });
}
