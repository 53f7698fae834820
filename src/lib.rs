//! x
#![allow(missing_docs)]
pub mod api;
pub mod config;
pub mod deploy;
pub mod release;
pub mod site;
pub mod store;
