//! The release before the live one, live again.

use serde_json::{Value, json};

use super::{Doing, Site, TaskError};
use crate::aws::content::release_live;
use crate::release::Pointer;

/// Moves the pointer back. With a release named, only if that is the one.
pub async fn run(site: &Site, release: &str) -> Result<Value, TaskError> {
    let now = live(site).await?;
    if !release.is_empty() && now.live.release.as_str() == release {
        return Ok(json!({"live": release, "changed": false}));
    }
    let Some(back) = now.previous.clone() else {
        return Err(TaskError::Refused("there is no release before the live one".into()));
    };
    if !release.is_empty() && back.release.as_str() != release {
        let known = &back.release;
        return Err(TaskError::Refused(format!("only the release before the live one can be named here: {known}")));
    }
    let next = Pointer::next(back, Some(&now), jiff::Timestamp::now().as_second());
    release_live::write(&site.cx, &site.store, &next).await.doing("move the pointer")?;
    Ok(json!({"live": next.live.release, "before": now.live.release, "changed": true}))
}

/// The pointer as it is.
pub async fn live(site: &Site) -> Result<Pointer, TaskError> {
    let pointer = release_live::read(&site.cx, &site.store).await.doing("read which release is live")?;
    pointer.ok_or_else(|| TaskError::Refused("nothing has been published yet".into()))
}
