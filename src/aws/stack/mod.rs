//! The graph: which resources a site has, and what each needs. One file for each part of the
//! picture in the crate's documentation.

mod api;
mod content;
mod database;
mod domain;
mod manage;
mod network;
mod observe;
mod site;

use crate::aws::compute::lambda_function::Engine;
use crate::aws::{Cloud, Names, kinds};
use crate::config::Config;
use crate::config::aws::Dns;
use crate::deploy::{Graph, GraphError, Inventory, KindError};
use crate::release::Pointer;

pub use content::UNSEEN;

/// What the graph is made from, besides the configuration.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// Names in the account.
    pub names: &'a Names,
    /// The configuration.
    pub config: &'a Config,
    /// The program that functions run.
    pub engine: Engine,
    /// The API, if there is one.
    pub api: Option<ApiParts>,
    /// Hash of the migrations, if there is a database.
    pub migrations: Option<String>,
    /// The release that is published; `None` for `destroy`.
    pub release: Option<ReleaseParts>,
}

/// What the graph needs to know of the API.
#[derive(Debug, Clone, Default)]
pub struct ApiParts {
    /// Collections that live in tables.
    pub documents: Vec<String>,
    /// Collections of files.
    pub files: Vec<String>,
}

/// What the graph needs to know of the release.
#[derive(Debug, Clone)]
pub struct ReleaseParts {
    /// The pointer that makes it live.
    pub pointer: Pointer,
    /// Whether the pointer moves; else the release is seen by those with a link only.
    pub flip: bool,
    /// How many objects it has.
    pub objects: usize,
}

impl Wanted<'_> {
    /// Whether functions run in a network of the site.
    fn has_network(&self) -> bool {
        self.config.network.exists(self.migrations.is_some())
    }

    /// Whether there is anything to answer `/api/*` with.
    fn has_api(&self) -> bool {
        self.api.is_some()
    }

    /// Whether a domain's records are in Route 53.
    fn keeps_records(&self) -> bool {
        self.config.site.domain.is_some() && self.config.aws.dns == Dns::Route53
    }
}

/// What the site should have.
pub fn desired(wanted: &Wanted<'_>) -> Result<Graph<Cloud>, GraphError> {
    let mut graph = Graph::new();
    site::add(&mut graph, wanted)?;
    network::add(&mut graph, wanted)?;
    database::add(&mut graph, wanted)?;
    api::add(&mut graph, wanted)?;
    domain::add(&mut graph, wanted)?;
    manage::add(&mut graph, wanted)?;
    observe::add(&mut graph, wanted)?;
    content::add(&mut graph, wanted)?;
    Ok(graph)
}

/// All that may exist: what is wanted, and what the ledger lists, or else, without a ledger, every
/// part with every option on.
pub fn known(wanted: &Wanted<'_>, ledger: Option<&Inventory>) -> Result<Graph<Cloud>, KindError> {
    Ok(match ledger {
        Some(ledger) => desired(wanted)?.union(&ledger.graph(&kinds::kinds())?),
        None => desired(wanted)?.union(&everything(wanted)?),
    })
}

/// Every part, whether it is wanted or not.
fn everything(wanted: &Wanted<'_>) -> Result<Graph<Cloud>, GraphError> {
    let mut config = wanted.config.clone();
    config.security.waf = true;
    config.observe.audit = true;
    config.network.egress = crate::config::network::Egress::Nat;
    config.observe.notify.get_or_insert_with(|| "owner@example.com".into());
    if config.api.secrets.is_empty() {
        config.api.secrets.push("any".into());
    }
    let with_files = |api: ApiParts| ApiParts { files: vec!["any".into()], ..api };
    desired(&Wanted {
        config: &config,
        api: Some(with_files(wanted.api.clone().unwrap_or_default())),
        migrations: Some(wanted.migrations.clone().unwrap_or_default()),
        ..wanted.clone()
    })
}

#[cfg(test)]
mod tests;
