//! From an object to a body: from memory, compressed, or from disk.
//!
//! What is answered always fits its ETag and its length. A file that has changed since the build
//! is answered as it is now, under its own ETag; the rebuild that follows catches up.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use bytes::Bytes;

use super::asset::{Asset, KEPT, Source, quoted};
use super::body::Body;
use super::shelf::Shelf;
use super::stamp::Stamp;
use crate::release::Encoding;
use crate::release::object::etag_of;

/// How often a file that changes while its ETag is taken is read again.
const TRIES: usize = 3;

/// A body and what is to be said of it.
#[derive(Debug)]
pub struct Loaded {
    /// The body.
    pub body: Body,
    /// Its ETag.
    pub etag: HeaderValue,
    /// How it is compressed.
    pub encoding: Option<Encoding>,
}

/// The body of an object; compressed when `accepted` says how and it pays.
pub async fn load(asset: &Arc<Asset>, accepted: Option<Encoding>, shelf: &Shelf) -> io::Result<Loaded> {
    if let Some(encoding) = accepted.filter(|_| asset.encoded)
        && let Some(body) = compressed(asset, encoding, shelf).await?
    {
        let etag = quoted(&etag_of(body.as_ref())?);
        return Ok(Loaded { body: Body::Memory(body), etag, encoding: Some(encoding) });
    }
    match &asset.source {
        Source::Memory(bytes) => Ok(as_built(asset, bytes.clone())),
        Source::Rewritten(text) => {
            let text = Arc::clone(text);
            small(asset, move || text.bytes_now(), shelf).await
        }
        Source::Disk { path, .. } if asset.size <= KEPT => small_file(asset, path, shelf).await,
        Source::Disk { path, .. } => large(asset, path).await,
    }
}

/// The whole body in memory, for a page that is to be changed.
pub async fn whole(asset: &Arc<Asset>, shelf: &Shelf) -> io::Result<Bytes> {
    match &asset.source {
        Source::Memory(bytes) => Ok(bytes.clone()),
        Source::Disk { path, .. } if asset.size > KEPT => {
            let path = path.clone();
            blocking(move || read(File::open(path)?)).await
        }
        _ => match load(asset, None, shelf).await?.body {
            Body::Memory(bytes) => Ok(bytes),
            Body::Disk(file, _) => blocking(move || read(file)).await,
        },
    }
}

fn as_built(asset: &Asset, bytes: Bytes) -> Loaded {
    Loaded { body: Body::Memory(bytes), etag: asset.strong.clone(), encoding: None }
}

/// `None` when the file is no longer what was built.
async fn compressed(asset: &Arc<Asset>, encoding: Encoding, shelf: &Shelf) -> io::Result<Option<Bytes>> {
    let place = asset.place(Some(encoding));
    let body = match place.get() {
        Some(body) => body,
        None => {
            let _turn = place.turn().await;
            match place.get() {
                Some(body) => body,
                None => {
                    let source = Arc::clone(asset);
                    let Some(body) = blocking(move || compress(&source, encoding)).await? else { return Ok(None) };
                    shelf.put(place, body.clone());
                    body
                }
            }
        }
    };
    Ok(Some(body))
}

fn compress(asset: &Asset, encoding: Encoding) -> io::Result<Option<Bytes>> {
    let plain = match &asset.source {
        Source::Memory(bytes) => bytes.clone(),
        source => match (asset.place(None).get(), source) {
            (Some(kept), _) => kept,
            (None, Source::Rewritten(text)) => text.bytes_now()?,
            (None, Source::Disk { path, .. }) => read(File::open(path)?.take(asset.size + 1))?,
            (None, Source::Memory(bytes)) => bytes.clone(),
        },
    };
    if !matches!(asset.source, Source::Memory(_)) && etag_of(plain.as_ref())? != asset.etag {
        return Ok(None);
    }
    encoding.compress(&plain).map(Some)
}

async fn small_file(asset: &Arc<Asset>, path: &Path, shelf: &Shelf) -> io::Result<Loaded> {
    let start = path.to_owned();
    // One byte more than the largest, so that a file that has grown is noticed.
    let loaded = small(asset, move || read(File::open(start)?.take(KEPT + 1)), shelf).await?;
    match &loaded.body {
        Body::Memory(bytes) if bytes.len() as u64 > KEPT => large(asset, path).await,
        _ => Ok(loaded),
    }
}

/// What `source` reads, kept when it is what was built.
async fn small(
    asset: &Arc<Asset>,
    source: impl FnOnce() -> io::Result<Bytes> + Send + 'static,
    shelf: &Shelf,
) -> io::Result<Loaded> {
    let place = asset.place(None);
    if let Some(body) = place.get() {
        return Ok(as_built(asset, body));
    }
    let _turn = place.turn().await;
    if let Some(body) = place.get() {
        return Ok(as_built(asset, body));
    }
    let (bytes, etag) = blocking(move || {
        let bytes = source()?;
        let etag = etag_of(bytes.as_ref())?;
        Ok((bytes, etag))
    })
    .await?;
    if etag == asset.etag {
        shelf.put(place, bytes.clone());
        return Ok(as_built(asset, bytes));
    }
    Ok(Loaded { body: Body::Memory(bytes), etag: quoted(&etag), encoding: None })
}

async fn large(asset: &Arc<Asset>, path: &Path) -> io::Result<Loaded> {
    let (asset, path) = (Arc::clone(asset), path.to_owned());
    blocking(move || open_with_etag(&asset, path)).await
}

/// Opens a file whose ETag is known in its present state, or takes it first.
fn open_with_etag(asset: &Asset, path: PathBuf) -> io::Result<Loaded> {
    for _ in 0..TRIES {
        let file = File::open(&path)?;
        let stamp = Stamp::of(&file)?;
        let etag = match asset.source.etag_at(stamp) {
            Some(etag) => etag,
            None => quoted(&etag_of(&file)?),
        };
        if Stamp::of(&file)? == stamp {
            asset.source.note(stamp, &etag);
            return Ok(Loaded { body: Body::Disk(file, stamp), etag, encoding: None });
        }
    }
    Err(io::Error::other(format!("{} keeps changing", path.display())))
}

fn read(mut from: impl Read) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Work that would keep other requests waiting, on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
