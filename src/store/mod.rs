//! Where documents and files are kept: a trait for each, and what memory, this machine and AWS make
//! of it.

pub mod document;
pub mod files;
pub mod local;
pub mod local_files;
pub mod memory;
pub mod memory_files;
pub mod migrations;
pub mod number;
pub mod permission;

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(test)]
pub mod conformance;
#[cfg(test)]
pub mod files_conformance;

use async_trait::async_trait;

pub use document::{Document, Fields};
pub use files::{FileMeta, FilePage, Files};
pub use local::LocalStore;
pub use local_files::LocalFiles;
pub use memory::MemoryStore;
pub use memory_files::MemoryFiles;
pub use permission::Statement;

/// Largest document, in bytes as [`Document::size`] counts them; DynamoDB's limit for an item.
///
/// Source: DynamoDB developer guide, "Service, account, and table quotas".
pub const LARGEST: usize = 400 * 1024;

/// Most documents in one page of a list.
pub const PAGE: usize = 100;

/// Documents in collections.
///
/// Every method is atomic for one document: of two writers that expect the same version, one wins
/// and the other gets [`StoreError::Conflict`]. What was answered to is kept: it survives the end
/// of the program at any moment.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The document, if it is there.
    async fn get(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError>;

    /// Keeps a document that must not be there yet.
    async fn create(&self, collection: &str, document: &Document) -> Result<(), StoreError>;

    /// Puts `document` in the place of the one of its id, which must have the version `expected`.
    async fn replace(&self, collection: &str, document: &Document, expected: u64) -> Result<(), StoreError>;

    /// Removes a document, of this version if one is expected; says whether it was there.
    async fn delete(&self, collection: &str, id: &str, expected: Option<u64>) -> Result<bool, StoreError>;

    /// One page of a collection, by id.
    async fn list(&self, collection: &str, page: &Page) -> Result<Listing, StoreError>;
}

/// Which part of a collection is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Most documents to give, 1 to [`PAGE`].
    pub limit: usize,
    /// Id after which the page begins.
    pub after: Option<String>,
    /// Whether the greatest id comes first. Ids sort by time, so that is the newest.
    pub newest_first: bool,
}

/// One page of a collection.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// The documents.
    pub documents: Vec<Document>,
    /// Id after which the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The document is there already, or has another version than was expected.
    #[error("the document {id} of {collection} is not as it was expected")]
    Conflict {
        /// The collection.
        collection: String,
        /// The document.
        id: String,
    },
    /// The document is over [`LARGEST`].
    #[error("the document has {size} bytes; {LARGEST} is the most")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// The document holds a number that is too great or too small to be kept.
    #[error("a number is out of range")]
    Number,
    /// Too much at once; later it may work.
    #[error("{collection} is busy")]
    Busy {
        /// The collection.
        collection: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another arqsite has the local data open.
    #[error("{path} is in use by another arqsite")]
    InUse {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The store failed.
    #[error("{collection} could not be reached")]
    Failed {
        /// The collection.
        collection: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Not as it was expected.
    pub(crate) fn conflict(collection: &str, id: &str) -> Self {
        Self::Conflict { collection: collection.into(), id: id.into() }
    }

    /// The store failed.
    pub(crate) fn failed(collection: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { collection: collection.into(), source: source.into() }
    }
}
