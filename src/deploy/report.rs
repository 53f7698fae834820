//! How a run ended.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::apply::Outcome;
use super::dag::Dag;
use super::error::{Blame, StepError};
use super::plan::{Plan, Planned, Verb};
use super::tasks::{Task, tasks_of};
use super::walk::Walked;

/// How a run went.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The steps that were taken, in the plan's order.
    pub done: Vec<Done>,
    /// Steps that cannot end before somebody else has acted; a later run continues them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Steps that come after those, in the plan's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postponed: Vec<Undone>,
    /// How many steps change something: those that were taken, failed, wait or are left.
    pub planned: usize,
    /// How many nodes are as the plan wants them: made, changed, gone, or the same all along.
    pub in_place: usize,
    /// How many nodes the plan has, without those that are kept.
    pub total: usize,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Done {
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: &'static str,
    /// Its name in the account.
    pub name: String,
    /// What was done to it; what was looked at again may differ from the plan.
    pub verb: Verb,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// A step that cannot end before somebody outside of the account has acted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: &'static str,
    /// Its name in the account.
    pub name: String,
    /// What is waited for: a fragment that completes "waiting to …".
    pub what: String,
    /// Who has to do what, as a sentence.
    pub hint: Option<String>,
}

/// A step that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Undone {
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: &'static str,
    /// Its name in the account.
    pub name: String,
    /// What is to be done to it; `create` for a replacement whose old thing is gone already.
    pub verb: Verb,
}

/// A run that did not come to its end: steps failed, or it was stopped.
#[derive(Debug)]
pub struct RunFailure {
    /// What failed, in the order it did; empty when the run was interrupted.
    pub errors: Vec<StepError>,
    /// The steps that the errors are of, in the same order.
    pub failed: Vec<Undone>,
    /// What was not begun, in the plan's order, without what had to be
    /// [postponed](Report::postponed).
    pub left: Vec<Undone>,
    /// What was done all the same.
    pub report: Box<Report>,
}

impl RunFailure {
    /// Who has to act: our own errors count most, then what the customer has to mend, since that
    /// would fail again, then that another run is under way.
    pub fn blame(&self) -> Blame {
        let order = [Blame::Bug, Blame::Yours, Blame::Held, Blame::Cloud];
        let gravest = order.into_iter().find(|blame| self.errors.iter().any(|error| error.blame == *blame));
        gravest.unwrap_or(Blame::Interrupted)
    }
}

impl fmt::Display for RunFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [] => f.write_str("could not finish, because the run was interrupted"),
            [one] => write!(f, "{one}"),
            [first, others @ ..] => write!(f, "{first} (and {} more failed)", others.len()),
        }
    }
}

impl StdError for RunFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.errors.first().and_then(StdError::source)
    }
}

/// Nothing was begun.
pub(super) fn refused(plan: &Plan, step: Option<&Planned>, error: StepError) -> RunFailure {
    let (failed, left): (Vec<_>, Vec<_>) = plan
        .steps
        .iter()
        .filter(|other| other.verb.changes())
        .map(|other| undone(other, other.verb))
        .partition(|other| step.is_some_and(|step| step.node == other.node));
    let report = Box::new(report(plan, &BTreeMap::new(), failed.len() + left.len()));
    RunFailure { errors: vec![error], failed, left, report }
}

