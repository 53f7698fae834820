//! The preview: the site and its API on this machine, as they will be at the edge.
//!
//! [`run`] listens, builds the project with a closure that it is given, and answers: the site by
//! the rules of the edge, `/api/*` with the engine. It builds again when a file changes, and tells
//! browsers to load the page again. It prints nothing; what happens is told as [`ServeEvent`]s.
//!
//! ```text
//!  answer.rs   the story of a request: host, own paths, API, site
//!  page.rs     conditions, parts, compression
//!  load.rs     an object's body, from memory (shelf.rs) or disk (body.rs)
//!  watch.rs -> rebuild.rs -> state.rs -> reload/ -> the browser
//! ```

mod answer;
mod api;
mod asset;
mod body;
mod condition;
mod current;
mod host;
mod listen;
mod load;
mod page;
mod range;
mod rebuild;
mod reload;
mod server;
mod shelf;
mod stamp;
mod state;
mod trouble;
mod watch;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use current::Build;
pub use trouble::{Trouble, TroubleLine};

use rebuild::Builder;
use reload::News;
use state::State;
use watch::Watching;

/// Where to listen, and what to look at.
#[derive(Debug, Clone)]
pub struct Options {
    /// A name or address of this machine; `0.0.0.0` lets other machines in.
    pub host: String,
    /// The port; 0 takes one that is free.
    pub port: u16,
    /// Files and folders that the project is built from. They need not exist.
    pub watch: Vec<PathBuf>,
    /// Whether browsers load the page again after a rebuild.
    pub reload: bool,
}

/// Loads and builds the project; called once at the start and after each change.
pub type Rebuild = Arc<dyn Fn() -> Result<Build, Trouble> + Send + Sync>;

/// Hears what happens.
pub type Events = Arc<dyn Fn(ServeEvent) + Send + Sync>;

/// What happens while the server runs.
#[derive(Debug, Clone)]
pub enum ServeEvent {
    /// Requests are answered from now on.
    Listening {
        /// What to open in a browser.
        url: String,
        /// The address and port that were taken.
        address: SocketAddr,
    },
    /// The project was built, and is what is answered with.
    Rebuilt {
        /// How long it took.
        took: Duration,
        /// How many paths the site has.
        files: usize,
    },
    /// The project could not be built; the build before, if any, is still answered with.
    Trouble(Trouble),
    /// The system does not tell of changes, so the files are looked at every second.
    Polling {
        /// Why not.
        why: String,
    },
    /// Changes are not noticed at all.
    NotWatching {
        /// Why not.
        why: String,
    },
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens on the port.
    #[error("port {port} is taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
        /// A port near it that is free.
        free: Option<u16>,
    },
    /// Only the administrator may listen on the port.
    #[error("port {port} is one of those below 1024, which only the administrator may use")]
    PortPrivileged {
        /// The port.
        port: u16,
    },
    /// The host is not a name or an address of this machine.
    #[error("{host} is not a name or an address of this machine")]
    BadHost {
        /// The host as it was given.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refuses to listen.
    #[error("listening on {address}")]
    Listen {
        /// The address and port.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server could not be started or has ended by itself.
    #[error("running the server")]
    Server {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl From<io::Error> for ServeError {
    fn from(source: io::Error) -> Self {
        Self::Server { source }
    }
}

/// Serves the project until `stop` is ready, then ends within about a second.
///
/// A first build that fails is no error: every request is answered with what is wrong, until a
/// later build succeeds. Dropping the future ends the server at once.
pub async fn run(
    options: Options,
    rebuild: Rebuild,
    events: Events,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    tokio::pin!(stop);
    let listeners = listen::listen(&options.host, options.port)?;
    let address = first_address(&listeners)?;
    // Before the first build, so that a change during it is not missed.
    let watching = watch(&options.watch, &events);
    let mut builder = Builder::new(rebuild);
    let attempt = tokio::select! {
        attempt = builder.build() => attempt,
        () = &mut stop => return Ok(()),
    };
    let name = attempt.name.clone();
    let current = attempt.first(&events);
    let trouble = match &current {
        current::Current::Broken { trouble, .. } => Some(trouble.clone()),
        current::Current::Site(_) => None,
    };
    let (teller, news) = tokio::sync::watch::channel(News { build: name, trouble });
    let state = Arc::new(State::new(current, address.ip().is_loopback(), options.reload.then_some(news)));
    let server = server::server(listeners, state.clone())?;
    events(ServeEvent::Listening { url: listen::url(&options.host, address), address });

    let shared = state.clone();
    let keeping_up = async move {
        match watching {
            Some(watching) => rebuild::keep_up(watching, builder, shared, teller, events).await,
            None => idle(teller).await,
        }
    };
    let stop = async move {
        // Dropped at the end, and the sender of the news with it, which ends the streams to browsers.
        tokio::select! {
            () = keeping_up => {}
            () = &mut stop => {}
        }
    };
    server::until(server, &state, stop).await.map_err(ServeError::from)
}

/// Nothing is watched: browsers listen, and hear of nothing.
async fn idle(_teller: tokio::sync::watch::Sender<News>) {
    std::future::pending().await
}

fn first_address(listeners: &[TcpListener]) -> Result<SocketAddr, ServeError> {
    let first = listeners.first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(first.local_addr()?)
}

fn watch(paths: &[PathBuf], events: &Events) -> Option<Watching> {
    if paths.is_empty() {
        return None;
    }
    match Watching::start(paths) {
        Ok(watching) => {
            if let Some(why) = &watching.polling {
                events(ServeEvent::Polling { why: why.clone() });
            }
            Some(watching)
        }
        Err(error) => {
            events(ServeEvent::NotWatching { why: error.to_string() });
            None
        }
    }
}
