//! The package in the bucket, from where every function takes it.

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::{CallError, answer};
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Prefix of the packages' keys.
const PREFIX: &str = "engine/";
/// Metadata in which a package's hash is kept, in base64, as Lambda gives it.
const HASH: &str = "sha256";

/// The engine, packed for Lambda, in the site bucket.
///
/// Through the bucket, since Lambda takes 50 MB at most directly, and so that several functions
/// share one upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnginePackage {
    /// The bucket.
    pub bucket: String,
    /// Identity of the engine.
    pub engine: String,
}

/// What a function needs of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnginePackageOutput {
    /// Key in the bucket.
    pub key: String,
    /// SHA-256 in base64.
    pub sha256: String,
}

impl EnginePackage {
    fn key(&self) -> String {
        format!("{PREFIX}{}.zip", self.engine)
    }
}

impl Resource for EnginePackage {
    const KIND: &'static str = "engine.package";
    type Cloud = crate::aws::Cloud;
    type Output = EnginePackageOutput;

    fn name(&self) -> String {
        self.key()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if cx.try_output::<Bucket>("site-bucket")?.is_none() {
            return Ok(None);
        }
        let call = cx.cloud.s3.head_object().bucket(&self.bucket).key(self.key());
        let head = match answer("HeadObject", call.send().await) {
            Err(e) if e.is("NotFound") => return Ok(None),
            result => result.telling(|| format!("look at {}", self.key()))?,
        };
        let sha256 = head.metadata().and_then(|metadata| metadata.get(HASH)).cloned();
        let found = |sha256| Found { spec: self.clone(), output: EnginePackageOutput { key: self.key(), sha256 } };
        Ok(sha256.map(found))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<EnginePackageOutput, StepError> {
        cx.note("packing the engine");
        let package = cx.cloud.publication()?.package()?;
        cx.note("uploading the engine");
        let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(self.key()).content_type("application/zip");
        let call = call.metadata(HASH, &package.sha256);
        let body = ByteStream::from_path(&package.zip).await;
        let body = body.map_err(|error| StepError::yours(format!("read {}", package.zip.display()), error))?;
        let call = call.body(body);
        answer("PutObject", call.send().await).telling(|| format!("upload {}", self.key()))?;
        self.remove_others(cx).await.telling(|| "remove the packages of earlier engines")?;
        Ok(EnginePackageOutput { key: self.key(), sha256: package.sha256.clone() })
    }

    /// It goes with the bucket.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl EnginePackage {
    /// Lambda keeps a copy of its own, so nobody needs the package of an earlier engine.
    async fn remove_others(&self, cx: &Cx) -> Result<(), CallError> {
        let call = cx.cloud.s3.list_objects_v2().bucket(&self.bucket).prefix(PREFIX);
        let page = answer("ListObjectsV2", call.send().await)?;
        for key in page.contents().iter().filter_map(|object| object.key()).filter(|key| *key != self.key()) {
            answer("DeleteObject", cx.cloud.s3.delete_object().bucket(&self.bucket).key(key).send().await)?;
        }
        Ok(())
    }
}
