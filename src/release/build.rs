//! From a site to a release.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::fingerprint::{self, Settings};
use super::id::{BundleId, ObjectId};
use super::manifest::{Entry, Manifest};
use super::object::{Object, ObjectError};
use super::redirects::{Redirects, Rule, Table};
use crate::site::{File, Site, scan};

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
    /// The redirects and rewrites, in order.
    pub rules: Vec<Rule>,
}

/// Why a site cannot become a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// One of its files cannot become an object.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Release {
    /// Gives files their immutable names and hashes every file of the site, over all cores.
    pub fn build(site: &Site, settings: Settings, api: Option<Bytes>) -> Result<Self, ReleaseError> {
        let mut paths = BTreeMap::new();
        let mut objects = BTreeMap::new();
        let files: Vec<&File> = site.files.iter().chain([&site.not_found]).collect();
        let make = |file: &File| {
            let status = if file.path == scan::NOT_FOUND { 404 } else { 200 };
            Object::with(file, status, site.rules.headers().headers_for(&file.path))
        };
        let rules = site.rules.redirects();
        let table = Table::new(&rules, site.files.iter().map(|file| file.path.as_str()));
        // What a forced rule comes before must not be had by another name.
        let covered: BTreeSet<&str> = table.by_page().into_keys().flat_map(|stem| table.pages(stem)).collect();
        let name = |file: &File, object: &Object| {
            if covered.contains(file.path.as_str()) { None } else { fingerprint::url_of(&file.path, &object.target()) }
        };
        let mut made = fingerprint::objects(&files, settings, make, name)?;
        let last = made.pop().map_or_else(|| make(&site.not_found), Ok)?;
        for (file, object) in site.files.iter().zip(made) {
            paths.insert(file.path.clone(), object.id.clone());
            objects.insert(object.id.clone(), object);
        }
        let not_found = last.id.clone();
        objects.insert(last.id.clone(), last);
        let api = api.map(|bundle| (BundleId::of(&bundle), bundle));
        let target = |path: &str| paths.get(path).and_then(|id| objects.get(id)).map(Object::target);
        let rules = Redirects::new(&rules, paths.keys().map(String::as_str), target).rules().to_vec();
        Ok(Self { paths, objects, not_found, api, rules })
    }

    /// What answers where there is no page.
    pub fn redirects(&self) -> Redirects {
        self.manifest().redirects()
    }

    /// The list of what the release holds.
    pub fn manifest(&self) -> Manifest {
        let entries = self.objects.iter().map(|(id, object)| (id.clone(), Entry::of(object)));
        Manifest::new(
            self.paths.clone(),
            entries.collect(),
            self.not_found.clone(),
            self.api.as_ref().map(|(id, _)| id.clone()),
            self.rules.clone(),
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
        Release::build(&site, Settings::of(&Config::default()), api).unwrap()
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

    #[test]
    fn names_in_pages_lead_to_objects_of_the_release() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("site")).unwrap();
        for (name, text) in [("arq.toml", ""), ("site/a.css", "a{}"), ("site/404.html", "<link rel=icon href=a.png>")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        std::fs::write(dir.path().join("site/a.png"), "").unwrap();
        std::fs::write(dir.path().join("site/index.md"), "<link rel=stylesheet href=a.css>").unwrap();
        let site = crate::site::load(&Project::open(dir.path()), &Config::default()).unwrap();
        let release = Release::build(&site, Settings::of(&Config::default()), None).unwrap();
        let text = |id: &ObjectId| release.objects[id].content.bytes().unwrap();
        for (page, path) in [(&release.paths["/"], "/a.css"), (&release.not_found, "/a.png")] {
            let url = fingerprint::url_of(path, &release.objects[&release.paths[path]].target()).unwrap();
            let page = String::from_utf8(text(page).to_vec()).unwrap();
            assert!(page.contains(&format!("href={url}")), "{page}");
        }
        let plain = Release::build(&site, Settings::default(), None).unwrap();
        assert_eq!(plain.objects[&plain.not_found].content, site.not_found.content);
    }
}
