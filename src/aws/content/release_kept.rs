//! What stays of earlier releases; the rest is taken away.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::release_keys::{self, size};
use super::release_manifest::{self, Manifests};
use super::{Publication, release_live, release_sweep};
use crate::aws::data::s3_bucket::Bucket;
use crate::aws::edge::cloudfront_function;
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::history;
use crate::release::keeping::{self, DAY, Known, Rules, WINDOW};
use crate::release::pack::PAIR_BYTES;
use crate::release::{Past, Pointer, ReleaseId};

/// That everything but what is to stay has been taken away since a release is live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The bucket.
    pub bucket: String,
    /// Node of the edge store.
    pub store: String,
    /// The release that is live.
    pub release: ReleaseId,
    /// How many releases stay.
    pub keep: usize,
    /// Those of how many days stay.
    pub days: u32,
}

/// It gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptOutput {}

impl Resource for Kept {
    const KIND: &'static str = "release.kept";
    type Cloud = crate::aws::Cloud;
    type Output = KeptOutput;

    fn name(&self) -> String {
        "earlier releases".into()
    }

    /// Only the ledger is asked, which every run reads: a publish that changes nothing lists nothing.
    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if cx.try_output::<Bucket>("site-bucket")?.is_none() {
            return Ok(None);
        }
        let past = cx.cloud.publication()?.past();
        let (Some(kept), Some(last)) = (past.kept, past.history.last()) else { return Ok(None) };
        // After a rollback another one is live than when it was cleaned up.
        let release = if kept.release == self.release { last.release.clone() } else { kept.release };
        let spec = Self { release, keep: kept.keep, days: kept.days, ..self.clone() };
        Ok(Some(Found { spec, output: KeptOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<KeptOutput, StepError> {
        let publication = cx.cloud.publication()?.clone();
        let mut there = match &publication.now.there {
            Some(there) => there.clone(),
            None => release_manifest::list(&cx.cloud).await?,
        };
        if !there.releases.contains(&self.release) {
            there.releases.push(self.release.clone());
        }
        if !self.has_nothing_to_do(&publication, &there) {
            self.clean(cx, &publication, there).await?;
        }
        publication.remember(|past| self.done(past, &publication, &cx.cloud.caller));
        Ok(KeptOutput {})
    }

    /// It goes with the bucket and the store.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Kept {
    fn rules(&self) -> Rules {
        Rules { keep: self.keep, days: self.days }
    }

    /// From what is known without a call.
    fn has_nothing_to_do(&self, publication: &Publication, there: &Manifests) -> bool {
        let past = publication.past();
        there.releases.len() <= self.keep
            && there.leaving.is_empty()
            && stale(&past, publication.now.at).next().is_none()
            && publication.now.pointer.as_ref().is_some_and(|pointer| surely_fit(pointer, there.releases.len()))
    }

    /// The pointer is read before anything is decided, and what it names stays.
    async fn clean(&self, cx: &Cx, publication: &Publication, there: Manifests) -> Result<(), StepError> {
        let store = cx.output::<KeyValueStore>(&self.store)?.arn;
        let pointer = release_live::read(cx, &store).await.telling(|| "read which release is live")?;
        let Some(pointer) = pointer else { return Ok(()) };
        let fallback = cloudfront_function::fallback(cx, &cx.cloud.names.part("edge")).await?;
        let mut past = publication.past();
        past.complete(&pointer, None);
        let releases: BTreeSet<ReleaseId> = there.releases.iter().cloned().collect();
        let known = Known {
            releases: &releases,
            pointer: &pointer,
            past: &past,
            fallback: fallback.as_ref(),
            now: publication.now.at,
        };
        let kept = keeping::kept(&known, self.rules());
        let goes: Vec<ReleaseId> = releases.iter().filter(|release| !kept.contains(release)).cloned().collect();
        for release in &goes {
            cx.note(format!("taking {release} out of the edge store"));
            release_keys::remove(cx, &store, release).await?;
        }
        for release in out_of_window(cx, &store, &kept, &pointer, fallback.as_ref()).await? {
            release_keys::remove(cx, &store, &release).await?;
        }
        release_sweep::take_away(cx, publication, &self.bucket, &goes, &there.leaving, &kept).await?;
        let unfinished: Vec<ReleaseId> = stale(&publication.past(), publication.now.at).cloned().collect();
        if !unfinished.is_empty() && release_sweep::orphans(cx, publication, &self.bucket, &kept).await? {
            publication.remember(|past| past.begun.retain(|release| !unfinished.contains(release)));
        }
        Ok(())
    }

    fn done(&self, past: &mut Past, publication: &Publication, caller: &str) {
        if let Some(pointer) = &publication.now.pointer {
            past.complete(pointer, Some(caller));
        }
        past.kept = Some(history::Kept { release: self.release.clone(), keep: self.keep, days: self.days });
        past.begun.retain(|release| *release != self.release);
        past.previews.retain(|preview| preview.until > publication.now.at);
    }
}

/// Releases whose upload was begun so long ago that nobody will go on with it.
fn stale(past: &Past, now: i64) -> impl Iterator<Item = &ReleaseId> {
    past.begun.iter().filter(move |release| release.seconds() < now - DAY)
}

/// Whether the keys of so many releases of about the same size fit, however full each key is.
fn surely_fit(pointer: &Pointer, releases: usize) -> bool {
    let slots = [Some(&pointer.live), pointer.previous.as_ref()];
    let most = slots.into_iter().flatten().map(|slot| slot.buckets as usize).max().unwrap_or_default();
    (most + 1) * PAIR_BYTES * releases <= WINDOW
}

/// The kept releases whose keys leave the edge store, so that the next release has room.
async fn out_of_window(
    cx: &Cx,
    store: &str,
    kept: &[ReleaseId],
    pointer: &Pointer,
    fallback: Option<&Pointer>,
) -> Result<Vec<ReleaseId>, StepError> {
    if surely_fit(pointer, kept.len()) {
        return Ok(Vec::new());
    }
    let looking = || "look how full the edge store is";
    let told = release_live::look(cx, store).await.telling(looking)?;
    let (bytes, keys) = (size(told.total_size_in_bytes), usize::try_from(told.item_count).unwrap_or_default());
    if bytes <= WINDOW {
        return Ok(Vec::new());
    }
    let mut sized = Vec::new();
    for release in kept {
        let slot = release_keys::slot(cx, store, release).await.telling(looking)?;
        // Buckets are about equally full, so a key takes what keys take on average.
        sized.push((release.clone(), slot.map_or(0, |slot| (slot.buckets as usize + 1) * bytes / keys.max(1))));
    }
    let must = |release: &ReleaseId| keeping::is_answered_from(release, pointer, fallback);
    let stays = keeping::in_store(&sized, must);
    let leaves = sized.into_iter().zip(stays).filter(|((_, bytes), stays)| *bytes > 0 && !stays);
    Ok(leaves.map(|((release, _), _)| release).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::pointer::tests::slot;

    #[test]
    fn a_small_site_surely_fits_and_a_large_one_is_measured() {
        let of = |buckets| Pointer::next(crate::release::Slot { buckets, ..slot(1) }, None, 1);
        assert!(surely_fit(&of(10), 10));
        assert!(!surely_fit(&of(300), 10));
    }
}
