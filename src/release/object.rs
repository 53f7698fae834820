//! One immutable thing in the site bucket: bytes and the headers they are served with.

use std::collections::BTreeMap;
use std::fs::File as DiskFile;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::encoding::{self, Encoding};
use super::id::{ObjectId, Target, hex};
use crate::site::{Content, File};

/// What browsers are told of what says nothing else: ask again each time.
pub const CACHE_CONTROL: &str = "public, max-age=0, must-revalidate";
/// What they are told of what is named by its contents.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Larger objects are uploaded in parts, in bytes.
pub const MULTIPART: u64 = 64 * 1024 * 1024;
/// Size of a part but the last, in bytes.
pub const PART: u64 = 16 * 1024 * 1024;
/// Largest object, in bytes.
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
    /// The headers that were asked for this path, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Status of the answer: 200, or 404 for the not-found page.
    pub status: u16,
    /// Size in bytes.
    pub size: u64,
    /// S3's ETag, without quotes: the MD5 of the bytes in lower-case hexadecimal; for what is uploaded
    /// in parts, the MD5 of the parts' MD5s and their number.
    ///
    /// Source: Amazon S3 User Guide, "Checking object integrity".
    pub etag: String,
    /// Whether it also lies there in every encoding.
    pub encoded: bool,
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
    /// More than anybody should be sent.
    #[error("{file} has {size} bytes; a file may have {OBJECT_BYTES}")]
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
        Self::with(file, status, BTreeMap::new())
    }

    /// The same, with headers of its own. `content-type` among them replaces the file's.
    pub fn with(file: &File, status: u16, mut headers: BTreeMap<String, String>) -> Result<Self, ObjectError> {
        let content_type = headers.remove("content-type").unwrap_or_else(|| file.content_type.clone());
        let head = head(&content_type, &headers, status);
        let may_be_encoded = |size| encoding::compressible(&content_type, size);
        let (sum, content) = match &file.content {
            Content::Memory(bytes) => (Sum::of(&head, bytes.as_ref(), may_be_encoded), file.content.clone()),
            Content::Rewritten(text) => {
                let sum = text.bytes().and_then(|bytes| Sum::of(&head, bytes.as_ref(), may_be_encoded));
                (sum, file.content.clone())
            }
            Content::Disk { path, .. } => {
                let sum = sum_of_disk(&file.source, path, |file| Sum::of(&head, file, may_be_encoded))?;
                (Ok(sum.clone()), Content::Disk { path: path.clone(), size: sum.size })
            }
        };
        let sum = sum.map_err(|source| ObjectError::Read { file: file.source.clone(), source })?;
        if sum.size > OBJECT_BYTES {
            return Err(ObjectError::TooLarge { file: file.source.clone(), size: sum.size });
        }
        let Sum { id, size, etag, encoded } = sum;
        Ok(Self { id, content, content_type, headers, status, size, etag, encoded })
    }

    /// Where visitors find it.
    pub fn target(&self) -> Target {
        Target { id: self.id.clone(), encoded: self.encoded }
    }

    /// Its key in the site bucket, in an encoding or as it is.
    pub fn key(&self, encoding: Option<Encoding>) -> String {
        format!("{}{}", self.id.key(), encoding.map_or("", Encoding::suffix))
    }

    /// The metadata to upload it with, without the prefix `x-amz-meta-`.
    pub fn metadata(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter().map(|(name, value)| (format!("h-{name}"), value.clone()));
        let vary = (self.encoded && !self.headers.contains_key("vary"))
            .then(|| ("h-vary".to_owned(), "Accept-Encoding".to_owned()));
        let status = (self.status != 200).then(|| ("status".to_owned(), self.status.to_string()));
        headers.chain(vary).chain(status).collect()
    }

    /// The bytes in an encoding, made anew; `None` when they are no longer those of this object.
    pub fn variant(&self, encoding: Encoding) -> io::Result<Option<Bytes>> {
        let plain = match &self.content {
            Content::Memory(bytes) => bytes.clone(),
            Content::Rewritten(text) => text.bytes_now()?,
            Content::Disk { path, .. } => {
                let mut plain = Vec::new();
                DiskFile::open(path)?.take(self.size + 1).read_to_end(&mut plain)?;
                plain.into()
            }
        };
        if etag_of(plain.as_ref())? != self.etag {
            return Ok(None);
        }
        encoding.compress(&plain).map(Some)
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
    etag: String,
    encoded: bool,
}

impl Sum {
    fn of(head: &str, content: impl Read, may_be_encoded: impl Fn(u64) -> bool) -> io::Result<Self> {
        let (mut sha, mut etag, mut size) = (Sha256::new_with_prefix(head), Etag::default(), 0);
        // Kept while it may have encodings.
        let mut kept = Vec::new();
        each_piece(content, |piece| {
            sha.update(piece);
            etag.update(piece);
            size += piece.len() as u64;
            if size <= *encoding::SIZES.end() {
                kept.extend_from_slice(piece);
            } else {
                kept = Vec::new();
            }
        })?;
        let encoded = may_be_encoded(size) && encoding::shrinks(&kept);
        Ok(Self { id: ObjectId::of(&sha.finalize()), size, etag: etag.finish(), encoded })
    }
}

