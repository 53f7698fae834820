//! The deploy engine: graph, plan, apply, lock, journal, events. It has never heard of AWS.
//!
//! ```text
//!  desired graph ─┐            ┌─ found, outputs ─┐
//!                 ├─ union ─ plan ───────────── apply ── journal, events
//!  known graph  ──┘   (reads)                   (changes)
//! ```
//!
//! The account is the truth: [`plan()`] looks at everything that is wanted or may exist, and
//! [`apply()`] makes the difference. Journal and inventory are a help, not a state: a run that was
//! cut off anywhere is continued by planning and applying again. To destroy is to plan with an
//! empty desired graph.

pub mod apply;
pub mod context;
mod dag;
pub mod diff;
pub mod error;
pub mod event;
pub mod graph;
pub mod inventory;
pub mod journal;
pub mod journal_file;
pub mod kinds;
pub mod lock;
pub mod plan;
pub mod report;
pub mod resource;
pub mod stop;
mod tasks;
mod union;
mod walk;
mod why;

#[cfg(test)]
mod suite;
#[cfg(test)]
pub(crate) mod testing;

pub use apply::{Run, apply};
pub use context::{Context, Outputs};
pub use error::{Blame, StepError};
pub use event::Event;
pub use graph::{Graph, GraphError, Node};
pub use inventory::{Inventory, Made};
pub use journal::{Entry, Journal, JournalError, MemoryJournal, State};
pub use journal_file::FileJournal;
pub use kinds::{KindError, Kinds};
pub use lock::{Holder, Lock, LockError};
pub use plan::{Counts, FieldChange, Plan, PlanError, PlanOptions, Planned, Verb, plan};
pub use report::{Done, Report, RunFailure, Undone, Waiting};
pub use resource::{Change, ErasedFound, Found, Resource, Step};
pub use stop::StopSignal;
