//! The keys of one release in the edge store.

use aws_sdk_cloudfrontkeyvaluestore::types as kvs;
use serde::{Deserialize, Serialize};

use super::release_live::{stale, tag};
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::ReleaseId;

/// Most keys in one UpdateKeys.
///
/// Source: CloudFront quotas, key value stores.
const BATCH: u32 = 50;

/// The buckets of a release, each one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    /// Node of the edge store.
    pub store: String,
    /// The release.
    pub release: ReleaseId,
    /// How many buckets it has.
    pub buckets: u32,
}

/// Keys give nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeysOutput {}

impl Keys {
    /// Node of the keys of the release that is published.
    pub const NODE: &'static str = "release-keys";

    fn key(&self, bucket: u32) -> String {
        format!("{}:{bucket}", self.release)
    }
}

impl Resource for Keys {
    const KIND: &'static str = "release.keys";
    type Cloud = crate::aws::Cloud;
    type Output = KeysOutput;

    fn name(&self) -> String {
        self.release.to_string()
    }

    /// Bucket 0 is written with the last batch and removed with the first, so that where it is,
    /// all are.
    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(store) = cx.try_output::<KeyValueStore>(&self.store)?.filter(|store| store.ready) else {
            return Ok(None);
        };
        let call = cx.cloud.store.get_key().kvs_arn(&store.arn).key(self.key(0));
        match answer("GetKey", call.send().await) {
            Ok(_) => Ok(Some(Found { spec: self.clone(), output: KeysOutput {} })),
            Err(e) if e.is("ResourceNotFoundException") => Ok(None),
            Err(e) => Err(e.while_doing(format!("look at the keys of {}", self.release))),
        }
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<KeysOutput, StepError> {
        let writing = || format!("write the keys of {}", self.release);
        let store = cx.output::<KeyValueStore>(&self.store)?.arn;
        let packed = &cx.cloud.publication()?.packed;
        for batch in batches(self.buckets) {
            let puts = batch
                .iter()
                .filter_map(|bucket| Some((*bucket, packed.buckets.get(*bucket as usize)?)))
                .map(|(bucket, value)| kvs::PutKeyRequestListItem::builder().key(self.key(bucket)).value(value).build())
                .collect::<Result<Vec<_>, _>>()
                .telling(writing)?;
            cx.note(format!("{} of {} keys", batch.last().map_or(0, |last| self.buckets - last), self.buckets));
            update(cx, &store, puts, Vec::new()).await.telling(writing)?;
        }
        Ok(KeysOutput {})
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let removing = || format!("remove the keys of {}", self.release);
        let Some(store) = cx.try_output::<KeyValueStore>(&self.store)? else { return Ok(()) };
        let mut all = batches(self.buckets);
        all.reverse();
        for batch in all {
            let deletes = batch
                .iter()
                .map(|bucket| kvs::DeleteKeyRequestListItem::builder().key(self.key(*bucket)).build())
                .collect::<Result<Vec<_>, _>>()
                .telling(removing)?;
            update(cx, &store.arn, Vec::new(), deletes).await.telling(removing)?;
        }
        Ok(())
    }
}

/// Buckets in the order they are written, the last ones first.
fn batches(buckets: u32) -> Vec<Vec<u32>> {
    let all: Vec<u32> = (0..buckets).rev().collect();
    all.chunks(BATCH as usize).map(<[u32]>::to_vec).collect()
}

async fn update(
    cx: &Cx,
    store: &str,
    puts: Vec<kvs::PutKeyRequestListItem>,
    deletes: Vec<kvs::DeleteKeyRequestListItem>,
) -> Result<(), CallError> {
    Patience::CONFLICT
        .retry(stale, || async {
            let tag = tag(cx, store).await?;
            let call = cx.cloud.store.update_keys().kvs_arn(store).if_match(tag);
            let call = call.set_puts(Some(puts.clone())).set_deletes(Some(deletes.clone()));
            answer("UpdateKeys", call.send().await).map(|_| ())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_zero_comes_last() {
        let batches = batches(120);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
        assert_eq!(batches.concat().last(), Some(&0));
    }
}
