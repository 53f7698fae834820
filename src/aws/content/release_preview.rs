//! Tokens for a release that is not live, made with the secret in the edge store.

use super::release_keys;
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;
use crate::release::ReleaseId;
use crate::release::preview::{self, Kind};

/// A token that shows `release` until `expiry`, in seconds since 1970; `store` is the store's ARN.
pub async fn token(
    cx: &Cx,
    store: &str,
    release: &ReleaseId,
    expiry: i64,
    kind: Kind<'_>,
) -> Result<String, StepError> {
    let reading = || "read the secret of previews";
    let secret = release_keys::get(cx, store, preview::KEY).await.telling(reading)?;
    let secret = secret.ok_or_else(|| {
        StepError::yours(reading(), format!("the edge store has no key \"{}\": somebody removed it", preview::KEY))
            .hint("Change a page and publish; the secret is written with the keys of a release.")
    })?;
    Ok(preview::token(&secret, release, expiry, kind))
}
