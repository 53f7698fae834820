//! The store in which releases live at the edge.

use aws_sdk_cloudfront::types as cf;
use serde::{Deserialize, Serialize};

use super::etag;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell, tags};
use crate::deploy::{Found, Resource, StepError};

/// Status of a store that can be used.
const READY: &str = "READY";

/// A KeyValueStore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyValueStore {
    /// Name, unique in the account.
    pub name: String,
    /// Whether it can be used: one that an interrupted run made may not be so far.
    pub ready: bool,
}

impl KeyValueStore {
    /// A store that can be used.
    pub fn ready(name: String) -> Self {
        Self { name, ready: true }
    }
}

/// What others need of a store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyValueStoreOutput {
    /// ARN; its data plane is addressed by it.
    pub arn: String,
    /// Whether it can be used.
    pub ready: bool,
}

impl Resource for KeyValueStore {
    const KIND: &'static str = "cloudfront.key_value_store";
    type Cloud = crate::aws::Cloud;
    type Output = KeyValueStoreOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the store {}", self.name);
        let Some((store, _)) = self.describe(cx).await.telling(looking)? else { return Ok(None) };
        if !tags::are_ours(cx, store.arn()).await.telling(looking)? {
            return Err(StepError::foreign("KeyValueStore", &self.name));
        }
        let ready = store.status() == Some(READY);
        let spec = Self { name: self.name.clone(), ready };
        Ok(Some(Found { spec, output: KeyValueStoreOutput { arn: store.arn, ready } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<KeyValueStoreOutput, StepError> {
        let making = || format!("make the store {}", self.name);
        if found.is_none() {
            let call = cx.cloud.cloudfront.create_key_value_store().name(&self.name).comment(cx.cloud.names.mark());
            match answer("CreateKeyValueStore", call.tags(tags::of(cx)?).send().await) {
                Ok(_) => {}
                // The answer to an earlier try was lost; or it is not ours, which find tells.
                Err(e) if e.is("EntityAlreadyExists") && self.find(cx).await?.is_some() => {}
                Err(e) => return Err(e.while_doing(making())),
            }
        }
        let arn = self.wait_until_ready(cx).await.telling(making)?;
        let arn = arn.ok_or_else(|| StepError::cloud(making(), "it is not ready after 30 minutes"))?;
        Ok(KeyValueStoreOutput { arn, ready: true })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = Patience::CONFLICT
            .retry(
                |e| e.is_any(&["CannotDeleteEntityWhileInUse", "PreconditionFailed", "InvalidIfMatchVersion"]),
                || async {
                    let Some((_, tag)) = self.describe(cx).await? else { return Ok(()) };
                    let call = cx.cloud.cloudfront.delete_key_value_store().name(&self.name).if_match(tag);
                    answer("DeleteKeyValueStore", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("EntityNotFound") => Ok(()),
            result => result.telling(|| format!("delete the store {}", self.name)),
        }
    }
}

impl KeyValueStore {
    async fn describe(&self, cx: &Cx) -> Result<Option<(cf::KeyValueStore, String)>, CallError> {
        let call = cx.cloud.cloudfront.describe_key_value_store().name(&self.name);
        match answer("DescribeKeyValueStore", call.send().await) {
            Ok(output) => {
                let tag = etag(output.e_tag());
                Ok(output.key_value_store.map(|store| (store, tag)))
            }
            Err(e) if e.is("EntityNotFound") => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn wait_until_ready(&self, cx: &Cx) -> Result<Option<String>, CallError> {
        Patience::STATE
            .until(|| async {
                let store = self.describe(cx).await?.map(|(store, _)| store);
                let ready = store.filter(|store| store.status() == Some(READY));
                if ready.is_none() {
                    cx.note("waiting until the store is ready");
                }
                Ok(ready.map(|store| store.arn))
            })
            .await
    }
}