/// S3's ETag of bytes, without quotes.
pub fn etag_of(content: impl Read) -> io::Result<String> {
    let mut etag = Etag::default();
    each_piece(content, |piece| etag.update(piece))?;
    Ok(etag.finish())
}

/// Takes MD5s of the whole and of the parts.
#[derive(Default)]
struct Etag {
    whole: Md5,
    part: Md5,
    in_part: u64,
    parts: Vec<u8>,
    size: u64,
}

impl Etag {
    fn update(&mut self, mut piece: &[u8]) {
        // Which of both it will be is not known before the end.
        if self.size <= MULTIPART {
            self.whole.update(piece);
        }
        self.size += piece.len() as u64;
        while !piece.is_empty() {
            let room = usize::try_from(PART - self.in_part).unwrap_or(piece.len()).min(piece.len());
            let (now, later) = piece.split_at(room);
            self.part.update(now);
            self.in_part += now.len() as u64;
            if self.in_part == PART {
                self.end_part();
            }
            piece = later;
        }
    }

    fn end_part(&mut self) {
        self.parts.extend_from_slice(&self.part.finalize_reset());
        self.in_part = 0;
    }

    fn finish(mut self) -> String {
        if self.size <= MULTIPART {
            return hex(&self.whole.finalize());
        }
        if self.in_part > 0 {
            self.end_part();
        }
        format!("{}-{}", hex(&Md5::digest(&self.parts)), self.parts.len() / 16)
    }
}

fn each_piece(mut content: impl Read, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => each(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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
        assert_eq!((&disk.id, &disk.etag, disk.size), (&memory.id, &memory.etag, memory.size));
        assert_eq!(disk.content.size(), bytes.len() as u64);
    }

    #[test]
    fn the_etag_is_the_md5_of_the_bytes() {
        let object = Object::of(&file(memory(b"hello"), "text/plain"), 200).unwrap();
        assert_eq!(object.etag, "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn the_etag_of_what_goes_in_parts_is_that_of_the_parts_md5s() {
        // for i in 1 2 3 4; do head -c 16777216 /dev/zero | md5sum; done; printf x | md5sum; each as
        // bytes into md5sum.
        let zeros = io::repeat(0).take(MULTIPART);
        let etag = etag_of(zeros.chain(&b"x"[..])).unwrap();
        let part = Md5::digest(vec![0; 16 * 1024 * 1024]).to_vec();
        let all = [part.repeat(4), Md5::digest(b"x").to_vec()].concat();
        assert_eq!(etag, format!("{}-5", hex(&Md5::digest(all))));
        assert!(!etag_of(io::repeat(0).take(MULTIPART)).unwrap().contains('-'));
    }

    #[test]
    fn text_that_shrinks_is_encoded_and_says_so() {
        let text: &'static [u8] = "so many words ".repeat(100).leak().as_bytes();
        let object = Object::of(&file(memory(text), "text/html"), 200).unwrap();
        assert!(object.encoded);
        assert_eq!(object.metadata(), [("h-vary".into(), "Accept-Encoding".into())]);
        assert_eq!(object.key(Some(Encoding::Brotli)), format!("c/{}.br", object.id));
        let brotli = object.variant(Encoding::Brotli).unwrap().unwrap();
        assert!(brotli.len() < text.len());
        for (bytes, kind) in [(text, "image/png"), (&text[..999], "text/html")] {
            assert!(!Object::of(&file(memory(bytes), kind), 200).unwrap().encoded);
        }
    }

    #[test]
    fn a_file_that_has_changed_has_no_variant() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "so many words ".repeat(100)).unwrap();
        let object = Object::of(&file(Content::Disk { path: path.clone(), size: 0 }, "text/plain"), 200).unwrap();
        assert!(object.variant(Encoding::Gzip).unwrap().is_some());
        std::fs::write(&path, "other words ".repeat(100)).unwrap();
        assert_eq!(object.variant(Encoding::Gzip).unwrap(), None);
    }

    #[test]
    fn metadata_carries_headers_and_an_unusual_status() {
        let own =
            BTreeMap::from([("x-a".to_owned(), "b".to_owned()), ("content-type".to_owned(), "text/css".to_owned())]);
        let object = Object::with(&file(memory(b""), "text/html"), 404, own).unwrap();
        assert_eq!(object.content_type, "text/css");
        assert_eq!(object.metadata(), [("h-x-a".into(), "b".into()), ("status".into(), "404".into())]);
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
                let sum = Sum::of("", file, |_| false);
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
