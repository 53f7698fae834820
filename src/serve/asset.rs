//! One object of the release, ready to be answered with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;

use super::shelf::Place;
use super::stamp::Stamp;
use crate::release::{Encoding, Object};
use crate::site::{Content, Rewritten};

/// Largest body that is kept in memory as it is, in bytes; larger ones are streamed.
pub const KEPT: u64 = 1024 * 1024;
/// How coarse the times of the coarsest file system are (FAT).
const COARSEST_TIME: Duration = Duration::from_secs(2);

/// Name and value of a header.
pub type Header = (HeaderName, HeaderValue);

/// An object with all that its answers have in common.
#[derive(Debug)]
pub struct Asset {
    /// Status of the answer.
    pub status: StatusCode,
    /// Size of the body in bytes.
    pub size: u64,
    /// ETag of the body, without quotes.
    pub etag: String,
    /// `content-type`, the object's own headers and the security headers.
    pub headers: Vec<Header>,
    /// The quoted ETag.
    pub strong: HeaderValue,
    /// Whether the body is compressed for those who accept it.
    pub encoded: bool,
    /// Whether it is a page that can hold the script of live reload.
    pub html: bool,
    /// Where the body is.
    pub source: Source,
    plain: Arc<Place>,
    brotli: Arc<Place>,
    gzip: Arc<Place>,
}

/// Where a body is.
#[derive(Debug)]
pub enum Source {
    /// In memory.
    Memory(Bytes),
    /// In a file, which may have changed since, and in which plain names are replaced.
    Rewritten(Arc<Rewritten>),
    /// In a file, which may have changed since.
    Disk {
        /// Its path.
        path: PathBuf,
        /// A state of the file, and the quoted ETag of what it held then.
        known: Mutex<Option<(Stamp, HeaderValue)>>,
    },
}

impl Asset {
    /// Prepares an object that was hashed after `since`; `security` are the headers of every answer.
    ///
    /// A header of the object's own goes before one of the same name in `security`.
    pub fn new(object: &Object, security: &[Header], since: SystemTime) -> Self {
        let strong = quoted(&object.etag);
        let essence = object.content_type.split(';').next().unwrap_or_default().trim();
        Self {
            status: StatusCode::from_u16(object.status).unwrap_or(StatusCode::OK),
            size: object.size,
            etag: object.etag.clone(),
            headers: headers(object, security),
            encoded: object.encoded,
            html: essence.eq_ignore_ascii_case("text/html"),
            source: source(object, &strong, since),
            strong,
            plain: Arc::default(),
            brotli: Arc::default(),
            gzip: Arc::default(),
        }
    }

    /// Where the body is kept, in this encoding or as it is.
    pub fn place(&self, encoding: Option<Encoding>) -> &Arc<Place> {
        match encoding {
            None => &self.plain,
            Some(Encoding::Brotli) => &self.brotli,
            Some(Encoding::Gzip) => &self.gzip,
        }
    }

    /// Takes over what an earlier build kept of the same object.
    pub fn keep_from(&mut self, earlier: &Self) {
        self.plain = earlier.plain.clone();
        self.brotli = earlier.brotli.clone();
        self.gzip = earlier.gzip.clone();
    }
}

impl Source {
    /// The quoted ETag of the file in this state, if it is known.
    pub fn etag_at(&self, stamp: Stamp) -> Option<HeaderValue> {
        let Self::Disk { known, .. } = self else { return None };
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(at, _)| *at == stamp).map(|(_, etag)| etag.clone())
    }

    /// Remembers the ETag of the file in this state.
    pub fn note(&self, stamp: Stamp, etag: &HeaderValue) {
        if let Self::Disk { known, .. } = self {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((stamp, etag.clone()));
        }
    }
}

/// A strong ETag.
pub fn quoted(etag: &str) -> HeaderValue {
    value(&format!("\"{etag}\""))
}

/// A header's value; empty when no header may have it.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn headers(object: &Object, security: &[Header]) -> Vec<Header> {
    let own = object.headers.iter().filter_map(|(name, value)| parsed(name, value));
    let mut all: Vec<Header> = own.collect();
    all.insert(0, (header::CONTENT_TYPE, value(&object.content_type)));
    if object.encoded && !object.headers.contains_key("vary") {
        all.push((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    }
    let missing = security.iter().filter(|(name, _)| !object.headers.contains_key(name.as_str()));
    all.extend(missing.cloned());
    all
}

/// A header from its text, unless no header may be so.
pub fn parsed(name: &str, value: &str) -> Option<Header> {
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
}

/// Only large files are looked at again; the ETag of a small one is checked when it is read.
fn source(object: &Object, strong: &HeaderValue, since: SystemTime) -> Source {
    match &object.content {
        Content::Memory(bytes) => Source::Memory(bytes.clone()),
        Content::Rewritten(text) => Source::Rewritten(Arc::clone(text)),
        Content::Disk { path, size } => {
            let stamp = if *size > KEPT { Stamp::of_path(path).ok() } else { None };
            // Older than the build and still of that size: then it is what the build has hashed.
            let known = stamp.filter(|stamp| stamp.size == *size && stamp.is_before(since, COARSEST_TIME));
            Source::Disk { path: path.clone(), known: Mutex::new(known.map(|stamp| (stamp, strong.clone()))) }
        }
    }
}
