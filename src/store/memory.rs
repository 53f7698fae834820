//! Documents in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use super::{Document, Documents, Listing, Page, StoreError};

type Collections = BTreeMap<(String, String), Document>;

/// A store that forgets everything at the end.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Collections>);

impl MemoryStore {
    fn open(&self, collection: &str) -> Result<MutexGuard<'_, Collections>, StoreError> {
        self.0.lock().map_err(|_| StoreError::failed(collection, "the store is poisoned"))
    }
}

fn key(collection: &str, id: &str) -> (String, String) {
    (collection.to_owned(), id.to_owned())
}

#[async_trait]
impl Documents for MemoryStore {
    async fn get(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.open(collection)?.get(&key(collection, id)).cloned())
    }

    async fn create(&self, collection: &str, document: &Document) -> Result<(), StoreError> {
        let document = document.kept()?;
        let mut open = self.open(collection)?;
        let key = key(collection, &document.id);
        if open.contains_key(&key) {
            return Err(StoreError::conflict(collection, &document.id));
        }
        open.insert(key, document);
        Ok(())
    }

    async fn replace(&self, collection: &str, document: &Document, expected: u64) -> Result<(), StoreError> {
        let document = document.kept()?;
        match self.open(collection)?.get_mut(&key(collection, &document.id)) {
            Some(there) if there.version == expected => {
                *there = document;
                Ok(())
            }
            _ => Err(StoreError::conflict(collection, &document.id)),
        }
    }

    async fn delete(&self, collection: &str, id: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        let mut open = self.open(collection)?;
        let key = key(collection, id);
        match (open.get(&key), expected) {
            (Some(there), Some(expected)) if there.version != expected => Err(StoreError::conflict(collection, id)),
            (Some(_), _) => Ok(open.remove(&key).is_some()),
            (None, _) => Ok(false),
        }
    }

    async fn list(&self, collection: &str, page: &Page) -> Result<Listing, StoreError> {
        let open = self.open(collection)?;
        let (from, to) = range(page);
        let from = from.map(|id| key(collection, &id));
        let to = match to {
            Bound::Unbounded => Bound::Excluded((format!("{collection}\0"), String::new())),
            bound => bound.map(|id| key(collection, &id)),
        };
        let from = if from == Bound::Unbounded { Bound::Included(key(collection, "")) } else { from };
        let range = open.range((from, to)).map(|(_, document)| document.clone());
        let some = page.limit + 1;
        let documents = if page.newest_first { range.rev().take(some).collect() } else { range.take(some).collect() };
        Ok(cut(documents, page.limit))
    }
}

/// Bounds of the ids of a page.
pub(super) fn range(page: &Page) -> (Bound<String>, Bound<String>) {
    match (&page.after, page.newest_first) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(after), false) => (Bound::Excluded(after.clone()), Bound::Unbounded),
        (Some(after), true) => (Bound::Unbounded, Bound::Excluded(after.clone())),
    }
}

/// A page from one document more than it may have, if there are so many.
pub(super) fn cut(mut documents: Vec<Document>, limit: usize) -> Listing {
    let more = documents.len() > limit;
    documents.truncate(limit);
    let next = if more { documents.last().map(|last| last.id.clone()) } else { None };
    Listing { documents, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::conformance;

    #[tokio::test]
    async fn memory_behaves_as_every_store_does() {
        conformance(&MemoryStore::default()).await;
    }
}
