//! The plan carried out: as much at once as the graph allows, each step written down before it
//! is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::context::Context;
use super::error::{Blame, StepError};
use super::event::Event;
use super::graph::Graph;
use super::journal::{Entry, Journal, State};
use super::plan::{Plan, Verb, remember};
use super::resource::{Change, ErasedFound, Step};
use super::stop::StopSignal;

/// Who watches a run, who may stop it, and where it is written down.
pub struct Run<'a> {
    /// Id of the run.
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
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The steps that were taken, in the order they ended.
    pub done: Vec<Done>,
    /// How many steps change something.
    pub planned: usize,
}

/// A step that was taken.
#[derive(Debug, Serialize)]
pub struct Done {
    /// Name of the node.
    pub node: String,
    /// What was done to it.
    pub verb: Verb,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// A run that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} steps are done", .report.done.len(), .report.planned)]
pub struct RunFailure {
    /// What failed, in the order it did; empty when the run was interrupted.
    pub errors: Vec<StepError>,
    /// What was done all the same.
    pub report: Report,
}

impl RunFailure {
    /// Who has to act.
    pub fn blame(&self) -> Blame {
        self.errors.first().map_or(Blame::Interrupted, |error| error.blame)
    }
}

/// What a task brings back.
struct Outcome {
    node: String,
    verb: Verb,
    ms: u64,
    output: Option<serde_json::Value>,
    /// A node that was looked at again: what has to be done to it after all.
    due: Option<(Verb, Option<ErasedFound>)>,
}

type Ended = Result<Outcome, (String, Verb, StepError)>;
type Task = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Carries out `plan`, made from the same graphs.
///
/// A node is put after all that it needs. It is deleted after everything that needs it, in either
/// graph, was deleted or put: by then nothing refers to it any more. What is replaced is deleted
/// and made in one step. After the first failure nothing new is begun.
pub async fn apply<C: Send + Sync + 'static>(
    plan: &Plan,
    desired: &Graph<C>,
    known: &Graph<C>,
    cloud: &Arc<C>,
    run: &Run<'_>,
) -> Result<Report, RunFailure> {
    let all = desired.union(known);
    let mut waiting = waits(plan, &all);
    let mut report = Report { planned: plan.steps.iter().filter(|s| s.verb.changes()).count(), ..Report::default() };
    let mut errors = Vec::new();
    let mut changed: BTreeSet<String> = BTreeSet::new();
    let mut running: JoinSet<Ended> = JoinSet::new();
    loop {
        if errors.is_empty() && !run.stop.is_stopped() {
            let places = plan.options.parallel.max(1).saturating_sub(running.len());
            let ready: Vec<String> = waiting
                .iter()
                .filter(|(_, waits)| waits.is_empty())
                .map(|(name, _)| name.clone())
                .take(places)
                .collect();
            for name in ready {
                waiting.remove(&name);
                match begin(plan, &all, cloud, run, &name, &changed) {
                    Ok(Some(task)) => {
                        running.spawn(task);
                    }
                    Ok(None) => free(&mut waiting, &name),
                    Err(error) => errors.push(error),
                }
            }
            // What had nothing to do may have freed others.
            if running.is_empty() && errors.is_empty() && waiting.values().any(BTreeSet::is_empty) {
                continue;
            }
        }
        let Some(joined) = running.join_next().await else { break };
        match joined {
            Ok(Ok(Outcome { node, due: Some((verb, found)), .. })) => {
                match all.step(&node).map(|step| start(&all, cloud, plan, run, &node, step, verb, found)) {
                    Some(Ok(task)) => {
                        running.spawn(task);
                    }
                    Some(Err(error)) => errors.push(error),
                    None => {}
                }
            }
            Ok(Ok(outcome)) => {
                if let Err(error) = finish(plan, &all, run, &outcome) {
                    errors.push(error);
                }
                if outcome.verb.changes() {
                    changed.insert(outcome.node.clone());
                    report.done.push(Done { node: outcome.node.clone(), verb: outcome.verb, ms: outcome.ms });
                }
                free(&mut waiting, &outcome.node);
            }
            Ok(Err((node, verb, error))) => {
                let _ = write(&all, run, &node, verb, State::Failed);
                let _ = run.events.send(Event::Failed { node, error: chain(&error) });
                errors.push(error);
            }
            Err(panic) => errors.push(StepError::bug(panic)),
        }
    }
    if errors.is_empty() && waiting.is_empty() { Ok(report) } else { Err(RunFailure { errors, report }) }
}

/// For every node of the plan, the nodes that have to be done before it.
fn waits<C: Send + Sync + 'static>(plan: &Plan, all: &Graph<C>) -> BTreeMap<String, BTreeSet<String>> {
    let verbs: BTreeMap<&str, Verb> = plan.steps.iter().map(|step| (step.node.as_str(), step.verb)).collect();
    let deleted = |name: &str| verbs.get(name) == Some(&Verb::Delete);
    let mut waits: BTreeMap<String, BTreeSet<String>> =
        plan.steps.iter().map(|step| (step.node.clone(), BTreeSet::new())).collect();
    for (name, node) in all.nodes() {
        for needs in node.needs.iter().filter(|needs| verbs.contains_key(needs.as_str())) {
            if !verbs.contains_key(name.as_str()) {
                continue;
            }
            // Deleted after those that need it; put after those that it needs.
            let (first, then) = match (deleted(needs), deleted(name)) {
                (true, _) => (name, needs),
                (false, false) => (needs, name),
                // What stays does not hold up what goes.
                (false, true) => continue,
            };
            waits.entry(then.clone()).or_default().insert(first.clone());
        }
    }
    waits
}

