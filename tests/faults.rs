//! The forty faults of a publisher's life: injected into the practice account, one row a case.
//!
//! A fault that passes is survived: the run succeeds and the account is as if nothing had happened.
//! One that does not pass ends the run with the right exit code, a message that names the thing and
//! the way out, and few calls; the same command then succeeds when the fault is gone.
//!
//! `tests/run faults -- --ignored` also loses the answer to every changing call, each in a run of its own.

use std::process::Command;

use serde_json::{Value, json};

use crate::resume::adopt;
use crate::support::account::{Account, python};
use crate::support::project::{Project, Ran};

mod lost;
mod table;

use table::{Case, Expect, Scene};

const PUBLISH: &[&str] = &["publish", "--yes"];

/// An account and a project that cases are run on, one after the other.
struct Bench {
    account: Account,
    project: Project,
    scene: Scene,
}

impl Bench {
    fn new(scene: Scene) -> Self {
        let account = Account::start();
        let mut project = if scene == Scene::Small { Project::small() } else { Project::everything() };
        account.give_to(&mut project);
        let bench = Self { account, project, scene };
        bench.fresh();
        bench
    }

    /// An empty account; the domain's registrar points to a zone in it already.
    fn fresh(&self) {
        self.account.reset();
        let _ = std::fs::remove_dir_all(self.project.path().join(".arq/journal"));
        if !matches!(self.scene, Scene::Small | Scene::Undelegated) {
            adopt(&self.account, &self.project);
        }
    }

    fn publish(&self) -> Ran {
        self.project.run(PUBLISH)
    }

    /// The account after a publish in which nothing happens.
    fn undisturbed(&self) -> Value {
        self.fresh();
        self.publish().ok();
        self.account.snapshot()
    }

    fn inject(&self, faults: &[Value]) {
        let answer = self.account.ask("POST", "faults", &json!(faults));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The faults that were injected, and how often each struck; there are none from now on.
    fn struck(&self) -> Vec<Value> {
        let faults = self.account.ask("GET", "faults", &Value::Null).json()["faults"].as_array().unwrap().clone();
        self.account.ask("DELETE", "faults", &Value::Null);
        faults
    }

    /// Another tool at work in the account: Python, with `boto3` at hand.
    fn by_another_tool(&self, script: &str) {
        let mut command = Command::new(python());
        command.args(["-c", script]).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.account.port));
        command.env("AWS_ACCESS_KEY_ID", "practice").env("AWS_SECRET_ACCESS_KEY", "practice");
        command.env("AWS_DEFAULT_REGION", if self.scene == Scene::Small { "us-east-1" } else { "eu-west-1" });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Somebody changes the account by hand, and the configuration asks for more memory.
    fn drift(&self) {
        self.by_another_tool(table::DRIFT);
        self.project.replace("arq.toml", "[api]\n", "[api]\nmemory = 512\n");
    }

    /// All faults of these cases in one run: each is of another call, and each has to strike.
    fn survive(&self, cases: &[Case], command: &[&str]) {
        let faults: Vec<Value> = cases.iter().flat_map(|case| case.faults.clone()).collect();
        self.inject(&faults);
        let ran = self.project.run(command);
        let struck = self.struck();
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let missed: Vec<_> = struck.iter().filter(|fault| fault["times"] != 0).collect();
        assert!(missed.is_empty(), "never met: {missed:?}");
    }

    /// One case of which the run does not succeed, and then the same command without the fault.
    fn fail(&self, case: &Case, undisturbed: &Value) {
        let title = format!("case {}, {}", case.number, case.name);
        let Expect::Fails { code, says } = case.expect else { panic!("{title}: it is survived") };
        self.fresh();
        self.inject(&case.faults);
        let ran = self.publish();
        let struck: u64 = self.struck().iter().map(|fault| fault["hits"].as_u64().unwrap()).sum();
        assert_eq!(ran.code, Some(code), "{title}: {}{}", ran.out, ran.err);
        for words in says {
            assert!(ran.err.contains(words), "{title}: no {words:?} in {}", ran.err);
        }
        // Some things are made several times at once; none is asked for again.
        assert!((1..=3).contains(&struck), "{title}: refused {struck} times");
        (case.then)(&self.account);
        let again = self.publish();
        assert_eq!(again.code, Some(0), "{title}: {}{}", again.out, again.err);
        self.account.assert_equals(undisturbed, &title);
    }
}

/// A snapshot without what is kept of a deleted database, by intent.
fn without_last_snapshots(mut account: Value) -> Value {
    for region in account["databases"].as_object_mut().into_iter().flat_map(|databases| databases.values_mut()) {
        if let Some(region) = region.as_object_mut() {
            region.remove("snapshots");
        }
    }
    account
}

