//! The first case: a call is carried out and its answer is lost. Nothing may be there twice.

use serde_json::{Value, json};

use super::Bench;
use super::table::Scene;

/// A first publish, and a second one when the registrar has led the domain here.
fn publish_twice(bench: &Bench) -> (i32, String) {
    let first = bench.project.run(&["publish", "--yes", "--wait", "0"]);
    if first.code != Some(0) {
        return (first.code.unwrap_or(-1), first.err);
    }
    bench.account.ask("POST", "delegate", &json!({"domain": "example.com"}));
    let second = bench.publish();
    (second.code.unwrap_or(-1), second.err)
}

/// The undisturbed account, and every changing operation that led to it.
fn undisturbed(bench: &Bench) -> (Value, Vec<Value>) {
    bench.account.forget_calls();
    assert_eq!(publish_twice(bench).0, 0);
    let mut operations = bench.account.changing_calls();
    operations.sort_unstable();
    operations.dedup();
    let lost = |call: &String| {
        let (service, operation) = call.split_once(' ').unwrap();
        json!({"service": service, "operation": operation, "when": "after", "times": 1})
    };
    (bench.account.snapshot(), operations.iter().map(lost).collect())
}

/// Publishes until it succeeds; a run may fail and say how to continue.
fn until_done(bench: &Bench, at_most: usize, what: &str) {
    for _ in 0..at_most {
        match publish_twice(bench) {
            (0, _) => return,
            (3, _) => {}
            (code, error) => panic!("{what}: {code}: {error}"),
        }
    }
    panic!("{what}: not done after {at_most} runs");
}

#[test]
fn answers_that_are_lost_make_nothing_twice() {
    let bench = Bench::new(Scene::Undelegated);
    let (wanted, faults) = undisturbed(&bench);
    assert!(faults.len() >= 65, "only {} changing operations", faults.len());
    bench.fresh();
    bench.inject(&faults);
    until_done(&bench, 4, "every first answer lost");
    let missed: Vec<_> = bench.struck().into_iter().filter(|fault| fault["hits"] != 1).collect();
    assert!(missed.is_empty(), "{missed:?}");
    bench.account.assert_equals(&wanted, "every first answer lost");
}

/// A case for each operation: what is lost alone must do no harm either.
#[test]
#[ignore = "about ten minutes: tests/run faults -- --ignored"]
fn an_answer_that_is_lost_makes_nothing_twice() {
    let bench = Bench::new(Scene::Undelegated);
    let (wanted, faults) = undisturbed(&bench);
    for fault in faults {
        let what = format!("{} {}", fault["service"], fault["operation"]);
        bench.fresh();
        bench.inject(std::slice::from_ref(&fault));
        until_done(&bench, 2, &what);
        assert_eq!(bench.struck()[0]["hits"], 1, "{what}");
        bench.account.assert_equals(&wanted, &what);
    }
}
