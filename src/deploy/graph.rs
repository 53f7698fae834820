//! Which resources there are, and which need which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dag::Dag;
use super::resource::{Resource, Step};

/// Resources by the name of their node, and what each depends on.
///
/// A node's put waits for the puts of what it needs, its delete is waited for by theirs. The
/// names are the project's own and stay from run to run.
pub struct Graph<C> {
    nodes: BTreeMap<String, Node<C>>,
}

/// One resource in a graph.
pub struct Node<C> {
    /// The resource.
    pub step: Step<C>,
    /// Nodes that have to be in place before it.
    pub needs: BTreeSet<String>,
}

/// Why a graph cannot be used; each is an error in the code that made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two nodes of one name.
    #[error("there are two nodes called {0}")]
    Twice(String),
    /// An edge to nowhere.
    #[error("{node} depends on {needs}, which is not in the graph")]
    Unknown {
        /// The node.
        node: String,
        /// What it names.
        needs: String,
    },
    /// Nodes that wait for each other; the first is repeated at the end.
    #[error("nodes wait for each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Two nodes that are the same thing in the account.
    #[error("{first} and {second} are both the {kind} {name}")]
    SameThing {
        /// The one node.
        first: String,
        /// The other node.
        second: String,
        /// Kind of both.
        kind: &'static str,
        /// Name of both in the account.
        name: String,
    },
}

impl<C> Clone for Node<C> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), needs: self.needs.clone() }
    }
}

impl<C> Clone for Graph<C> {
    fn clone(&self) -> Self {
        Self { nodes: self.nodes.clone() }
    }
}

impl<C> Default for Graph<C> {
    fn default() -> Self {
        Self { nodes: BTreeMap::new() }
    }
}

impl<C> Graph<C> {
    /// A graph of nothing: what `destroy` wants.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource under the name of its node. What it needs may be added later.
    pub fn add<R: Resource<Cloud = C>>(&mut self, name: &str, resource: R, needs: &[&str]) -> Result<(), GraphError> {
        self.add_step(name, Arc::new(resource), needs)
    }

    /// Adds a resource whose types are erased already.
    pub fn add_step(&mut self, name: &str, step: Step<C>, needs: &[&str]) -> Result<(), GraphError> {
        if self.contains(name) {
            return Err(GraphError::Twice(name.to_owned()));
        }
        let needs = needs.iter().map(|&needs| needs.to_owned()).collect();
        self.nodes.insert(name.to_owned(), Node { step, needs });
        Ok(())
    }

    /// Makes `node` wait for `needs` too.
    pub fn depend(&mut self, node: &str, needs: &str) -> Result<(), GraphError> {
        let unknown = || GraphError::Unknown { node: node.to_owned(), needs: needs.to_owned() };
        self.nodes.get_mut(node).ok_or_else(unknown)?.needs.insert(needs.to_owned());
        Ok(())
    }

    /// Whether there is a node of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }

    /// The resource of a node.
    pub fn step(&self, name: &str) -> Option<&Step<C>> {
        self.nodes.get(name).map(|node| &node.step)
    }

    /// All nodes by name.
    pub fn nodes(&self) -> &BTreeMap<String, Node<C>> {
        &self.nodes
    }

    /// The part of this graph that consists of these nodes, with the edges among them.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let part =
            |needs: &BTreeSet<String>| needs.iter().filter(|need| names.contains(&need.as_str())).cloned().collect();
        let nodes = self.nodes.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let nodes =
            nodes.map(|(name, node)| (name.clone(), Node { step: node.step.clone(), needs: part(&node.needs) }));
        Self { nodes: nodes.collect() }
    }

    /// What depends on a node directly, by name.
    pub fn dependents(&self, node: &str) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(move |(_, other)| other.needs.contains(node)).map(|(name, _)| name.as_str())
    }

    /// This graph and what only `other` has; the edges of both.
    ///
    /// The same thing under another node name stays one node, this graph's; another thing under
    /// a node name that this graph uses becomes `node@name`. Where both have a node, this graph's
    /// resource counts.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        let places = self.places(other);
        for (name, node) in &other.nodes {
            let needs = node.needs.iter().map(|needs| placed(&places, needs));
            let new = || Node { step: node.step.clone(), needs: BTreeSet::new() };
            all.nodes.entry(placed(&places, name)).or_insert_with(new).needs.extend(needs);
        }
        all
    }

    /// Where each node of `other` is found in the union with this graph.
    pub(super) fn places(&self, other: &Self) -> BTreeMap<String, String> {
        let ours: BTreeMap<_, _> = self.nodes.iter().map(|(name, node)| (thing(&node.step), name)).collect();
        let place = |name: &String, step: &Step<C>| match ours.get(&thing(step)) {
            Some(same) => (*same).clone(),
            None if self.contains(name) => format!("{name}@{}", step.name()),
            None => name.clone(),
        };
        other.nodes.iter().map(|(name, node)| (name.clone(), place(name, &node.step))).collect()
    }

    /// Names in an order in which each comes after all that it needs; the same for equal graphs.
    pub fn order(&self) -> Result<Vec<String>, GraphError> {
        self.needs_exist(|name| self.contains(name))?;
        let mut dag = Dag::new(self.nodes.keys().cloned());
        for (name, node) in &self.nodes {
            node.needs.iter().for_each(|first| dag.wait(name, first));
        }
        dag.order().map_err(GraphError::Cycle)
    }

    /// Whether every edge leads to a node, none is circular, and every node is a thing of its own.
    pub fn validate(&self) -> Result<(), GraphError> {
        self.things_differ()?;
        self.order().map(drop)
    }

    /// Whether this graph can be united with `desired`: its edges may lead there too, and may be
    /// circular, since they are old.
    pub(super) fn validate_beside(&self, desired: &Self) -> Result<(), GraphError> {
        self.things_differ()?;
        self.needs_exist(|name| self.contains(name) || desired.contains(name))
    }

    fn needs_exist(&self, exists: impl Fn(&str) -> bool) -> Result<(), GraphError> {
        let edges = self.nodes.iter().flat_map(|(name, node)| node.needs.iter().map(move |needs| (name, needs)));
        match edges.into_iter().find(|(_, needs)| !exists(needs)) {
            Some((node, needs)) => Err(GraphError::Unknown { node: node.clone(), needs: needs.clone() }),
            None => Ok(()),
        }
    }

    /// By kind and name a thing is recognised when its node has been renamed; so they must differ.
    fn things_differ(&self) -> Result<(), GraphError> {
        let mut seen = BTreeMap::new();
        for (second, node) in &self.nodes {
            if let Some(first) = seen.insert(thing(&node.step), second) {
                let (kind, name) = thing(&node.step);
                return Err(GraphError::SameThing { first: first.clone(), second: second.clone(), kind, name });
            }
        }
        Ok(())
    }
}

