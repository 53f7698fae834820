//! Files: small ones, each kept whole under an id.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Largest file, in bytes. In Lambda's events and answers bytes are base64, which is a third more:
/// 5.6 million of the 6 MB that a payload may have.
///
/// Source: Lambda quotas, "Invocation payload".
pub const LARGEST_FILE: usize = 4 * 1024 * 1024;

/// What is known of a file beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Its name, as whoever sent it called it.
    pub name: String,
    /// Its media type, without parameters.
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// One page of a collection of files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilePage {
    /// The files by id.
    pub files: Vec<(String, FileMeta)>,
    /// Id after which the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Files in collections.
///
/// A file is there whole or not at all, and what was answered to is kept: it survives the end of
/// the program at any moment. A collection or an id that is none is an error, and nothing is
/// looked for under it.
#[async_trait]
pub trait Files: Send + Sync {
    /// Keeps a file, in the place of the one of this id if there is one. Its size has to be that
    /// of the bytes.
    async fn put(&self, collection: &str, id: &str, meta: FileMeta, bytes: Bytes) -> Result<(), StoreError>;

    /// The file, if it is there.
    async fn get(&self, collection: &str, id: &str) -> Result<Option<(FileMeta, Bytes)>, StoreError>;

    /// What is known of the file, if it is there.
    async fn head(&self, collection: &str, id: &str) -> Result<Option<FileMeta>, StoreError>;

    /// One page of a collection: at most `limit` files, in the order of their ids, after the id
    /// `cursor`. Ids sort by time, so the newest is last: S3 lists in this order only.
    async fn list(&self, collection: &str, cursor: Option<&str>, limit: usize) -> Result<FilePage, StoreError>;

    /// Removes a file; says whether it was there.
    async fn delete(&self, collection: &str, id: &str) -> Result<bool, StoreError>;
}

/// Where there is no place for files: every collection is refused.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoFiles;

fn nowhere<T>(collection: &str) -> Result<T, StoreError> {
    Err(StoreError::failed(collection, "there is no place for files here"))
}

#[async_trait]
impl Files for NoFiles {
    async fn put(&self, collection: &str, _: &str, _: FileMeta, _: Bytes) -> Result<(), StoreError> {
        nowhere(collection)
    }

    async fn get(&self, collection: &str, _: &str) -> Result<Option<(FileMeta, Bytes)>, StoreError> {
        nowhere(collection)
    }

    async fn head(&self, collection: &str, _: &str) -> Result<Option<FileMeta>, StoreError> {
        nowhere(collection)
    }

    async fn list(&self, collection: &str, _: Option<&str>, _: usize) -> Result<FilePage, StoreError> {
        nowhere(collection)
    }

    async fn delete(&self, collection: &str, _: &str) -> Result<bool, StoreError> {
        nowhere(collection)
    }
}

/// Whether a text can be the id of a file: 1 to 64 of A-Z, a-z, 0-9, `-` and `_`.
///
/// SECURITY: an id becomes a file's name and a part of a key; none of these leads elsewhere.
pub fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// Refuses a collection that is none.
pub(crate) fn check_collection(collection: &str) -> Result<(), StoreError> {
    match is_id(collection) {
        true => Ok(()),
        false => Err(StoreError::failed(collection, "this is no name of a collection")),
    }
}

/// Refuses a collection or an id that is none.
pub(crate) fn check(collection: &str, id: &str) -> Result<(), StoreError> {
    check_collection(collection)?;
    match is_id(id) {
        true => Ok(()),
        false => Err(StoreError::failed(collection, "this is no id of a file")),
    }
}

/// Refuses what no store may keep.
pub(crate) fn check_new(collection: &str, id: &str, meta: &FileMeta, bytes: &Bytes) -> Result<(), StoreError> {
    check(collection, id)?;
    match usize::try_from(meta.size) {
        Ok(size) if size == bytes.len() && size <= LARGEST_FILE => Ok(()),
        Ok(size) if size == bytes.len() => Err(StoreError::TooLarge { size }),
        _ => Err(StoreError::failed(collection, "the file has another size than is said of it")),
    }
}

/// A page from one file more than it may have, if there are so many.
pub(crate) fn cut(mut files: Vec<(String, FileMeta)>, limit: usize) -> FilePage {
    let more = files.len() > limit;
    files.truncate(limit);
    let next = if more { files.last().map(|(id, _)| id.clone()) } else { None };
    FilePage { files, next }
}
