//! What a resource is given besides its own spec: the clients, the outputs of others, a voice.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::error::StepError;
use super::event::Event;
use super::resource::Resource;

/// Outputs of the nodes that were found or put so far, by node name.
pub type Outputs = Arc<RwLock<BTreeMap<String, Value>>>;

/// Handed to every verb of a resource.
pub struct Context<C> {
    /// The clients.
    pub cloud: Arc<C>,
    node: String,
    outputs: Outputs,
    events: UnboundedSender<Event>,
}

impl<C> Context<C> {
    /// A context for the node of this name.
    pub fn new(cloud: Arc<C>, node: &str, outputs: Outputs, events: UnboundedSender<Event>) -> Self {
        Self { cloud, node: node.to_owned(), outputs, events }
    }

    /// Name of the node whose step this is.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// What `node` gave. An edge to it must be in the graph.
    pub fn output<R: Resource>(&self, node: &str) -> Result<R::Output, StepError> {
        self.try_output::<R>(node)?.ok_or_else(|| {
            StepError::bug(format!("{} needs the output of {node}, which has not been applied", self.node))
        })
    }

    /// What `node` gave, or `None` when it does not exist (yet).
    pub fn try_output<R: Resource>(&self, node: &str) -> Result<Option<R::Output>, StepError> {
        let outputs = self.outputs.read().map_err(|_| StepError::bug("outputs are poisoned"))?;
        outputs.get(node).cloned().map(serde_json::from_value).transpose().map_err(StepError::bug)
    }

    /// One text of what `node` gave, for those that do not care of which kind it is; `None` when it
    /// does not exist (yet) or gives no such thing.
    pub fn field(&self, node: &str, field: &str) -> Option<String> {
        self.outputs.read().ok()?.get(node)?.get(field)?.as_str().map(str::to_owned)
    }

    /// Says what is being waited for or done; shown beside the node's name.
    pub fn note(&self, text: impl Into<String>) {
        // Nobody listening is no reason to fail.
        let _ = self.events.send(Event::Note { node: self.node.clone(), text: text.into() });
    }
}
