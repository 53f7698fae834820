//! Every kind, so that what an inventory names can be revived.

use super::Cloud;
use super::content::s3_inventory::Entry;
use super::data::dynamodb_table::Table;
use crate::deploy::{Resource, Step};
use std::sync::Arc;

/// The resource that an inventory's entry describes; `None` for a kind that only the stack makes.
pub fn revive(entry: &Entry) -> Option<Step<Cloud>> {
    match entry.kind.as_str() {
        Table::KIND => serde_json::from_value::<Table>(entry.spec.clone()).ok().map(|table| Arc::new(table) as _),
        _ => None,
    }
}
