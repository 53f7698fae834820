//! What is published: objects, manifest, keys, and the pointer last of all.

use super::Wanted;
use crate::aws::Cloud;
use crate::aws::content::release_kept::Kept;
use crate::aws::content::release_keys::Keys;
use crate::aws::content::release_live::Live;
use crate::aws::content::release_manifest::Manifest;
use crate::aws::content::release_objects::Objects;
use crate::deploy::{Graph, GraphError};
use crate::release::{ReleaseId, Slot};

/// Nodes of a release without the pointer, and of what they lie in: all that a preview of a site
/// that is live needs.
pub const UNSEEN: [&str; 5] = ["site-bucket", "edge-store", "release-objects", "release-manifest", Keys::NODE];

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let Some(release) = &wanted.release else { return Ok(()) };
    let (bucket, id) = (wanted.names.bucket(), release.pointer.live.release.clone());
    let objects = Objects { bucket: bucket.clone(), release: id.clone(), objects: release.objects };
    graph.add("release-objects", objects, &["site-bucket"])?;
    graph.add("release-manifest", Manifest { bucket, release: id.clone() }, &["release-objects"])?;
    graph.add(Keys::NODE, keys(&release.pointer.live), &["edge-store", "release-manifest"])?;
    if !release.flip {
        return Ok(());
    }
    // The pointer moves last: by then the release can be answered whole.
    let mut needs = vec![Keys::NODE, "edge-function", "site-bucket-policy"];
    if wanted.has_api() {
        needs.extend(["function-permission", "http-api-stage", "table-tokens"]);
    }
    if wanted.migrations.is_some() {
        needs.push("migrations-applied");
    }
    graph.add("release-live", Live { store: "edge-store".into(), pointer: release.pointer.clone() }, &needs)?;
    kept(graph, wanted, id)
}

/// What stays of earlier releases is decided when the pointer has moved, and nothing names the
/// bundle of the release before any more.
fn kept(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, release: ReleaseId) -> Result<(), GraphError> {
    let (keep, days) = (wanted.config.releases.keep, wanted.config.releases.days);
    let kept = Kept { bucket: wanted.names.bucket(), store: "edge-store".into(), release, keep, days };
    let schedules: Vec<String> = graph.nodes().keys().filter(|node| node.starts_with("schedule-")).cloned().collect();
    let first = ["release-live", "edge-store", "edge-function", "site-bucket"].into_iter();
    let needs: Vec<&str> = first.chain(schedules.iter().map(String::as_str)).collect();
    graph.add("release-kept", kept, &needs)
}

fn keys(slot: &Slot) -> Keys {
    Keys { store: "edge-store".into(), slot: slot.clone() }
}