#[test]
fn every_case_has_its_place() {
    let mut numbers: Vec<u8> = table::all().iter().map(|case| case.number).collect();
    numbers.extend(table::ELSEWHERE.iter().map(|(number, _)| *number));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=40).collect::<Vec<u8>>());
}

#[test]
fn what_passes_is_survived_by_a_small_site() {
    let bench = Bench::new(Scene::Small);
    let undisturbed = bench.undisturbed();
    bench.fresh();
    bench.survive(&table::survived(Scene::Small), PUBLISH);
    bench.account.assert_equals(&undisturbed, "all that passes");
}

#[test]
fn what_passes_is_survived_by_a_site_with_every_part() {
    let bench = Bench::new(Scene::Everything);
    let undisturbed = bench.undisturbed();
    bench.fresh();
    bench.survive(&table::survived(Scene::Everything), PUBLISH);
    bench.account.assert_equals(&undisturbed, "all that passes");

    // What somebody else changed is put right, and what is configured anew is done, past what passes.
    bench.drift();
    bench.survive(&table::survived(Scene::Drifted), PUBLISH);
    let after = bench.account.snapshot();
    bench.project.replace("arq.toml", "memory = 512\n", "");
    bench.fresh();
    bench.publish().ok();
    bench.drift();
    bench.publish().ok();
    bench.account.assert_equals(&after, "what was changed by somebody else");
}

#[test]
fn what_does_not_pass_ends_the_run_of_a_small_site_with_a_way_out() {
    let bench = Bench::new(Scene::Small);
    let undisturbed = bench.undisturbed();
    for case in table::failing(Scene::Small) {
        bench.fail(&case, &undisturbed);
    }
}

#[test]
fn what_does_not_pass_ends_the_run_of_a_site_with_every_part_with_a_way_out() {
    let bench = Bench::new(Scene::Everything);
    let undisturbed = bench.undisturbed();
    for case in table::failing(Scene::Everything) {
        bench.fail(&case, &undisturbed);
    }
}

#[test]
fn a_role_that_is_not_ours_is_named_and_left_alone() {
    let bench = Bench::new(Scene::Small);
    let undisturbed = bench.undisturbed();
    bench.fresh();
    bench.by_another_tool(table::FOREIGN_ROLE);
    let before = bench.account.snapshot();
    let error = bench.publish().failed(1);
    assert!(error.contains("role") && error.contains("small-api"), "{error}");
    assert!(error.contains("was not made by arqsite"), "{error}");
    bench.account.assert_equals(&before, "the role of somebody else");
    bench.by_another_tool(table::NO_FOREIGN_ROLE);
    bench.publish().ok();
    bench.account.assert_equals(&undisturbed, "the role of somebody else is gone");
}

#[test]
fn a_refused_certificate_is_replaced_by_another() {
    let bench = Bench::new(Scene::Undelegated);
    let at_once = ["publish", "--yes", "--wait", "0"];
    let told = bench.project.run(&at_once);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.err.contains("At your registrar, set these name servers for example.com"), "{}", told.err);
    bench.account.ask("POST", "delegate", &json!({"domain": "example.com"}));
    bench.publish().ok();
    let undisturbed = bench.account.snapshot();

    bench.fresh();
    bench.project.run(&at_once).ok();
    bench.by_another_tool(table::REFUSE_CERTIFICATE);
    bench.account.ask("POST", "delegate", &json!({"domain": "example.com"}));
    bench.publish().ok();
    bench.account.assert_equals(&undisturbed, "a refused certificate");
}

#[test]
fn a_destroy_survives_what_passes_and_protects_data_until_told_otherwise() {
    let bench = Bench::new(Scene::Destroyed);
    let published = bench.undisturbed();
    bench.project.run(&["destroy", "--yes", "--delete-data"]).ok();
    let gone = bench.account.snapshot();

    bench.fresh();
    bench.publish().ok();
    bench.account.forget_calls();
    bench.survive(&table::survived(Scene::Destroyed), &["destroy", "--yes"]);
    let changes = bench.account.changing_calls();
    for operation in ["rds ModifyDBCluster", "rds DeleteDBCluster", "dynamodb UpdateTable", "dynamodb DeleteTable"] {
        assert!(!changes.iter().any(|call| call == operation), "{operation} without --delete-data");
    }
    bench.survive(&table::survived(Scene::DataDestroyed), &["destroy", "--yes", "--delete-data"]);
    bench.account.assert_equals(&gone, "taken down in two parts");

    // The secret is scheduled for deletion, and its name is blocked: it is restored.
    let ran = bench.publish();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(without_last_snapshots(bench.account.snapshot()), without_last_snapshots(published));
}
