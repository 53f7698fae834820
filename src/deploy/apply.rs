//! The plan carried out: as much at once as the graph allows, each step written down before it
//! is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::context::Context;
use super::error::{Blame, StepError};
use super::event::Event;
use super::graph::Graph;
use super::journal::{Entry, Journal, JournalError, State};
use super::plan::{Plan, Planned, Verb, remember};
use super::resource::{ErasedFound, Step};
use super::stop::StopSignal;
use super::tasks::{Task, schedule, tasks_of};
use super::union::Union;
use super::walk::{Begun, Walked, Work, walk};

/// Who watches a run, who may stop it, and where it is written down.
pub struct Run<'a> {
    /// Id of the run; each run has its own.
    pub id: String,
    /// The time, RFC 3339.
    pub clock: &'a (dyn Fn() -> String + Send + Sync),
    /// Where steps are written down.
    pub journal: &'a dyn Journal,
    /// Who watches.
    pub events: UnboundedSender<Event>,
    /// Who may stop it.
    pub stop: StopSignal,
}

/// How a run went.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The steps that were taken, in the plan's order.
    pub done: Vec<Done>,
    /// How many steps change something: those that were taken, failed or are left.
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
    /// What was not begun, in the plan's order.
    pub left: Vec<Undone>,
    /// Whether it was asked to stop.
    pub interrupted: bool,
    /// What was done all the same.
    pub report: Report,
}

impl RunFailure {
    /// Who has to act: our own errors count most, then what the customer has to mend, since that
    /// would fail again.
    pub fn blame(&self) -> Blame {
        let order = [Blame::Bug, Blame::Yours, Blame::Cloud];
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

/// Carries out `plan`, made from the same graphs.
///
/// A node is put after all that it needs. It is deleted after everything that needs it, in either
/// graph, was deleted or put: by then nothing refers to it any more. What is replaced is deleted
/// when nothing that lets go of it is left to do, and before those that go on using it are put;
/// the module `tasks` has the rules. A node that is there is looked at again when something that
/// it needs was put in this run: it may have gone with it, or differ now.
///
/// After the first failure nothing new is begun. What was begun is finished, and planning and
/// applying again continues. A replacement that would lose data is refused before anything is changed,
/// unless the plan was asked to delete data.
pub async fn apply<C: Send + Sync + 'static>(
    plan: &Plan,
    desired: &Graph<C>,
    known: &Graph<C>,
    cloud: &Arc<C>,
    run: &Run<'_>,
) -> Result<Report, RunFailure> {
    let union = Union::of(desired, known).map_err(|error| refused(plan, None, StepError::bug(error)))?;
    if let Some(step) = plan.steps.iter().find(|step| loses_data(plan, step.holds_data, step.verb)) {
        return Err(refused(plan, Some(step), would_lose(&step.name)));
    }
    let dag = schedule(plan, &union);
    let mut work = Applying { plan, union: &union, cloud, run, begun: BTreeMap::new() };
    let walked = walk(&dag, plan.options.parallel, &run.stop, &mut work).await;
    finish(plan, walked, run.stop.is_stopped())
}

fn loses_data(plan: &Plan, holds_data: bool, verb: Verb) -> bool {
    verb == Verb::Replace && holds_data && !plan.options.delete_data
}

fn would_lose(name: &str) -> StepError {
    StepError::yours(format!("replace {name}"), "it holds data, which would be lost")
        .hint("Undo the change that needs the replacement; arqsite replaces data only when its deletion is asked for.")
}

fn unwritten(error: JournalError) -> StepError {
    match error {
        JournalError::Illegal { .. } => StepError::bug(error),
        error => StepError::yours("write the journal", error),
    }
}

/// What came of a task.
enum Outcome {
    /// The node was looked at again, or need not be.
    Looked(Option<ErasedFound>),
    /// The node is as it is wanted, or its old thing is gone.
    Done {
        verb: Verb,
        took: Duration,
        /// Whether those that depend on it have to look again.
        moved: bool,
        output: Option<Value>,
    },
}

struct Applying<'a, C> {
    plan: &'a Plan,
    union: &'a Union<C>,
    cloud: &'a Arc<C>,
    run: &'a Run<'a>,
    /// Steps that are in the journal as started, and their verbs.
    begun: BTreeMap<String, Verb>,
}

