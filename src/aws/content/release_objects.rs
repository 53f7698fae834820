//! The objects of a release: every file once, under a hash of its bytes and headers.

use serde::{Deserialize, Serialize};

use super::{release_manifest, upload};
use crate::aws::Cx;
use crate::deploy::{Found, Resource, StepError};
use crate::release::ReleaseId;

pub use super::upload::PREFIX;

/// All objects of a release, and its API bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objects {
    /// The bucket.
    pub bucket: String,
    /// The release.
    pub release: ReleaseId,
    /// How many there are.
    pub objects: usize,
}

/// Objects give nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ObjectsOutput {}

impl Resource for Objects {
    const KIND: &'static str = "release.objects";
    type Cloud = crate::aws::Cloud;
    type Output = ObjectsOutput;

    fn name(&self) -> String {
        format!("{} objects", self.objects)
    }

    /// The manifest is written after the objects, so where it is, they are.
    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let found = release_manifest::exists(cx, &self.bucket, &self.release).await?;
        Ok(found.then(|| Found { spec: self.clone(), output: ObjectsOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<ObjectsOutput, StepError> {
        upload::missing(cx, &self.bucket, cx.cloud.publication()?).await?;
        Ok(ObjectsOutput {})
    }

    /// They go with the bucket.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}
