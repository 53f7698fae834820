//! A release: what visitors are served, as immutable objects, and the pointer to it.
//!
//! [`Release::build`] hashes a site into objects; [`Manifest`] lists them; [`pack`] turns the
//! paths into values for the edge store; [`Pointer`] says which release is live. [`rules`] are the
//! rules by which the edge function (`edge.js`) answers, in Rust, for the preview.

pub mod build;
pub mod difference;
pub mod edge;
pub mod encoding;
pub mod fingerprint;
pub mod history;
pub mod id;
pub mod keeping;
pub mod keys;
pub mod manifest;
pub mod object;
pub mod pack;
pub mod pointer;
pub mod preview;
pub mod redirects;
pub mod rules;
pub mod sample;
mod squeeze;

pub use build::{Release, ReleaseError};
pub use difference::{ApiDifference, Difference, RedirectDifference, Routes};
pub use encoding::Encoding;
pub use history::Past;
pub use id::{BundleId, ObjectId, ReleaseId, Target};
pub use keys::{Keys, KeysError};
pub use manifest::{Manifest, ManifestError};
pub use object::Object;
pub use pack::{PackError, Packed, pack};
pub use pointer::{Pointer, Slot};
pub use rules::{Answer, Index, lookup};
