//! What most verbs begin with: the project, its configuration, its site, its API.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Common, Failure, Kind};
use crate::api::Bundle;
use crate::config::{Config, Project};
use crate::release::Release;
use crate::release::fingerprint::Settings;
use crate::site::Site;
#[cfg(feature = "serve")]
use crate::store::StoreError;
use crate::store::migrations::Migrations;
use crate::store::{Documents, LocalStore};
#[cfg(feature = "publish")]
use crate::ui::Ui;

/// Most faults of the site that are shown before something else is done.
#[cfg(feature = "publish")]
const FAULTS: usize = 5;

/// A project that was read whole.
#[cfg_attr(not(any(feature = "serve", feature = "publish")), expect(dead_code, reason = "`check` needs only a part"))]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The site.
    pub site: Site,
    /// The API, if the project has one.
    pub bundle: Option<Bundle>,
    /// What would be published.
    pub release: Arc<Release>,
    /// The migrations of the database.
    #[cfg(feature = "publish")]
    pub migrations: Migrations,
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
        Project::Starter(folder) => Err(Failure::yours(format!("there is no arq.toml in {}", folder.display())).hint(
            "Run it in the project's folder, name the folder with -C, or make a project with `arqsite new DIR`.",
        )),
    }
}

/// Reads everything that a publish or a preview needs.
pub fn load(project: &Project, stage: &str) -> Result<Loaded, Failure> {
    let config = crate::config::load(project, stage)?;
    let site = crate::site::load(project, &config).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
    let bundle = bundle(project)?;
    let api = bundle.as_ref().map(|bundle| bundle.bytes.clone());
    let release =
        Release::build(&site, Settings::of(&config), api).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
    // Read in any case, so that every build says what is wrong with them.
    let _migrations = migrations(project)?;
    check_schedules(&config, bundle.is_some())?;
    Ok(Loaded {
        config,
        site,
        bundle,
        release: Arc::new(release),
        #[cfg(feature = "publish")]
        migrations: _migrations,
    })
}

/// The files of `migrations/`.
pub fn migrations(project: &Project) -> Result<Migrations, Failure> {
    let mut files = Vec::new();
    for path in project.files("migrations")? {
        let name = path.trim_start_matches("migrations/").to_owned();
        let text = String::from_utf8(project.read(&path)?.to_vec());
        files.push((name, text.map_err(|_| Failure::yours(format!("{path} is not UTF-8 text")))?));
    }
    Migrations::of(files).map_err(|error| Failure::from_error(Kind::Yours, &error))
}

/// Statements of the migrations that can lose data.
#[cfg(feature = "publish")]
pub fn destructive(loaded: &Loaded) -> Vec<String> {
    loaded.migrations.destructive().into_iter().map(|statement| format!("migrations/{statement}")).collect()
}

/// A schedule calls the API.
fn check_schedules(config: &Config, has_api: bool) -> Result<(), Failure> {
    if config.schedule.is_empty() || has_api {
        return Ok(());
    }
    Err(Failure::yours(format!("the schedule \"{}\" has no API to call", config.schedule[0].name))
        .hint("Declare a collection in api/, or remove [[schedule]] from arq.toml."))
}

fn bundle(project: &Project) -> Result<Option<Bundle>, Failure> {
    Bundle::load(project).map_err(|faults| {
        let mut failure = Failure::yours("the API is not declared right");
        failure.causes = faults.to_string().lines().map(str::to_owned).collect();
        failure
    })
}

/// Headers that every answer carries.
#[cfg(feature = "serve")]
pub fn headers(config: &Config) -> Vec<(String, String)> {
    config.security.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is probably a mistake in the site, and stops nothing.
#[cfg(feature = "publish")]
pub fn warn(ui: &Ui, loaded: &Loaded) {
    for fault in loaded.site.faults.iter().take(FAULTS) {
        ui.warning(fault.to_string());
    }
    if loaded.site.faults_in_all > FAULTS {
        ui.warning(format!("and {} more; `arqsite check` lists them", loaded.site.faults_in_all - FAULTS));
    }
}

/// The API as it is declared, if it is.
#[cfg(feature = "publish")]
pub fn api(project: &Project) -> Result<Option<Bundle>, Failure> {
    bundle(project)
}

/// The documents of the local preview, held open; tokens can be changed meanwhile.
#[cfg(feature = "serve")]
pub fn local_documents(project: &Project) -> Result<Arc<dyn Documents>, Failure> {
    let path = project.data().join("data.redb");
    match LocalStore::open(&path) {
        Ok(store) => Ok(Arc::new(store.with_shared(crate::api::tokens::COLLECTION, &tokens_file(project)))),
        Err(error @ StoreError::InUse { .. }) => Err(Failure::from_error(Kind::Yours, &error)
            .hint("End the other one first: it holds the same project's data open.")),
        Err(error) => Err(Failure::from_error(Kind::Yours, &error).cause(format!("in {}", path.display()))),
    }
}

/// The tokens of the local preview, also while it runs.
pub fn local_tokens(project: &Project) -> impl Documents + use<> {
    LocalStore::shared(&tokens_file(project))
}

fn tokens_file(project: &Project) -> PathBuf {
    project.data().join("tokens.redb")
}
