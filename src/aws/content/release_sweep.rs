//! Taking away what no release refers to: manifests, objects and API bundles.
//!
//! A manifest that goes is first moved to where it is no release any more, and removed when its
//! objects are gone. So there is no moment at which a release is there and its objects are not, and
//! a run that was interrupted leaves behind what it was about to remove, by name.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as s3;

use super::release_manifest::{bytes_at, is_unreadable, leaving_key, read, read_at};
use super::{Publication, release_objects};
use crate::aws::error::{CallError, answer};
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;
use crate::release::keeping::DAY;
use crate::release::{Encoding, Manifest, ReleaseId};

/// Most keys in one DeleteObjects.
///
/// Source: Amazon S3 API reference, DeleteObjects.
const BATCH: usize = 1000;
/// Prefix of the keys of API bundles.
const BUNDLES: &str = "api/";
/// In which an object lies that says so.
const ENCODINGS: [Encoding; 2] = [Encoding::Brotli, Encoding::Gzip];

/// Takes away the releases that go, and those that an earlier run began to, as far as none that is
/// kept refers to what they consist of.
pub(super) async fn take_away(
    cx: &Cx,
    publication: &Publication,
    bucket: &str,
    goes: &[ReleaseId],
    leaving: &[ReleaseId],
    kept: &[ReleaseId],
) -> Result<(), StepError> {
    for release in goes {
        set_aside(cx, bucket, release).await?;
    }
    remove(cx, bucket, goes.iter().map(ReleaseId::key)).await.telling(|| "take releases away")?;
    let all: BTreeSet<&ReleaseId> = goes.iter().chain(leaving).collect();
    let mut keys = BTreeSet::new();
    for release in &all {
        match read_at(&cx.cloud, &leaving_key(release)).await {
            Ok(manifest) => keys.extend(manifest.iter().flat_map(keys_of)),
            // What it consists of is found among what nobody refers to, when it is old enough.
            Err(error) if is_unreadable(&error) => publication.remember(|past| past.begin(release)),
            Err(error) => return Err(error),
        }
    }
    if !spare(cx, publication, kept, &mut keys).await? {
        cx.note("another version of arqsite published a release that is kept; nothing of it is touched");
        return Ok(());
    }
    if !keys.is_empty() {
        cx.note(format!("removing {} objects of earlier releases", keys.len()));
    }
    remove(cx, bucket, keys).await.telling(|| "remove the objects of earlier releases")?;
    remove(cx, bucket, all.into_iter().map(leaving_key)).await.telling(|| "take releases away")
}

/// Removes what lies there since more than a day and belongs to no release: what a publish uploaded
/// that was interrupted and never went on. What is younger may belong to one that will. Says whether
/// that could be told.
pub(super) async fn orphans(
    cx: &Cx,
    publication: &Publication,
    bucket: &str,
    kept: &[ReleaseId],
) -> Result<bool, StepError> {
    let old = publication.now.at - DAY;
    let mut keys = BTreeSet::new();
    for prefix in [release_objects::PREFIX, BUNDLES] {
        keys.extend(older(cx, bucket, prefix, old).await.telling(|| format!("list the objects in {bucket}"))?);
    }
    let told = spare(cx, publication, kept, &mut keys).await?;
    if told {
        remove(cx, bucket, keys).await.telling(|| "remove objects that belong to no release")?;
    }
    Ok(told)
}

/// Copies a manifest to where it is no release.
async fn set_aside(cx: &Cx, bucket: &str, release: &ReleaseId) -> Result<(), StepError> {
    let Some(bytes) = bytes_at(&cx.cloud, &release.key()).await? else { return Ok(()) };
    let call = cx.cloud.s3.put_object().bucket(bucket).key(leaving_key(release)).content_type("application/json");
    let put = answer("PutObject", call.body(ByteStream::from(bytes)).send().await);
    put.map(|_| ()).telling(|| format!("take {release} away"))
}

/// Takes out of `keys` what the kept releases refer to. Says whether all of them could be read:
/// otherwise nothing may be removed.
async fn spare(
    cx: &Cx,
    publication: &Publication,
    kept: &[ReleaseId],
    keys: &mut BTreeSet<String>,
) -> Result<bool, StepError> {
    let mut others = Vec::new();
    for release in kept {
        if *release == publication.id {
            less(keys, &publication.release.manifest());
        } else if let (true, Some(manifest)) =
            (publication.now.after.as_ref() == Some(release), publication.previous.as_ref())
        {
            less(keys, manifest);
        } else {
            others.push(release);
        }
    }
    for release in others {
        if keys.is_empty() {
            break;
        }
        match read(&cx.cloud, release).await {
            Ok(manifest) => manifest.iter().for_each(|manifest| less(keys, manifest)),
            Err(error) if is_unreadable(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn less(keys: &mut BTreeSet<String>, manifest: &Manifest) {
    for key in keys_of(manifest) {
        keys.remove(&key);
    }
}

/// The keys of all that a release consists of.
fn keys_of(manifest: &Manifest) -> BTreeSet<String> {
    let encodings = |encoded: bool| if encoded { &ENCODINGS[..] } else { &[] };
    let objects = manifest.objects.iter().flat_map(|(id, entry)| {
        let variants = encodings(entry.encoded).iter().map(|encoding| format!("{}{}", id.key(), encoding.suffix()));
        variants.chain([id.key()]).collect::<Vec<_>>()
    });
    objects.chain(manifest.api.iter().map(|bundle| bundle.key())).collect()
}

/// The keys below a prefix that were last written before a time.
async fn older(cx: &Cx, bucket: &str, prefix: &str, time: i64) -> Result<Vec<String>, CallError> {
    let (mut keys, mut token) = (Vec::new(), None);
    loop {
        let call = cx.cloud.s3.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(token);
        let page = answer("ListObjectsV2", call.send().await)?;
        let old = page.contents().iter().filter(|object| object.last_modified().is_some_and(|at| at.secs() < time));
        keys.extend(old.filter_map(|object| object.key().map(str::to_owned)));
        match page.next_continuation_token {
            Some(next) => token = Some(next),
            None => return Ok(keys),
        }
    }
}

/// Removes objects; those that are gone already are no trouble.
async fn remove(cx: &Cx, bucket: &str, keys: impl IntoIterator<Item = String>) -> Result<(), CallError> {
    let keys: Vec<String> = keys.into_iter().collect();
    for batch in keys.chunks(BATCH) {
        let unbuilt = |e| CallError::unbuilt("DeleteObjects", &e);
        let objects = batch.iter().map(|key| s3::ObjectIdentifier::builder().key(key).build());
        let objects = objects.collect::<Result<Vec<_>, _>>().map_err(unbuilt)?;
        let delete = s3::Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(unbuilt)?;
        let call = cx.cloud.s3.delete_objects().bucket(bucket).delete(delete);
        let output = answer("DeleteObjects", call.send().await)?;
        if let Some(error) = output.errors().first() {
            return Err(CallError::part("DeleteObjects", error.code(), error.message()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::manifest::tests::manifest;

    #[test]
    fn what_another_release_refers_to_stays_with_its_encodings() {
        let (mut one, other) = (manifest(&[("/", "home"), ("/a", "a")]), manifest(&[("/b", "home")]));
        one.objects.values_mut().for_each(|entry| entry.encoded = true);
        let mut keys = keys_of(&one);
        assert_eq!(keys.len(), 3 * 3 + 1);
        less(&mut keys, &other);
        assert_eq!(keys.iter().filter(|key| !key.contains('.')).count(), 1, "{keys:?}");
        less(&mut keys, &one);
        assert!(keys.is_empty());
    }
}
