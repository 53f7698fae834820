//! `releases/<release>.json`: what a release holds, without the bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::id::{BundleId, ObjectId, ReleaseId, Target, hex};
use super::object::Object;
use super::redirects::{Redirects, Rule};

/// Version of the file's format.
const FORMAT: u32 = 2;

/// The list of a release. Equal contents have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The object of every path.
    pub paths: BTreeMap<String, ObjectId>,
    /// Every object once.
    pub objects: BTreeMap<ObjectId, Entry>,
    /// The page for what is not found.
    pub not_found: ObjectId,
    /// The API bundle, when the release has an API.
    pub api: Option<BundleId>,
    /// The redirects and rewrites, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// What the manifest says of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Value of the `content-type` header.
    #[serde(rename = "type")]
    pub content_type: String,
    /// Size in bytes.
    pub size: u64,
    /// S3's ETag of it, without quotes.
    pub etag: String,
    /// Whether it also lies there in every encoding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encoded: bool,
    /// Status of the answer.
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub status: u16,
    /// The headers that were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

fn ok() -> u16 {
    200
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_ok(status: &u16) -> bool {
    *status == ok()
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not of this shape.
    #[error("the manifest is damaged")]
    Damaged(#[source] serde_json::Error),
    /// Written by another version.
    #[error(
        "the manifest has format {0}, and this version of arqsite reads {FORMAT}; use the version that published it"
    )]
    Format(u64),
    /// It refers to an object that it does not list.
    #[error("the manifest is damaged: it does not list the object {0}")]
    Unlisted(ObjectId),
}

impl Entry {
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            content_type: object.content_type.clone(),
            size: object.size,
            etag: object.etag.clone(),
            encoded: object.encoded,
            status: object.status,
            headers: object.headers.clone(),
        }
    }
}

impl Manifest {
    pub(crate) fn new(
        paths: BTreeMap<String, ObjectId>,
        objects: BTreeMap<ObjectId, Entry>,
        not_found: ObjectId,
        api: Option<BundleId>,
        rules: Vec<Rule>,
    ) -> Self {
        Self { format: FORMAT, paths, objects, not_found, api, rules }
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        // Maps with text keys do not fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        let Format { format } = serde_json::from_slice(bytes).map_err(ManifestError::Damaged)?;
        if format != u64::from(FORMAT) {
            return Err(ManifestError::Format(format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(ManifestError::Damaged)?;
        let unlisted = |id: &&ObjectId| !manifest.objects.contains_key(*id);
        let missing = manifest.paths.values().chain([&manifest.not_found]).find(unlisted).cloned();
        missing.map_or(Ok(manifest), |id| Err(ManifestError::Unlisted(id)))
    }

    /// SHA-256 of the file, in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.to_json()))
    }

    /// The id of this release when it is published at `at`.
    pub fn release_id(&self, at: jiff::Timestamp) -> ReleaseId {
        ReleaseId::new(at, &self.digest())
    }

    /// Whether visitors would see no difference.
    pub fn same_content(&self, other: &Self) -> bool {
        self == other
    }

    /// Where visitors find an object; as it is, when the manifest does not list it.
    pub fn target(&self, id: &ObjectId) -> Target {
        Target { id: id.clone(), encoded: self.objects.get(id).is_some_and(|entry| entry.encoded) }
    }

    /// What answers where there is no page.
    pub fn redirects(&self) -> Redirects {
        let object = |path: &str| self.paths.get(path).map(|id| self.target(id));
        Redirects::new(&self.rules, self.paths.keys().map(String::as_str), object)
    }

    /// Where visitors find every path.
    pub fn targets(&self) -> BTreeMap<String, Target> {
        self.paths.iter().map(|(path, id)| (path.clone(), self.target(id))).collect()
    }

    /// What the manifest says of a path's object.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.objects.get(self.paths.get(path)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    pub(crate) fn manifest(paths: &[(&str, &str)]) -> Manifest {
        let id = |text: &str| ObjectId::of(&Sha256::digest(text));
        let entry = |text: &str, status| Entry {
            content_type: "text/html".into(),
            size: text.len() as u64,
            etag: String::new(),
            encoded: false,
            status,
            headers: BTreeMap::new(),
        };
        let mut objects: BTreeMap<_, _> = paths.iter().map(|(_, text)| (id(text), entry(text, 200))).collect();
        objects.insert(id("gone"), entry("gone", 404));
        let paths = paths.iter().map(|(path, text)| ((*path).to_owned(), id(text))).collect();
        Manifest::new(paths, objects, id("gone"), Some(BundleId::of(b"{}")), Vec::new())
    }

    #[test]
    fn a_manifest_survives_its_file() {
        let one = manifest(&[("/", "home"), ("/pão/", "bread")]);
        let read = Manifest::parse(&one.to_json()).unwrap();
        assert!(read.same_content(&one));
        assert_eq!(read.digest(), one.digest());
        assert_eq!(read.entry("/pão/").unwrap().size, 5);
    }

    #[test]
    fn damage_and_other_formats_are_told_apart() {
        let json = String::from_utf8(manifest(&[("/", "home")]).to_json()).unwrap();
        let other = json.replace("\"format\":2", "\"format\":3");
        assert!(Manifest::parse(other.as_bytes()).unwrap_err().to_string().contains("format 3"));
        assert!(matches!(Manifest::parse(&json.as_bytes()[1..]), Err(ManifestError::Damaged(_))));
        let mut less = manifest(&[("/", "home")]);
        let home = less.paths["/"].clone();
        less.objects.remove(&home);
        assert!(matches!(Manifest::parse(&less.to_json()), Err(ManifestError::Unlisted(id)) if id == home));
    }
}
