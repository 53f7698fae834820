//! A release that was live before, or never, made live: the pointer moves, and nothing else.

use super::release_live::{read, stale, tag};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;
use crate::deploy::lock::LockError;
use crate::release::pointer::KEY;
use crate::release::{Pointer, Slot};

/// Makes `slot` live in the store of this ARN, if what is live is still what was `seen`; gives the
/// pointer as it is then. `at` is the time, in seconds since 1970.
pub async fn make_live(cx: &Cx, store: &str, slot: &Slot, seen: &Pointer, at: i64) -> Result<Pointer, StepError> {
    let moved = Patience::CONFLICT.retry(stale, || attempt(cx, store, slot, seen, at)).await;
    moved.telling(|| format!("make {} live", slot.release))?.ok_or_else(|| LockError::Moved.into())
}

/// `None` when something else is live meanwhile.
async fn attempt(cx: &Cx, store: &str, slot: &Slot, seen: &Pointer, at: i64) -> Result<Option<Pointer>, CallError> {
    // The tag is of before the look, so that a write in between makes it stale.
    let tag = tag(cx, store).await?;
    let Some(now) = read(cx, store).await? else { return Ok(None) };
    let next = Pointer::next(slot.clone(), Some(&now), at);
    if now.live.release == slot.release {
        // The answer to an earlier try was lost, or somebody did the same.
        return Ok(Some(now));
    }
    if now.live.release != seen.live.release {
        return Ok(None);
    }
    let call = cx.cloud.store.put_key().kvs_arn(store).key(KEY).value(next.to_json()).if_match(tag);
    answer("PutKey", call.send().await).map(|_| Some(next))
}
