//! A private bucket.

use aws_sdk_s3::types as s3;
use serde::{Deserialize, Serialize};

use super::s3_lifecycle::Lifecycle;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// The only region that must not be named when a bucket is made in it.
const UNNAMED_REGION: &str = "us-east-1";
/// Most keys in one DeleteObjects.
const DELETE_BATCH: i32 = 1000;
/// Days that a deleted or overwritten file can be had back.
const OLD_FILES_DAYS: i32 = 30;

/// A bucket that nobody reaches but by a policy, owned whole by the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Name, unique in all of AWS.
    pub name: String,
    /// Whether all four kinds of public access are blocked.
    pub public_access_blocked: bool,
    /// Whether access control lists are switched off.
    pub owner_enforced: bool,
    /// Whether an object that is overwritten or deleted is kept as an old version.
    pub versioned: bool,
    /// Whether objects are encrypted with S3's own keys. With a key of KMS neither CloudFront nor
    /// the log services could use the bucket without being named in the key's policy.
    pub encrypted: bool,
    /// What it forgets by itself.
    pub lifecycle: Lifecycle,
    /// Whether it holds the customer's data; not a setting of the bucket, so never a difference.
    pub data: bool,
}

/// What others need of a bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BucketOutput {
    /// ARN.
    pub arn: String,
}

impl Bucket {
    /// The private bucket of this name: without versions, since nothing in it is overwritten.
    pub fn private(name: String) -> Self {
        Self {
            name,
            public_access_blocked: true,
            owner_enforced: true,
            versioned: false,
            encrypted: true,
            lifecycle: Lifecycle::keep(),
            data: false,
        }
    }

    /// A bucket of uploaded files, which can be had back for a month after they were deleted.
    pub fn files(name: String) -> Self {
        let lifecycle = Lifecycle::keep_versions(OLD_FILES_DAYS);
        Self { versioned: true, lifecycle, data: true, ..Self::private(name) }
    }

    /// A bucket of logs, which are removed after `days`.
    pub fn logs(name: String, days: i32) -> Self {
        Self { lifecycle: Lifecycle::expire_all(days), ..Self::private(name) }
    }

    fn output(&self) -> BucketOutput {
        BucketOutput { arn: format!("arn:aws:s3:::{}", self.name) }
    }
}

impl Resource for Bucket {
    const KIND: &'static str = "s3.bucket";
    type Cloud = crate::aws::Cloud;
    type Output = BucketOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn holds_data(&self) -> bool {
        self.data
    }

