//! The order in which a plan is carried out.
//!
//! A step is one task or two: to replace is to delete and then to put, and what is there and may
//! be affected by what it depends on is looked at again before it is put. What waits for what,
//! the more important first; what would close a circle with the rules before it is left out:
//!
//! 1. A look waits for the puts of what the node depends on, a put for those, its own look, and
//!    its own delete.
//! 2. A delete waits for the deletes of what depends on the thing, or did when it was made.
//! 3. The delete of something that is replaced waits for the puts that its own put waits for, so
//!    that it is gone for a short time only.
//! 4. A delete waits for the puts of what depends on the thing as well: a distribution has to let
//!    go of an origin before the origin can go. The delete of something that is replaced so waits
//!    for those that let go of it, and not for those that go on using it, whose puts have to come
//!    after its own. If the cloud refuses to delete what is in use, that error is shown.

use std::collections::BTreeSet;

use super::dag::Dag;
use super::plan::{Plan, Planned, Verb};
use super::union::Union;

/// A part of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Finds a node again.
    Look(String),
    /// Creates or updates a node.
    Put(String),
    /// Deletes a node.
    Delete(String),
}

impl Task {
    pub(super) fn node(&self) -> &str {
        match self {
            Self::Look(node) | Self::Put(node) | Self::Delete(node) => node,
        }
    }
}

/// The tasks of one step, in their order.
pub(super) fn tasks_of(step: &Planned) -> Vec<Task> {
    let task = |part: fn(String) -> Task| part(step.node.clone());
    match step.verb {
        Verb::Create => vec![task(Task::Put)],
        Verb::Update => vec![task(Task::Look), task(Task::Put)],
        Verb::Replace => vec![task(Task::Delete), task(Task::Put)],
        Verb::Delete => vec![task(Task::Delete)],
        Verb::Same if step.recheck => vec![task(Task::Look), task(Task::Put)],
        Verb::Same | Verb::Keep => Vec::new(),
    }
}

/// All tasks of a plan and their order.
pub(super) fn schedule<C>(plan: &Plan, union: &Union<C>) -> Dag<Task> {
    let tasks: BTreeSet<Task> = plan.steps.iter().flat_map(tasks_of).collect();
    let mut dag = Dag::new(tasks.iter().cloned());
    puts_follow_puts(&mut dag, &tasks, union);
    deletes_follow(&mut dag, &tasks, union, Task::Delete);
    replacements_are_short(&mut dag, &tasks, union);
    deletes_follow(&mut dag, &tasks, union, Task::Put);
    dag
}

/// The puts of what a node needs.
fn needed<C>(node: &str, tasks: &BTreeSet<Task>, union: &Union<C>) -> Vec<Task> {
    let needs = union.get(node).into_iter().flat_map(|member| member.needs.iter().cloned().map(Task::Put));
    needs.filter(|put| tasks.contains(put)).collect()
}

fn puts_follow_puts<C>(dag: &mut Dag<Task>, tasks: &BTreeSet<Task>, union: &Union<C>) {
    for task in tasks.iter().filter(|task| !matches!(task, Task::Delete(_))) {
        needed(task.node(), tasks, union).iter().for_each(|first| dag.wait(task, first));
    }
    for put in tasks.iter().filter(|task| matches!(task, Task::Put(_))) {
        let own = [Task::Look(put.node().to_owned()), Task::Delete(put.node().to_owned())];
        own.iter().filter(|first| tasks.contains(first)).for_each(|first| dag.wait(put, first));
    }
}

fn replacements_are_short<C>(dag: &mut Dag<Task>, tasks: &BTreeSet<Task>, union: &Union<C>) {
    for delete in tasks.iter().filter(|task| matches!(task, Task::Delete(_))) {
        // What is only deleted needs nothing.
        needed(delete.node(), tasks, union).iter().for_each(|first| dag.wait_unless_circular(delete, first));
    }
}

fn deletes_follow<C>(dag: &mut Dag<Task>, tasks: &BTreeSet<Task>, union: &Union<C>, part: fn(String) -> Task) {
    for delete in tasks.iter().filter(|task| matches!(task, Task::Delete(_))) {
        for first in nearest(delete.node(), tasks, union, part) {
            dag.wait_unless_circular(delete, &first);
        }
    }
}

/// The tasks of the dependents, seen through those that have nothing to do.
fn nearest<C>(node: &str, tasks: &BTreeSet<Task>, union: &Union<C>, part: fn(String) -> Task) -> BTreeSet<Task> {
    let (mut nearest, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Vec<&str> = union.dependents(node).collect();
    while let Some(dependent) = open.pop() {
        let task = part(dependent.to_owned());
        if tasks.contains(&task) {
            nearest.insert(task);
        } else if seen.insert(dependent) {
            open.extend(union.dependents(dependent));
        }
    }
    nearest
}
