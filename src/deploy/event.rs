//! What a run tells those who watch it.

use serde::Serialize;

use super::plan::Verb;

/// Something that happened. Few and general: words that belong to a kind come from the resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A step begins.
    Started {
        /// Name of the node.
        node: String,
        /// Kind of the resource.
        kind: &'static str,
        /// Its name in the account.
        name: String,
        /// What is done to it.
        verb: Verb,
    },
    /// A step says what it is doing or waiting for.
    Note {
        /// Name of the node.
        node: String,
        /// A fragment, lower case.
        text: String,
    },
    /// A step is done.
    Done {
        /// Name of the node.
        node: String,
        /// What was done to it.
        verb: Verb,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// A step cannot end before somebody else has acted; it ends for this run.
    Waiting {
        /// Name of the node.
        node: String,
        /// What is waited for: a fragment that completes "waiting to …".
        what: String,
    },
    /// A step failed.
    Failed {
        /// Name of the node.
        node: String,
        /// The error and its causes, outermost first.
        error: String,
    },
}
