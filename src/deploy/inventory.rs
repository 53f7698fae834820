//! What was ever made and not deleted since: a help to find what is no longer named.
//!
//! Write it before a run (`with` the desired graph) and after it (`without` what the report says
//! is gone): then nothing is made that it does not list.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dag::Dag;
use super::graph::Graph;
use super::kinds::{KindError, Kinds};
use super::plan::Verb;
use super::report::Done;

/// Things that may exist, by their own word; the last one listed is the newest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The things.
    pub made: Vec<Made>,
}

/// A thing that may exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Name of its node.
    pub node: String,
    /// Kind of the resource.
    pub kind: String,
    /// Its name in the account.
    pub name: String,
    /// Its spec.
    pub spec: Value,
    /// Nodes that it depends on.
    #[serde(default)]
    pub after: Vec<String>,
}

impl Inventory {
    /// What a graph has.
    pub fn of<C>(graph: &Graph<C>) -> Self {
        let made = graph.nodes().iter().map(|(name, node)| Made {
            node: name.clone(),
            kind: node.step.kind().to_owned(),
            name: node.step.name(),
            spec: node.step.spec(),
            after: node.needs.iter().cloned().collect(),
        });
        Self { made: made.collect() }
    }

    /// This and all that `graph` has. Of the same thing, known by kind and name, the graph's spec
    /// is kept with the dependencies of both: until the run is over either may be true.
    #[must_use]
    pub fn with<C>(mut self, graph: &Graph<C>) -> Self {
        for mut new in Self::of(graph).made {
            if let Some(at) = self.made.iter().position(|old| old.kind == new.kind && old.name == new.name) {
                let old = self.made.remove(at);
                let all: BTreeSet<String> = new.after.into_iter().chain(old.after).collect();
                new.after = all.into_iter().filter(|node| *node != new.node).collect();
            }
            self.made.push(new);
        }
        self
    }

    /// This without what a run has deleted; `report.done` of a failed run too.
    #[must_use]
    pub fn without<'a>(mut self, steps: impl IntoIterator<Item = &'a Done>) -> Self {
        let gone = steps.into_iter().filter(|step| step.verb == Verb::Delete);
        let gone: BTreeSet<_> = gone.map(|step| (step.kind, step.name.as_str())).collect();
        self.made.retain(|made| !gone.contains(&(made.kind.as_str(), made.name.as_str())));
        self
    }

    /// The things as a graph, to be a part of what is known. Of several with the same node the
    /// newest has its name, the others are `node@name`; dependencies on that node are on all of
    /// them, and those on what is no longer listed, or that would be circular, are left out.
    pub fn graph<C>(&self, kinds: &Kinds<C>) -> Result<Graph<C>, KindError> {
        let places = self.places();
        let mut dag = Dag::new(places.values().flatten().map(|(place, _)| place.clone()));
        for (place, made) in places.values().flatten() {
            let firsts = made.after.iter().filter_map(|node| places.get(node.as_str())).flatten();
            firsts.for_each(|(first, _)| dag.wait_unless_circular(place, first));
        }
        let mut graph = Graph::new();
        for (place, made) in places.values().flatten() {
            let step = kinds.revive(&made.kind, &made.name, made.spec.clone())?;
            let needs: Vec<_> = dag.after(place).map(String::as_str).collect();
            graph.add_step(place, step, &needs)?;
        }
        Ok(graph)
    }

    /// By node, its things with their places in the graph, newest first.
    fn places(&self) -> BTreeMap<&str, Vec<(String, &Made)>> {
        let mut places = BTreeMap::<&str, Vec<(String, &Made)>>::new();
        for made in self.made.iter().rev() {
            let all = places.entry(&made.node).or_default();
            let place = if all.is_empty() { made.node.clone() } else { format!("{}@{}", made.node, made.name) };
            all.push((place, made));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::deploy::testing::{Bucket, FakeCloud, Site, graph, kinds, shop};

    fn bucket(node: &str, bucket: Bucket) -> Graph<FakeCloud> {
        graph(|graph| graph.add(node, bucket, &[]))
    }

    fn deleted(kind: &'static str, name: &str) -> Done {
        Done { node: "any".into(), kind, name: name.into(), verb: Verb::Delete, ms: 0 }
    }

    #[test]
    fn a_graph_comes_back_from_its_json() {
        let text = serde_json::to_string(&Inventory::of(&shop())).unwrap();
        let graph = serde_json::from_str::<Inventory>(&text).unwrap().graph(&kinds()).unwrap();
        assert_eq!(graph.validate(), Ok(()));
        assert_eq!(Inventory::of(&graph), Inventory::of(&shop()));
    }

    #[test]
    fn the_newest_spec_of_a_thing_counts() {
        let changed = bucket("bucket", Bucket { versioned: true, ..Bucket::new("shop-site") });
        let inventory = Inventory::of(&shop()).with(&changed).with(&changed);
        assert_eq!(inventory.made.len(), shop().nodes().len());
        assert_eq!(inventory.made.last().unwrap().spec["versioned"], true);
    }

    #[test]
    fn things_of_one_node_stand_side_by_side() {
        let old = graph(|graph| {
            graph.add("bucket", Bucket::new("old"), &[])?;
            graph.add("site", Site::new("site", &["bucket"]), &["bucket"])
        });
        let new = bucket("bucket", Bucket::new("new"));
        let graph = Inventory::of(&old).with(&new).graph(&kinds()).unwrap();
        assert_eq!(graph.step("bucket").unwrap().name(), "new");
        assert_eq!(graph.step("bucket@old").unwrap().name(), "old");
        assert_eq!(graph.nodes()["site"].needs.iter().collect::<Vec<_>>(), ["bucket", "bucket@old"]);
    }

    #[test]
    fn what_was_deleted_is_forgotten_and_no_longer_depended_on() {
        let inventory = Inventory::of(&shop()).without(&[deleted("fake.bucket", "shop-site")]);
        let graph = inventory.graph(&kinds()).unwrap();
        assert!(!graph.contains("bucket"));
        assert_eq!(graph.validate(), Ok(()));
    }

    #[test]
    fn old_and_new_dependencies_may_contradict_each_other() {
        let pair = |first: &str, second: &str| {
            graph(|graph| {
                graph.add(first, Bucket::new(first), &[])?;
                graph.add(second, Bucket::new(second), &[first])
            })
        };
        let inventory = Inventory::of(&pair("a", "b")).with(&pair("b", "a"));
        assert_eq!(inventory.graph(&kinds()).unwrap().validate(), Ok(()));
    }

    #[test]
    fn a_kind_that_is_not_known_is_an_error() {
        let mut inventory = Inventory::of(&shop());
        inventory.made[0].kind = "fake.queue".into();
        assert!(matches!(inventory.graph(&kinds()), Err(KindError::Unknown { .. })));
    }
}
