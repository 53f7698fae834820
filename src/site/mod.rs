//! `site/` in, pages and files out.
//!
//! [`load`] lists the folder, renders its Markdown and checks its links. Files stay on disk: a
//! site may be larger than memory.

pub mod error;
pub mod front;
pub mod headers;
pub mod headers_file;
pub mod html;
pub mod layout;
pub mod links;
pub mod markdown;
pub mod mime;
pub mod not_found;
pub(crate) mod parallel;
pub mod redirect_faults;
pub mod redirect_table;
pub mod redirects;
pub mod redirects_file;
pub mod rewrite;
pub mod rules;
pub mod scan;
pub mod url;

mod faults;
mod load;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

pub use error::SiteError;
pub use links::Fault;
pub use load::load;
pub use rewrite::Rewritten;

/// All that a visitor may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Pages and files, by path; the not-found page is not among them.
    pub files: Vec<File>,
    /// What answers when nothing is found: `404.html`, or a built-in page.
    pub not_found: File,
    /// Its redirects and headers.
    pub rules: rules::Rules,
    /// What is probably a mistake, at most [`FAULTS_LISTED`].
    pub faults: Vec<Fault>,
    /// How many faults there are in all.
    pub faults_in_all: usize,
}

/// How many faults of a site are listed.
pub const FAULTS_LISTED: usize = 100;

/// One page or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Decoded URL path in its canonical form.
    pub path: String,
    /// The file it is made from, relative to the project, such as `site/about.md`; empty for the
    /// built-in not-found page.
    pub source: String,
    /// The bytes, or where they lie.
    pub content: Content,
    /// Value of the `content-type` header.
    pub content_type: String,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In a file.
    Disk {
        /// Its path.
        path: PathBuf,
        /// Its size in bytes when it was listed.
        size: u64,
    },
    /// In memory.
    Memory(Bytes),
    /// In another file, in which plain names are replaced whenever it is read.
    Rewritten(Arc<Rewritten>),
}

impl Content {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Disk { size, .. } => *size,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Rewritten(text) => text.size(),
        }
    }

    /// All bytes, in memory.
    pub fn bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Disk { path, .. } => fs::read(path).map(Bytes::from),
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Rewritten(text) => text.bytes(),
        }
    }
}
