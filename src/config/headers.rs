//! `[[headers]]`: what answers say beside the page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::site::headers::{HeaderRule, check_header};

/// One `[[headers]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Headers {
    /// A path, or with `*` at its end all that begins with it.
    #[serde(rename = "for")]
    pub path: String,
    /// Value of each header, by its name.
    pub values: BTreeMap<String, String>,
}

/// Says what is wrong with each.
pub fn validate(headers: &[Headers], faults: &mut Vec<Fault>) {
    for (number, block) in headers.iter().enumerate() {
        let mut wrong = |key: &str, what: String| faults.push(Fault::new(&format!("headers.{number}.{key}"), what));
        if let Err(what) = HeaderRule::new(&block.path) {
            wrong("for", what);
        }
        if block.values.is_empty() {
            wrong("values", "is empty; name a header and its value".into());
        }
        for (name, value) in &block.values {
            if let Err(what) = check_header(name, value) {
                wrong(&format!("values.{name}"), what);
            }
        }
    }
}
