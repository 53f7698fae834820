//! What is being served: the latest build that succeeded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::asset::{Asset, Header, parsed};
use super::trouble::Trouble;
use crate::api::Engine;
use crate::release::redirects::Redirects;
use crate::release::{ObjectId, Release};

/// One build of the project.
pub struct Build {
    /// The site.
    pub release: Release,
    /// What answers `/api/*`, when the project has an API.
    pub engine: Option<Arc<Engine>>,
    /// The headers of every answer, security headers for the most part.
    pub headers: Vec<(String, String)>,
}

/// What the server has to answer with.
pub enum Current {
    /// A site.
    Site(Site),
    /// No build has succeeded yet.
    Broken {
        /// Why not.
        trouble: Trouble,
        /// Name of the attempt.
        build: String,
    },
}

/// A build, ready to be served.
pub struct Site {
    /// The object of every decoded path.
    pub paths: HashMap<String, Arc<Asset>>,
    /// What answers where there is no page.
    pub redirects: Redirects,
    /// Every object, by its id, for its immutable name.
    pub assets: HashMap<ObjectId, Arc<Asset>>,
    /// The page for what is not found.
    pub not_found: Arc<Asset>,
    /// What answers `/api/*`.
    pub engine: Option<Arc<Engine>>,
    /// The headers of every answer.
    pub headers: Vec<Header>,
    /// Name of this build.
    pub build: String,
}

impl Site {
    /// Prepares a build that was begun at `since`. Bodies that `earlier` kept in memory stay there.
    ///
    /// `None` when the release has no not-found page, which [`Release::build`] never leaves out.
    pub fn new(build: Build, name: String, since: SystemTime, earlier: Option<&Self>) -> Option<Self> {
        let headers: Vec<Header> = build.headers.iter().filter_map(|(name, value)| parsed(name, value)).collect();
        let kept = earlier.map(|site| site.by_etag()).unwrap_or_default();
        let mut assets = HashMap::with_capacity(build.release.objects.len());
        for (id, object) in &build.release.objects {
            let mut asset = Asset::new(object, &headers, since);
            if let Some(earlier) = kept.get(asset.etag.as_str()) {
                asset.keep_from(earlier);
            }
            assets.insert(id.clone(), Arc::new(asset));
        }
        let redirects = build.release.redirects();
        let paths = build.release.paths.iter().filter(|(path, _)| !redirects.covered().contains(*path));
        let paths = paths.filter_map(|(path, id)| Some((path.clone(), assets.get(id)?.clone()))).collect();
        let not_found = assets.get(&build.release.not_found)?.clone();
        Some(Self { paths, redirects, assets, not_found, engine: build.engine, headers, build: name })
    }

    fn by_etag(&self) -> HashMap<&str, &Arc<Asset>> {
        self.assets.values().map(|asset| (asset.etag.as_str(), asset)).collect()
    }
}
