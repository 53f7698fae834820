//! Which resources there are, and which need which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resource::{Resource, Step};

/// Resources by the name of their node, and what each depends on.
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

impl<C> Clone for Node<C> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), needs: self.needs.clone() }
    }
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
    /// Nodes that wait for each other.
    #[error("these nodes wait for each other: {}", .0.join(", "))]
    Cycle(Vec<String>),
}

impl<C: Send + Sync + 'static> Default for Graph<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Send + Sync + 'static> Graph<C> {
    /// A graph of nothing: what `destroy` wants.
    pub fn new() -> Self {
        Self { nodes: BTreeMap::new() }
    }

    /// Adds a resource under the name of its node.
    pub fn add<R: Resource<Cloud = C>>(&mut self, name: &str, resource: R, needs: &[&str]) -> Result<(), GraphError> {
        self.add_step(name, Arc::new(resource), needs)
    }

    /// Adds a resource whose types are erased already.
    pub fn add_step(&mut self, name: &str, step: Step<C>, needs: &[&str]) -> Result<(), GraphError> {
        let needs = needs.iter().map(|&n| n.to_owned()).collect();
        match self.nodes.insert(name.to_owned(), Node { step, needs }) {
            Some(_) => Err(GraphError::Twice(name.to_owned())),
            None => Ok(()),
        }
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

    /// This graph and the nodes that only `other` has; edges of both.
    pub fn union(&self, other: &Self) -> Self {
        let mut nodes: BTreeMap<String, Node<C>> = other.nodes.clone();
        for (name, node) in &self.nodes {
            let mut node = node.clone();
            if let Some(twin) = nodes.get(name) {
                node.needs.extend(twin.needs.iter().cloned());
            }
            nodes.insert(name.clone(), node);
        }
        Self { nodes }
    }

    /// Names in an order in which each comes after all that it needs.
    pub fn order(&self) -> Result<Vec<String>, GraphError> {
        for (name, node) in &self.nodes {
            if let Some(needs) = node.needs.iter().find(|needs| !self.nodes.contains_key(*needs)) {
                return Err(GraphError::Unknown { node: name.clone(), needs: needs.clone() });
            }
        }
        let mut order: Vec<String> = Vec::new();
        let mut placed = BTreeSet::new();
        while placed.len() < self.nodes.len() {
            let ready: Vec<&String> = self
                .nodes
                .iter()
                .filter(|(name, node)| !placed.contains(*name) && node.needs.is_subset(&placed))
                .map(|(name, _)| name)
                .collect();
            if ready.is_empty() {
                return Err(GraphError::Cycle(self.nodes.keys().filter(|n| !placed.contains(*n)).cloned().collect()));
            }
            placed.extend(ready.iter().map(|&name| name.clone()));
            order.extend(ready.into_iter().cloned());
        }
        Ok(order)
    }
}