impl<C: Send + Sync + 'static> Work<Task, Outcome> for Applying<'_, C> {
    fn begin(&mut self, task: &Task, done: &BTreeMap<Task, Outcome>) -> Result<Begun<Outcome>, StepError> {
        let step = self.planned(task)?;
        match task {
            Task::Look(_) => self.look(step, done),
            Task::Delete(_) => self.delete(step),
            Task::Put(_) => self.put(step, done),
        }
    }

    fn end(&mut self, task: &Task, result: Result<Outcome, StepError>) -> Result<Outcome, StepError> {
        let result = result.and_then(|outcome| self.succeed(task, outcome));
        if let Err(error) = &result {
            self.fail(task, error);
        }
        result
    }

    /// A thing that was deleted to be made anew is missing until then.
    fn goes_on(&self, task: &Task, done: &BTreeMap<Task, Outcome>) -> bool {
        matches!(task, Task::Put(node) if done.contains_key(&Task::Delete(node.clone())))
    }
}

impl<'a, C: Send + Sync + 'static> Applying<'a, C> {
    fn look(&self, step: &Planned, done: &BTreeMap<Task, Outcome>) -> Result<Begun<Outcome>, StepError> {
        if !self.moved(step, done)? {
            return Ok(Begun::Done(Outcome::Looked(self.plan.found.get(&step.node).cloned())));
        }
        let (step, cx) = self.step(step)?;
        Ok(Begun::running(async move { step.find(&cx).await.map(Outcome::Looked) }))
    }

    /// Whether something that the node needs was put in this run.
    fn moved(&self, step: &Planned, done: &BTreeMap<Task, Outcome>) -> Result<bool, StepError> {
        let put = |node: &String| matches!(done.get(&Task::Put(node.clone())), Some(Outcome::Done { moved: true, .. }));
        Ok(self.union.get(&step.node)?.needs.iter().any(put))
    }

    /// The delete of what goes, or the first part of a replacement.
    fn delete(&mut self, planned: &Planned) -> Result<Begun<Outcome>, StepError> {
        let missing = || StepError::bug(format!("{} is to be deleted and was not found", planned.node));
        let found = self.plan.found.get(&planned.node).cloned().ok_or_else(missing)?;
        let (step, cx) = self.step(planned)?;
        self.start(planned, planned.verb)?;
        let delete = async move { step.delete(&cx, found).await.map(|()| None) };
        Ok(timed(planned.verb, Duration::ZERO, delete))
    }

    fn put(&mut self, planned: &Planned, done: &BTreeMap<Task, Outcome>) -> Result<Begun<Outcome>, StepError> {
        let (step, cx) = self.step(planned)?;
        if let Some(Outcome::Done { took, .. }) = done.get(&Task::Delete(planned.node.clone())) {
            return Ok(timed(Verb::Replace, *took, async move { step.put(&cx, None).await.map(Some) }));
        }
        let found = match done.get(&Task::Look(planned.node.clone())) {
            Some(Outcome::Looked(found)) => found.clone(),
            _ => None,
        };
        let verb = found.as_ref().map_or(Verb::Create, |found| found.change.into());
        if verb == Verb::Same {
            return Ok(Begun::Done(self.same(planned, found)));
        }
        if loses_data(self.plan, planned.holds_data, verb) {
            return Err(would_lose(&planned.name));
        }
        self.start(planned, verb)?;
        Ok(timed(verb, Duration::ZERO, async move {
            let found = replaced(&step, &cx, verb, found).await?;
            step.put(&cx, found).await.map(Some)
        }))
    }

    fn same(&self, planned: &Planned, found: Option<ErasedFound>) -> Outcome {
        let before = self.plan.found.get(&planned.node).map(|found| &found.output);
        let output = found.map(|found| found.output);
        Outcome::Done { verb: Verb::Same, took: Duration::ZERO, moved: before != output.as_ref(), output }
    }

    fn step(&self, planned: &Planned) -> Result<(Step<C>, Context<C>), StepError> {
        let member = self.union.get(&planned.node)?;
        let outputs = member.outputs(&self.plan.outputs);
        let cx = Context::new(self.cloud.clone(), &planned.node, outputs, self.run.events.clone());
        Ok((member.step.clone(), cx))
    }

    fn planned(&self, task: &Task) -> Result<&'a Planned, StepError> {
        let missing = || StepError::bug(format!("{} is not in the plan", task.node()));
        self.plan.get(task.node()).ok_or_else(missing)
    }

    /// From here on it is not known whether the account was changed, until the end is known.
    fn start(&mut self, step: &Planned, verb: Verb) -> Result<(), StepError> {
        self.note(step, verb, State::Started, None)?;
        self.begun.insert(step.node.clone(), verb);
        let (node, name) = (step.node.clone(), step.name.clone());
        self.tell(Event::Started { node, kind: step.kind, name, verb });
        Ok(())
    }

    fn succeed(&mut self, task: &Task, outcome: Outcome) -> Result<Outcome, StepError> {
        let Outcome::Done { verb, took, output, .. } = &outcome else { return Ok(outcome) };
        let step = self.planned(task)?;
        remember(&self.plan.outputs, &step.node, output.as_ref())?;
        // A replacement ends with its put.
        if verb.changes() && tasks_of(step).last() == Some(task) {
            self.begun.remove(&step.node);
            self.note(step, *verb, State::Succeeded, None)?;
            self.tell(Event::Done { node: step.node.clone(), verb: *verb, ms: millis(*took) });
        }
        Ok(outcome)
    }

    fn fail(&mut self, task: &Task, error: &StepError) {
        if let (Some(verb), Ok(step)) = (self.begun.remove(task.node()), self.planned(task)) {
            // The step's own error is the one to tell; without this line it counts as interrupted.
            let _ = self.note(step, verb, State::Failed, Some(error.chain()));
        }
        self.tell(Event::Failed { node: task.node().to_owned(), error: error.chain() });
    }

    fn note(&self, step: &Planned, verb: Verb, state: State, error: Option<String>) -> Result<(), StepError> {
        let entry = Entry {
            run: self.run.id.clone(),
            at: (self.run.clock)(),
            node: step.node.clone(),
            kind: step.kind.to_owned(),
            name: step.name.clone(),
            verb,
            state,
            error,
        };
        self.run.journal.append(entry).map_err(unwritten)
    }

    fn tell(&self, event: Event) {
        // Nobody watching is no reason to fail.
        let _ = self.run.events.send(event);
    }
}

