//! What is published: objects, manifest, keys of the edge store, and the pointer.

pub mod engine_package;
pub mod migrations_applied;
pub mod migrations_bundle;
pub mod release_keys;
pub mod release_live;
pub mod release_manifest;
pub mod release_objects;
pub mod s3_ledger;
pub mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::aws::compute::package::{EngineFile, LazyPackage, Package, PackageError};
use crate::deploy::StepError;
use crate::release::id::{BundleId, ReleaseId};
use crate::release::{Manifest, Object, Packed, Release};
use crate::store::migrations::Migrations;

/// What one run publishes: a release, and the engine that answers its API.
pub struct Publication {
    /// Id of the release.
    pub id: ReleaseId,
    /// Its contents.
    pub release: Arc<Release>,
    /// Its paths, packed for the edge store.
    pub packed: Packed,
    /// The program that becomes the functions.
    pub engine: EngineFile,
    /// The migrations of the database; none when there is no database.
    pub migrations: Migrations,
    /// Manifest of the release that is live: what it lists is in the bucket.
    pub previous: Option<Manifest>,
    package: LazyPackage,
}

impl Publication {
    /// What `id` publishes. The function's package is kept in `cache` between runs.
    pub fn new(
        id: ReleaseId,
        release: Arc<Release>,
        packed: Packed,
        engine: EngineFile,
        migrations: Migrations,
        previous: Option<Manifest>,
        cache: PathBuf,
    ) -> Self {
        Self { id, release, packed, engine, migrations, previous, package: LazyPackage::kept_in(cache) }
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
