//! The account: one short file for each kind of resource, and the graph that wires them.

pub mod cloud;
pub mod compute;
pub mod content;
pub mod data;
pub mod edge;
pub mod error;
pub mod kinds;
pub mod manage;
pub mod names;
pub mod network;
pub mod observe;
pub mod policy;
pub mod retry;
pub mod stack;
pub mod tags;
pub mod template;
pub mod visit;

pub use cloud::{Cloud, ConnectError, EDGE_REGION, Place};
pub use names::Names;

use crate::deploy::{Context, StepError};
use error::CallError;

/// What a resource of this room is given.
pub type Cx = Context<Cloud>;

/// Turns what went wrong into a step's error, with what was being done.
pub(crate) trait Tell<T> {
    /// `doing` completes "could not …".
    fn telling<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T, StepError>;
}

impl<T> Tell<T> for Result<T, CallError> {
    fn telling<D: Into<String>>(self, doing: impl FnOnce() -> D) -> Result<T, StepError> {
        self.map_err(|error| error.while_doing(doing()))
    }
}

impl<T> Tell<T> for Result<T, aws_smithy_types::error::operation::BuildError> {
    fn telling<D: Into<String>>(self, _: impl FnOnce() -> D) -> Result<T, StepError> {
        self.map_err(StepError::bug)
    }
}
