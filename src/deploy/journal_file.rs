//! The journal as a file: one JSON object a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

use super::journal::{Entry, Journal, JournalError, Ledger, last_runs};

/// Finished runs that are remembered when a journal is opened.
const RUNS_KEPT: usize = 5;

/// A journal in a file that only its owner can read.
///
/// Every line is on the disk before the call it announces is made. A last line that a crash has
/// torn counts as not written. One process writes at a time.
pub struct FileJournal {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    ledger: Ledger,
    /// A write failed: where the file ends is not known.
    broken: bool,
}

impl FileJournal {
    /// Opens the journal, makes it and its folders if need be, mends a torn line, and forgets
    /// runs that are long over.
    pub fn open(path: PathBuf) -> Result<Self, JournalError> {
        let (entries, whole) = read(&path)?;
        let all = entries.len();
        let kept = last_runs(entries, RUNS_KEPT);
        let opened = if kept.len() < all { rewrite(&path, &kept) } else { make_folder(&path) };
        let file = opened.and_then(|()| owners_file(&path)).map_err(|e| failed(&path, e))?;
        if kept.len() == all {
            mend(&file, whole).map_err(|e| failed(&path, e))?;
        }
        let open = Mutex::new(Open { file, ledger: Ledger::of(&kept), broken: false });
        Ok(Self { path, open })
    }
}

impl Journal for FileJournal {
    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.broken {
            let (_, whole) = read(&self.path)?;
            mend(&open.file, whole).map_err(|e| failed(&self.path, e))?;
        }
        open.ledger.note(&entry)?;
        open.broken = true;
        write_line(&mut open.file, &entry).map_err(|e| failed(&self.path, e))?;
        open.broken = false;
        Ok(())
    }

    fn read(&self) -> Result<Vec<Entry>, JournalError> {
        Ok(read(&self.path)?.0)
    }
}

/// The entries, and how many bytes of the file they are.
fn read(path: &Path) -> Result<(Vec<Entry>, u64), JournalError> {
    let bytes = match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        bytes => bytes.map_err(|e| failed(path, e))?,
    };
    // What comes after the last line feed was torn: its call was never made.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
    let entries = lines.enumerate().map(|(i, line)| parse(path, i + 1, line)).collect::<Result<_, _>>()?;
    Ok((entries, whole as u64))
}

fn parse(path: &Path, line: usize, text: &[u8]) -> Result<Entry, JournalError> {
    serde_json::from_slice(text).map_err(|source| JournalError::Damaged { path: path.to_owned(), line, source })
}

/// Through a second file, so that a crash leaves the one or the other. It is the owner's too.
fn rewrite(path: &Path, entries: &[Entry]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    for entry in entries {
        file.write_all(&line(entry)?)?;
    }
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn failed(path: &Path, source: io::Error) -> JournalError {
    JournalError::File { path: path.to_owned(), source }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

/// In one write, so that a line is torn by a crash at most.
fn write_line(file: &mut File, entry: &Entry) -> io::Result<()> {
    file.write_all(&line(entry)?)?;
    file.flush()?;
    file.sync_data()
}

/// Cuts a torn last line off, so that the next line begins a line.
fn mend(file: &File, whole: u64) -> io::Result<()> {
    if file.metadata()?.len() > whole { file.set_len(whole) } else { Ok(()) }
}

fn owners_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use tempfile::TempDir;

    use super::*;
    use crate::deploy::journal::State;
    use crate::deploy::testing::entry;

    fn place() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/journal.jsonl");
        (folder, path)
    }

    fn open(path: &Path) -> FileJournal {
        FileJournal::open(path.to_owned()).unwrap()
    }

    fn runs(path: &Path) -> Vec<String> {
        open(path).read().unwrap().into_iter().map(|entry| entry.run).collect()
    }

    #[test]
    fn entries_come_back_in_their_order() {
        let (_folder, path) = place();
        let entries = [entry("1", "a", State::Started), entry("1", "a", State::Failed)];
        for entry in &entries {
            open(&path).append(entry.clone()).unwrap();
        }
        assert_eq!(open(&path).read().unwrap(), entries);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = place();
        for run in 0..RUNS_KEPT + 2 {
            open(&path).append(entry(&run.to_string(), "a", State::Started)).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_torn_last_line_counts_as_not_written_and_is_cut_off() {
        let (_folder, path) = place();
        open(&path).append(entry("1", "a", State::Started)).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, [whole.as_slice(), &whole[..length]].concat()).unwrap();
            assert_eq!(runs(&path), ["1"]);
            open(&path).append(entry("2", "é", State::Started)).unwrap();
            assert_eq!(runs(&path), ["1", "2"]);
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_named() {
        let (_folder, path) = place();
        open(&path).append(entry("1", "a", State::Started)).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}oops\n{whole}")).unwrap();
        let error = FileJournal::open(path).err().unwrap();
        assert!(error.to_string().starts_with("could not understand line 2 of the journal "), "{error}");
    }

    #[test]
    fn the_file_remembers_what_is_legal() {
        let (_folder, path) = place();
        open(&path).append(entry("1", "a", State::Started)).unwrap();
        let again = open(&path);
        again.append(entry("1", "a", State::Started)).unwrap_err();
        again.append(entry("1", "a", State::Succeeded)).unwrap();
        assert_eq!(runs(&path).len(), 2);
    }

    #[test]
    fn runs_that_are_long_over_are_forgotten() {
        let (folder, path) = place();
        for run in 1..=8 {
            let journal = open(&path);
            journal.append(entry(&run.to_string(), "a", State::Started)).unwrap();
            journal.append(entry(&run.to_string(), "a", State::Succeeded)).unwrap();
        }
        let mut kept = runs(&path);
        kept.dedup();
        assert_eq!(kept, ["4", "5", "6", "7", "8"]);
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_named() {
        let (folder, _) = place();
        let error = FileJournal::open(folder.path().to_owned()).err().unwrap();
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    }
}
