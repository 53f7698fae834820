//! Files in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::StoreError;
use super::files::{FileMeta, FilePage, Files, check, check_collection, check_new, cut};

type Collections = BTreeMap<String, BTreeMap<String, (FileMeta, Bytes)>>;

/// A store that forgets everything at the end.
#[derive(Debug, Default)]
pub struct MemoryFiles(Mutex<Collections>);

impl MemoryFiles {
    fn open(&self, collection: &str) -> Result<MutexGuard<'_, Collections>, StoreError> {
        self.0.lock().map_err(|_| StoreError::failed(collection, "the store is poisoned"))
    }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn put(&self, collection: &str, id: &str, meta: FileMeta, bytes: Bytes) -> Result<(), StoreError> {
        check_new(collection, id, &meta, &bytes)?;
        self.open(collection)?.entry(collection.into()).or_default().insert(id.into(), (meta, bytes));
        Ok(())
    }

    async fn get(&self, collection: &str, id: &str) -> Result<Option<(FileMeta, Bytes)>, StoreError> {
        check(collection, id)?;
        Ok(self.open(collection)?.get(collection).and_then(|files| files.get(id)).cloned())
    }

    async fn head(&self, collection: &str, id: &str) -> Result<Option<FileMeta>, StoreError> {
        Ok(self.get(collection, id).await?.map(|(meta, _)| meta))
    }

    async fn list(&self, collection: &str, cursor: Option<&str>, limit: usize) -> Result<FilePage, StoreError> {
        check_collection(collection)?;
        let open = self.open(collection)?;
        let Some(files) = open.get(collection) else { return Ok(FilePage::default()) };
        let after = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let some = files.range::<str, _>((after, Bound::Unbounded)).take(limit + 1);
        Ok(cut(some.map(|(id, (meta, _))| (id.clone(), meta.clone())).collect(), limit))
    }

    async fn delete(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        check(collection, id)?;
        Ok(self.open(collection)?.get_mut(collection).and_then(|files| files.remove(id)).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files_conformance::conformance;

    #[tokio::test]
    async fn memory_behaves_as_every_store_of_files_does() {
        conformance(&MemoryFiles::default()).await;
    }
}
