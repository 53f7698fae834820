//! The kinds that an inventory names: what only the declarations know of.

use super::Cloud;
use super::data::dynamodb_table::Table;
use crate::deploy::Kinds;

/// Every kind that can be revived when it is no longer declared.
pub fn kinds() -> Kinds<Cloud> {
    Kinds::new().with::<Table>()
}
