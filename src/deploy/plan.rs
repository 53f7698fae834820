//! What has to be done so that what is becomes what is wanted. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::context::{Context, Outputs};
pub use super::diff::FieldChange;
use super::diff::diff;
use super::error::StepError;
use super::event::Event;
use super::graph::{Graph, GraphError};
use super::resource::{Change, ErasedFound, Step};
use super::union::{Member, Union};
use super::walk::{Begun, Work, walk};
use super::why::explain;

/// Steps that run at once, unless told otherwise.
pub const PARALLEL: usize = 16;

/// What is done to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// It is wanted and does not exist.
    Create,
    /// It is changed where it is.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It exists and is no longer wanted.
    Delete,
    /// It is no longer wanted and stays: it holds data, or something that stays depends on it.
    Keep,
    /// It is as it is wanted.
    Same,
}

impl Verb {
    /// Whether it changes the account.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Keep | Self::Same)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Keep => "keep",
            Self::Same => "same",
        })
    }
}

impl From<Change> for Verb {
    fn from(change: Change) -> Self {
        match change {
            Change::Same => Self::Same,
            Change::Update => Self::Update,
            Change::Replace => Self::Replace,
        }
    }
}

/// What is planned for one node.
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
    /// It is the same, but something that it depends on changes: it is looked at again then, and
    /// put if it differs by that time.
    pub recheck: bool,
    /// Whether it holds the customer's data.
    pub holds_data: bool,
    /// Whether it is a pure wait, which changes nothing itself.
    pub waits: bool,
    /// Why, in plain words, where that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// For `delete` and `replace` of what holds data: the data that is lost, in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loses: Option<String>,
    /// For `keep`: the node that holds data and could not stay without this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_for: Option<String>,
}

impl Planned {
    /// A step without particulars.
    pub fn new(node: impl Into<String>, kind: &'static str, name: impl Into<String>, verb: Verb) -> Self {
        Self {
            node: node.into(),
            kind,
            name: name.into(),
            verb,
            fields: Vec::new(),
            recheck: false,
            holds_data: false,
            waits: false,
            why: None,
            loses: None,
            kept_for: None,
        }
    }
}

/// How many nodes there are of each verb.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Counts {
    pub create: usize,
    pub update: usize,
    pub replace: usize,
    pub delete: usize,
    pub keep: usize,
    pub same: usize,
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
        Self { delete_data: false, parallel: PARALLEL }
    }
}

/// What has to be done, each node after those it depends on.
///
/// As JSON it has this shape:
///
/// ```json
/// {
///   "noop": false,
///   "counts": { "create": 0, "update": 1, "replace": 0, "delete": 0, "keep": 0, "same": 11 },
///   "steps": [
///     { "node": "site-bucket", "kind": "s3.bucket", "name": "shop-site", "verb": "update",
///       "fields": [{ "path": "versioned", "from": false, "to": true }],
///       "recheck": false, "holds_data": false, "waits": false },
///     { "node": "table-messages", "kind": "dynamodb.table", "name": "shop-messages",
///       "verb": "delete", "fields": [], "recheck": false, "holds_data": true, "waits": false,
///       "why": "the project no longer asks for it", "loses": "all documents of messages" }
///   ]
/// }
/// ```
///
/// `why` is there where there is something to say: always for `replace`, `delete`, `keep` and
/// what is to be looked at again. `loses` is there when data would be lost. `kept_for` is there only for
/// a `keep` that another node is the reason of.
#[derive(Debug)]
pub struct Plan {
    /// Every node that is wanted or there.
    pub steps: Vec<Planned>,
    pub(super) found: BTreeMap<String, ErasedFound>,
    pub(super) outputs: Outputs,
    pub(super) options: PlanOptions,
}

impl Plan {
    /// Whether applying it would change nothing.
    pub fn is_noop(&self) -> bool {
        !self.steps.iter().any(|step| step.verb.changes())
    }

    /// Whether all that is left to do is to wait: applying it would change nothing unless what is
    /// waited for has come.
    pub fn only_waits(&self) -> bool {
        !self.is_noop() && !self.changes_account()
    }