    fn loses(&self) -> Option<String> {
        self.data.then(|| "all uploaded files, in every version".into())
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the bucket {}", self.name);
        let tags = match self.tags(cx).await {
            Ok(tags) => tags,
            Err(e) if e.is("NoSuchBucket") => return Ok(None),
            Err(e) if e.is_any(&["AccessDenied", "Forbidden"]) => return Err(self.taken(e)),
            Err(e) => return Err(e.while_doing(looking())),
        };
        if !cx.cloud.names.owns(tags.iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("bucket", &self.name));
        }
        let spec = self.settings(cx).await.telling(looking)?;
        Ok(Some(Found { spec, output: self.output() }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<BucketOutput, StepError> {
        let was = match found {
            Some(found) => Some(found.spec),
            None => {
                self.create(cx).await?;
                None
            }
        };
        // AWS gives a new bucket the first three; said all the same, since the account is what
        // counts. One after the other, since two settings of one bucket at once conflict.
        if !was.as_ref().is_some_and(|was| was.public_access_blocked) {
            self.block_public_access(cx).await.telling(|| format!("block public access to {}", self.name))?;
        }
        if !was.as_ref().is_some_and(|was| was.owner_enforced) {
            self.enforce_owner(cx).await.telling(|| format!("switch off access lists of {}", self.name))?;
        }
        if self.encrypted && !was.as_ref().is_some_and(|was| was.encrypted) {
            self.encrypt(cx).await.telling(|| format!("encrypt {}", self.name))?;
        }
        if was.as_ref().is_some_and(|was| was.versioned) != self.versioned {
            self.keep_versions(cx).await.telling(|| format!("set the versioning of {}", self.name))?;
        }
        if was.map(|was| was.lifecycle).unwrap_or_default() != self.lifecycle {
            self.set_lifecycle(cx).await.telling(|| format!("set the lifecycle of {}", self.name))?;
        }
        Ok(self.output())
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        // Late writes can fill it again after it was emptied.
        let result = Patience::PROPAGATION
            .retry(
                |e| e.is("BucketNotEmpty") || e.is("OperationAborted"),
                || async {
                    self.empty(cx).await?;
                    answer("DeleteBucket", cx.cloud.s3.delete_bucket().bucket(&self.name).send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("NoSuchBucket") => Ok(()),
            result => result.telling(|| format!("delete the bucket {}", self.name)),
        }
    }
}

impl Bucket {
    fn taken(&self, error: CallError) -> StepError {
        StepError::yours(format!("use the bucket {}", self.name), error)
            .hint("The name is taken by somebody else's bucket. Choose another site.name in arq.toml.")
    }

    async fn tags(&self, cx: &Cx) -> Result<Vec<s3::Tag>, CallError> {
        match answer("GetBucketTagging", cx.cloud.s3.get_bucket_tagging().bucket(&self.name).send().await) {
            Ok(output) => Ok(output.tag_set),
            Err(e) if e.is("NoSuchTagSet") => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    async fn create(&self, cx: &Cx) -> Result<(), StepError> {
        let names = &cx.cloud.names;
        let mut configuration = s3::CreateBucketConfiguration::builder();
        for (key, value) in names.tags() {
            configuration = configuration.tags(s3::Tag::builder().key(key).value(value).build().telling(|| "tag")?);
        }
        if names.region != UNNAMED_REGION {
            configuration = configuration.location_constraint(names.region.as_str().into());
        }
        let configuration = configuration.build();
        let result = Patience::CONFLICT
            .retry(
                // A bucket of this name was deleted a moment ago.
                |e| e.is("OperationAborted"),
                || async {
                    let call = cx.cloud.s3.create_bucket().bucket(&self.name);
                    answer("CreateBucket", call.create_bucket_configuration(configuration.clone()).send().await)
                },
            )
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(e) if e.is("BucketAlreadyExists") => Err(self.taken(e)),
            // The answer to an earlier try was lost.
            Err(e) if e.is("BucketAlreadyOwnedByYou") => match self.find(cx).await? {
                Some(_) => Ok(()),
                None => Err(e.while_doing(format!("create the bucket {}", self.name))),
            },
            Err(e) => Err(e.while_doing(format!("create the bucket {}", self.name))),
        }
    }

    async fn settings(&self, cx: &Cx) -> Result<Self, CallError> {
        let (public_access_blocked, owner_enforced, versioned, encrypted, lifecycle) = tokio::try_join!(
            self.blocks_public_access(cx),
            self.is_owner_enforced(cx),
            self.is_versioned(cx),
            self.is_encrypted(cx),
            self.lifecycle(cx),
        )?;
        let (name, data) = (self.name.clone(), self.data);
        Ok(Self { name, public_access_blocked, owner_enforced, versioned, encrypted, lifecycle, data })
    }

    async fn blocks_public_access(&self, cx: &Cx) -> Result<bool, CallError> {
        let call = cx.cloud.s3.get_public_access_block().bucket(&self.name);
        match answer("GetPublicAccessBlock", call.send().await) {
            Ok(output) => Ok(output.public_access_block_configuration.is_some_and(|c| {
                [c.block_public_acls, c.ignore_public_acls, c.block_public_policy, c.restrict_public_buckets]
                    .iter()
                    .all(|on| *on == Some(true))
            })),
            Err(e) if e.is("NoSuchPublicAccessBlockConfiguration") => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn block_public_access(&self, cx: &Cx) -> Result<(), CallError> {
        let all = s3::PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        self.settle(|| async {
            let call = cx.cloud.s3.put_public_access_block().bucket(&self.name);
            answer("PutPublicAccessBlock", call.public_access_block_configuration(all.clone()).send().await).map(|_| ())
        })
        .await
    }

    async fn is_owner_enforced(&self, cx: &Cx) -> Result<bool, CallError> {
        let call = cx.cloud.s3.get_bucket_ownership_controls().bucket(&self.name);
        match answer("GetBucketOwnershipControls", call.send().await) {
            Ok(output) => Ok(output.ownership_controls.is_some_and(|c| {
                c.rules.iter().any(|r| r.object_ownership == s3::ObjectOwnership::BucketOwnerEnforced)
            })),
            Err(e) if e.is("OwnershipControlsNotFoundError") => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn enforce_owner(&self, cx: &Cx) -> Result<(), CallError> {
        self.settle(|| async {
            let rule =
                s3::OwnershipControlsRule::builder().object_ownership(s3::ObjectOwnership::BucketOwnerEnforced).build();
            let controls = rule.and_then(|rule| s3::OwnershipControls::builder().rules(rule).build());
            let controls = controls.map_err(|e| CallError::unbuilt("PutBucketOwnershipControls", &e))?;
            let call = cx.cloud.s3.put_bucket_ownership_controls().bucket(&self.name);
            answer("PutBucketOwnershipControls", call.ownership_controls(controls).send().await).map(|_| ())
        })
        .await
    }

    async fn is_versioned(&self, cx: &Cx) -> Result<bool, CallError> {
        let call = cx.cloud.s3.get_bucket_versioning().bucket(&self.name);
        let status = answer("GetBucketVersioning", call.send().await)?.status;
        Ok(status == Some(s3::BucketVersioningStatus::Enabled))
    }

    /// A bucket that once had versions keeps those it has when it is switched off.
    async fn keep_versions(&self, cx: &Cx) -> Result<(), CallError> {
        let status = match self.versioned {
            true => s3::BucketVersioningStatus::Enabled,
            false => s3::BucketVersioningStatus::Suspended,
        };
        let configuration = s3::VersioningConfiguration::builder().status(status).build();
        self.settle(|| async {
            let call = cx.cloud.s3.put_bucket_versioning().bucket(&self.name);
            let call = call.versioning_configuration(configuration.clone());
            answer("PutBucketVersioning", call.send().await).map(|_| ())
        })
        .await
    }

    async fn is_encrypted(&self, cx: &Cx) -> Result<bool, CallError> {
        match answer("GetBucketEncryption", cx.cloud.s3.get_bucket_encryption().bucket(&self.name).send().await) {
            Ok(output) => Ok(output.server_side_encryption_configuration.is_some_and(|c| {
                let defaults = c.rules.iter().filter_map(|r| r.apply_server_side_encryption_by_default.as_ref());
                defaults.into_iter().any(|d| d.sse_algorithm == s3::ServerSideEncryption::Aes256)
            })),
            Err(e) if e.is("ServerSideEncryptionConfigurationNotFoundError") => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn encrypt(&self, cx: &Cx) -> Result<(), CallError> {
        let unbuilt = |e| CallError::unbuilt("PutBucketEncryption", &e);
        let default = s3::ServerSideEncryptionByDefault::builder().sse_algorithm(s3::ServerSideEncryption::Aes256);
        let default = default.build().map_err(unbuilt)?;
        let rule = s3::ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
        let configuration = s3::ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(unbuilt)?;
        self.settle(|| async {
            let call = cx.cloud.s3.put_bucket_encryption().bucket(&self.name);
            let call = call.server_side_encryption_configuration(configuration.clone());
            answer("PutBucketEncryption", call.send().await).map(|_| ())
        })
        .await
    }

    async fn lifecycle(&self, cx: &Cx) -> Result<Lifecycle, CallError> {
        let call = cx.cloud.s3.get_bucket_lifecycle_configuration().bucket(&self.name);
        match answer("GetBucketLifecycleConfiguration", call.send().await) {
            Ok(output) => Ok(Lifecycle::read(output.rules())),
            Err(e) if e.is("NoSuchLifecycleConfiguration") => Ok(Lifecycle::default()),
            Err(e) => Err(e),
        }
    }

    async fn set_lifecycle(&self, cx: &Cx) -> Result<(), CallError> {
        let unbuilt = |e| CallError::unbuilt("PutBucketLifecycleConfiguration", &e);
        let rules = self.lifecycle.rules().map_err(unbuilt)?;
        if rules.is_empty() {
            return self.drop_lifecycle(cx).await;
        }
        let lifecycle = s3::BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(unbuilt)?;
        self.settle(|| async {
            let call = cx.cloud.s3.put_bucket_lifecycle_configuration().bucket(&self.name);
            let call = call.lifecycle_configuration(lifecycle.clone());
            answer("PutBucketLifecycleConfiguration", call.send().await).map(|_| ())
        })
        .await
    }

    /// S3 refuses a lifecycle without rules.
    async fn drop_lifecycle(&self, cx: &Cx) -> Result<(), CallError> {
        self.settle(|| async {
            let call = cx.cloud.s3.delete_bucket_lifecycle().bucket(&self.name);
            answer("DeleteBucketLifecycle", call.send().await).map(|_| ())
        })
        .await
    }

    /// Two settings of one bucket at once conflict, and a new bucket is not known everywhere.
    async fn settle<F, Fut>(&self, call: F) -> Result<(), CallError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<(), CallError>>,
    {
        Patience::PROPAGATION.retry(|e| e.is("OperationAborted") || e.is("NoSuchBucket"), call).await
    }

    /// Removes every version, delete marker and unfinished upload.
    async fn empty(&self, cx: &Cx) -> Result<(), CallError> {
        self.abort_uploads(cx).await?;
        loop {
            let call = cx.cloud.s3.list_object_versions().bucket(&self.name).max_keys(DELETE_BATCH);
            let page = answer("ListObjectVersions", call.send().await)?;
            let versions = page.versions().iter().map(|v| (v.key(), v.version_id()));
            let markers = page.delete_markers().iter().map(|m| (m.key(), m.version_id()));
            let objects: Vec<_> =
                versions.chain(markers).filter_map(|(key, version)| identifier(key?, version)).collect();
            if objects.is_empty() {
                return Ok(());
            }
            cx.note(format!("removing {} objects", objects.len()));
            let delete = s3::Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.map_err(|e| CallError::unbuilt("DeleteObjects", &e))?;
            let call = cx.cloud.s3.delete_objects().bucket(&self.name).delete(delete);
            let output = answer("DeleteObjects", call.send().await)?;
            if let Some(error) = output.errors().first() {
                return Err(CallError::part("DeleteObjects", error.code(), error.message()));
            }
        }
    }

    async fn abort_uploads(&self, cx: &Cx) -> Result<(), CallError> {
        let call = cx.cloud.s3.list_multipart_uploads().bucket(&self.name);
        for upload in answer("ListMultipartUploads", call.send().await)?.uploads() {
            let call = cx.cloud.s3.abort_multipart_upload().bucket(&self.name);
            let call = call.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone());
            answer("AbortMultipartUpload", call.send().await)?;
        }
        Ok(())
    }
}

fn identifier(key: &str, version: Option<&str>) -> Option<s3::ObjectIdentifier> {
    s3::ObjectIdentifier::builder().key(key).set_version_id(version.map(str::to_owned)).build().ok()
}
