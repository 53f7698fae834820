//! x
#![allow(missing_docs)]
pub mod api;
#[cfg(feature = "publish")]
pub mod aws;
pub mod cli;
pub mod config;
pub mod deploy;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod release;
#[cfg(feature = "serve")]
pub mod serve;
pub mod site;
pub mod store;
pub mod ui;
