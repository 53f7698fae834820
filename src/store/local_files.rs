//! Files in a folder of this machine: `<folder>/<collection>/<id>`.
//!
//! Such a file begins with one line of JSON, which says its name and type, and then has the bytes
//! that were sent. In one file they are replaced and removed together; of a program that is killed
//! meanwhile, a `.new-…` is left at most, which nobody looks at.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::files::{FileMeta, FilePage, Files, check, check_collection, check_new, cut, is_id};

/// Longest first line, in bytes; far more than a name and a type may have.
const LINE: u64 = 16 * 1024;
/// Beginning of the name of a file that is not whole yet. No id has a dot.
const UNFINISHED: &str = ".new-";

/// A store in a folder; every write is on disk before it is answered.
#[derive(Debug, Clone)]
pub struct LocalFiles(PathBuf);

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    #[serde(rename = "type")]
    content_type: String,
}

impl LocalFiles {
    /// A store in `folder`, which is made with the first file.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Runs `work` on a collection's folder where it may block.
    async fn work<T: Send + 'static>(
        &self,
        collection: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = self.0.join(collection);
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        let done = done.map_err(|error| StoreError::failed(collection, error))?;
        done.map_err(|error| StoreError::failed(collection, error))
    }
}

#[async_trait]
impl Files for LocalFiles {
    async fn put(&self, collection: &str, id: &str, meta: FileMeta, bytes: Bytes) -> Result<(), StoreError> {
        check_new(collection, id, &meta, &bytes)?;
        let id = id.to_owned();
        self.work(collection, move |folder| write(folder, &id, meta, &bytes)).await
    }

    async fn get(&self, collection: &str, id: &str) -> Result<Option<(FileMeta, Bytes)>, StoreError> {
        check(collection, id)?;
        let id = id.to_owned();
        self.work(collection, move |folder| {
            let Some((meta, mut rest)) = open(&folder.join(id))? else { return Ok(None) };
            let mut bytes = Vec::new();
            rest.read_to_end(&mut bytes)?;
            Ok(Some((meta, bytes.into())))
        })
        .await
    }

    async fn head(&self, collection: &str, id: &str) -> Result<Option<FileMeta>, StoreError> {
        check(collection, id)?;
        let id = id.to_owned();
        self.work(collection, move |folder| Ok(open(&folder.join(id))?.map(|(meta, _)| meta))).await
    }

    async fn list(&self, collection: &str, cursor: Option<&str>, limit: usize) -> Result<FilePage, StoreError> {
        check_collection(collection)?;
        let after = cursor.map(str::to_owned);
        self.work(collection, move |folder| {
            let mut files = Vec::new();
            for id in ids(folder, after.as_deref())? {
                // What was removed since is not there.
                if let Some((meta, _)) = open(&folder.join(&id))? {
                    files.push((id, meta));
                }
                if files.len() > limit {
                    break;
                }
            }
            Ok(cut(files, limit))
        })
        .await
    }

    async fn delete(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        check(collection, id)?;
        let id = id.to_owned();
        self.work(collection, move |folder| {
            let removed = there(fs::remove_file(folder.join(id)))?.is_some();
            if removed {
                settle(folder)?;
            }
            Ok(removed)
        })
        .await
    }
}

/// Writes the file under another name first, so that it is never seen by half. Only its owner can
/// read it.
fn write(folder: &Path, id: &str, meta: FileMeta, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut new = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    let mut line = serde_json::to_vec(&Line { name: meta.name, content_type: meta.content_type })?;
    line.push(b'\n');
    new.write_all(&line)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(folder.join(id)).map_err(|error| error.error)?;
    settle(folder)
}

/// Has the new names of a folder written to disk, where a folder can be told so.
fn settle(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// What a file says of itself, and the rest of it; `None` when it is not there.
fn open(path: &Path) -> io::Result<Option<(FileMeta, BufReader<File>)>> {
    let Some(file) = there(File::open(path))? else { return Ok(None) };
    let whole = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let length = reader.by_ref().take(LINE).read_until(b'\n', &mut line)? as u64;
    let Line { name, content_type } = serde_json::from_slice(&line)?;
    Ok(Some((FileMeta { name, content_type, size: whole.saturating_sub(length) }, reader)))
}

/// The ids of a folder after one of them, in order.
fn ids(folder: &Path, after: Option<&str>) -> io::Result<Vec<String>> {
    let Some(entries) = there(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let id = name.to_str().filter(|name| is_id(name) && after.is_none_or(|after| *name > after));
        ids.extend(id.map(str::to_owned));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// `None` for what is not there.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::files_conformance::{conformance, file};

    #[tokio::test]
    async fn a_folder_behaves_as_every_store_of_files_does() {
        let folder = tempfile::tempdir().unwrap();
        conformance(&LocalFiles::new(&folder.path().join("files"))).await;
    }

    #[tokio::test]
    async fn files_are_there_after_the_end_and_unfinished_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (meta, bytes) = file("a.txt", b"{\"no\": \"header\"}\n\nrest");
        LocalFiles::new(folder.path()).put("notes", "a", meta.clone(), bytes.clone()).await.unwrap();
        fs::write(folder.path().join("notes/.new-x1"), "half").unwrap();
        let again = LocalFiles::new(folder.path());
        assert_eq!(again.get("notes", "a").await.unwrap(), Some((meta.clone(), bytes)));
        assert_eq!(again.list("notes", None, 9).await.unwrap().files, [("a".to_owned(), meta)]);
        assert_eq!(fs::read_dir(folder.path().join("notes")).unwrap().count(), 2, "nothing else was left");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_its_owner_reads_a_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (meta, bytes) = file("a", b"secret");
        LocalFiles::new(folder.path()).put("notes", "a", meta, bytes).await.unwrap();
        let mode = fs::metadata(folder.path().join("notes/a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
