//! What tests share: a project in a folder of its own, an HTTP client, the practice account.
#![allow(dead_code, reason = "which helpers are used depends on the features")]

pub mod account;
pub mod http;
pub mod project;