    /// Whether a step changes the account, and not only waits.
    pub(super) fn changes_account(&self) -> bool {
        self.steps.iter().any(|step| step.verb.changes() && !step.waits)
    }

    /// How many nodes have this verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|step| step.verb == verb).count()
    }

    /// How many nodes there are of each verb.
    pub fn counts(&self) -> Counts {
        Counts {
            create: self.count(Verb::Create),
            update: self.count(Verb::Update),
            replace: self.count(Verb::Replace),
            delete: self.count(Verb::Delete),
            keep: self.count(Verb::Keep),
            same: self.count(Verb::Same),
        }
    }

    /// What is planned for a node.
    pub fn get(&self, node: &str) -> Option<&Planned> {
        self.steps.iter().find(|step| step.node == node)
    }

    /// Steps by which the customer's data would be lost.
    pub fn loses_data(&self) -> impl Iterator<Item = &Planned> {
        self.steps.iter().filter(|step| step.holds_data && matches!(step.verb, Verb::Delete | Verb::Replace))
    }

    /// Whether a node was there when it was looked at.
    pub fn was_found(&self, node: &str) -> bool {
        self.found.contains_key(node)
    }

    /// What a node gave when it was found, or put since.
    pub fn output(&self, node: &str) -> Option<Value> {
        self.outputs.read().ok()?.get(node).cloned()
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut plan = serializer.serialize_struct("Plan", 3)?;
        plan.serialize_field("noop", &self.is_noop())?;
        plan.serialize_field("counts", &self.counts())?;
        plan.serialize_field("steps", &self.steps)?;
        plan.end()
    }
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The graph cannot be used.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Looking at a resource failed, or it is not ours.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Looks at every node of `desired` and of `known`, which is all that may exist.
///
/// `known` has the kinds that are no longer wanted too: names are deterministic, and an
/// [inventory](super::inventory) remembers the rest. With nothing desired the plan is to destroy.
/// A desired thing that is not ours is an error; one that is only known is none of our business.
pub async fn plan<C: Send + Sync + 'static>(
    desired: &Graph<C>,
    known: &Graph<C>,
    cloud: &Arc<C>,
    options: PlanOptions,
    events: &UnboundedSender<Event>,
) -> Result<Plan, PlanError> {
    let union = Union::of(desired, known)?;
    let mut look = Look { union: &union, cloud, events, outputs: Outputs::default() };
    let walked = walk(&union.dag(), BTreeMap::new(), options.parallel, &|| false, &mut look).await;
    let outputs = look.outputs;
    // There is no plan without having looked at everything.
    if let Some((_, error)) = walked.failed.into_iter().chain(walked.waiting).next() {
        return Err(error.into());
    }
    let found = walked.done.into_iter().filter_map(|(node, found)| Some((node, found?))).collect();
    let mut steps = decide(&union, &found, options);
    keep_what_is_stood_on(&union, &mut steps);
    mark_rechecks(&union, &mut steps);
    explain(desired, &found, &mut steps);
    Ok(Plan { steps, found, outputs, options })
}

/// Finds every node, in dependency order, so that a resource can tell whose id it refers to.
struct Look<'a, C> {
    union: &'a Union<C>,
    cloud: &'a Arc<C>,
    events: &'a UnboundedSender<Event>,
    outputs: Outputs,
}

impl<C: Send + Sync + 'static> Work<String, Option<ErasedFound>> for Look<'_, C> {
    fn begin(
        &mut self,
        node: &String,
        _: &BTreeMap<String, Option<ErasedFound>>,
    ) -> Result<Begun<Option<ErasedFound>>, StepError> {
        let member = self.union.get(node)?;
        let (step, wanted) = (member.step.clone(), member.wanted);
        let cx = Context::new(self.cloud.clone(), node, member.outputs(&self.outputs), self.events.clone());
        Ok(Begun::running(async move {
            match step.find(&cx).await {
                Err(error) if !wanted && error.is_foreign() => Ok(None),
                found => found,
            }
        }))
    }

