//! The journal: what was begun is written down before the cloud is called.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::plan::Verb;

/// How many finished runs are kept in a journal's file.
const RUNS_KEPT: usize = 5;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which run.
    pub run: String,
    /// When, RFC 3339.
    pub at: String,
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: String,
    /// Its name in the account.
    pub name: String,
    /// What is done to it.
    pub verb: Verb,
    /// How far that is.
    pub state: State,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The cloud is about to be called.
    Started,
    /// It is done.
    Succeeded,
    /// It failed.
    Failed,
}

impl State {
    /// Whether a step in the state `before` may come into this one.
    pub fn may_follow(self, before: Option<Self>) -> bool {
        match (before, self) {
            (None | Some(Self::Failed), Self::Started) => true,
            (Some(Self::Started), Self::Succeeded | Self::Failed) => true,
            // The run that started it was killed; this one does it again.
            (Some(Self::Started), Self::Started) => true,
            _ => false,
        }
    }
}

/// Where entries are written.
pub trait Journal: Send + Sync {
    /// Writes an entry so that it survives the program's end.
    fn append(&self, entry: Entry) -> io::Result<()>;
    /// All entries, oldest first.
    fn read(&self) -> io::Result<Vec<Entry>>;
}

/// A journal in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Vec<Entry>>);

impl Journal for MemoryJournal {
    fn append(&self, entry: Entry) -> io::Result<()> {
        self.0.lock().map_err(|_| io::Error::other("the journal is poisoned"))?.push(entry);
        Ok(())
    }

    fn read(&self) -> io::Result<Vec<Entry>> {
        Ok(self.0.lock().map_err(|_| io::Error::other("the journal is poisoned"))?.clone())
    }
}

/// A journal in a file, one JSON object a line.
pub struct FileJournal {
    path: PathBuf,
    file: Mutex<File>,
}

impl FileJournal {
    /// Opens the journal, makes it if need be, and forgets runs that are long over.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        compact(&path)?;
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = Mutex::new(options.open(&path)?);
        Ok(Self { path, file })
    }
}

impl Journal for FileJournal {
    fn append(&self, entry: Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().map_err(|_| io::Error::other("the journal is poisoned"))?;
        file.write_all(&line)?;
        file.sync_data()
    }

    fn read(&self) -> io::Result<Vec<Entry>> {
        read(&self.path)
    }
}

/// A line that was torn when the program was killed is no entry: its call was never made.
fn read(path: &PathBuf) -> io::Result<Vec<Entry>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn compact(path: &PathBuf) -> io::Result<()> {
    let entries = read(path)?;
    let mut runs: Vec<&str> = entries.iter().map(|entry| entry.run.as_str()).collect();
    runs.dedup();
    let torn = fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'));
    if runs.len() <= RUNS_KEPT && !torn {
        return Ok(());
    }
    let kept = &runs[runs.len().saturating_sub(RUNS_KEPT)..];
    let mut text = String::new();
    for entry in entries.iter().filter(|entry| kept.contains(&entry.run.as_str())) {
        text.push_str(&serde_json::to_string(entry)?);
        text.push('\n');
    }
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

/// Steps of the last run that were begun and have no end: the program was killed in them.
pub fn interrupted(entries: &[Entry]) -> Vec<&Entry> {
    let Some(last) = entries.last() else { return Vec::new() };
    let run: Vec<&Entry> = entries.iter().filter(|entry| entry.run == last.run).collect();
    let ended = |node: &str| run.iter().any(|entry| entry.node == node && entry.state != State::Started);
    run.iter().filter(|entry| entry.state == State::Started && !ended(&entry.node)).copied().collect()
}
