//! A build as it is served: every object with what its answers need, worked out once.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;

use super::encoding::{Encoding, compressible};
use super::shelf::{Place, Shelf};
use super::{Build, Engine};
use crate::release::{Answer, Object, ObjectId, lookup};
use crate::site::Content;

/// Bodies up to this many bytes are kept in memory; larger ones are streamed from disk.
const IN_MEMORY: u64 = 10_000_000;

/// What is shown.
pub struct Shown {
    paths: HashMap<String, Arc<Served>>,
    not_found: Arc<Served>,
    /// The API, when the project has one.
    pub engine: Option<Arc<Engine>>,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// One object, ready to be served.
pub struct Served {
    /// Status of the answer.
    pub status: u16,
    /// Value of `content-type`.
    pub content_type: HeaderValue,
    /// The object's own headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Strong entity tag, with its quotes.
    pub etag: String,
    /// Size in bytes.
    pub size: u64,
    /// Whether it is compressed for those who accept it.
    pub compressible: bool,
    content: Content,
    modified: Option<SystemTime>,
    plain: Arc<Place>,
    brotli: Arc<Place>,
    gzip: Arc<Place>,
}

/// Where the bytes of an answer come from.
pub enum Body {
    /// Memory.
    Bytes(Bytes),
    /// A file that is too large for it.
    File(PathBuf),
}

impl Shown {
    /// Prepares a build.
    pub fn new(build: Build) -> Self {
        let objects: BTreeMap<&ObjectId, Arc<Served>> =
            build.release.objects.iter().map(|(id, object)| (id, Arc::new(Served::new(object)))).collect();
        let served = |id: &ObjectId| objects.get(id).cloned();
        let paths = build.release.paths.iter().filter_map(|(path, id)| Some((path.clone(), served(id)?))).collect();
        let not_found = served(&build.release.not_found).unwrap_or_else(|| Arc::new(Served::nothing()));
        let headers = build.headers.iter().filter_map(|(name, value)| header(name, value)).collect();
        Self { paths, not_found, engine: build.engine, headers }
    }

    /// How many paths there are.
    pub fn paths(&self) -> usize {
        self.paths.len()
    }

    /// What answers a path as it was sent.
    pub fn lookup(&self, raw: &str) -> Answer<Arc<Served>> {
        lookup(&self.paths, raw)
    }

    /// The page for what is not found.
    pub fn not_found(&self) -> Arc<Served> {
        self.not_found.clone()
    }
}

impl Served {
    fn new(object: &Object) -> Self {
        let modified = match &object.content {
            Content::Disk { path, .. } => path.metadata().and_then(|metadata| metadata.modified()).ok(),
            Content::Memory(_) => None,
        };
        Self {
            status: object.status,
            content_type: HeaderValue::from_str(&object.content_type)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            headers: object.headers.iter().filter_map(|(name, value)| header(name, value)).collect(),
            etag: format!("\"{}\"", object.md5),
            size: object.size,
            compressible: compressible(&object.content_type, object.size),
            content: object.content.clone(),
            modified,
            plain: Arc::default(),
            brotli: Arc::default(),
            gzip: Arc::default(),
        }
    }

    /// For a release that names no not-found page, which none does.
    fn nothing() -> Self {
        Self {
            status: 404,
            content_type: HeaderValue::from_static("text/plain"),
            headers: Vec::new(),
            etag: "\"\"".into(),
            size: 0,
            compressible: false,
            content: Content::Memory(Bytes::new()),
            modified: None,
            plain: Arc::default(),
            brotli: Arc::default(),
            gzip: Arc::default(),
        }
    }

    /// The bytes; fails when the file is no longer the one that was read for the build.
    pub async fn body(&self, shelf: &Shelf) -> io::Result<Body> {
        match &self.content {
            Content::Memory(bytes) => Ok(Body::Bytes(bytes.clone())),
            Content::Disk { path, .. } if self.size > IN_MEMORY => {
                self.check(path.clone()).await?;
                Ok(Body::File(path.clone()))
            }
            Content::Disk { path, .. } => self.from_disk(path, shelf).await.map(Body::Bytes),
        }
    }

    /// The compressed bytes; empty when compression gains nothing.
    pub async fn compressed(&self, encoding: Encoding, shelf: &Shelf) -> io::Result<Bytes> {
        let place = match encoding {
            Encoding::Brotli => &self.brotli,
            Encoding::Gzip => &self.gzip,
        };
        if let Some(bytes) = place.get() {
            return Ok(bytes);
        }
        let _turn = place.turn().await;
        if let Some(bytes) = place.get() {
            return Ok(bytes);
        }
        let Body::Bytes(plain) = self.body(shelf).await? else { return Ok(Bytes::new()) };
        let compressed = actix_web::web::block(move || encoding.compress(&plain)).await.map_err(io::Error::other)??;
        shelf.put(place, compressed.clone());
        Ok(compressed)
    }

    async fn from_disk(&self, path: &PathBuf, shelf: &Shelf) -> io::Result<Bytes> {
        if let Some(bytes) = self.plain.get() {
            return Ok(bytes);
        }
        let _turn = self.plain.turn().await;
        if let Some(bytes) = self.plain.get() {
            return Ok(bytes);
        }
        let bytes = Bytes::from(tokio::fs::read(path).await?);
        self.check(path.clone()).await?;
        if bytes.len() as u64 != self.size {
            return Err(changed());
        }
        shelf.put(&self.plain, bytes.clone());
        Ok(bytes)
    }

    /// Whether the file is still the one that was hashed.
    async fn check(&self, path: PathBuf) -> io::Result<()> {
        let metadata = tokio::fs::metadata(path).await?;
        let same = metadata.len() == self.size && metadata.modified().ok() == self.modified;
        if same { Ok(()) } else { Err(changed()) }
    }
}

fn changed() -> io::Error {
    io::Error::other("the file is being changed")
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
}