    fn end(
        &mut self,
        node: &String,
        result: Result<Option<ErasedFound>, StepError>,
    ) -> Result<Option<ErasedFound>, StepError> {
        let found = result?;
        remember(&self.outputs, node, found.as_ref().map(|found| &found.output))?;
        Ok(found)
    }
}

/// Shows dependents what a node gives from now on.
pub(super) fn remember(outputs: &Outputs, node: &str, output: Option<&Value>) -> Result<(), StepError> {
    let mut outputs = outputs.write().map_err(|_| StepError::bug("outputs are poisoned"))?;
    match output {
        Some(output) => outputs.insert(node.to_owned(), output.clone()),
        None => outputs.remove(node),
    };
    Ok(())
}

fn decide<C>(union: &Union<C>, found: &BTreeMap<String, ErasedFound>, options: PlanOptions) -> Vec<Planned> {
    // The dag of a valid union has no circle.
    let order = union.dag().order().unwrap_or_default();
    let planned = |node: String| {
        let member = union.get(&node).ok()?;
        let (verb, fields) = compare(member, found.get(&node), options)?;
        Some(Planned {
            holds_data: member.step.holds_data(),
            waits: member.step.waits(),
            loses: loss(verb, &member.step),
            fields,
            ..Planned::new(node, member.step.kind(), member.step.name(), verb)
        })
    };
    order.into_iter().filter_map(planned).collect()
}

/// The verb for one node, and the fields it changes; `None` when there is nothing to speak of.
fn compare<C>(
    member: &Member<C>,
    found: Option<&ErasedFound>,
    options: PlanOptions,
) -> Option<(Verb, Vec<FieldChange>)> {
    Some(match (member.wanted, found) {
        (true, None) => (Verb::Create, Vec::new()),
        (true, Some(found)) if found.change == Change::Same => (Verb::Same, Vec::new()),
        (true, Some(found)) => (found.change.into(), diff(&found.spec, &member.step.spec())),
        (false, Some(_)) if member.step.holds_data() && !options.delete_data => (Verb::Keep, Vec::new()),
        (false, Some(_)) => (Verb::Delete, Vec::new()),
        (false, None) => return None,
    })
}

/// The data that goes with what goes.
fn loss<C>(verb: Verb, step: &Step<C>) -> Option<String> {
    let goes = matches!(verb, Verb::Delete | Verb::Replace) && step.holds_data();
    goes.then(|| step.loses().unwrap_or_else(|| format!("all that {} holds", step.name())))
}

/// What stays needs what it stands on: a database that is kept keeps its network.
fn keep_what_is_stood_on<C>(union: &Union<C>, steps: &mut [Planned]) {
    let mut reasons = BTreeMap::<String, String>::new();
    // From the dependents to what they depend on, so that a reason travels all the way.
    for step in steps.iter_mut().rev() {
        if let (Verb::Delete, Some(reason)) = (step.verb, reasons.get(&step.node)) {
            (step.verb, step.kept_for, step.loses) = (Verb::Keep, Some(reason.clone()), None);
        }
        let (Verb::Keep, Ok(member)) = (step.verb, union.get(&step.node)) else { continue };
        let reason = step.kept_for.clone().unwrap_or_else(|| step.node.clone());
        reasons.extend(member.dependencies().map(|node| (node.to_owned(), reason.clone())));
    }
}

fn mark_rechecks<C>(union: &Union<C>, steps: &mut [Planned]) {
    let mut moving = BTreeSet::new();
    for step in steps {
        let Ok(member) = union.get(&step.node) else { continue };
        let stirred = member.needs.iter().any(|node| moving.contains(node));
        step.recheck = step.verb == Verb::Same && stirred;
        // A pure wait changes nothing itself: what is the same before it is the same after it.
        let moves = member.wanted && step.verb.changes() && (!step.waits || stirred);
        if step.recheck || moves {
            moving.insert(step.node.clone());
        }
    }
}