fn free(waiting: &mut BTreeMap<String, BTreeSet<String>>, done: &str) {
    for waits in waiting.values_mut() {
        waits.remove(done);
    }
}

/// The task of a node; `None` when there is nothing to do.
fn begin<C: Send + Sync + 'static>(
    plan: &Plan,
    all: &Graph<C>,
    cloud: &Arc<C>,
    run: &Run<'_>,
    name: &str,
    changed: &BTreeSet<String>,
) -> Result<Option<Task>, StepError> {
    let (Some(planned), Some(node)) = (plan.steps.iter().find(|s| s.node == name), all.nodes().get(name)) else {
        return Ok(None);
    };
    let again = node.needs.iter().any(|needs| changed.contains(needs));
    match planned.verb {
        Verb::Same if again => {
            let cx = Context::new(cloud.clone(), name, plan.outputs.clone(), run.events.clone());
            Ok(Some(Box::pin(look_again(node.step.clone(), cx, name.to_owned()))))
        }
        Verb::Same | Verb::Keep => Ok(None),
        verb => start(all, cloud, plan, run, name, &node.step, verb, plan.found.get(name).cloned()).map(Some),
    }
}

/// Writes the step down, announces it, and gives the task that takes it.
#[expect(clippy::too_many_arguments, reason = "a step is all of these, and is begun in two places")]
fn start<C: Send + Sync + 'static>(
    all: &Graph<C>,
    cloud: &Arc<C>,
    plan: &Plan,
    run: &Run<'_>,
    name: &str,
    step: &Step<C>,
    verb: Verb,
    found: Option<ErasedFound>,
) -> Result<Task, StepError> {
    write(all, run, name, verb, State::Started)?;
    announce(run, name, step, verb);
    let cx = Context::new(cloud.clone(), name, plan.outputs.clone(), run.events.clone());
    let (step, node) = (step.clone(), name.to_owned());
    Ok(Box::pin(async move {
        let start = Instant::now();
        let result = match verb {
            Verb::Delete => remove(&step, &cx, found).await.map(|()| None),
            Verb::Replace => replace(&step, &cx, found).await.map(Some),
            _ => step.put(&cx, found).await.map(Some),
        };
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(output) => Ok(Outcome { node, verb, ms, output, due: None }),
            Err(error) => Err((node, verb, error)),
        }
    }))
}

/// Looks at a node that needed nothing before something it depends on was changed.
async fn look_again<C: Send + Sync + 'static>(step: Step<C>, cx: Context<C>, node: String) -> Ended {
    let found = match step.find(&cx).await {
        Ok(found) => found,
        Err(error) => return Err((node, Verb::Same, error)),
    };
    let (output, due) = match found {
        None => (None, Some((Verb::Create, None))),
        Some(found) => match found.change {
            Change::Same => (Some(found.output), None),
            Change::Update => (None, Some((Verb::Update, Some(found)))),
            Change::Replace => (None, Some((Verb::Replace, Some(found)))),
        },
    };
    Ok(Outcome { node, verb: Verb::Same, ms: 0, output, due })
}

async fn remove<C: Send + Sync + 'static>(
    step: &Step<C>,
    cx: &Context<C>,
    found: Option<ErasedFound>,
) -> Result<(), StepError> {
    match found {
        Some(found) => step.delete(cx, found).await,
        None => Ok(()),
    }
}

async fn replace<C: Send + Sync + 'static>(
    step: &Step<C>,
    cx: &Context<C>,
    found: Option<ErasedFound>,
) -> Result<serde_json::Value, StepError> {
    remove(step, cx, found).await?;
    step.put(cx, None).await
}

fn finish<C: Send + Sync + 'static>(
    plan: &Plan,
    all: &Graph<C>,
    run: &Run<'_>,
    outcome: &Outcome,
) -> Result<(), StepError> {
    if let Some(output) = &outcome.output {
        remember(&plan.outputs, &outcome.node, output)?;
    }
    if outcome.verb.changes() {
        let _ = run.events.send(Event::Done { node: outcome.node.clone(), verb: outcome.verb, ms: outcome.ms });
        write(all, run, &outcome.node, outcome.verb, State::Succeeded)?;
    }
    Ok(())
}

fn announce<C>(run: &Run<'_>, node: &str, step: &Step<C>, verb: Verb) {
    let event = Event::Started { node: node.to_owned(), kind: step.kind(), name: step.name(), verb };
    // Nobody watching is no reason to fail.
    let _ = run.events.send(event);
}

fn write<C: Send + Sync + 'static>(
    all: &Graph<C>,
    run: &Run<'_>,
    node: &str,
    verb: Verb,
    state: State,
) -> Result<(), StepError> {
    let Some(step) = all.step(node) else { return Ok(()) };
    let entry = Entry {
        run: run.id.clone(),
        at: (run.clock)(),
        node: node.to_owned(),
        kind: step.kind().to_owned(),
        name: step.name(),
        verb,
        state,
    };
    run.journal.append(entry).map_err(|error| StepError::yours("write the journal", error))
}

fn chain(error: &StepError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
