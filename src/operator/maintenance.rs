//! The site closed, and open again.

use serde_json::{Value, json};

use super::rollback::live;
use super::{Doing, Site, TaskError};
use crate::aws::content::release_live;
use crate::release::Pointer;

/// Closes or opens the site for visitors. A publish in between leaves it as it is.
pub async fn run(site: &Site, on: bool) -> Result<Value, TaskError> {
    let now = live(site).await?;
    if now.maintenance != on {
        let next = Pointer { maintenance: on, ..now };
        release_live::write(&site.cx, &site.store, &next).await.doing("move the pointer")?;
    }
    Ok(json!({"closed": on}))
}
