//! The manifest of a release: the list of all that it consists of.

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::answer;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Prefix of the manifests' keys.
pub const PREFIX: &str = "releases/";

/// A manifest in the site bucket. Where it is, all objects that it lists are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The bucket.
    pub bucket: String,
    /// The release.
    pub release: String,
}

/// A manifest gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ManifestOutput {}

impl Manifest {
    /// Key of the manifest of this release.
    pub fn key(release: &str) -> String {
        format!("{PREFIX}{release}.json")
    }
}

impl Resource for Manifest {
    const KIND: &'static str = "release.manifest";
    type Cloud = crate::aws::Cloud;
    type Output = ManifestOutput;

    fn name(&self) -> String {
        Self::key(&self.release)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let found = exists(cx, &self.bucket, &self.release).await?;
        Ok(found.then(|| Found { spec: self.clone(), output: ManifestOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<ManifestOutput, StepError> {
        let text = cx.cloud.publication()?.release.manifest();
        let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(Self::key(&self.release));
        let call = call.content_type("application/json").if_none_match("*").body(ByteStream::from(text));
        match answer("PutObject", call.send().await) {
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
pub async fn exists(cx: &Cx, bucket: &str, release: &str) -> Result<bool, StepError> {
    if cx.try_output::<Bucket>("site-bucket")?.is_none() {
        return Ok(false);
    }
    let call = cx.cloud.s3.head_object().bucket(bucket).key(Manifest::key(release));
    match answer("HeadObject", call.send().await) {
        Ok(_) => Ok(true),
        Err(e) if e.is("NotFound") => Ok(false),
        Err(e) => Err(e).telling(|| format!("look at {}", Manifest::key(release))),
    }
}