fn thing<C>(step: &Step<C>) -> (&'static str, String) {
    (step.kind(), step.name())
}

/// The place of a node; a node that was not placed keeps its name.
pub(super) fn placed(places: &BTreeMap<String, String>, node: &str) -> String {
    places.get(node).map_or(node, String::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::deploy::testing::{Bucket, FakeCloud, graph};

    fn buckets(nodes: &[(&str, &str, &[&str])]) -> Graph<FakeCloud> {
        graph(|graph| {
            for (node, name, needs) in nodes {
                graph.add(node, Bucket::new(name), needs)?;
            }
            Ok(())
        })
    }

    fn names(graph: &Graph<FakeCloud>) -> Vec<&str> {
        graph.nodes().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_node_comes_after_those_it_needs() {
        let graph = buckets(&[("a", "a", &["c"]), ("b", "b", &["a"]), ("c", "c", &[])]);
        assert_eq!(graph.validate(), Ok(()));
        assert_eq!(graph.order().unwrap(), ["c", "a", "b"]);
        assert_eq!(graph.dependents("c").collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn an_unknown_dependency_is_named() {
        let error = buckets(&[("policy", "p", &["bucket"])]).validate().unwrap_err();
        assert_eq!(error.to_string(), "policy depends on bucket, which is not in the graph");
        let error = buckets(&[]).depend("policy", "bucket").unwrap_err();
        assert_eq!(error, GraphError::Unknown { node: "policy".into(), needs: "bucket".into() });
    }

    #[test]
    fn a_circle_is_drawn() {
        let error = buckets(&[("a", "a", &["b"]), ("b", "b", &["c"]), ("c", "c", &["a"])]).validate().unwrap_err();
        assert_eq!(error.to_string(), "nodes wait for each other: a -> b -> c -> a");
    }

    #[test]
    fn a_name_cannot_be_given_twice_and_the_first_stays() {
        let mut graph = buckets(&[("a", "one", &[])]);
        let error = graph.add("a", Bucket::new("two"), &[]).unwrap_err();
        assert_eq!(error.to_string(), "there are two nodes called a");
        assert_eq!(graph.step("a").unwrap().name(), "one");
    }

    #[test]
    fn two_nodes_for_one_thing_are_an_error() {
        let error = buckets(&[("a", "shop", &[]), ("b", "shop", &[])]).validate().unwrap_err();
        assert_eq!(error.to_string(), "a and b are both the fake.bucket shop");
    }

    #[test]
    fn a_union_has_the_nodes_and_edges_of_both() {
        let one = buckets(&[("a", "a", &[]), ("b", "b", &[])]);
        let other = buckets(&[("b", "b", &["a"]), ("a", "a", &[]), ("c", "c", &["b"])]);
        assert_eq!(one.union(&other).order().unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_union_recognises_a_renamed_node_and_sets_another_thing_apart() {
        let new = buckets(&[("bucket", "new", &[]), ("files", "files", &[])]);
        let all = new.union(&buckets(&[("bucket", "old", &[]), ("uploads", "files", &["bucket"])]));
        assert_eq!(all.validate(), Ok(()));
        assert_eq!(names(&all), ["bucket", "bucket@old", "files"]);
        assert!(all.nodes()["files"].needs.contains("bucket@old"));
    }
}
