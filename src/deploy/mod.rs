//! The deploy engine: graph, plan, apply, journal, events. It has never heard of AWS.

pub mod context;
pub mod error;
pub mod event;
pub mod resource;

pub use context::{Context, Outputs};
pub use error::{Blame, StepError};
pub use event::Event;
pub use resource::{Change, ErasedFound, Found, Resource, Step};
