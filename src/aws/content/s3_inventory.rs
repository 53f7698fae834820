//! The inventory: what was ever made, so that what is no longer declared is found again.

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::{CallError, answer};
use crate::aws::{Cloud, Cx, Tell};
use crate::deploy::{Found, Made, Resource, StepError};

/// Key of the inventory in the site bucket.
pub const KEY: &str = "arq/inventory.json";

/// The inventory of one site and stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The bucket.
    pub bucket: String,
    /// Every node that holds data or that only the declarations name.
    pub entries: Vec<Made>,
}

/// An inventory gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InventoryOutput {}

impl Resource for Inventory {
    const KIND: &'static str = "s3.inventory";
    type Cloud = Cloud;
    type Output = InventoryOutput;

    fn name(&self) -> String {
        KEY.into()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if cx.try_output::<Bucket>("site-bucket")?.is_none() {
            return Ok(None);
        }
        let entries = read(&cx.cloud).await.telling(|| format!("read {KEY}"))?;
        Ok(entries.map(|entries| Found { spec: Self { entries, ..self.clone() }, output: InventoryOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<InventoryOutput, StepError> {
        let text = serde_json::to_vec_pretty(&self.entries).map_err(StepError::bug)?;
        let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(KEY);
        let call = call.content_type("application/json").body(ByteStream::from(text));
        answer("PutObject", call.send().await).telling(|| format!("write {KEY}"))?;
        Ok(InventoryOutput {})
    }

    /// It goes with the bucket.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

/// The entries in the site bucket; `None` when there is no bucket or no inventory.
pub async fn read(cloud: &Cloud) -> Result<Option<Vec<Made>>, CallError> {
    let call = cloud.s3.get_object().bucket(cloud.names.bucket()).key(KEY);
    let output = match answer("GetObject", call.send().await) {
        Ok(output) => output,
        Err(e) if e.is_any(&["NoSuchKey", "NoSuchBucket", "NotFound"]) => return Ok(None),
        // Somebody else's bucket; the plan says so.
        Err(e) if e.is_any(&["AccessDenied", "Forbidden"]) => return Ok(None),
        Err(e) => return Err(e),
    };
    let bytes = output.body.collect().await.map_err(|e| CallError::unbuilt("GetObject", &e))?;
    serde_json::from_slice(&bytes.into_bytes()).map(Some).map_err(|e| CallError::unbuilt("GetObject", &e))
}
