//! Noticing that files of the project have changed.
//!
//! A folder is watched with all it holds, and its parent besides: so a folder that is made later,
//! or is deleted and made again, is noticed. What editors and version control leave beside the
//! files they write is not a change of the project.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, MetadataKind, ModifyKind};
use notify::{Event, EventKind, PollWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long nothing has to happen before a change counts as finished.
const QUIET: Duration = Duration::from_millis(25);
/// How long changes may go on before they are looked at nevertheless.
const LONGEST: Duration = Duration::from_millis(500);
/// How often files are looked at where the system does not tell of changes.
const POLL: Duration = Duration::from_secs(1);
/// Ends of the names of files that editors and downloads make for a moment.
const PASSING_ENDS: [&str; 9] = ["~", ".swp", ".swo", ".swx", ".tmp", ".part", ".crdownload", ".crswap", ".kate-swp"];

/// Tells of changes under some files and folders.
pub struct Watching {
    watcher: Box<dyn Watcher + Send>,
    roots: Arc<[PathBuf]>,
    changes: mpsc::Receiver<()>,
    /// Whether one of the roots itself has come, gone or moved.
    roots_moved: Arc<AtomicBool>,
    /// Why the files are looked at every second, if the system cannot tell of changes.
    pub polling: Option<String>,
}

impl Watching {
    /// Watches `paths`, which need not exist yet.
    pub fn start(paths: &[PathBuf]) -> notify::Result<Self> {
        match Self::with(paths, |handler| Ok(Box::new(notify::recommended_watcher(handler)?) as _)) {
            Ok(watching) => Ok(watching),
            // Commonly the system's limit on watches, fs.inotify.max_user_watches.
            Err(error) => {
                let config = notify::Config::default().with_poll_interval(POLL);
                let polling = Self::with(paths, |handler| Ok(Box::new(PollWatcher::new(handler, config)?) as _))?;
                Ok(Self { polling: Some(error.to_string()), ..polling })
            }
        }
    }

    fn with(
        paths: &[PathBuf],
        make: impl FnOnce(Handler) -> notify::Result<Box<dyn Watcher + Send>>,
    ) -> notify::Result<Self> {
        let roots: Arc<[PathBuf]> = paths.iter().map(|path| real(path)).collect();
        // One note is enough: whoever reads it looks at everything.
        let (sender, changes) = mpsc::channel(1);
        let roots_moved = Arc::new(AtomicBool::new(false));
        let handler = Handler { roots: roots.clone(), sender, roots_moved: roots_moved.clone() };
        let mut watching = Self { watcher: make(handler)?, roots, changes, roots_moved, polling: None };
        watching.watch_roots()?;
        Ok(watching)
    }

    /// Waits for a change, and until it is finished. `false` when no more can come.
    pub async fn changed(&mut self) -> bool {
        if self.changes.recv().await.is_none() {
            return false;
        }
        let latest = Instant::now() + LONGEST;
        while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET), self.changes.recv()).await {}
        if self.roots_moved.swap(false, Ordering::AcqRel) {
            // What cannot be watched at this moment is told of by its parent once more.
            let _ = self.watch_roots();
        }
        true
    }

    fn watch_roots(&mut self) -> notify::Result<()> {
        for root in self.roots.iter() {
            if let Some(parent) = root.ancestors().skip(1).find(|folder| folder.is_dir()) {
                self.watcher.watch(parent, RecursiveMode::NonRecursive)?;
            }
        }
        // After the parents: what is watched recursively must not be narrowed again.
        for root in self.roots.iter().filter(|root| root.is_dir()) {
            self.watcher.watch(root, RecursiveMode::Recursive)?;
        }
        Ok(())
    }
}

/// The path without symbolic links in the part that exists, for events name real paths.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(name) = whole.file_name() else { return whole };
    match whole.parent() {
        // The last part stays as it is named: it may be a link that is to be exchanged.
        Some(parent) => parent.canonicalize().unwrap_or_else(|_| real(parent)).join(name),
        None => whole,
    }
}

/// Hears every event and notes those that matter.
struct Handler {
    roots: Arc<[PathBuf]>,
    sender: mpsc::Sender<()>,
    roots_moved: Arc<AtomicBool>,
}

impl notify::EventHandler for Handler {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        // After an error something may have been missed.
        let Ok(event) = event else { return self.note() };
        if event.need_rescan() {
            self.roots_moved.store(true, Ordering::Release);
            return self.note();
        }
        if !is_change(event.kind) {
            return;
        }
        if event.paths.iter().any(|path| self.roots.iter().any(|root| root.starts_with(path))) && is_move(event.kind) {
            self.roots_moved.store(true, Ordering::Release);
            return self.note();
        }
        if event.paths.iter().any(|path| self.roots.iter().any(|root| concerns(root, path))) {
            self.note();
        }
    }
}

