//! What a run has begun and ended, written down before and after every changing verb.
//!
//! The journal tells what an interrupted run was doing. It is not needed to continue: the next
//! plan looks at the account itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::plan::Verb;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Id of the run; each run has its own.
    pub run: String,
    /// When, in RFC 3339.
    pub at: String,
    /// Name of the node.
    pub node: String,
    /// Kind of the resource.
    pub kind: String,
    /// Its name in the account.
    pub name: String,
    /// What is done to it.
    pub verb: Verb,
    /// How far it is.
    pub state: State,
    /// The error and its causes, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is about to change the account; whether it has is not known.
    Started,
    /// It is done.
    Succeeded,
    /// It failed; it may have changed something.
    Failed,
    /// It ended for this run, and goes on in a later one, when somebody else has acted.
    Waiting,
}

/// Why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("could not use the journal {}", path.display())]
    File {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line is not an entry. Only the last line can be torn by a crash.
    #[error("could not understand line {line} of the journal {}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A step cannot go from the one state to the other.
    #[error("could not note that {node} has {to}: in run {run} it {}", said(*from))]
    Illegal {
        /// The run.
        run: String,
        /// The node.
        node: String,
        /// Its state so far.
        from: Option<State>,
        /// The state that was to be noted.
        to: State,
    },
}

fn said(state: Option<State>) -> String {
    state.map_or("has not started".to_owned(), |state| format!("has {state} already"))
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Waiting => "to wait",
        })
    }
}

/// Where entries are written.
pub trait Journal: Send + Sync {
    /// Writes an entry so that it survives the program's end.
    ///
    /// In a run a node starts once and then succeeds, fails or has to wait; anything else is an
    /// error.
    fn append(&self, entry: Entry) -> Result<(), JournalError>;
    /// All entries, oldest first.
    fn read(&self) -> Result<Vec<Entry>, JournalError>;
}

/// Steps that the last run started and did not end, for "the run was in the middle of …".
///
/// Say it only together with a plan that has something to do: a step may have been done just
/// before its end could be noted.
pub fn interrupted(entries: &[Entry]) -> Vec<&Entry> {
    let last = entries.last().map(|entry| entry.run.as_str());
    let mut open = Vec::<&Entry>::new();
    for entry in entries.iter().filter(|entry| Some(entry.run.as_str()) == last) {
        match entry.state {
            State::Started => open.push(entry),
            State::Succeeded | State::Failed | State::Waiting => open.retain(|started| started.node != entry.node),
        }
    }
    open
}

/// The entries of the last `runs` runs.
pub(super) fn last_runs(entries: Vec<Entry>, runs: usize) -> Vec<Entry> {
    let mut kept = Vec::<String>::new();
    for entry in entries.iter().rev() {
        if kept.len() < runs && !kept.contains(&entry.run) {
            kept.push(entry.run.clone());
        }
    }
    entries.into_iter().filter(|entry| kept.contains(&entry.run)).collect()
}

/// How far every step of every run is; refuses what cannot be.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<(String, String), State>);

impl Ledger {
    pub(super) fn of(entries: &[Entry]) -> Self {
        Self(entries.iter().map(|entry| (key(entry), entry.state)).collect())
    }

    pub(super) fn note(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let from = self.0.get(&key(entry)).copied();
        if !legal(from, entry.state) {
            let (run, node) = key(entry);
            return Err(JournalError::Illegal { run, node, from, to: entry.state });
        }
        self.0.insert(key(entry), entry.state);
        Ok(())
    }
}

fn key(entry: &Entry) -> (String, String) {
    (entry.run.clone(), entry.node.clone())
}

fn legal(from: Option<State>, to: State) -> bool {
    match (from, to) {
        (None, State::Started) => true,
        (Some(State::Started), State::Succeeded | State::Failed | State::Waiting) => true,
        (None, State::Succeeded | State::Failed | State::Waiting) => false,
        (Some(State::Started), State::Started) => false,
        (Some(State::Succeeded | State::Failed | State::Waiting), _) => false,
    }
}

/// A journal that ends with the program.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<(Vec<Entry>, Ledger)>);

impl MemoryJournal {
    /// A journal with these entries.
    pub fn new(entries: Vec<Entry>) -> Self {
        let ledger = Ledger::of(&entries);
        Self(Mutex::new((entries, ledger)))
    }

    /// What is noted is noted whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, (Vec<Entry>, Ledger)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let (entries, ledger) = &mut *self.lock();
        ledger.note(&entry)?;
        entries.push(entry);
        Ok(())
    }

    fn read(&self) -> Result<Vec<Entry>, JournalError> {
        Ok(self.lock().0.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::deploy::testing::entry;

    #[test]
    fn a_step_starts_and_ends_once_in_a_run() {
        let journal = MemoryJournal::default();
        journal.append(entry("1", "a", State::Started)).unwrap();
        journal.append(entry("1", "b", State::Started)).unwrap();
        journal.append(entry("1", "a", State::Succeeded)).unwrap();
        journal.append(entry("1", "b", State::Failed)).unwrap();
        journal.append(entry("2", "a", State::Started)).unwrap();
        assert_eq!(journal.read().unwrap().len(), 5);
    }

    #[test]
    fn anything_else_is_an_error_and_is_not_noted() {
        use State::{Failed, Started, Succeeded, Waiting};
        for (before, to) in [
            (vec![], Succeeded),
            (vec![], Failed),
            (vec![Started], Started),
            (vec![Started, Succeeded], Started),
            (vec![Started, Succeeded], Failed),
            (vec![Started, Failed], Succeeded),
            (vec![], Waiting),
            (vec![Started, Waiting], Started),
            (vec![Started, Waiting], Succeeded),
        ] {
            let entries: Vec<_> = before.into_iter().map(|state| entry("1", "a", state)).collect();
            let journal = MemoryJournal::new(entries.clone());
            let error = journal.append(entry("1", "a", to)).unwrap_err();
            assert!(matches!(error, JournalError::Illegal { .. }), "{error}");
            assert_eq!(journal.read().unwrap(), entries);
        }
    }

    #[test]
    fn an_illegal_step_reads_as_a_sentence() {
        let journal = MemoryJournal::new(vec![entry("1", "a", State::Started)]);
        let error = journal.append(entry("1", "a", State::Started)).unwrap_err();
        assert_eq!(error.to_string(), "could not note that a has started: in run 1 it has started already");
        let error = journal.append(entry("2", "a", State::Failed)).unwrap_err();
        assert_eq!(error.to_string(), "could not note that a has failed: in run 2 it has not started");
    }

    #[test]
    fn what_was_interrupted_is_what_the_last_run_did_not_end() {
        let entries = [
            entry("1", "left", State::Started),
            entry("2", "a", State::Started),
            entry("2", "b", State::Started),
            entry("2", "c", State::Started),
            entry("2", "a", State::Succeeded),
            entry("2", "c", State::Failed),
            entry("2", "d", State::Started),
            entry("2", "d", State::Waiting),
        ];
        let nodes: Vec<_> = interrupted(&entries).into_iter().map(|entry| entry.node.as_str()).collect();
        assert_eq!(nodes, ["b"]);
        assert!(interrupted(&[]).is_empty());
    }

    #[test]
    fn only_the_last_runs_are_kept() {
        let entries = ["1", "2", "1", "3"].map(|run| entry(run, "a", State::Started)).to_vec();
        let runs: Vec<_> = last_runs(entries, 2).into_iter().map(|entry| entry.run).collect();
        assert_eq!(runs, ["1", "1", "3"]);
    }
}
