//! The manifest of a release: the list of all that it consists of.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Now;
use crate::aws::data::s3_bucket::Bucket;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cloud, Cx, Tell};
use crate::deploy::{Found, Resource, StepError};
use crate::release::history::Made;
use crate::release::{self, ApiDifference, ReleaseId};

/// Prefix of the manifests' keys.
pub const PREFIX: &str = "releases/";
/// What follows it for releases that are being taken away.
const LEAVING: &str = "leaving/";
/// Bytes of the metadata that may list routes.
const API_BYTES: usize = 1200;

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
        let publication = cx.cloud.publication()?;
        let text = publication.release.manifest().to_json();
        let made = metadata_of(&made_of(&publication.now, &cx.cloud.caller));
        let put = || async {
            let call = cx.cloud.s3.put_object().bucket(&self.bucket).key(self.release.key());
            let call = call.content_type("application/json").set_metadata(Some(made.clone())).if_none_match("*");
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

/// How the release that is published comes to be.
fn made_of(now: &Now, caller: &str) -> Made {
    let pages = &now.pages;
    Made {
        by: Some(caller.to_owned()),
        after: now.after.clone(),
        added: pages.added.len(),
        changed: pages.changed.len(),
        removed: pages.removed.len(),
        api: short(&pages.api),
    }
}

/// As metadata of the manifest: a HEAD tells it, without the manifest.
fn metadata_of(made: &Made) -> HashMap<String, String> {
    let mut metadata = HashMap::from([
        ("added".to_owned(), made.added.to_string()),
        ("changed".to_owned(), made.changed.to_string()),
        ("removed".to_owned(), made.removed.to_string()),
    ]);
    let by = made.by.clone().filter(|by| by.is_ascii());
    metadata.extend(by.map(|by| ("by".to_owned(), by)));
    metadata.extend(made.after.as_ref().map(|after| ("after".to_owned(), after.to_string())));
    if made.api.changed {
        // A list of ASCII texts does not fail.
        metadata.insert("api".into(), serde_json::to_string(&made.api).unwrap_or_default());
    }
    metadata
}

/// What metadata says; of what is absent, nothing.
fn made_from(metadata: &HashMap<String, String>) -> Made {
    let text = |name: &str| metadata.get(name).map(String::as_str);
    let number = |name| text(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    Made {
        by: text("by").map(str::to_owned),
        after: text("after").and_then(ReleaseId::parse),
        added: number("added"),
        changed: number("changed"),
        removed: number("removed"),
        api: text("api").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
    }
}

/// Only plain routes, and only as many as fit.
fn short(api: &ApiDifference) -> ApiDifference {
    let mut room = API_BYTES;
    let mut some = |list: &[String]| {
        let fits = |route: &&String| {
            room = room.saturating_sub(route.len() + 3);
            room > 0
        };
        list.iter().filter(|route| route.is_ascii()).take_while(fits).cloned().collect::<Vec<_>>()
    };
    ApiDifference {
        changed: api.changed,
        added: some(&api.added),
        opened: some(&api.opened),
        removed: some(&api.removed),
    }
}

/// Whether there is an object at a key of the site bucket.
pub async fn is_there(cloud: &Cloud, key: &str) -> Result<bool, StepError> {
    match answer("HeadObject", cloud.s3.head_object().bucket(cloud.names.bucket()).key(key).send().await) {
        Ok(_) => Ok(true),
        Err(e) if absent(&e) => Ok(false),
        Err(e) => Err(e.while_doing(format!("look at {key}"))),
    }
}

/// How `release` came to be; `None` when there is no such release.
pub async fn made(cloud: &Cloud, release: &ReleaseId) -> Result<Option<Made>, StepError> {
    let call = cloud.s3.head_object().bucket(cloud.names.bucket()).key(release.key());
    match answer("HeadObject", call.send().await) {
        Ok(output) => Ok(Some(output.metadata().map(made_from).unwrap_or_default())),
        Err(e) if absent(&e) => Ok(None),
        Err(e) => Err(e.while_doing(format!("look at {}", release.key()))),
    }
}

/// The manifest of `release`; `None` when it is not there.
pub async fn read(cloud: &Cloud, release: &ReleaseId) -> Result<Option<release::Manifest>, StepError> {
    read_at(cloud, &release.key()).await
}

/// The manifest at a key; `None` when it is not there.
pub async fn read_at(cloud: &Cloud, key: &str) -> Result<Option<release::Manifest>, StepError> {
    let Some(bytes) = bytes_at(cloud, key).await? else { return Ok(None) };
    release::Manifest::parse(&bytes).map(Some).map_err(|e| StepError::cloud(format!("read {key}"), e))
}

/// Whether a manifest is there and cannot be read, such as one of another version of arqsite.
pub fn is_unreadable(error: &StepError) -> bool {
    error.source.as_ref().is_some_and(|source| source.is::<release::ManifestError>())
}

/// What lies at a key of the site bucket; `None` when nothing does.
pub async fn bytes_at(cloud: &Cloud, key: &str) -> Result<Option<Bytes>, StepError> {
    let reading = || format!("read {key}");
    let call = cloud.s3.get_object().bucket(cloud.names.bucket()).key(key);
    let output = match answer("GetObject", call.send().await) {
        Err(e) if absent(&e) => return Ok(None),
        result => result.telling(reading)?,
    };
    Ok(Some(output.body.collect().await.map_err(|e| StepError::cloud(reading(), e))?.into_bytes()))
}

/// The manifests in the bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    /// The releases that there are, oldest first.
    pub releases: Vec<ReleaseId>,
    /// Those that are being taken away.
    pub leaving: Vec<ReleaseId>,
}

/// Looks which manifests are in the bucket.
pub async fn list(cloud: &Cloud) -> Result<Manifests, StepError> {
    let mut all = Manifests::default();
    let mut token = None;
    loop {
        let call = cloud.s3.list_objects_v2().bucket(cloud.names.bucket()).prefix(PREFIX);
        let page = match answer("ListObjectsV2", call.set_continuation_token(token).send().await) {
            Err(e) if absent(&e) => return Ok(all),
            result => result.telling(|| "list the releases")?,
        };
        for name in page.contents().iter().filter_map(|o| o.key()?.strip_prefix(PREFIX)?.strip_suffix(".json")) {
            match name.strip_prefix(LEAVING) {
                Some(name) => all.leaving.extend(ReleaseId::parse(name)),
                None => all.releases.extend(ReleaseId::parse(name)),
            }
        }
        match page.next_continuation_token {
            Some(next) => token = Some(next),
            None => return Ok(all),
        }
    }
}

/// Key of the manifest of a release that is being taken away.
pub fn leaving_key(release: &ReleaseId) -> String {
    format!("{PREFIX}{LEAVING}{release}.json")
}

/// Not there, or in a bucket that is not ours, of which the plan tells.
fn absent(error: &CallError) -> bool {
    error.is_any(&["NoSuchKey", "NoSuchBucket", "NotFound", "AccessDenied", "Forbidden"])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::release::Difference;

    #[test]
    fn metadata_says_how_a_release_came_to_be_in_two_kilobytes() {
        let route = |number: usize| format!("GET /api/collection-{number}");
        let api = ApiDifference { changed: true, added: (0..200).map(route).collect(), ..ApiDifference::default() };
        let pages = Difference { api, ..Difference::default() };
        let after = ReleaseId::parse("20250310-020405-0123456789");
        let now = Now { after, pages, ..Now::default() };
        let made = made_of(&now, "arn:aws:iam::123456789012:user/ana");
        let metadata = metadata_of(&made);
        // Source: Amazon S3 User Guide, "Working with object metadata": 2 KB of names and values.
        assert!(metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() < 2048);
        assert!(metadata.values().all(|value| value.is_ascii()));
        assert!(made.api.added.len() > 20 && made.api.added.len() < 200);
        assert_eq!(made_from(&metadata), made);
        assert_eq!(made_from(&HashMap::new()), Made::default());
    }
}