/// What became of the run; `halted` is why nothing more was begun, when that is no step's error.
pub(super) fn finish(
    plan: &Plan,
    dag: &Dag<Task>,
    walked: Walked<Task, Outcome>,
    halted: Option<StepError>,
) -> Result<Report, RunFailure> {
    let waiting: Vec<&Task> = walked.waiting.iter().map(|(task, _)| task).collect();
    let behind = |task: &Task| dag.waits_for_any(task, &waiting);
    let over: BTreeSet<&str> = walked.failed.iter().chain(&walked.waiting).map(|(task, _)| task.node()).collect();
    let remaining = plan.steps.iter().filter(|step| !over.contains(step.node.as_str()));
    let (postponed, left): (Vec<_>, Vec<_>) = remaining
        .filter_map(|step| not_begun(step, &walked.left))
        .partition(|step| behind(&Task::Put(step.node.clone())) || behind(&Task::Delete(step.node.clone())));
    let mut report = report(plan, &walked.done, over.len() + postponed.len() + left.len());
    let ended = halted.is_none() && walked.failed.is_empty() && walked.left.iter().all(behind);
    (report.waiting, report.postponed) = (awaited(plan, walked.waiting), postponed);
    if ended {
        return Ok(report);
    }
    let failed = walked.failed.iter().filter_map(|(task, _)| plan.get(task.node()));
    Err(RunFailure {
        failed: failed.map(|step| undone(step, step.verb)).collect(),
        errors: walked.failed.into_iter().map(|(_, error)| error).chain(halted).collect(),
        left,
        report: Box::new(report),
    })
}

fn awaited(plan: &Plan, waiting: Vec<(Task, StepError)>) -> Vec<Waiting> {
    let told = |(task, error): (Task, StepError)| {
        let step = plan.get(task.node())?;
        let (node, name, what) = (step.node.clone(), step.name.clone(), error.awaited());
        Some(Waiting { node, kind: step.kind, name, what, hint: error.hint })
    };
    waiting.into_iter().filter_map(told).collect()
}

/// What is still to be done for a step; `None` when it was begun or needs no change.
fn not_begun(step: &Planned, left: &BTreeSet<Task>) -> Option<Undone> {
    let tasks = tasks_of(step);
    if !step.verb.changes() || !tasks.last().is_some_and(|last| left.contains(last)) {
        return None;
    }
    let half_done = step.verb == Verb::Replace && tasks.first().is_some_and(|first| !left.contains(first));
    Some(undone(step, if half_done { Verb::Create } else { step.verb }))
}

fn undone(step: &Planned, verb: Verb) -> Undone {
    Undone { node: step.node.clone(), kind: step.kind, name: step.name.clone(), verb }
}

fn report(plan: &Plan, ended: &BTreeMap<Task, Outcome>, missing: usize) -> Report {
    let steps: Vec<_> = plan.steps.iter().filter(|step| step.verb != Verb::Keep).collect();
    let done: Vec<_> = steps.iter().filter_map(|step| taken(step, ended)).collect();
    let in_place = |step: &&&Planned| tasks_of(step).last().is_none_or(|last| ended.contains_key(last));
    Report {
        planned: done.len() + missing,
        in_place: steps.iter().filter(in_place).count(),
        total: steps.len(),
        done,
        waiting: Vec::new(),
        postponed: Vec::new(),
    }
}

fn taken(step: &Planned, ended: &BTreeMap<Task, Outcome>) -> Option<Done> {
    match ended.get(tasks_of(step).last()?)? {
        Outcome::Done { verb, took, .. } if verb.changes() => Some(Done {
            node: step.node.clone(),
            kind: step.kind,
            name: step.name.clone(),
            verb: *verb,
            ms: millis(*took),
        }),
        _ => None,
    }
}

pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(errors: Vec<StepError>) -> RunFailure {
        RunFailure { errors, failed: Vec::new(), left: Vec::new(), report: Box::default() }
    }

    #[test]
    fn the_graver_blame_counts() {
        let (cloud, yours) = (|| StepError::cloud("a", "b"), || StepError::yours("c", "d"));
        assert_eq!(failure(vec![]).blame(), Blame::Interrupted);
        assert_eq!(failure(vec![cloud(), yours()]).blame(), Blame::Yours);
        assert_eq!(failure(vec![cloud(), StepError::bug("e"), yours()]).blame(), Blame::Bug);
    }

    #[test]
    fn it_reads_as_its_first_error() {
        let failure = failure(vec![StepError::cloud("create a", "no"), StepError::cloud("create b", "no")]);
        assert_eq!(failure.to_string(), "could not create a (and 1 more failed)");
        assert_eq!(failure.source().map(ToString::to_string).as_deref(), Some("no"));
    }
}
