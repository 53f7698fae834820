//! Stop anywhere: the publisher is killed before and after every changing call, and run again.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::{Project, begin};

/// Accounts that are used at once.
const ACCOUNTS: usize = 2;

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

/// Kills `command` at every changing call, runs it again, and compares the account.
fn every_call(prepare: &(dyn Fn(&Account, &Project) + Sync), command: &[&str]) -> usize {
    let next = AtomicUsize::new(0);
    let kills = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ACCOUNTS {
            scope.spawn(|| {
                let account = Account::start();
                let mut project = Project::small();
                account.give_to(&mut project);
                let fresh = || {
                    account.reset();
                    let _ = std::fs::remove_dir_all(project.path().join(".arq/journal"));
                    prepare(&account, &project);
                };
                fresh();
                project.run(command).ok();
                let undisturbed = account.snapshot();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let (k, when) = (number / 2 + 1, ["before", "after"][number % 2]);
                    fresh();
                    if !killed(&account, &project, command, k, when) {
                        return;
                    }
                    kills.fetch_add(1, Ordering::Relaxed);
                    let again = project.run(command);
                    assert_eq!(again.code, Some(0), "{when} call {k}: {}{}", again.out, again.err);
                    account.assert_equals(&undisturbed, &format!("killed {when} call {k}"));
                }
            });
        }
    });
    kills.into_inner()
}

#[test]
fn a_first_publish_killed_at_any_call_ends_as_one_that_was_not() {
    let kills = every_call(&|_, _| {}, &["publish", "--yes"]);
    println!("killed at {kills} places, before and after each changing call of a first publish");
    assert!(kills >= 60, "only {kills} kills: the loop did not reach the end");
}

#[test]
fn a_destroy_killed_at_any_call_ends_as_one_that_was_not() {
    let publish = |_: &Account, project: &Project| {
        project.run(&["publish", "--yes"]).ok();
    };
    let kills = every_call(&publish, &["destroy", "--yes", "--delete-data"]);
    println!("killed at {kills} places, before and after each changing call of a destroy");
    assert!(kills >= 20, "only {kills} kills: the loop did not reach the end");
}
