//! Watching the project: one signal for a burst of changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::ServeError;

/// How long it has to be quiet after a change before the site is built: an editor writes a file
/// in several steps.
const QUIET: Duration = Duration::from_millis(60);
/// How long a burst of changes is waited for at most.
const BURST: Duration = Duration::from_secs(2);

/// Signals of changes, until it is dropped.
pub struct Changes {
    receiver: mpsc::UnboundedReceiver<()>,
    _watcher: RecommendedWatcher,
}

/// Watches these folders and files.
pub fn changes(paths: &[PathBuf]) -> Result<Changes, ServeError> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error means that events may be missing: better one rebuild too many.
        if event.as_ref().map_or(true, matters) {
            let _ = sender.send(());
        }
    })
    .map_err(ServeError::Watch)?;
    for path in paths.iter().filter(|path| path.exists()) {
        let mode = if path.is_dir() { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        watcher.watch(path, mode).map_err(ServeError::Watch)?;
    }
    Ok(Changes { receiver, _watcher: watcher })
}

impl Changes {
    /// Waits for a change, and until the burst that it belongs to is over; `false` at the end.
    pub async fn next(&mut self) -> bool {
        if self.receiver.recv().await.is_none() {
            return false;
        }
        let burst = async { while let Ok(Some(())) = tokio::time::timeout(QUIET, self.receiver.recv()).await {} };
        // A burst without an end is no reason never to build.
        let _ = tokio::time::timeout(BURST, burst).await;
        true
    }
}

/// Whether an event may change what is shown.
fn matters(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(_)) && (event.paths.is_empty() || event.paths.iter().any(|p| !is_noise(p)))
}

/// Editors' temporary files, and arqsite's own data.
fn is_noise(path: &Path) -> bool {
    let hidden = |name: &str| name == ".arq" || name == ".git" || name == "target" || name == "node_modules";
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let temporary = name.ends_with('~')
        || name.ends_with(".swp")
        || name.ends_with(".swx")
        || name.ends_with(".tmp")
        || name == "4913";
    temporary || path.components().any(|part| part.as_os_str().to_str().is_some_and(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_of_editors_and_of_arqsite_itself_is_noise() {
        for noise in ["site/.index.html.swp", "site/a~", "site/4913", ".arq/data.redb", "a/.git/index"] {
            assert!(is_noise(Path::new(noise)), "{noise}");
        }
        for real in ["site/index.html", "arq.toml", "site/_layouts/page.html", "api/messages.toml"] {
            assert!(!is_noise(Path::new(real)), "{real}");
        }
    }
}
