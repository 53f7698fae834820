//! What is published: objects, manifest, keys of the edge store, and the pointer.

pub mod engine_package;
pub mod migrations_applied;
pub mod migrations_bundle;
pub mod release_back;
pub mod release_gate;
pub mod release_kept;
pub mod release_keys;
pub mod release_live;
pub mod release_manifest;
pub mod release_objects;
pub mod release_preview;
mod release_sweep;
pub mod s3_ledger;
pub mod upload;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::aws::compute::package::{EngineFile, LazyPackage, Package, PackageError};
use crate::deploy::StepError;
use crate::release::id::{BundleId, ReleaseId};
use crate::release::{Difference, Keys, Manifest, Object, Past, Pointer, Release};
use crate::store::migrations::Migrations;
use bytes::Bytes;
use release_manifest::Manifests;

/// What one run publishes: a release, and the engine that answers its API.
pub struct Publication {
    /// Id of the release.
    pub id: ReleaseId,
    /// Its contents.
    pub release: Arc<Release>,
    /// What the edge store holds of it.
    pub keys: Keys,
    /// The program that becomes the functions.
    pub engine: EngineFile,
    /// The migrations of the database; none when there is no database.
    pub migrations: Migrations,
    /// Manifest of the release that is live: what it lists is in the bucket.
    pub previous: Option<Manifest>,
    /// What it is published into.
    pub now: Now,
    past: Mutex<Past>,
    package: LazyPackage,
}

/// What a release is published into.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The pointer that makes it live; `None` when nothing does.
    pub pointer: Option<Pointer>,
    /// The release that is live until then.
    pub after: Option<ReleaseId>,
    /// How it differs from that one.
    pub pages: Difference,
    /// The manifests that there are, if somebody looked.
    pub there: Option<Manifests>,
}

impl Publication {
    /// What `id` publishes. The function's package is kept in `cache` between runs.
    pub fn new(
        id: ReleaseId,
        release: Arc<Release>,
        keys: Keys,
        engine: EngineFile,
        migrations: Migrations,
        previous: Option<Manifest>,
        cache: PathBuf,
    ) -> Self {
        let (now, past, package) = (Now::default(), Mutex::default(), LazyPackage::kept_in(cache));
        Self { id, release, keys, engine, migrations, previous, now, past, package }
    }

    /// The same, into a site of which this is known and remembered.
    #[must_use]
    pub fn into_site(self, now: Now, past: Past) -> Self {
        Self { now, past: Mutex::new(past), ..self }
    }

    /// What is remembered of the releases, with what this run has done so far.
    pub fn past(&self) -> Past {
        self.past.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has what is remembered changed by what this run has done.
    pub fn remember(&self, change: impl FnOnce(&mut Past)) {
        change(&mut self.past.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The function's package, made when it is first asked for.
    pub fn package(&self) -> Result<&Package, StepError> {
        let bundle = self.release.api.as_ref().map(|(_, bytes)| bytes.as_ref()).unwrap_or_default();
        tokio::task::block_in_place(|| self.package.get(&self.engine, bundle)).map_err(refused)
    }

    /// The objects that the live release does not have.
    pub fn missing(&self) -> impl Iterator<Item = &Object> {
        let there = |object: &&Object| {
            !self.previous.as_ref().is_some_and(|previous| previous.objects.contains_key(&object.id))
        };
        self.release.objects.values().filter(there)
    }

    /// Id and bytes of the API bundle, unless the live release has the same.
    pub fn new_bundle(&self) -> Option<(&BundleId, &Bytes)> {
        let (id, bytes) = self.release.api.as_ref()?;
        let there = self.previous.as_ref().is_some_and(|previous| previous.api.as_ref() == Some(id));
        (!there).then_some((id, bytes))
    }
}

/// A program that cannot be the function is the customer's to replace.
pub fn refused(error: PackageError) -> StepError {
    StepError::yours("make the function's package", error)
        .hint("Publish with a released build of arqsite, or with one built on a system with glibc 2.34 or older.")
}
