//! What most verbs begin with: the project, its configuration, its site, its API.

use std::sync::Arc;

use super::{Common, Failure, Kind};
use crate::api::Bundle;
use crate::config::{Config, Project};
use crate::release::manifest::Release;
use crate::site::Site;

/// A project that was read whole.
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The site.
    pub site: Site,
    /// The API, if the project has one.
    pub bundle: Option<Bundle>,
    /// What would be published.
    pub release: Arc<Release>,
}

/// The project in the folder that the command line names.
pub fn open(common: &Common) -> Result<Project, Failure> {
    if !common.directory.is_dir() {
        return Err(Failure::yours(format!("there is no folder {}", common.directory.display())));
    }
    Ok(Project::open(&common.directory))
}

/// The project, and not the starter: what would be published has to be the customer's own.
#[cfg(feature = "publish")]
pub fn open_own(common: &Common) -> Result<Project, Failure> {
    match open(common)? {
        project @ Project::Folder(_) => Ok(project),
        Project::Starter(folder) => Err(Failure::yours(format!("there is no arq.toml in {}", folder.display()))
            .hint("Run it in the project's folder, name the folder with -C, or make a project with `arqsite new DIR`.")),
    }
}

/// Reads everything that a publish or a preview needs.
pub fn load(project: &Project, stage: &str) -> Result<Loaded, Failure> {
    let config = crate::config::load(project, stage)?;
    let site = crate::site::load(project, &config).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
    let bundle = Bundle::load(project).map_err(|faults| {
        let mut failure = Failure::yours("the API is not declared right");
        failure.causes = faults.to_string().lines().map(str::to_owned).collect();
        failure
    })?;
    let api = bundle.as_ref().map(|bundle| (bundle.id.clone(), bundle.bytes.clone()));
    let release = Release::build(&site, api).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
    Ok(Loaded { config, site, bundle, release: Arc::new(release) })
}

/// Headers that every answer carries.
pub fn headers(config: &Config) -> Vec<(String, String)> {
    config.security.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
