//! A document: an id, a version, two times and fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LARGEST, StoreError, number};

/// The fields of a document.
pub type Fields = Map<String, Value>;

/// One document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Id; a UUID of version 7 in what the API makes, so that ids sort by time.
    pub id: String,
    /// 1 when made, one more with every change.
    pub version: u64,
    /// When it was made: RFC 3339, UTC, milliseconds.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
    /// What it holds.
    pub fields: Fields,
}

impl Document {
    /// Its size in bytes as DynamoDB counts an item: names and values, three bytes for every list
    /// or map and one for each of its members, at most 21 for a number.
    ///
    /// Source: DynamoDB developer guide, "Item sizes and formats".
    pub fn size(&self) -> usize {
        const KEYS: usize = "part".len() + "all".len() + "id".len();
        const NAMES: usize = "version".len() + "created".len() + "updated".len() + "fields".len();
        KEYS + NAMES + self.id.len() + 21 + self.created.len() + self.updated.len() + map_size(&self.fields)
    }

    /// The document as every store keeps it; refuses what none may keep.
    pub(crate) fn kept(&self) -> Result<Self, StoreError> {
        match self.size() {
            size if size > LARGEST => Err(StoreError::TooLarge { size }),
            _ => Ok(Self { fields: number::fields(&self.fields).ok_or(StoreError::Number)?, ..self.clone() }),
        }
    }
}

fn map_size(map: &Fields) -> usize {
    3 + map.iter().map(|(name, value)| 1 + name.len() + size_of(value)).sum::<usize>()
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(_) => 21,
        Value::String(text) => text.len(),
        Value::Array(items) => 3 + items.iter().map(|item| 1 + size_of(item)).sum::<usize>(),
        Value::Object(map) => map_size(map),
    }
}
