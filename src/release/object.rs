//! One immutable thing in the site bucket: bytes and the headers they are served with.

use std::collections::BTreeMap;
use std::fs::File as DiskFile;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::id::{ObjectId, hex};
use crate::site::{Content, File};

/// What browsers are told of every page: ask again each time.
pub const CACHE_CONTROL: &str = "public, max-age=0, must-revalidate";
/// Largest object that one `PutObject` takes, in bytes.
///
/// Source: Amazon S3 User Guide, "Uploading objects".
pub const OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// How often a file that changes while it is read is read again.
const TRIES: usize = 3;
/// Size of the pieces in which files are read, in bytes.
const PIECE: usize = 256 * 1024;

/// An object, ready to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Hash of all that a visitor gets: status, headers and bytes.
    pub id: ObjectId,
    /// The bytes, or where they lie.
    pub content: Content,
    /// Value of the `content-type` header.
    pub content_type: String,
    /// The other headers for the visitor, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Status of the answer: 200, or 404 for the not-found page.
    pub status: u16,
    /// Size in bytes.
    pub size: u64,
    /// MD5 of the bytes, in lower-case hexadecimal: S3's ETag.
    pub md5: String,
}

/// Why a file has no object.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The file could not be read.
    #[error("reading {file}")]
    Read {
        /// The file, from the project's folder.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody writes to the file.
    #[error("{file} keeps changing while it is read; try again when it is finished")]
    Changing {
        /// The file, from the project's folder.
        file: String,
    },
    /// S3 does not take the file in one piece.
    #[error("{file} has {size} bytes; an object may have {OBJECT_BYTES}")]
    TooLarge {
        /// The file, from the project's folder.
        file: String,
        /// Its size in bytes.
        size: u64,
    },
}

impl Object {
    /// Reads a file of the site, in pieces, and names it by what it holds.
    pub fn of(file: &File, status: u16) -> Result<Self, ObjectError> {
        let headers = BTreeMap::from([("cache-control".to_owned(), CACHE_CONTROL.to_owned())]);
        let head = head(&file.content_type, &headers, status);
        let (sum, content) = match &file.content {
            Content::Memory(bytes) => (Sum::of(&head, bytes.as_ref()), file.content.clone()),
            Content::Disk { path, .. } => {
                let sum = sum_of_disk(&file.source, path, |file| Sum::of(&head, file))?;
                (Ok(sum.clone()), Content::Disk { path: path.clone(), size: sum.size })
            }
        };
        let sum = sum.map_err(|source| ObjectError::Read { file: file.source.clone(), source })?;
        if sum.size > OBJECT_BYTES {
            return Err(ObjectError::TooLarge { file: file.source.clone(), size: sum.size });
        }
        let (id, size, md5) = (sum.id, sum.size, sum.md5);
        Ok(Self { id, content, content_type: file.content_type.clone(), headers, status, size, md5 })
    }

    /// The metadata to upload it with, without the prefix `x-amz-meta-`.
    pub fn metadata(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter().map(|(name, value)| (format!("h-{name}"), value.clone()));
        let status = (self.status != 200).then(|| ("status".to_owned(), self.status.to_string()));
        headers.chain(status).collect()
    }
}

/// What is hashed before the bytes. No header holds a line break, so no two heads run together.
fn head(content_type: &str, headers: &BTreeMap<String, String>, status: u16) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("{status}\ncontent-type: {content_type}\n{headers}\n")
}

#[derive(Debug, Clone)]
struct Sum {
    id: ObjectId,
    size: u64,
    md5: String,
}

impl Sum {
    fn of(head: &str, mut content: impl Read) -> io::Result<Self> {
        let (mut sha, mut md5, mut size) = (Sha256::new_with_prefix(head), Md5::new(), 0);
        let mut buffer = vec![0; PIECE];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    sha.update(&buffer[..read]);
                    md5.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { id: ObjectId::of(&sha.finalize()), size, md5: hex(&md5.finalize()) })
    }
}

