//! The objects of a release: every file once, under a hash of its bytes and headers.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::release_manifest;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::{Object, ReleaseId};
use crate::site::Content;

/// Prefix of the objects' keys; the bucket policy opens this and nothing else.
pub const PREFIX: &str = "c/";
/// Uploads at once.
const AT_ONCE: usize = 32;
/// From this many missing objects on, listing what is there is cheaper than trying them all.
const WORTH_LISTING: usize = 100;
/// What CloudFront is told; the viewer's own header is in the metadata.
const FOREVER: &str = "public, max-age=31536000, immutable";

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
        let publication = cx.cloud.publication()?.clone();
        let mut missing: Vec<Object> = publication.missing().cloned().collect();
        if missing.len() >= WORTH_LISTING {
            let there = self.list(cx).await.telling(|| format!("list the objects in {}", self.bucket))?;
            missing.retain(|object| !there.contains(object.id.as_str()));
        }
        if let Some((id, bytes)) = publication.new_bundle() {
            let key = id.key();
            let put = || async {
                let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(&key).content_type("application/json");
                let call = call.if_none_match("*").body(ByteStream::from(bytes.clone()));
                already_there(answer("PutObject", call.send().await))
            };
            // An earlier try may still be under way.
            let put = Patience::PROPAGATION.retry(|e| e.is("ConditionalRequestConflict"), put);
            put.await.telling(|| format!("upload {key}"))?;
        }
        self.upload(cx, missing).await?;
        Ok(ObjectsOutput {})
    }

    /// They go with the bucket.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Objects {
    async fn list(&self, cx: &Cx) -> Result<BTreeSet<String>, CallError> {
        let mut there = BTreeSet::new();
        let mut token = None;
        loop {
            let call = cx.cloud.s3.list_objects_v2().bucket(&self.bucket).prefix(PREFIX);
            let page = answer("ListObjectsV2", call.set_continuation_token(token).send().await)?;
            there.extend(page.contents().iter().filter_map(|o| o.key()?.strip_prefix(PREFIX)).map(str::to_owned));
            match page.next_continuation_token {
                Some(next) => token = Some(next),
                None => return Ok(there),
            }
        }
    }

    async fn upload(&self, cx: &Cx, missing: Vec<Object>) -> Result<(), StepError> {
        let (total, mut done) = (missing.len(), 0);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut uploads = JoinSet::new();
        for object in missing {
            let (client, bucket, places) = (cx.cloud.s3.clone(), self.bucket.clone(), places.clone());
            uploads.spawn(async move {
                // The semaphore is never closed.
                let _place = places.acquire_owned().await;
                put(&client, &bucket, &object).await.map_err(|error| refusal(&object, error))
            });
        }
        while let Some(uploaded) = uploads.join_next().await {
            uploaded.map_err(StepError::bug)??;
            done += 1;
            cx.note(format!("{done} of {total} files"));
        }
        Ok(())
    }
}

async fn put(client: &aws_sdk_s3::Client, bucket: &str, object: &Object) -> Result<(), CallError> {
    Patience::PROPAGATION
        .retry(
            // Somebody is uploading the very same object.
            |e| e.is("ConditionalRequestConflict") || e.is("NoSuchBucket"),
            || async {
                let mut call = client.put_object().bucket(bucket).key(object.id.key());
                call = call.if_none_match("*").content_type(&object.content_type).cache_control(FOREVER);
                // S3 compares, so that what was hashed is what is stored.
                call = call.content_md5(STANDARD.encode(md5_bytes(&object.etag)));
                for (name, value) in object.metadata() {
                    call = call.metadata(name, value);
                }
                already_there(answer("PutObject", call.body(body(object).await?).send().await))
            },
        )
        .await
}

/// The hash, from its hexadecimal form.
fn md5_bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

async fn body(object: &Object) -> Result<ByteStream, CallError> {
    match &object.content {
        Content::Memory(bytes) => Ok(ByteStream::from(bytes.clone())),
        // A text that has changed is refused by its MD5, as a file is.
        Content::Rewritten(text) => {
            let text = text.bytes_now().map_err(|e| CallError::unbuilt("PutObject", &e))?;
            Ok(ByteStream::from(text))
        }
        Content::Disk { path, .. } => {
            ByteStream::from_path(path).await.map_err(|e| CallError::unbuilt("PutObject", &e))
        }
    }
}

/// Where the object comes from, for people.
fn place(object: &Object) -> String {
    match &object.content {
        Content::Disk { path, .. } => path.display().to_string(),
        Content::Rewritten(text) => text.place(),
        Content::Memory(_) => object.id.key(),
    }
}

/// Objects are immutable: one of this name is this one.
fn already_there<T>(result: Result<T, CallError>) -> Result<(), CallError> {
    match result {
        Err(e) if !e.is("PreconditionFailed") => Err(e),
        _ => Ok(()),
    }
}

fn refusal(object: &Object, error: CallError) -> StepError {
    let doing = format!("upload {}", place(object));
    if error.is("BadDigest") {
        return StepError::yours(doing, "the file changed while it was being published")
            .hint("Run the same command again when it is no longer being written.");
    }
    error.while_doing(doing)
}
