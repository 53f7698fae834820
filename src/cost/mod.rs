//! What a site costs a month and how long a plan takes, from tables that are part of the program.
//!
//! ```text
//!  kinds and specs -> components -> estimate: a line for each row of the price table
//!  plan and edges  -> expected: the longest way through it
//! ```
//!
//! Nothing here asks AWS. Every amount names the row of [`prices::PRICES`] that it comes from, and
//! every row says where the price was seen, or that it was not.

pub mod component;
mod estimate;
mod money;
pub mod prices;
pub mod region;
pub mod time;
mod usage;

pub use component::{Component, components_of};
pub use estimate::{Estimate, Line, Trust, estimate};
pub use money::{Amount, Money};
pub use time::{Edges, Expected, expected};
pub use usage::Assumptions;