impl Handler {
    fn note(&self) {
        // Full means that a note is waiting already.
        let _ = self.sender.try_send(());
    }
}

/// Whether an event tells of other bytes or names. Reading does not; nor does a look at the time.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => false,
        _ => true,
    }
}

fn is_move(kind: EventKind) -> bool {
    matches!(kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
}

/// Whether `path` lies under `root` and is a file of the project.
fn concerns(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else { return false };
    !below.components().any(|part| match part {
        Component::Normal(name) => is_passing(&name.to_string_lossy()),
        _ => false,
    })
}

/// Whether a name is of the sort that editors, downloads and version control make beside the files.
fn is_passing(name: &str) -> bool {
    (name.starts_with('.') && name != ".well-known")
        || (name.starts_with('#') && name.ends_with('#'))
        || PASSING_ENDS.iter().any(|end| name.ends_with(end))
        || name.contains("___jb_")
        // Vim tries with this name whether it may write into the folder.
        || name == "4913"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::fs;

    use super::*;

    async fn change(watching: &mut Watching) -> bool {
        tokio::time::timeout(Duration::from_secs(10), watching.changed()).await.unwrap_or(false)
    }

    fn project() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        fs::create_dir(&site).unwrap();
        (dir, site)
    }

    #[test]
    fn files_of_the_project_concern_it_and_passing_ones_do_not() {
        let root = Path::new("/p/site");
        for name in ["a.md", "b/c.css", ".well-known/x", "", "notes#1.md", "a.b.html"] {
            assert!(concerns(root, &root.join(name)), "{name}");
        }
        for name in [".a.md.swp", "a.md~", ".git/index", ".arq/x", "b/.#c", "#c#", "4913", "x.tmp", "a___jb_tmp___"] {
            assert!(!concerns(root, &root.join(name)), "{name}");
        }
        assert!(!concerns(root, Path::new("/p/other/a.md")));
        assert!(!concerns(root, Path::new("/p/site2/a.md")));
        assert!(concerns(Path::new("/p/arq.toml"), Path::new("/p/arq.toml")));
    }

    #[test]
    fn reading_is_no_change() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Read))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(is_change(EventKind::Modify(ModifyKind::Any)));
    }

    #[tokio::test]
    async fn an_atomic_save_is_noticed() {
        let (dir, site) = project();
        fs::write(site.join("a.md"), "1").unwrap();
        let mut watching = Watching::start(std::slice::from_ref(&site)).unwrap();
        fs::write(site.join(".a.md.new"), "2").unwrap();
        fs::rename(site.join(".a.md.new"), site.join("a.md")).unwrap();
        assert!(change(&mut watching).await);
        drop(dir);
    }

    #[tokio::test]
    async fn a_file_in_a_new_folder_is_noticed() {
        let (_dir, site) = project();
        let mut watching = Watching::start(std::slice::from_ref(&site)).unwrap();
        fs::create_dir_all(site.join("x/y")).unwrap();
        assert!(change(&mut watching).await);
        fs::write(site.join("x/y/z.md"), "1").unwrap();
        assert!(change(&mut watching).await);
    }

    #[tokio::test]
    async fn a_folder_that_is_made_later_or_again_is_watched() {
        let (dir, _site) = project();
        let api = dir.path().join("api");
        let mut watching = Watching::start(std::slice::from_ref(&api)).unwrap();
        for _ in 0..2 {
            fs::create_dir(&api).unwrap();
            assert!(change(&mut watching).await);
            fs::write(api.join("a.toml"), "1").unwrap();
            assert!(change(&mut watching).await);
            fs::remove_dir_all(&api).unwrap();
            assert!(change(&mut watching).await);
        }
    }

    #[tokio::test]
    async fn a_single_file_is_noticed_and_its_neighbours_are_not() {
        let (dir, _site) = project();
        let file = dir.path().join("arq.toml");
        fs::write(&file, "1").unwrap();
        let mut watching = Watching::start(std::slice::from_ref(&file)).unwrap();
        fs::write(dir.path().join("other.toml"), "1").unwrap();
        fs::write(dir.path().join("arq.toml~"), "1").unwrap();
        let silent = tokio::time::timeout(QUIET * 4, watching.changed()).await;
        assert!(silent.is_err());
        fs::write(&file, "2").unwrap();
        assert!(change(&mut watching).await);
    }

    #[tokio::test]
    async fn many_changes_at_once_are_few() {
        let (_dir, site) = project();
        let mut watching = Watching::start(std::slice::from_ref(&site)).unwrap();
        for i in 0..200 {
            fs::write(site.join(format!("{i}.md")), "1").unwrap();
        }
        let mut times = 0;
        while tokio::time::timeout(QUIET * 8, watching.changed()).await.is_ok() {
            times += 1;
        }
        assert!((1..=3).contains(&times), "{times}");
    }
}
