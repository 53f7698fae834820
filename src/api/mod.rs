//! The API: declarations, rules, routing, validation. It knows nothing of actix, Lambda or AWS.
//!
//! [`Bundle`] is what `api/*.toml` declares; [`Engine`] answers requests with it, over a store.

pub mod auth;
pub mod body;
pub mod bundle;
pub mod declare;
mod disposition;
pub mod engine;
pub mod field;
mod file_body;
pub mod file_limits;
mod file_routes;
pub mod form;
mod guarded;
mod multipart;
pub mod problem;
pub mod respond;
pub mod rule;
mod rule_check;
mod sniff;
pub mod tokens;

pub use bundle::{Bundle, Faults};
pub use engine::{Clock, Engine, SystemClock};
pub use problem::Problem;
pub use tokens::Tokens;

/// Address of whoever sent the request, as an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub std::net::IpAddr);

/// Largest body of a request, in bytes: Lambda's limit for a payload.
///
/// Source: Lambda quotas, "Invocation payload".
pub const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// Whether a request's path belongs to the API.
pub fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod file_tests;
