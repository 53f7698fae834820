//! The plan carried out: as much at once as the graph allows, each step written down before it
//! is taken.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::context::Context;
use super::dag::Dag;
use super::error::StepError;
use super::event::Event;
use super::graph::Graph;
use super::journal::{Entry, Journal, JournalError, State};
use super::lock::{Held, Lock};
use super::plan::{Plan, Planned, Verb, remember};
use super::report::{Report, RunFailure, finish, millis, refused};
use super::resource::{ErasedFound, Step};
use super::stop::StopSignal;
use super::tasks::{Task, schedule, tasks_of};
use super::union::Union;
use super::walk::{Begun, Work, walk};

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
    /// What keeps others from changing the account meanwhile. It is taken only for a plan that
    /// has a change to make.
    pub lock: Option<&'a dyn Lock>,
    /// The node in which the lock lies. If the plan creates it, that comes first, with what it
    /// needs. If it is neither there nor wanted, nothing is left that a lock would guard, and the
    /// run goes on without one.
    pub lock_after: Option<&'a str>,
    /// Between two renewals of the lock: at most a fourth of the time for which it holds.
    pub renew_every: Duration,
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
/// applying again continues. A step that has to wait for somebody outside of the account is no
/// failure: all goes on but what needs it, and the report says what is waited for. A replacement
/// that would lose data is refused before anything is changed, unless the plan was asked to delete
/// data.
///
/// Two runs do not change the account at once, where they have a [lock](Run::lock): it is taken
/// before anything is changed but its own place, and when it is lost nothing new is begun.
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
    let (lost, place_gone) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut work = Applying { plan, union: &union, cloud, run, begun: BTreeMap::new(), place_gone: &place_gone };
    let stopped = || run.stop.is_stopped() || lost.load(Ordering::SeqCst);
    let parallel = plan.options.parallel;
    let Some(lock) = lock_for(plan, run) else {
        let walked = walk(&dag, BTreeMap::new(), parallel, &stopped, &mut work).await;
        return finish(plan, &dag, walked, None);
    };
    let place = walk(&place_of_lock(plan, run, &dag), BTreeMap::new(), parallel, &stopped, &mut work).await;
    if !place.left.is_empty() || !place.failed.is_empty() || !place.waiting.is_empty() || stopped() {
        return finish(plan, &dag, place.within(&dag), None);
    }
    let (walked, halted) = match Held::take(lock, run.renew_every, &place_gone).await {
        Ok(held) => held.during(&lost, walk(&dag, place.done, parallel, &stopped, &mut work)).await,
        Err(error) => (place.within(&dag), Some(error)),
    };
    finish(plan, &dag, walked, halted)
}

/// The lock, where one is needed and can be.
fn lock_for<'a>(plan: &Plan, run: &Run<'a>) -> Option<&'a dyn Lock> {
    let has_place = run.lock_after.is_none_or(|node| plan.get(node).is_some());
    run.lock.filter(|_| has_place && plan.changes_account())
}

/// What has to be done before the lock can be taken.
fn place_of_lock(plan: &Plan, run: &Run<'_>, dag: &Dag<Task>) -> Dag<Task> {
    let place = run.lock_after.and_then(|node| plan.get(node)).filter(|step| step.verb == Verb::Create);
    place.map_or(Dag::new([]), |step| dag.up_to(&Task::Put(step.node.clone())))
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
pub(super) enum Outcome {
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
    /// Whether the node in which the lock lies has begun to go.
    place_gone: &'a AtomicBool,
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
        let put = async move {
            let found = replaced(&step, &cx, verb, found).await?;
            step.put(&cx, found).await.map(Some)
        };
        if !planned.waits {
            return Ok(timed(verb, Duration::ZERO, put));
        }
        // Nothing is lost by leaving off a wait, which may be long.
        let (stop, name) = (self.run.stop.clone(), planned.name.clone());
        Ok(timed(verb, Duration::ZERO, async move {
            tokio::select! {
                result = put => result,
                () = stop.stopped() => Err(StepError::interrupted(format!("wait for {name}"))),
            }
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
        if matches!(verb, Verb::Delete | Verb::Replace) && self.run.lock_after == Some(step.node.as_str()) {
            self.place_gone.store(true, Ordering::SeqCst);
        }
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
        let node = task.node().to_owned();
        let (state, event) = match error.is_waiting() {
            true => (State::Waiting, Event::Waiting { node, what: error.awaited() }),
            false => (State::Failed, Event::Failed { node, error: error.chain() }),
        };
        if let (Some(verb), Ok(step)) = (self.begun.remove(task.node()), self.planned(task)) {
            // The step's own error is the one to tell; without this line it counts as interrupted.
            let _ = self.note(step, verb, state, Some(error.chain()));
        }
        self.tell(event);
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
