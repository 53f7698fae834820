//! What would change: every node looked at, nothing touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::context::{Context, Outputs};
use super::error::StepError;
use super::event::Event;
use super::graph::{Graph, GraphError};
use super::resource::{Change, ErasedFound};

/// What is done to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed where it is.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It is removed.
    Delete,
    /// It is no longer wanted, and kept because it holds data.
    Keep,
    /// Nothing.
    Same,
}

impl Verb {
    /// Whether the account is changed.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Keep | Self::Same)
    }
}

/// How a plan is made.
#[derive(Debug, Clone, Copy)]
pub struct PlanOptions {
    /// Whether what holds data may be deleted.
    pub delete_data: bool,
    /// Most nodes looked at, or worked on, at once.
    pub parallel: usize,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { delete_data: false, parallel: 16 }
    }
}

/// What would change, in an order in which it could be done.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Every node that is wanted or there.
    pub steps: Vec<Planned>,
    #[serde(skip)]
    pub(super) found: BTreeMap<String, ErasedFound>,
    #[serde(skip)]
    pub(super) outputs: Outputs,
    #[serde(skip)]
    pub(super) options: PlanOptions,
}

/// What would happen to one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: &'static str,
    /// Its name in the account.
    pub name: String,
    /// What is done to it.
    pub verb: Verb,
    /// For `update` and `replace`: the fields that differ.
    pub fields: Vec<FieldChange>,
    /// Nothing differs, but something it depends on changes, so it is looked at again.
    pub recheck: bool,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Dotted path in the spec.
    pub path: String,
    /// What is there; `null` when nothing is.
    pub from: Value,
    /// What is wanted; `null` when nothing is.
    pub to: Value,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The graph cannot be used.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Looking at a resource failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl Plan {
    /// Whether applying it would change nothing.
    pub fn is_noop(&self) -> bool {
        !self.steps.iter().any(|step| step.verb.changes())
    }

    /// How many nodes have this verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|step| step.verb == verb).count()
    }

    /// What a node gave, if it was found or put.
    pub fn output(&self, node: &str) -> Option<Value> {
        self.outputs.read().ok()?.get(node).cloned()
    }
}

/// Looks at every node of `desired` and of `known`, which is all that may exist.
pub async fn plan<C: Send + Sync + 'static>(
    desired: &Graph<C>,
    known: &Graph<C>,
    cloud: &Arc<C>,
    options: PlanOptions,
    events: &UnboundedSender<Event>,
) -> Result<Plan, PlanError> {
    let all = desired.union(known);
    let order = all.order()?;
    let outputs = Outputs::default();
    let found = find_all(&all, cloud, &outputs, options, events).await?;
    let mut steps: Vec<Planned> = Vec::new();
    let mut changing: BTreeSet<String> = BTreeSet::new();
    for name in order {
        let Some(node) = all.nodes().get(&name) else { continue };
        let was = found.get(&name);
        let Some(verb) = verb_for(desired.contains(&name), was, node.step.holds_data() && !options.delete_data) else {
            continue;
        };
        let upstream = node.needs.iter().any(|needs| changing.contains(needs));
        if verb.changes() || upstream {
            changing.insert(name.clone());
        }
        let fields = match (verb, was) {
            (Verb::Update | Verb::Replace, Some(was)) => difference(&was.spec, &node.step.spec()),
            _ => Vec::new(),
        };
        let (kind, recheck) = (node.step.kind(), verb == Verb::Same && upstream);
        steps.push(Planned { node: name, kind, name: node.step.name(), verb, fields, recheck });
    }
    Ok(Plan { steps, found, outputs, options })
}

fn verb_for(wanted: bool, found: Option<&ErasedFound>, keep: bool) -> Option<Verb> {
    match (wanted, found) {
        (true, None) => Some(Verb::Create),
        (true, Some(found)) => Some(match found.change {
            Change::Same => Verb::Same,
            Change::Update => Verb::Update,
            Change::Replace => Verb::Replace,
        }),
        (false, Some(_)) if keep => Some(Verb::Keep),
        (false, Some(_)) => Some(Verb::Delete),
        (false, None) => None,
    }
}

/// Finds in dependency order, so that a resource can tell whose id it refers to.
async fn find_all<C: Send + Sync + 'static>(
    all: &Graph<C>,
    cloud: &Arc<C>,
    outputs: &Outputs,
    options: PlanOptions,
    events: &UnboundedSender<Event>,
) -> Result<BTreeMap<String, ErasedFound>, PlanError> {
    let mut waiting: BTreeSet<String> = all.nodes().keys().cloned().collect();
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut found = BTreeMap::new();
    let mut running = JoinSet::new();
    loop {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|name| all.nodes().get(*name).is_some_and(|node| node.needs.is_subset(&done)))
            .take(options.parallel.max(1).saturating_sub(running.len()))
            .cloned()
            .collect();
        for name in ready {
            waiting.remove(&name);
            let Some(step) = all.step(&name).cloned() else { continue };
            let cx = Context::new(cloud.clone(), &name, outputs.clone(), events.clone());
            running.spawn(async move { (name, step.find(&cx).await) });
        }
        let Some(looked) = running.join_next().await else { break };
        let (name, result) = looked.map_err(StepError::bug)?;
        if let Some(thing) = result? {
            remember(outputs, &name, &thing.output)?;
            found.insert(name.clone(), thing);
        }
        done.insert(name);
    }
    Ok(found)
}

pub(super) fn remember(outputs: &Outputs, node: &str, output: &Value) -> Result<(), StepError> {
    let mut outputs = outputs.write().map_err(|_| StepError::bug("outputs are poisoned"))?;
    outputs.insert(node.to_owned(), output.clone());
    Ok(())
}

/// Every leaf that differs; objects are compared key by key, everything else whole.
pub fn difference(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    walk("", from, to, &mut fields);
    fields
}

fn walk(path: &str, from: &Value, to: &Value, fields: &mut Vec<FieldChange>) {
    match (from, to) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), fields);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() && a.iter().all(Value::is_object) => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}.{i}"), a, b, fields);
            }
        }
        _ if from == to => {}
        _ => fields.push(FieldChange { path: path.to_owned(), from: from.clone(), to: to.clone() }),
    }
}