/// Reads until the file was the same before and after.
fn sum_of_disk(name: &str, path: &Path, read: impl Fn(&DiskFile) -> io::Result<Sum>) -> Result<Sum, ObjectError> {
    for _ in 0..TRIES {
        match sum_if_steady(path, &read) {
            Ok(Some(sum)) => return Ok(sum),
            Ok(None) => {}
            Err(source) => return Err(ObjectError::Read { file: name.into(), source }),
        }
    }
    Err(ObjectError::Changing { file: name.into() })
}

fn sum_if_steady(path: &Path, read: impl Fn(&DiskFile) -> io::Result<Sum>) -> io::Result<Option<Sum>> {
    let file = DiskFile::open(path)?;
    let before = stamp(&file)?;
    let sum = read(&file)?;
    // The path may meanwhile name another file.
    let after = stamp(&DiskFile::open(path)?)?;
    Ok((before == after && sum.size == before.0).then_some(sum))
}

fn stamp(file: &DiskFile) -> io::Result<(u64, Option<SystemTime>)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified().ok()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn file(content: Content, content_type: &str) -> File {
        File { path: "/a".into(), source: "site/a".into(), content, content_type: content_type.into() }
    }

    fn memory(bytes: &'static [u8]) -> Content {
        Content::Memory(bytes.into())
    }

    #[test]
    fn the_id_depends_on_bytes_headers_and_status() {
        let id = |bytes, kind, status| Object::of(&file(memory(bytes), kind), status).unwrap().id;
        let one = id(b"a", "text/plain", 200);
        assert_eq!(one, id(b"a", "text/plain", 200));
        assert_ne!(one, id(b"b", "text/plain", 200));
        assert_ne!(one, id(b"a", "text/html", 200));
        assert_ne!(one, id(b"a", "text/plain", 404));
        assert_eq!(one.as_str().len(), super::super::id::OBJECT_ID_LENGTH);
    }

    #[test]
    fn disk_and_memory_make_the_same_object() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let bytes: &'static [u8] = vec![7; 3 * PIECE + 1].leak();
        std::fs::write(&path, bytes).unwrap();
        let disk = Object::of(&file(Content::Disk { path, size: 0 }, "text/plain"), 200).unwrap();
        let memory = Object::of(&file(memory(bytes), "text/plain"), 200).unwrap();
        assert_eq!((&disk.id, &disk.md5, disk.size), (&memory.id, &memory.md5, memory.size));
        assert_eq!(disk.content.size(), bytes.len() as u64);
    }

    #[test]
    fn the_md5_is_that_of_the_bytes() {
        let object = Object::of(&file(memory(b"hello"), "text/plain"), 200).unwrap();
        assert_eq!(object.md5, "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn metadata_carries_headers_and_an_unusual_status() {
        let object = Object::of(&file(memory(b""), "text/html"), 404).unwrap();
        assert_eq!(
            object.metadata(),
            [("h-cache-control".into(), CACHE_CONTROL.into()), ("status".into(), "404".into())]
        );
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let gone = file(Content::Disk { path: "/no/such/file".into(), size: 1 }, "text/plain");
        assert_eq!(Object::of(&gone, 200).unwrap_err().to_string(), "reading site/a");
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_given_up_when_it_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let changes = std::cell::Cell::new(0);
        let sum = |changing: usize| {
            std::fs::write(&path, "bread").unwrap();
            changes.set(0);
            sum_of_disk("site/a", &path, |file| {
                let sum = Sum::of("", file);
                if changes.get() < changing {
                    changes.set(changes.get() + 1);
                    std::fs::write(&path, "x".repeat(changes.get())).unwrap();
                }
                sum
            })
        };
        assert_eq!(sum(0).unwrap().size, 5);
        assert_eq!(sum(TRIES - 1).unwrap().size, TRIES as u64 - 1);
        assert!(matches!(sum(TRIES), Err(ObjectError::Changing { file }) if file == "site/a"));
    }
}
