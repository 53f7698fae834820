//! Documents in files of this machine.
//!
//! One program at a time may hold such a file open. The preview holds that of the documents as
//! long as it runs; a collection that other commands change meanwhile, as `token new` does, is
//! kept in a file of its own, which everybody opens for one moment only.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::memory::{cut, range};
use super::{Document, Documents, Listing, Page, StoreError};

/// Collection and id to the document as JSON.
const DOCUMENTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("documents");
/// What errors that belong to no collection name.
const FILE: &str = "the local data";

/// How long a file is waited for that another program holds for a moment.
const MOMENT: Duration = Duration::from_secs(3);
/// Most memory for pages of a file that were read, in bytes.
const CACHE: usize = 32 << 20;
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// A store in a file; every write is on disk before it is answered.
pub struct LocalStore {
    documents: File,
    shared: Option<(String, File)>,
}

/// A file, held open or opened for every use.
#[derive(Clone)]
enum File {
    Held(Arc<Database>),
    Shared(PathBuf),
}

impl LocalStore {
    /// Opens the file and holds it; makes it and its folder if need be.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { documents: File::Held(Arc::new(open(path)?)), shared: None })
    }

    /// A file that is opened for every use, so that several programs can use it.
    pub fn shared(path: &Path) -> Self {
        Self { documents: File::Shared(path.to_owned()), shared: None }
    }

    /// Keeps one collection in a shared file of its own.
    pub fn with_shared(mut self, collection: &str, path: &Path) -> Self {
        self.shared = Some((collection.to_owned(), File::Shared(path.to_owned())));
        self
    }

    /// Runs `work` where it may block.
    async fn work<T: Send + 'static>(
        &self,
        collection: &str,
        work: impl FnOnce(&Database, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = match &self.shared {
            Some((name, file)) if name == collection => file.clone(),
            _ => self.documents.clone(),
        };
        let collection = collection.to_owned();
        let failed = collection.clone();
        tokio::task::spawn_blocking(move || match file {
            File::Held(database) => work(&database, &collection),
            File::Shared(path) => work(&open_soon(&path)?, &collection),
        })
        .await
        .map_err(|error| StoreError::failed(&failed, error))?
    }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    let failed = |error: std::io::Error| StoreError::failed(FILE, error);
    if !path.try_exists().map_err(failed)? {
        make(path).map_err(failed)?;
    }
    match redb::Builder::new().set_cache_size(CACHE).create(path) {
        Ok(database) => Ok(database),
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(error) => Err(StoreError::failed(FILE, error)),
    }
}

/// Makes the file under another name first: of a program that is killed meanwhile, no half a file
/// is left in the place of the whole. Only its owner can read it.
fn make(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = tempfile::Builder::new().prefix(".new-").suffix(".redb").tempfile_in(folder)?;
    drop(Database::create(new.path()).map_err(std::io::Error::other)?);
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        // Or another arqsite was quicker.
        _ => Ok(()),
    }
}