/// Runs a changing verb and measures it; `before` is what its step took already.
fn timed(
    verb: Verb,
    before: Duration,
    change: impl Future<Output = Result<Option<Value>, StepError>> + Send + 'static,
) -> Begun<Outcome> {
    Begun::running(async move {
        let start = Instant::now();
        let output = change.await?;
        Ok(Outcome::Done { verb, took: before + start.elapsed(), moved: true, output })
    })
}

/// What is left for the put to find: nothing, when only the second look showed that the thing has
/// to be replaced.
async fn replaced<C>(
    step: &Step<C>,
    cx: &Context<C>,
    verb: Verb,
    found: Option<ErasedFound>,
) -> Result<Option<ErasedFound>, StepError> {
    match found {
        Some(found) if verb == Verb::Replace => step.delete(cx, found).await.map(|()| None),
        found => Ok(found),
    }
}

/// Nothing was begun.
fn refused(plan: &Plan, step: Option<&Planned>, error: StepError) -> RunFailure {
    let (failed, left): (Vec<_>, Vec<_>) = plan
        .steps
        .iter()
        .filter(|other| other.verb.changes())
        .map(|other| undone(other, other.verb))
        .partition(|other| step.is_some_and(|step| step.node == other.node));
    let report = report(plan, &BTreeMap::new(), failed.len() + left.len());
    RunFailure { errors: vec![error], failed, left, interrupted: false, report }
}

fn finish(plan: &Plan, walked: Walked<Task, Outcome>, stopped: bool) -> Result<Report, RunFailure> {
    let failing: BTreeSet<&str> = walked.failed.iter().map(|(task, _)| task.node()).collect();
    let remaining = plan.steps.iter().filter(|step| !failing.contains(step.node.as_str()));
    let left: Vec<_> = remaining.filter_map(|step| not_begun(step, &walked.left)).collect();
    let report = report(plan, &walked.done, failing.len() + left.len());
    if walked.failed.is_empty() && walked.left.is_empty() {
        return Ok(report);
    }
    let failed = walked.failed.iter().filter_map(|(task, _)| plan.get(task.node()));
    Err(RunFailure {
        failed: failed.map(|step| undone(step, step.verb)).collect(),
        errors: walked.failed.into_iter().map(|(_, error)| error).collect(),
        left,
        interrupted: stopped,
        report,
    })
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
    Report { planned: done.len() + missing, in_place: steps.iter().filter(in_place).count(), total: steps.len(), done }
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

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(errors: Vec<StepError>) -> RunFailure {
        RunFailure { errors, failed: Vec::new(), left: Vec::new(), interrupted: true, report: Report::default() }
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
