//! Sending the objects of a release: in bounded memory, as quickly as S3 takes them, and going on
//! where an earlier run has stopped.

mod bounded;
mod buffers;
mod gate;
mod list;
mod multipart;
pub mod pace;
mod plan;
mod progress;
mod sender;
mod single;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;

use bounded::each;
use progress::Progress;
use sender::Sender;
use tokio::task::JoinError;

use super::Publication;
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;
use crate::release::object::MULTIPART;
use crate::release::{Encoding, Object, ObjectId};

/// Prefix of the objects' keys; the bucket policy opens this and nothing else.
pub const PREFIX: &str = "c/";
/// From this many missing objects on, listing what is there is cheaper than trying them all.
const WORTH_LISTING: usize = 100;
/// Objects in parts at once: few, so that one is complete before the next has begun.
const LARGE_AT_ONCE: usize = 3;
/// What CloudFront is told; the viewer's own header is in the metadata.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// An object, as it is or in an encoding: one key.
type Form<'a> = (&'a Object, Option<Encoding>);

/// Stores what the bucket does not have: the objects in all their forms, and the API bundle.
pub async fn missing(cx: &Cx, bucket: &str, publication: &Arc<Publication>) -> Result<(), StepError> {
    let there = there(cx, bucket, publication).await?;
    let missing = || forms(publication).filter(|(object, encoding)| !there.contains(&object.key(*encoding)));
    let (files, bytes) = missing().fold((0, 0), |(files, bytes), form| (files + 1, bytes + size(&form)));
    let sender = Arc::new(Sender::new(&cx.cloud, bucket, Progress::of(files, bytes)));
    if let Some((id, bytes)) = publication.new_bundle() {
        let key = id.key();
        single::bundle(&sender, &key, bytes).await.telling(|| format!("upload {key}"))?;
    }
    let job = |(object, encoding): Form<'_>| one(sender.clone(), Arc::new(object.clone()), encoding);
    let large = missing().filter(|(object, _)| is_large(object)).map(job);
    let small = missing().filter(|(object, _)| !is_large(object)).map(job);
    let all = async { tokio::try_join!(each(LARGE_AT_ONCE, large, |()| {}), each(pace::MOST, small, |()| {})) };
    tokio::pin!(all);
    loop {
        tokio::select! {
            ended = &mut all => return ended.map(|_| ()).map_err(|Stopped(error)| error),
            news = sender.progress.news() => cx.note(news),
        }
    }
}

/// Every form of the objects that the live release does not have.
fn forms(publication: &Publication) -> impl Iterator<Item = Form<'_>> {
    publication.missing().flat_map(|object| {
        let encodings: &[_] = if object.encoded { &[Encoding::Brotli, Encoding::Gzip] } else { &[] };
        std::iter::once(None).chain(encodings.iter().copied().map(Some)).map(move |encoding| (object, encoding))
    })
}

/// The keys of this release that are in the bucket; none when it is cheaper to try.
async fn there(cx: &Cx, bucket: &str, publication: &Arc<Publication>) -> Result<BTreeSet<String>, StepError> {
    if forms(publication).nth(WORTH_LISTING - 1).is_none() {
        return Ok(BTreeSet::new());
    }
    let sender = Arc::new(Sender::new(&cx.cloud, bucket, Progress::of(0, 0)));
    let release = publication.release.clone();
    let ours = move |key: &str| {
        let id = key.strip_prefix(PREFIX).and_then(|name| name.split('.').next()).and_then(ObjectId::parse);
        id.is_some_and(|id| release.objects.contains_key(&id))
    };
    list::keys(&sender, PREFIX, ours)
        .await
        .map_err(|trouble| trouble.while_doing(format!("list the objects in {bucket}")))
}

fn is_large(object: &Object) -> bool {
    object.size > MULTIPART
}

/// Bytes of a form, as far as they are counted: how many an encoding has is not known before.
fn size((object, encoding): &Form<'_>) -> u64 {
    if encoding.is_none() { object.size } else { 0 }
}

/// Why all uploads are ended.
struct Stopped(StepError);

impl From<JoinError> for Stopped {
    fn from(error: JoinError) -> Self {
        Self(StepError::bug(error))
    }
}

async fn one(sender: Arc<Sender>, object: Arc<Object>, encoding: Option<Encoding>) -> Result<(), Stopped> {
    let (stored, bytes) = match encoding {
        Some(encoding) => (single::encoded(&sender, object.clone(), encoding).await, 0),
        None if is_large(&object) => (multipart::whole(&sender, &object).await, 0),
        None => (single::plain(&sender, &object).await, object.size),
    };
    stored.map_err(|trouble| Stopped(trouble.with(&object)))?;
    sender.progress.add(1, bytes);
    Ok(())
}