fn open_soon(path: &Path) -> Result<Database, StoreError> {
    let start = Instant::now();
    loop {
        match open(path) {
            Err(StoreError::InUse { .. }) if start.elapsed() < MOMENT => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
}

/// What a write finds in the place it goes to, and says should be there.
enum Then {
    Put(Document),
    Remove,
    Leave,
}

/// Reads a document and decides on it in one transaction.
fn change<T>(
    database: &Database,
    collection: &str,
    id: &str,
    decide: impl FnOnce(Option<Document>) -> Result<(Then, T), StoreError>,
) -> Result<T, StoreError> {
    let failed = |error: redb::Error| StoreError::failed(collection, error);
    let write = database.begin_write().map_err(|e| failed(e.into()))?;
    let answer;
    {
        let mut table = write.open_table(DOCUMENTS).map_err(|e| failed(e.into()))?;
        let there = match table.get((collection, id)).map_err(|e| failed(e.into()))? {
            Some(value) => Some(parse(collection, value.value())?),
            None => None,
        };
        let (then, result) = decide(there)?;
        answer = result;
        match then {
            Then::Put(document) => {
                let json = serde_json::to_vec(&document).map_err(|e| StoreError::failed(collection, e))?;
                table.insert((collection, id), json.as_slice()).map_err(|e| failed(e.into()))?;
            }
            Then::Remove => {
                table.remove((collection, id)).map_err(|e| failed(e.into()))?;
            }
            Then::Leave => {}
        }
    }
    write.commit().map_err(|e| failed(e.into()))?;
    Ok(answer)
}

/// Reads in a transaction; `None` when nothing was ever kept.
fn look<T>(
    database: &Database,
    collection: &str,
    read: impl FnOnce(&redb::ReadOnlyTable<(&'static str, &'static str), &'static [u8]>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let transaction = database.begin_read().map_err(|e| StoreError::failed(collection, e))?;
    match transaction.open_table(DOCUMENTS) {
        Ok(table) => read(&table).map(Some),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(StoreError::failed(collection, error)),
    }
}

fn parse(collection: &str, json: &[u8]) -> Result<Document, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::failed(collection, error))
}

#[async_trait]
impl Documents for LocalStore {
    async fn get(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let id = id.to_owned();
        self.work(collection, move |database, collection| {
            let found = look(database, collection, |table| {
                let value = table.get((collection, id.as_str())).map_err(|e| StoreError::failed(collection, e))?;
                value.map(|value| parse(collection, value.value())).transpose()
            })?;
            Ok(found.flatten())
        })
        .await
    }

    async fn create(&self, collection: &str, document: &Document) -> Result<(), StoreError> {
        let document = document.kept()?;
        self.work(collection, move |database, collection| {
            let id = document.id.clone();
            change(database, collection, &id.clone(), |there| match there {
                Some(_) => Err(StoreError::conflict(collection, &id)),
                None => Ok((Then::Put(document), ())),
            })
        })
        .await
    }

    async fn replace(&self, collection: &str, document: &Document, expected: u64) -> Result<(), StoreError> {
        let document = document.kept()?;
        self.work(collection, move |database, collection| {
            let id = document.id.clone();
            change(database, collection, &id.clone(), |there| match there {
                Some(there) if there.version == expected => Ok((Then::Put(document), ())),
                _ => Err(StoreError::conflict(collection, &id)),
            })
        })
        .await
    }

    async fn delete(&self, collection: &str, id: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.work(collection, move |database, collection| {
            change(database, collection, &id, |there| match (there, expected) {
                (None, _) => Ok((Then::Leave, false)),
                (Some(there), Some(expected)) if there.version != expected => {
                    Err(StoreError::conflict(collection, &id))
                }
                (Some(_), _) => Ok((Then::Remove, true)),
            })
        })
        .await
    }

    async fn list(&self, collection: &str, page: &Page) -> Result<Listing, StoreError> {
        let page = page.clone();
        self.work(collection, move |database, collection| {
            let listing = look(database, collection, |table| read_page(table, collection, &page))?;
            Ok(listing.unwrap_or_default())
        })
        .await
    }
}

fn read_page(
    table: &redb::ReadOnlyTable<(&'static str, &'static str), &'static [u8]>,
    collection: &str,
    page: &Page,
) -> Result<Listing, StoreError> {
    let failed = |error: redb::StorageError| StoreError::failed(collection, error);
    let (from, to) = range(page);
    // No collection's name has this character, so it ends where the next one could begin.
    let end = format!("{collection}\0");
    let from = match &from {
        Bound::Unbounded => Bound::Included((collection, "")),
        bound => bound.as_ref().map(|id| (collection, id.as_str())),
    };
    let to = match &to {
        Bound::Unbounded => Bound::Excluded((end.as_str(), "")),
        bound => bound.as_ref().map(|id| (collection, id.as_str())),
    };
    let mut rows = table.range::<(&str, &str)>((from, to)).map_err(failed)?;
    let mut documents = Vec::new();
    while documents.len() <= page.limit {
        let Some(row) = (if page.newest_first { rows.next_back() } else { rows.next() }) else { break };
        let (_, value) = row.map_err(failed)?;
        documents.push(parse(collection, value.value())?);
    }
    Ok(cut(documents, page.limit))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::BufRead;

    use super::*;
    use crate::store::conformance::{conformance, document};

    #[tokio::test]
    async fn local_behaves_as_every_store_does() {
        let folder = tempfile::tempdir().unwrap();
        conformance(&LocalStore::open(&folder.path().join("data/arq.redb")).unwrap()).await;
    }

    #[tokio::test]
    async fn what_was_kept_is_there_when_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arq.redb");
        let kept = document("a", 1);
        LocalStore::open(&path).unwrap().create("notes", &kept).await.unwrap();
        assert_eq!(LocalStore::open(&path).unwrap().get("notes", "a").await.unwrap(), Some(kept));
    }

    const FILE_OF_CHILD: &str = "ARQ_TEST_FILE";

    /// What the next test starts as a program of its own.
    #[tokio::test]
    #[ignore = "runs until it is killed"]
    async fn writes_until_it_is_killed() {
        let Some(path) = std::env::var_os(FILE_OF_CHILD) else { return };
        let store = LocalStore::open(Path::new(&path)).unwrap();
        for number in 0.. {
            store.create("notes", &document(&format!("{number:06}"), 1)).await.unwrap();
            println!("\nkept {number:06}");
        }
    }

    #[tokio::test]
    async fn what_was_answered_survives_a_kill_at_any_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arq.redb");
        let mut kept = Vec::new();
        for round in [1, 7, 30] {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "store::local::tests::writes_until_it_is_killed", "--ignored", "--nocapture"])
                .env(FILE_OF_CHILD, &path)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let ids = lines.filter_map(|line| line.strip_prefix("kept ").map(str::to_owned));
            kept.extend(ids.take(round));
            child.kill().unwrap();
            child.wait().unwrap();
            let store = LocalStore::open(&path).unwrap();
            for id in kept.drain(..) {
                assert!(store.get("notes", &id).await.unwrap().is_some(), "{id}");
            }
            let page = Page { limit: 1000, after: None, newest_first: false };
            for document in store.list("notes", &page).await.unwrap().documents {
                assert!(store.delete("notes", &document.id, None).await.unwrap());
            }
        }
    }

    #[tokio::test]
    async fn a_file_is_made_once_by_however_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/tokens.redb");
        let makers: Vec<_> = (0..8)
            .map(|number| {
                let store = LocalStore::shared(&path);
                tokio::spawn(async move { store.create("tokens", &document(&number.to_string(), 1)).await })
            })
            .collect();
        for maker in makers {
            maker.await.unwrap().unwrap();
        }
        let page = Page { limit: 100, after: None, newest_first: false };
        assert_eq!(LocalStore::shared(&path).list("tokens", &page).await.unwrap().documents.len(), 8);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_second_arqsite_is_told_that_the_data_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arq.redb");
        let _first = LocalStore::open(&path).unwrap();
        assert!(matches!(LocalStore::open(&path), Err(StoreError::InUse { .. })));
    }

    #[tokio::test]
    async fn a_shared_collection_is_changed_while_the_rest_is_held_open() {
        let folder = tempfile::tempdir().unwrap();
        let (path, tokens) = (folder.path().join("data.redb"), folder.path().join("tokens.redb"));
        let preview = LocalStore::open(&path).unwrap().with_shared("tokens", &tokens);
        let command = LocalStore::shared(&tokens);
        command.create("tokens", &document("a", 1)).await.unwrap();
        assert!(preview.get("tokens", "a").await.unwrap().is_some());
        assert!(preview.get("notes", "a").await.unwrap().is_none());
    }
}
