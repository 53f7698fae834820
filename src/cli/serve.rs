//! `arqsite serve`: the preview.

use std::sync::{Arc, Mutex};

use super::project::Loaded;
use super::{Common, Failure, Kind, project};

use crate::api::{Bundle, Engine, SystemClock, Tokens};
use crate::config::PRODUCTION;
use crate::config::Project;
use crate::serve::{Build, Options, Rebuild, ServeError, ServeEvent, Trouble, run as serve};
use crate::store::{Documents, Files, LocalFiles};
use crate::ui::{Ui, count};
use clap::Args;

/// Preview the site and its API on this machine
#[derive(Args)]
pub struct ServeArgs {
    /// Port to listen on; 0 takes one that is free
    #[arg(short, long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on; others than this machine's loopback show the preview to the network
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Do not load pages again after a change
    #[arg(long)]
    no_reload: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
}

/// Serves until it is interrupted.
pub fn run(ui: &Ui, common: &Common, args: &ServeArgs) -> Result<(), Failure> {
    let project = project::open(common)?;
    let documents = project::local_documents(&project)?;
    announce(ui, &project);
    ui.show_notes();
    let options =
        Options { host: args.host.clone(), port: args.port, watch: watched(&project), reload: !args.no_reload };
    let files = Arc::new(LocalFiles::new(&project.data().join("files")));
    let rebuild = rebuild(Ui::new(ui.quiet(), ui.json()), project, args.stage.clone(), documents, files);
    let shown = Ui::new(ui.quiet(), ui.json());
    let events = Arc::new(move |event| show(&shown, &event));
    let stop = async {
        // Without signals, only killing ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let result = actix_web::rt::System::new().block_on(serve(options, rebuild, events, stop));
    result.map_err(explain)
}

fn announce(ui: &Ui, project: &Project) {
    match project {
        Project::Folder(folder) => ui.labelled("Project", folder.display().to_string()),
        Project::Starter(_) => ui.labelled("Project", "the built-in starter; `arqsite new DIR` makes it your own"),
    }
    ui.labelled("Data", format!("{} (documents, files and tokens of the API)", project.data().display()));
}

/// What a project is made of; what is not there yet is noticed when it comes.
fn watched(project: &Project) -> Vec<std::path::PathBuf> {
    match project {
        Project::Folder(folder) => ["arq.toml", "site", "api"].map(|part| folder.join(part)).to_vec(),
        Project::Starter(_) => Vec::new(),
    }
}

/// Builds the project as it is when it is called, and says what is new to know of it.
fn rebuild(ui: Ui, project: Project, stage: String, documents: Arc<dyn Documents>, files: Arc<dyn Files>) -> Rebuild {
    let tokens = Arc::new(Tokens::default());
    let told = Mutex::new(Vec::new());
    Arc::new(move || {
        let loaded = project::load(&project, &stage).map_err(|failure| trouble(&failure))?;
        tell(&ui, &loaded, &told);
        let headers = project::headers(&loaded.config);
        let engine = loaded.bundle.map(|bundle| {
            let (documents, files, tokens) = (documents.clone(), files.clone(), tokens.clone());
            Arc::new(Engine::new(bundle, documents, files, tokens, Arc::new(SystemClock), &headers))
        });
        Ok(Build { release: Arc::unwrap_or_clone(loaded.release), engine, headers })
    })
}

/// Routes and faults, again only when they are others.
fn tell(ui: &Ui, loaded: &Loaded, told: &Mutex<Vec<String>>) {
    let routes = loaded.bundle.iter().flat_map(Bundle::routes);
    let routes: Vec<String> =
        routes.map(|route| format!("{:<6} {:<28} {}", route.method, route.path, route.who)).collect();
    let faults: Vec<String> = loaded.site.faults.iter().take(FAULTS).map(ToString::to_string).collect();
    let news = [routes.clone(), faults.clone()].concat();
    let Ok(mut told) = told.lock() else { return };
    if *told == news {
        return;
    }
    *told = news;
    for (i, route) in routes.iter().enumerate() {
        ui.labelled(if i == 0 { "Routes" } else { "" }, route);
    }
    for fault in &faults {
        ui.warning(fault);
    }
    if loaded.site.faults_in_all > faults.len() {
        ui.warning(format!("and {} more; `arqsite check` lists them", loaded.site.faults_in_all - faults.len()));
    }
}

/// A failure as the page shows it: `file:line: what` taken apart.
fn trouble(failure: &Failure) -> Trouble {
    failure.causes.iter().fold(Trouble::new(failure.what.clone()), |trouble, cause| {
        let mut parts = cause.splitn(3, ':');
        match (parts.next(), parts.next().map(|line| line.trim().parse()), parts.next()) {
            (Some(file), Some(Ok(line)), Some(what)) => trouble.with(what.trim(), Some(file.to_owned()), Some(line)),
            _ => trouble.with(cause.clone(), None, None),
        }
    })
}

/// Most faults of the site that are shown.
const FAULTS: usize = 5;

fn show(ui: &Ui, event: &ServeEvent) {
    match event {
        ServeEvent::Listening { url, .. } => {
            ui.labelled("Address", url);
            ui.labelled("Tokens", "`arqsite token new --role owner` makes one for the API");
            ui.faint("Pages load again when a file is saved. Ctrl-C ends it.");
        }
        ServeEvent::Rebuilt { took, files } => {
            ui.labelled("Built", format!("{} in {} ms", count(*files, "path"), took.as_millis()));
        }
        ServeEvent::Polling { why } => ui.faint(format!("Files are looked at every second, since {why}.")),
        ServeEvent::NotWatching { why } => ui.warning(format!("changes are not noticed: {why}")),
        ServeEvent::Trouble(trouble) => {
            ui.warning(&trouble.title);
            for line in &trouble.lines {
                let place = match (&line.file, line.line) {
                    (Some(file), Some(number)) => format!("{file}:{number}: "),
                    (Some(file), None) => format!("{file}: "),
                    _ => String::new(),
                };
                ui.status(format!("  {place}{}", line.text));
            }
        }
    }
}

fn explain(error: ServeError) -> Failure {
    let hint = match &error {
        ServeError::PortTaken { free: Some(free), .. } => format!("Port {free} is free: arqsite serve --port {free}"),
        ServeError::PortTaken { free: None, .. } => "Choose another port with --port.".into(),
        ServeError::PortPrivileged { .. } => "Choose a port from 1024 on with --port.".into(),
        ServeError::BadHost { .. } => {
            "Use --host 127.0.0.1 for this machine only, or --host 0.0.0.0 for the network.".into()
        }
        _ => return Failure::from_error(Kind::Yours, &error),
    };
    Failure::from_error(Kind::Yours, &error).hint(hint)
}
