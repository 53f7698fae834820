//! Everything that is wanted or may exist, in one graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use super::context::Outputs;
use super::dag::Dag;
use super::error::StepError;
use super::graph::{Graph, GraphError, Node, placed};
use super::resource::Step;

/// The desired graph and what is known to have been made, by node.
pub(super) struct Union<C> {
    members: BTreeMap<String, Member<C>>,
}

/// A node of the union.
pub(super) struct Member<C> {
    /// The desired step where there is one.
    pub(super) step: Step<C>,
    /// Whether the desired graph has it.
    pub(super) wanted: bool,
    /// What it depends on now: its put waits for these.
    pub(super) needs: BTreeSet<String>,
    /// What it depended on when it was made, and no longer does: their deletes wait for it.
    pub(super) used: BTreeSet<String>,
    /// Nodes that it calls by a name which the desired graph uses for something else.
    renamed: BTreeMap<String, String>,
}

impl<C> Union<C> {
    /// Where a known node is the same thing as a desired one, it is that node; see
    /// [`Graph::union`].
    pub(super) fn of(desired: &Graph<C>, known: &Graph<C>) -> Result<Self, GraphError> {
        desired.validate()?;
        known.validate_beside(desired)?;
        let wanted = |node: &Node<C>| Member::new(node.step.clone(), true, node.needs.clone());
        let mut members: BTreeMap<_, _> =
            desired.nodes().iter().map(|(name, node)| (name.clone(), wanted(node))).collect();
        let places = desired.places(known);
        for (name, node) in known.nodes() {
            let unwanted = || Member::new(node.step.clone(), false, BTreeSet::new());
            let member = members.entry(placed(&places, name)).or_insert_with(unwanted);
            node.needs.iter().for_each(|called| member.remember(called, placed(&places, called), desired));
        }
        Ok(Self { members })
    }

    pub(super) fn get(&self, node: &str) -> Result<&Member<C>, StepError> {
        self.members.get(node).ok_or_else(|| StepError::bug(format!("{node} is not in the graphs")))
    }

    /// In which order things are looked at: after what they depend on or depended on. Old and
    /// new dependencies together may be circular; then the new ones count.
    pub(super) fn dag(&self) -> Dag<String> {
        let mut dag = Dag::new(self.members.keys().cloned());
        for (name, member) in &self.members {
            member.needs.iter().for_each(|first| dag.wait(name, first));
        }
        for (name, member) in &self.members {
            member.used.iter().for_each(|first| dag.wait_unless_circular(name, first));
        }
        dag
    }

    /// What depends on a node, or did when it was made.
    pub(super) fn dependents(&self, node: &str) -> impl Iterator<Item = &str> {
        let depends = move |member: &Member<C>| member.needs.contains(node) || member.used.contains(node);
        self.members.iter().filter(move |(_, member)| depends(member)).map(|(name, _)| name.as_str())
    }
}

impl<C> Member<C> {
    fn new(step: Step<C>, wanted: bool, needs: BTreeSet<String>) -> Self {
        Self { step, wanted, needs, used: BTreeSet::new(), renamed: BTreeMap::new() }
    }

    /// Adds an old dependency. Between two desired nodes only the desired ones count: neither is
    /// deleted, and the old might contradict the new.
    fn remember(&mut self, called: &str, node: String, desired: &Graph<C>) {
        if self.wanted && desired.contains(&node) {
            return;
        }
        if !self.wanted && called != node {
            self.renamed.insert(called.to_owned(), node.clone());
        }
        self.used.insert(node);
    }

    /// What it depends on, or did when it was made.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.needs.iter().chain(&self.used).map(String::as_str)
    }

    /// The outputs under the names by which this node calls them.
    pub(super) fn outputs(&self, outputs: &Outputs) -> Outputs {
        if self.renamed.is_empty() {
            return outputs.clone();
        }
        let all = outputs.read().map(|all| all.clone()).unwrap_or_default();
        let mut own = all.clone();
        for (called, node) in &self.renamed {
            match all.get(node) {
                Some(output) => drop(own.insert(called.clone(), output.clone())),
                None => drop(own.remove(called)),
            }
        }
        Arc::new(RwLock::new(own))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::deploy::testing::{Bucket, FakeCloud, Site, graph};

    fn site_on(bucket: &str, site: &str) -> Graph<FakeCloud> {
        graph(|graph| {
            graph.add("bucket", Bucket::new(bucket), &[])?;
            graph.add(site, Site::new(site, &["bucket"]), &["bucket"])
        })
    }

    #[test]
    fn what_has_another_name_now_is_another_thing_and_was_depended_on() {
        let union = Union::of(&site_on("new", "site"), &site_on("old", "site")).unwrap();
        assert!(!union.get("bucket@old").unwrap().wanted);
        assert_eq!(union.dependents("bucket@old").collect::<Vec<_>>(), ["site"]);
        assert_eq!(union.dag().order().unwrap(), ["bucket", "bucket@old", "site"]);
    }

    #[test]
    fn what_is_gone_sees_outputs_under_its_old_names() {
        let union = Union::of(&site_on("new", "site"), &site_on("old", "old-site")).unwrap();
        let outputs: Outputs = Outputs::default();
        outputs.write().unwrap().extend([("bucket".to_owned(), json!(1)), ("bucket@old".to_owned(), json!(2))]);
        let seen = |node: &str| union.get(node).unwrap().outputs(&outputs).read().unwrap()["bucket"].clone();
        assert_eq!((seen("site"), seen("old-site")), (json!(1), json!(2)));
    }

    #[test]
    fn old_edges_that_contradict_the_new_are_no_circle() {
        let known = graph(|graph| {
            graph.add("site", Site::new("site", &[]), &[])?;
            graph.add("extra", Bucket::new("extra"), &["site"])?;
            graph.add("bucket", Bucket::new("new"), &["extra"])
        });
        assert_eq!(Union::of(&site_on("new", "site"), &known).unwrap().dag().order().unwrap().len(), 3);
    }

    #[test]
    fn between_desired_nodes_only_the_desired_edges_count() {
        let known = graph(|graph| {
            graph.add("site", Site::new("site", &[]), &[])?;
            graph.add("bucket", Bucket::new("new"), &["site"])
        });
        let union = Union::of(&site_on("new", "site"), &known).unwrap();
        assert_eq!(union.dependents("site").count(), 0);
    }

    #[test]
    fn a_known_edge_may_lead_to_a_desired_node_but_not_to_nowhere() {
        let known = graph(|graph| graph.add("extra", Bucket::new("extra"), &["site"]));
        assert!(Union::of(&site_on("new", "site"), &known).is_ok());
        assert!(matches!(Union::of(&Graph::new(), &known), Err(GraphError::Unknown { .. })));
    }
}
