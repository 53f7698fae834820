//! `arq.toml`: one file per table, each with its defaults and its checks.

pub mod api;
pub mod aws;
pub mod database;
pub mod headers;
pub mod load;
pub mod network;
pub mod observe;
pub mod project;
pub mod redirects;
pub mod releases;
pub mod schedule;
pub mod security;
pub mod site;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, load};
pub use project::Project;
pub use site::Urls;

/// The stage that is meant when none is named.
pub const PRODUCTION: &str = "production";

/// Everything that `arq.toml`, a stage's table, `ARQ_*` variables and flags say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `[site]`.
    pub site: site::Site,
    /// `[aws]`.
    pub aws: aws::Aws,
    /// `[api]`.
    pub api: api::Api,
    /// `[database]`.
    pub database: database::Database,
    /// `[network]`.
    pub network: network::Network,
    /// `[security]`.
    pub security: security::Security,
    /// `[observe]`.
    pub observe: observe::Observe,
    /// `[releases]`.
    pub releases: releases::Releases,
    /// `[[schedule]]`.
    pub schedule: Vec<schedule::Schedule>,
    /// `[[redirects]]`.
    pub redirects: Vec<redirects::Redirect>,
    /// `[[headers]]`.
    pub headers: Vec<headers::Headers>,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, dotted.
    pub key: String,
    /// What is wrong with its value.
    pub what: String,
}

impl Fault {
    /// A fault of the value at `key`.
    pub fn new(key: &str, what: impl Into<String>) -> Self {
        Self { key: key.into(), what: what.into() }
    }
}
