//! An earlier release, live again.

use serde_json::{Value, json};

use super::{Doing, Site, TaskError};
use crate::aws::content::{release_back, release_keys, release_live};
use crate::deploy::Blame;
use crate::release::{Pointer, ReleaseId, Slot};

/// Moves the pointer to the release that is named, or else to the one before the live one.
pub async fn run(site: &Site, release: &str) -> Result<Value, TaskError> {
    let now = live(site).await?;
    if !release.is_empty() && now.live.release.as_str() == release {
        return Ok(json!({"live": release, "changed": false}));
    }
    let slot = slot(site, release, &now).await?;
    let at = jiff::Timestamp::now().as_second();
    let next = match release_back::make_live(&site.cx, &site.store, &slot, &now, at).await {
        Err(error) if error.blame == Blame::Held => {
            return Err(TaskError::Refused("somebody else has just made another release live; look again".into()));
        }
        result => result.doing("move the pointer")?,
    };
    Ok(json!({"live": next.live.release, "before": now.live.release, "changed": true}))
}

/// What the edge store says of the release. One whose keys have left it is the publisher's to bring back.
async fn slot(site: &Site, release: &str, now: &Pointer) -> Result<Slot, TaskError> {
    if release.is_empty() {
        let before = || TaskError::Refused("there is no release before the live one".into());
        return now.previous.clone().ok_or_else(before);
    }
    let absent = || {
        TaskError::Refused(format!(
            "no such release is in the edge store: {release}; `arqsite releases` lists those that there are, and \
             `arqsite rollback` brings back one that is no longer in the store"
        ))
    };
    let id = ReleaseId::parse(release).ok_or_else(absent)?;
    let slot = release_keys::slot(&site.cx, &site.store, &id).await.doing("look for the release")?;
    slot.ok_or_else(absent)
}

/// The pointer as it is.
pub async fn live(site: &Site) -> Result<Pointer, TaskError> {
    let pointer = release_live::read(&site.cx, &site.store).await.doing("read which release is live")?;
    pointer.ok_or_else(|| TaskError::Refused("nothing has been published yet".into()))
}
