//! The preview: the site and its API on this machine, as the edge would answer them.
//!
//! The room does not read the project itself. It is given a function that builds what is to be
//! shown, calls it at the start and after every change of the watched folders, and swaps the
//! result in whole.

mod answer;
mod api;
mod condition;
mod encoding;
mod host;
mod listen;
mod range;
pub mod reload;
mod shelf;
mod shown;
pub mod trouble;
mod watch;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};
use tokio::sync::{mpsc, watch as news_watch};

use crate::api::Engine;
use crate::release::Release;
use reload::News;
use shelf::Shelf;
use shown::Shown;
pub use trouble::{Trouble, TroubleLine};

/// Most bytes of bodies that are kept in memory.
const KEPT: usize = 128 * 1024 * 1024;
/// How long open connections are waited for at the end, in seconds.
const PARTING: u64 = 1;
/// How long a visitor may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What is shown.
pub struct Build {
    /// The site.
    pub release: Arc<Release>,
    /// The API, when the project has one.
    pub engine: Option<Arc<Engine>>,
    /// Headers of every answer.
    pub headers: Vec<(String, String)>,
}

/// Builds what is to be shown.
pub type Rebuild = Arc<dyn Fn() -> Result<Build, Trouble> + Send + Sync>;

/// Where and what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name or address to listen on.
    pub host: String,
    /// Port; 0 takes one that is free.
    pub port: u16,
    /// Folders and files whose changes cause a rebuild; empty for none.
    pub watch: Vec<PathBuf>,
    /// Whether browsers load their page again after a rebuild.
    pub reload: bool,
}

/// What happens, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServeEvent {
    /// The server answers at this URL.
    Listening {
        /// The URL.
        url: String,
        /// The address.
        address: SocketAddr,
    },
    /// A rebuild is shown.
    Rebuilt {
        /// How long it took, in milliseconds.
        ms: u64,
        /// How many paths there are.
        paths: usize,
    },
    /// A build failed; what was shown before is still shown.
    Failed(Trouble),
}

/// Why the preview does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error("port {port} is taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
        /// The next one that is free.
        free: Option<u16>,
    },
    /// Only the administrator may listen there.
    #[error("port {port} may only be used by the administrator")]
    PortPrivileged {
        /// The port.
        port: u16,
    },
    /// Not a name or address of this machine.
    #[error("{host} is no address of this machine")]
    BadHost {
        /// What was asked for.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Listening failed otherwise.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server failed.
    #[error("the server failed")]
    Server {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folders cannot be watched.
    #[error("the project's folder cannot be watched")]
    Watch(#[source] notify::Error),
}

/// What every worker shares.
pub(crate) struct State {
    shown: RwLock<Option<Arc<Shown>>>,
    shelf: Shelf,
    news: news_watch::Sender<News>,
    reload: bool,
    /// Whether only this machine may ask, so that the name it asks for has to be checked.
    local_only: bool,
}

impl State {
    /// What is shown now; `None` while no build has succeeded.
    pub(crate) fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, build: Build) -> usize {
        let shown = Arc::new(Shown::new(build));
        let paths = shown.paths();
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        paths
    }
}

/// Serves until `stop` is ready.
pub async fn run(
    options: Options,
    rebuild: Rebuild,
    events: mpsc::UnboundedSender<ServeEvent>,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let listeners = listen::listen(&options.host, options.port)?;
    let address = listeners.first().map(std::net::TcpListener::local_addr);
    let address = match address {
        Some(Ok(address)) => address,
        Some(Err(source)) => return Err(ServeError::Server { source }),
        None => return Err(ServeError::BadHost { host: options.host, source: io::ErrorKind::NotFound.into() }),
    };
    let state = Arc::new(State {
        shown: RwLock::new(None),
        shelf: Shelf::new(KEPT),
        news: news_watch::Sender::new(News { build: String::new(), trouble: None }),
        reload: options.reload,
        local_only: address.ip().is_loopback(),
    });
    let mut builder = Builder { rebuild, state: state.clone(), events: events.clone(), number: 0 };
    builder.build().await;
    let changes = if options.watch.is_empty() { None } else { Some(watch::changes(&options.watch)?) };
    let server = serve(listeners, state)?;
    let handle = server.handle();
    // Nobody listening to events is no reason to stop.
    let _ = events.send(ServeEvent::Listening { url: listen::url(&options.host, address), address });
    let rebuilding = async {
        match changes {
            Some(changes) => builder.follow(changes).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = server => result.map_err(|source| ServeError::Server { source }),
        () = rebuilding => Ok(()),
        () = stop => {
            handle.stop(false).await;
            Ok(())
        }
    }
}

fn serve(listeners: Vec<std::net::TcpListener>, state: Arc<State>) -> Result<actix_web::dev::Server, ServeError> {
    let factory = move || {
        App::new()
            .app_data(web::Data::from(state.clone()))
            .app_data(web::PayloadConfig::new(crate::api::LARGEST_BODY))
            .default_service(web::to(answer::answer))
    };
    let mut server =
        HttpServer::new(factory).disable_signals().shutdown_timeout(PARTING).client_request_timeout(HEAD_TIMEOUT);
    for listener in listeners {
        server = server.listen(listener).map_err(|source| ServeError::Server { source })?;
    }
    Ok(server.run())
}

/// Builds, and tells of it.
struct Builder {
    rebuild: Rebuild,
    state: Arc<State>,
    events: mpsc::UnboundedSender<ServeEvent>,
    number: u64,
}

impl Builder {
    /// Builds off the server's threads, and shows the result when it is whole.
    async fn build(&mut self) {
        let start = Instant::now();
        let rebuild = self.rebuild.clone();
        let built = tokio::task::spawn_blocking(move || rebuild()).await;
        let built = built.unwrap_or_else(|_| Err(Trouble::new("the build failed in a way that is arqsite's fault")));
        let event = match built {
            Ok(build) => {
                let paths = self.state.show(build);
                self.number += 1;
                // The process's id tells a restarted server's builds from those before.
                let build = format!("{}-{}", std::process::id(), self.number);
                self.state.news.send_replace(News { build, trouble: None });
                let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                ServeEvent::Rebuilt { ms, paths }
            }
            Err(trouble) => {
                self.state.news.send_modify(|news| news.trouble = Some(trouble.clone()));
                ServeEvent::Failed(trouble)
            }
        };
        let _ = self.events.send(event);
    }

    async fn follow(mut self, mut changes: watch::Changes) {
        while changes.next().await {
            self.build().await;
        }
    }
}
