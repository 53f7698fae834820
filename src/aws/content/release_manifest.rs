//! The manifest of a release: the list of all that it consists of.

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cloud, Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::{self, ReleaseId};

/// Prefix of the manifests' keys.
pub const PREFIX: &str = "releases/";

/// A manifest in the site bucket. Where it is, all objects that it lists are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The bucket.
    pub bucket: String,
    /// The release.
    pub release: ReleaseId,
}

/// A manifest gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ManifestOutput {}

impl Resource for Manifest {
    const KIND: &'static str = "release.manifest";
    type Cloud = Cloud;
    type Output = ManifestOutput;

    fn name(&self) -> String {
        self.release.key()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let found = exists(cx, &self.bucket, &self.release).await?;
        Ok(found.then(|| Found { spec: self.clone(), output: ManifestOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<ManifestOutput, StepError> {
        let text = cx.cloud.publication()?.release.manifest().to_json();
        let put = || async {
            let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(self.release.key());
            let call = call.content_type("application/json").if_none_match("*");
            answer("PutObject", call.body(ByteStream::from(text.clone())).send().await)
        };
        // An earlier try may still be under way.
        match Patience::PROPAGATION.retry(|e| e.is("ConditionalRequestConflict"), put).await {
            // An earlier try wrote it.
            Err(e) if !e.is("PreconditionFailed") => Err(e.while_doing(format!("write {}", Resource::name(self)))),
            _ => Ok(ManifestOutput {}),
        }
    }

    /// It goes with the bucket.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Whether the manifest of `release` is in the bucket.
pub async fn exists(cx: &Cx, bucket: &str, release: &ReleaseId) -> Result<bool, StepError> {
    if cx.try_output::<Bucket>("site-bucket")?.is_none() {
        return Ok(false);
    }
    let call = cx.cloud.s3.head_object().bucket(bucket).key(release.key());
    match answer("HeadObject", call.send().await) {
        Ok(_) => Ok(true),
        Err(e) if e.is("NotFound") => Ok(false),
        Err(e) => Err(e).telling(|| format!("look at {}", release.key())),
    }
}

/// The manifest of `release`; `None` when it is not there.
pub async fn read(cloud: &Cloud, release: &ReleaseId) -> Result<Option<release::Manifest>, StepError> {
    let reading = || format!("read {}", release.key());
    let call = cloud.s3.get_object().bucket(cloud.names.bucket()).key(release.key());
    let output = match answer("GetObject", call.send().await) {
        Err(e) if absent(&e) => return Ok(None),
        result => result.telling(reading)?,
    };
    let bytes = output.body.collect().await.map_err(|e| StepError::cloud(reading(), e))?.into_bytes();
    release::Manifest::parse(&bytes).map(Some).map_err(|e| StepError::cloud(reading(), e))
}

/// The releases whose manifests are in the bucket, oldest first.
pub async fn list(cloud: &Cloud) -> Result<Vec<ReleaseId>, StepError> {
    let mut ids = Vec::new();
    let mut token = None;
    loop {
        let call = cloud.s3.list_objects_v2().bucket(cloud.names.bucket()).prefix(PREFIX);
        let page = match answer("ListObjectsV2", call.set_continuation_token(token).send().await) {
            Err(e) if absent(&e) => return Ok(ids),
            result => result.telling(|| "list the releases")?,
        };
        let names = page.contents().iter().filter_map(|o| o.key()?.strip_prefix(PREFIX)?.strip_suffix(".json"));
        ids.extend(names.filter_map(ReleaseId::parse));
        match page.next_continuation_token {
            Some(next) => token = Some(next),
            None => return Ok(ids),
        }
    }
}

/// Not there, or in a bucket that is not ours, of which the plan tells.
fn absent(error: &CallError) -> bool {
    error.is_any(&["NoSuchKey", "NoSuchBucket", "NotFound", "AccessDenied", "Forbidden"])
}
