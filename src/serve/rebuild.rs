//! Building again when something has changed, while the build before goes on answering.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{oneshot, watch};

use super::current::{Build, Current, Site};
use super::reload::News;
use super::state::State;
use super::trouble::Trouble;
use super::watch::Watching;
use super::{Events, Rebuild, ServeEvent};

/// Makes builds and gives each its name.
pub struct Builder {
    rebuild: Rebuild,
    /// Differs each time the server is started, so that a browser knows a page of an earlier run.
    run: u64,
    made: u64,
}

/// One build, or why there is none.
pub struct Attempt {
    /// Its name.
    pub name: String,
    result: Result<Build, Trouble>,
    since: SystemTime,
    took: Duration,
}

impl Builder {
    /// A builder that has built nothing yet.
    pub fn new(rebuild: Rebuild) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Nanoseconds since 1970 fit until the year 2554.
        Self { rebuild, run: now.as_nanos() as u64, made: 0 }
    }

    /// Builds the project on a thread of its own.
    pub async fn build(&mut self) -> Attempt {
        self.made += 1;
        let name = format!("{:x}-{}", self.run, self.made);
        let (since, start) = (SystemTime::now(), Instant::now());
        let result = on_a_thread(self.rebuild.clone()).await;
        Attempt { name, result, since, took: start.elapsed() }
    }
}

/// Not on the runtime's threads for blocking work: a long build must not hold up the end of the program.
async fn on_a_thread(rebuild: Rebuild) -> Result<Build, Trouble> {
    let (sender, receiver) = oneshot::channel();
    let started = std::thread::Builder::new().name("build".into()).spawn(move || {
        // Nobody waits any more when the server has stopped meanwhile.
        let _ = sender.send(rebuild());
    });
    match started {
        Err(error) => Err(Trouble::new("The site could not be built.").with(error.to_string(), None, None)),
        // The thread has ended without an answer: it panicked.
        Ok(_) => receiver.await.unwrap_or_else(|_| Err(Trouble::new("Building stopped by a fault of this program."))),
    }
}

impl Attempt {
    /// The first thing to answer with.
    pub fn first(self, events: &Events) -> Current {
        let name = self.name.clone();
        match self.site(None) {
            Ok((site, event)) => {
                events(event);
                Current::Site(site)
            }
            Err(trouble) => {
                events(ServeEvent::Trouble(trouble.clone()));
                Current::Broken { trouble, build: name }
            }
        }
    }

    fn site(self, earlier: Option<&Site>) -> Result<(Site, ServeEvent), Trouble> {
        let build = self.result?;
        let files = build.release.paths.len();
        let site = Site::new(build, self.name, self.since, earlier)
            .ok_or_else(|| Trouble::new("The release has no page for what is not found."))?;
        Ok((site, ServeEvent::Rebuilt { took: self.took, files }))
    }
}

/// Builds after each change and tells the browsers, until there can be no more changes.
pub async fn keep_up(
    mut watching: Watching,
    mut builder: Builder,
    state: Arc<State>,
    news: watch::Sender<News>,
    events: Events,
) {
    while watching.changed().await {
        let attempt = builder.build().await;
        let name = attempt.name.clone();
        let current = state.current();
        let earlier = match &*current {
            Current::Site(site) => Some(site),
            Current::Broken { .. } => None,
        };
        match attempt.site(earlier) {
            Ok((site, event)) => {
                state.replace(Current::Site(site));
                // Only now: a browser that asks at once must get the new build.
                news.send_replace(News { build: name, trouble: None });
                events(event);
            }
            Err(trouble) => {
                if earlier.is_none() {
                    state.replace(Current::Broken { trouble: trouble.clone(), build: name.clone() });
                }
                // With a site to show, its build is still the present one.
                let build = earlier.map_or(name, |site| site.build.clone());
                let told = News { build, trouble: Some(trouble.clone()) };
                // The same trouble again is no news.
                news.send_if_modified(|known| {
                    let differs = *known != told;
                    *known = told;
                    differs
                });
                events(ServeEvent::Trouble(trouble));
            }
        }
    }
    // Browsers go on listening, though nothing changes any more.
    std::future::pending::<()>().await;
}
