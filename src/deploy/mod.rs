//! The deploy engine: graph, plan, apply, journal, events. It has never heard of AWS.

pub mod apply;
pub mod context;
pub mod error;
pub mod event;
pub mod graph;
pub mod journal;
pub mod plan;
pub mod resource;
pub mod stop;

pub use apply::{Report, Run, RunFailure, apply};
pub use context::{Context, Outputs};
pub use error::{Blame, StepError};
pub use event::Event;
pub use graph::{Graph, GraphError};
pub use journal::{FileJournal, Journal, MemoryJournal};
pub use plan::{Plan, PlanError, PlanOptions, Planned, Verb, plan};
pub use resource::{Change, ErasedFound, Found, Resource, Step};
pub use stop::StopSignal;
