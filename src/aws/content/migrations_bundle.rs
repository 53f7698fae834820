//! The migrations, where the migrator reads them.

use aws_sdk_s3::primitives::ByteStream;
use serde::{Deserialize, Serialize};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::answer;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Key in the site bucket.
pub const KEY: &str = "migrations/bundle.json";
/// Metadata in which the hash is kept.
const HASH: &str = "hash";

/// All migrations in one object. No visitor reaches it: the distribution may read `c/` only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationsBundle {
    /// The bucket.
    pub bucket: String,
    /// Hash over the migrations.
    pub hash: String,
}

/// A bundle gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationsBundleOutput {}

impl Resource for MigrationsBundle {
    const KIND: &'static str = "migrations.bundle";
    type Cloud = crate::aws::Cloud;
    type Output = MigrationsBundleOutput;

    fn name(&self) -> String {
        KEY.into()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if cx.try_output::<Bucket>("site-bucket")?.is_none() {
            return Ok(None);
        }
        let head = match answer("HeadObject", cx.cloud.s3.head_object().bucket(&self.bucket).key(KEY).send().await) {
            Err(e) if e.is("NotFound") => return Ok(None),
            result => result.telling(|| format!("look at {KEY}"))?,
        };
        let hash = head.metadata().and_then(|metadata| metadata.get(HASH)).cloned().unwrap_or_default();
        Ok(Some(Found { spec: Self { hash, ..self.clone() }, output: MigrationsBundleOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<MigrationsBundleOutput, StepError> {
        let body = ByteStream::from(cx.cloud.publication()?.migrations.to_json());
        let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(KEY).content_type("application/json");
        let call = call.metadata(HASH, &self.hash).body(body);
        answer("PutObject", call.send().await).telling(|| format!("write {KEY}"))?;
        Ok(MigrationsBundleOutput {})
    }

    /// It goes with the bucket, or stays and harms nobody.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}
