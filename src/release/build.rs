//! From a site to a release.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::id::{BundleId, ObjectId};
use super::manifest::{Entry, Manifest};
use super::object::{Object, ObjectError};
use crate::site::{Site, parallel};

/// All that one publish makes visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The object of every path.
    pub paths: BTreeMap<String, ObjectId>,
    /// Every object once, the not-found page among them.
    pub objects: BTreeMap<ObjectId, Object>,
    /// The page for what is not found.
    pub not_found: ObjectId,
    /// The API bundle, when the project has an API.
    pub api: Option<(BundleId, Bytes)>,
}

/// Why a site cannot become a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// One of its files cannot become an object.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Release {
    /// Hashes every file of the site, over all cores.
    pub fn build(site: &Site, api: Option<Bytes>) -> Result<Self, ReleaseError> {
        let mut paths = BTreeMap::new();
        let mut objects = BTreeMap::new();
        let made = parallel::map(&site.files, |file| Object::of(file, 200));
        for (file, object) in site.files.iter().zip(made) {
            let object = object?;
            paths.insert(file.path.clone(), object.id.clone());
            objects.insert(object.id.clone(), object);
        }
        let last = Object::of(&site.not_found, 404)?;
        let not_found = last.id.clone();
        objects.insert(last.id.clone(), last);
        let api = api.map(|bundle| (BundleId::of(&bundle), bundle));
        Ok(Self { paths, objects, not_found, api })
    }

    /// The list of what the release holds.
    pub fn manifest(&self) -> Manifest {
        let entries = self.objects.iter().map(|(id, object)| (id.clone(), Entry::of(object)));
        Manifest::new(
            self.paths.clone(),
            entries.collect(),
            self.not_found.clone(),
            self.api.as_ref().map(|(id, _)| id.clone()),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::config::{Config, Project};

    fn release(name: &str, api: Option<Bytes>) -> Release {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("site")).unwrap();
        std::fs::write(dir.path().join("arq.toml"), "").unwrap();
        for file in ["index.html", name, "twin.html"] {
            std::fs::write(dir.path().join("site").join(file), file.replace("twin", "index")).unwrap();
        }
        let site = crate::site::load(&Project::open(dir.path()), &Config::default()).unwrap();
        Release::build(&site, api).unwrap()
    }

    #[test]
    fn equal_files_are_one_object() {
        let release = release("a.css", None);
        assert_eq!(release.paths.len(), 3);
        assert_eq!(release.objects.len(), 3, "two files and the not-found page");
        assert_eq!(release.paths["/"], release.paths["/twin.html"]);
        assert_eq!(release.objects[&release.not_found].status, 404);
        assert!(!release.paths.contains_key("/404.html"));
    }

    #[test]
    fn the_same_content_has_the_same_manifest() {
        let bundle = || Some(Bytes::from_static(b"{}"));
        assert_eq!(release("a.css", bundle()).manifest(), release("a.css", bundle()).manifest());
        assert_eq!(release("a.css", bundle()).manifest().digest(), release("a.css", bundle()).manifest().digest());
        assert_ne!(release("a.css", bundle()).manifest().digest(), release("b.css", bundle()).manifest().digest());
        assert_ne!(release("a.css", bundle()).manifest().digest(), release("a.css", None).manifest().digest());
    }
}
