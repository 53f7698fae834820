//! The keys of one release in the edge store.

use std::sync::PoisonError;

use aws_sdk_cloudfrontkeyvaluestore::types as kvs;
use serde::{Deserialize, Serialize};

use super::release_live::{look, read, stale, tag};
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::pack::STORE_BYTES;
use crate::release::{self, ReleaseId, Slot, preview};

/// Most keys in one UpdateKeys.
///
/// Source: CloudFront quotas, key value stores.
const BATCH: usize = 50;
/// Most keys in one answer of ListKeys.
///
/// Source: CloudFront KeyValueStore API reference, ListKeys.
const LISTED: i32 = 50;

/// The buckets of a release, each one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// Node of the edge store.
    pub store: String,
    /// The release, and what an edge must know to answer from it.
    pub slot: Slot,
}

/// Keys give nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeysOutput {}

impl Keys {
    /// Node of the keys of the release that is published.
    pub const NODE: &'static str = "release-keys";
}

impl Resource for Keys {
    const KIND: &'static str = "release.keys";
    type Cloud = crate::aws::Cloud;
    type Output = KeysOutput;

    fn name(&self) -> String {
        self.slot.release.to_string()
    }

    /// The slot is written with the last batch and removed with the first, so that where it is, all
    /// are.
    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(store) = cx.try_output::<KeyValueStore>(&self.store)?.filter(|store| store.ready) else {
            return Ok(None);
        };
        let looking = || format!("look at the keys of {}", self.slot.release);
        let slot = slot(cx, &store.arn, &self.slot.release).await.telling(looking)?;
        Ok(slot.map(|slot| Found { spec: Self { store: self.store.clone(), slot }, output: KeysOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<KeysOutput, StepError> {
        let store = cx.output::<KeyValueStore>(&self.store)?.arn;
        write(cx, &store, &cx.cloud.publication()?.keys).await?;
        Ok(KeysOutput {})
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        match cx.try_output::<KeyValueStore>(&self.store)? {
            Some(store) => remove(cx, &store.arn, &self.slot.release).await,
            None => Ok(()),
        }
    }
}

/// Writes the keys of a release.
pub async fn write(cx: &Cx, store: &str, keys: &release::Keys) -> Result<(), StepError> {
    let slot = &keys.slot;
    let writing = || format!("write the keys of {}", slot.release);
    let secret = secret(cx, store).await.telling(writing)?.map(|secret| (preview::KEY.to_owned(), secret));
    let pairs: Vec<(String, String)> = secret.into_iter().chain(keys.pairs()).collect();
    let bytes = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    let mut tag = Some(make_room(cx, store, bytes, &slot.release).await?);
    let mut written = 0;
    for batch in pairs.chunks(BATCH) {
        let puts = batch
            .iter()
            .map(|(key, value)| kvs::PutKeyRequestListItem::builder().key(key).value(value).build())
            .collect::<Result<Vec<_>, _>>()
            .telling(writing)?;
        tag = Some(update(cx, store, tag, puts, Vec::new()).await.telling(writing)?);
        written += batch.len();
        cx.note(format!("{written} of {} keys", pairs.len()));
    }
    Ok(())
}

/// Gives the tag that the next write must name. Where three releases do not fit at once, the keys of
/// the one before the live one go: nobody is answered from it once the new one is live.
async fn make_room(cx: &Cx, store: &str, bytes: usize, new: &ReleaseId) -> Result<String, StepError> {
    let looking = || "look how full the edge store is";
    let before = look(cx, store).await.telling(looking)?;
    if size(before.total_size_in_bytes) + bytes <= STORE_BYTES {
        return Ok(before.e_tag);
    }
    let pointer = read(cx, store).await.telling(|| "read which release is live")?;
    let Some(old) = pointer.and_then(|pointer| pointer.previous).filter(|old| old.release != *new) else {
        return Ok(before.e_tag);
    };
    cx.note(format!("removing the keys of {}, which leave no room", old.release));
    remove(cx, store, &old.release).await?;
    Ok(look(cx, store).await.telling(looking)?.e_tag)
}

/// A size that AWS tells.
pub fn size(told: i64) -> usize {
    usize::try_from(told).unwrap_or_default()
}

/// Removes the keys of a release, as far as they are there.
///
/// The slot goes first, so that nobody takes what is left for a whole release, and the first bucket
/// last: where neither is, none is.
pub async fn remove(cx: &Cx, store: &str, release: &ReleaseId) -> Result<(), StepError> {
    let removing = || format!("remove the keys of {release}");
    let keys = keys_to_remove(cx, store, release).await.telling(removing)?;
    let mut tag = None;
    for batch in keys.chunks(BATCH) {
        let deletes = batch
            .iter()
            .map(|key| kvs::DeleteKeyRequestListItem::builder().key(key).build())
            .collect::<Result<Vec<_>, _>>()
            .telling(removing)?;
        tag = Some(update(cx, store, tag, Vec::new(), deletes).await.telling(removing)?);
    }
    Ok(())
}

async fn keys_to_remove(cx: &Cx, store: &str, release: &ReleaseId) -> Result<Vec<String>, CallError> {
    if let Some(slot) = slot(cx, store, release).await? {
        let mut keys = slot.keys();
        keys.reverse();
        return Ok(keys);
    }
    let first = format!("{release}:0");
    if get(cx, store, &first).await?.is_none() {
        return Ok(Vec::new());
    }
    // Somebody was interrupted while writing or removing them: what is there is not known.
    let mut keys = Vec::new();
    let mut token = None;
    loop {
        let call = cx.cloud.store.list_keys().kvs_arn(store).max_results(LISTED).set_next_token(token);
        let page = answer("ListKeys", call.send().await)?;
        let of_release = |key: &str| key.split(':').next() == Some(release.as_str()) && key != first;
        keys.extend(page.items().iter().map(|item| item.key().to_owned()).filter(|key| of_release(key)));
        token = page.next_token;
        if token.is_none() {
            keys.push(first);
            return Ok(keys);
        }
    }
}

/// What an edge must know to answer from a release; `None` when its keys are not there.
pub async fn slot(cx: &Cx, store: &str, release: &ReleaseId) -> Result<Option<Slot>, CallError> {
    let text = get(cx, store, &preview::slot_key(release)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// The value of a key; `None` when there is no such key.
pub async fn get(cx: &Cx, store: &str, key: &str) -> Result<Option<String>, CallError> {
    match answer("GetKey", cx.cloud.store.get_key().kvs_arn(store).key(key).send().await) {
        Ok(output) => Ok(Some(output.value)),
        Err(e) if e.is("ResourceNotFoundException") => Ok(None),
        Err(e) => Err(e),
    }
}

/// A secret for previews, when there is none yet.
async fn secret(cx: &Cx, store: &str) -> Result<Option<String>, CallError> {
    if get(cx, store, preview::KEY).await?.is_some() {
        return Ok(None);
    }
    let mut random = [0; preview::SECRET_BYTES];
    getrandom::fill(&mut random).map_err(|e| CallError::unbuilt("UpdateKeys", &e))?;
    Ok(Some(preview::secret(random)))
}

/// Writes and removes keys; gives the tag that the next write must name.
async fn update(
    cx: &Cx,
    store: &str,
    known: Option<String>,
    puts: Vec<kvs::PutKeyRequestListItem>,
    deletes: Vec<kvs::DeleteKeyRequestListItem>,
) -> Result<String, CallError> {
    // The tag that the write before gave spares a look, unless somebody else wrote meanwhile.
    let known = std::sync::Mutex::new(known);
    Patience::CONFLICT
        .retry(stale, || async {
            let last = known.lock().unwrap_or_else(PoisonError::into_inner).take();
            let tag = match last {
                Some(tag) => tag,
                None => tag(cx, store).await?,
            };
            let call = cx.cloud.store.update_keys().kvs_arn(store).if_match(tag);
            let call = call.set_puts(Some(puts.clone())).set_deletes(Some(deletes.clone()));
            answer("UpdateKeys", call.send().await).map(|output| output.e_tag)
        })
        .await
}
