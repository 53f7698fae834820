//! The pointer: the one write that visitors see.
//!
//! ```text
//!  ask with the preview's cookie ── PutKey live ── ask as everybody ── done
//!          └ broken: nothing changes                   └ broken: PutKey the pointer before
//! ```

use aws_sdk_cloudfrontkeyvaluestore::operation::describe_key_value_store::DescribeKeyValueStoreOutput;
use serde::{Deserialize, Serialize};

use super::release_gate::Gate;
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::Pointer;
use crate::release::pointer::KEY;

/// The release that is live, and the one before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Node of the edge store.
    pub store: String,
    /// The pointer.
    pub pointer: Pointer,
}

/// What is known of a release that became live.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LiveOutput {
    /// What could not be seen of it through the edge, for people.
    #[serde(default)]
    pub unseen: Vec<String>,
}

impl Resource for Live {
    const KIND: &'static str = "release.live";
    type Cloud = crate::aws::Cloud;
    type Output = LiveOutput;

    fn name(&self) -> String {
        self.pointer.live.release.to_string()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(store) = cx.try_output::<KeyValueStore>(&self.store)?.filter(|store| store.ready) else {
            return Ok(None);
        };
        let pointer = read(cx, &store.arn).await.telling(|| "read which release is live")?;
        Ok(pointer
            .map(|pointer| Found { spec: Self { store: self.store.clone(), pointer }, output: LiveOutput::default() }))
    }

    /// A release is asked before it takes the place of another, and after; one that does not answer as
    /// it should is not left there. Where this is cut off, either one is live, whole.
    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<LiveOutput, StepError> {
        let store = cx.output::<KeyValueStore>(&self.store)?.arn;
        let making = || format!("make {} live", self.pointer.live.release);
        // Without a release to go back to, nothing can be held back; whoever publishes first looks afterwards.
        let check = Gate::new(cx, &store, &self.pointer, found.as_ref().map(|found| &found.spec.pointer));
        let Some(gate) = check else {
            write(cx, &store, &self.pointer).await.telling(making)?;
            return Ok(LiveOutput::default());
        };
        let mut unseen = Vec::from_iter(gate.before().await?);
        write(cx, &store, &self.pointer).await.telling(making)?;
        unseen.extend(gate.after().await?);
        Ok(LiveOutput { unseen })
    }

    /// It goes with the store.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

/// The pointer in the store of this ARN.
pub async fn read(cx: &Cx, store: &str) -> Result<Option<Pointer>, CallError> {
    match answer("GetKey", cx.cloud.store.get_key().kvs_arn(store).key(KEY).send().await) {
        Ok(output) => Ok(Pointer::parse(output.value())),
        Err(e) if e.is("ResourceNotFoundException") => Ok(None),
        Err(e) => Err(e),
    }
}

/// Writes the pointer into the store of this ARN.
pub async fn write(cx: &Cx, store: &str, pointer: &Pointer) -> Result<(), CallError> {
    let value = pointer.to_json();
    Patience::CONFLICT
        .retry(
            // The tag covers the whole store: somebody wrote a key since it was read.
            stale,
            || async {
                let tag = tag(cx, store).await?;
                let call = cx.cloud.store.put_key().kvs_arn(store).key(KEY).value(&value).if_match(tag);
                answer("PutKey", call.send().await).map(|_| ())
            },
        )
        .await
}

/// The tag that the next write must name.
pub async fn tag(cx: &Cx, store: &str) -> Result<String, CallError> {
    Ok(look(cx, store).await?.e_tag)
}

/// The store as it is: its tag, and how full it is.
pub async fn look(cx: &Cx, store: &str) -> Result<DescribeKeyValueStoreOutput, CallError> {
    let call = cx.cloud.store.describe_key_value_store().kvs_arn(store);
    // A store that was made a moment ago is not yet known to its data plane.
    let look = || async { answer("DescribeKeyValueStore", call.clone().send().await) };
    Patience::PROPAGATION.retry(|e| e.is("ResourceNotFoundException"), look).await
}

/// Whether a write named a tag that is no longer the store's.
///
/// The documentation says `ConflictException`; `ValidationException` with these words is seen too.
pub fn stale(error: &CallError) -> bool {
    error.is("ConflictException") || error.says("ValidationException", "Pre-Condition")
}
