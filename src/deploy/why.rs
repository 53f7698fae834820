//! Why a step is taken, in plain words.

use std::collections::BTreeMap;

use super::graph::Graph;
use super::plan::{Planned, Verb};
use super::resource::ErasedFound;

/// Most things that a reason names.
const NAMED: usize = 3;

/// Gives every step its reason, where it is not obvious.
pub(super) fn explain<C>(desired: &Graph<C>, found: &BTreeMap<String, ErasedFound>, steps: &mut [Planned]) {
    let moving: Vec<String> = steps.iter().filter(|step| moves(step)).map(|step| step.node.clone()).collect();
    for step in steps {
        step.why = match step.verb {
            Verb::Create | Verb::Update => None,
            Verb::Same => step.recheck.then(|| looked_at_again(desired, &moving, &step.node)),
            Verb::Replace => replaced(step, found.get(&step.node)),
            Verb::Delete => Some(unwanted(desired, step)),
            Verb::Keep => Some(kept(step)),
        };
    }
}

fn moves(step: &Planned) -> bool {
    step.recheck || step.verb.changes()
}

fn looked_at_again<C>(desired: &Graph<C>, moving: &[String], node: &str) -> String {
    let needs = desired.nodes().get(node).map(|node| &node.needs);
    let changed = moving.iter().filter(|other| needs.is_some_and(|needs| needs.contains(*other)));
    let changed: Vec<&str> = changed.map(String::as_str).collect();
    let ending = if changed.len() == 1 { "s" } else { "" };
    format!("looked at again after {} change{ending}", listed(&changed))
}

fn replaced(step: &Planned, found: Option<&ErasedFound>) -> Option<String> {
    if let Some(because) = found.and_then(|found| found.because.clone()) {
        return Some(because);
    }
    let mut fields: Vec<&str> = step.fields.iter().filter_map(|field| field.path.split('.').next()).collect();
    fields.dedup();
    match fields.as_slice() {
        [] => None,
        [one] => Some(format!("its {one} cannot be changed where it is")),
        more => Some(format!("{} differ, and not all of them can be changed where it is", listed(more))),
    }
}

fn unwanted<C>(desired: &Graph<C>, step: &Planned) -> String {
    if desired.nodes().is_empty() {
        return "everything is taken down".into();
    }
    // Another thing has the place of this one: see `Graph::union`.
    let place = step.node.strip_suffix(&format!("@{}", step.name)).and_then(|place| desired.step(place));
    match place {
        Some(new) => format!("{} takes its place", new.name()),
        None => "the project no longer asks for it".into(),
    }
}

fn kept(step: &Planned) -> String {
    match &step.kept_for {
        Some(node) => format!("{node} holds data and stands on it"),
        None => "it holds data".into(),
    }
}

/// `a`, `a and b`, `a, b, c and 2 more`.
fn listed(things: &[&str]) -> String {
    let (shown, more) = things.split_at(things.len().min(NAMED));
    match (shown, more.len()) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (shown, 0) => shown.join(", "),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_people_write_it() {
        let all = ["a", "b", "c", "d", "e"];
        let lists: Vec<String> = (1..=5).map(|number| listed(&all[..number])).collect();
        assert_eq!(lists, ["a", "a and b", "a, b and c", "a, b, c and 1 more", "a, b, c and 2 more"]);
    }
}
