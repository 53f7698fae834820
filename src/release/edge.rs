//! The text of the edge function.

use serde::Serialize;
use serde_json::{Map, Value};

use super::pointer::Pointer;
use super::squeeze::squeezed;

/// The runtime that the text is written for.
pub const RUNTIME: &str = "cloudfront-js-2.0";
/// Largest function, in bytes.
///
/// Source: CloudFront Developer Guide, quotas on CloudFront Functions: 10 KB.
pub const FUNCTION_BYTES: usize = 10_240;
/// Means something over HTTPS only, so the preview does not send it.
pub const STRICT_TRANSPORT_SECURITY: (&str, &str) =
    ("strict-transport-security", "max-age=31536000; includeSubDomains");

const SOURCE: &str = include_str!("edge.js");
/// What CloudFront calls, and what is filled in.
const KEPT: [&str; 4] = ["handler", "SECURITY", "LEADS", "FALLBACK"];
const SECURITY: &str = "const SECURITY=";
const LEADS: &str = "const LEADS=";
const FALLBACK: &str = "const FALLBACK=";

/// Host names that lead to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Leads {
    /// Names that lead away.
    pub from: Vec<String>,
    /// Where to.
    pub to: String,
}

/// The function for a site with these security headers, the names that lead to its domain, and
/// the pointer it falls back to.
pub fn text(headers: &[(impl AsRef<str>, impl AsRef<str>)], leads: &Leads, fallback: Option<&Pointer>) -> String {
    let (name, value) = STRICT_TRANSPORT_SECURITY;
    let mut security = Map::from_iter([(name.to_owned(), Value::from(value))]);
    security.extend(headers.iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().into())));
    let fallback = fallback.map_or(Value::Null, |pointer| serde_json::to_value(pointer).unwrap_or_default());
    let mut text = String::with_capacity(FUNCTION_BYTES);
    for line in squeezed(SOURCE, &KEPT).lines() {
        if line.starts_with(SECURITY) {
            text += &format!("{SECURITY}{};", literal(&Value::Object(security.clone())));
        } else if line.starts_with(LEADS) {
            text += &format!("{LEADS}{};", literal(&serde_json::to_value(leads).unwrap_or_default()));
        } else if line.starts_with(FALLBACK) {
            text += &format!("{FALLBACK}{};", literal(&fallback));
        } else {
            text += line;
        }
        text.push('\n');
    }
    text
}

/// The pointer that a function's text falls back to; `None` for a text that is not ours, too.
pub fn fallback_of(text: &str) -> Option<Pointer> {
    let line = text.lines().find_map(|line| line.strip_prefix(FALLBACK))?;
    Pointer::parse(line.strip_suffix(';')?)
}

/// Whether two texts differ in nothing but the pointer that they fall back to.
pub fn same_but_fallback(one: &str, other: &str) -> bool {
    let rest = |line: &&str| !line.starts_with(FALLBACK);
    one.lines().filter(rest).eq(other.lines().filter(rest))
}

/// Whether a text has the rules of this version, whatever was filled in.
pub fn has_these_rules(text: &str) -> bool {
    let ours = self::text(&[] as &[(&str, &str)], &Leads::default(), None);
    let rest = |line: &&str| ![SECURITY, LEADS, FALLBACK].iter().any(|filled| line.starts_with(filled));
    text.lines().filter(rest).eq(ours.lines().filter(rest))
}

/// A value as a JavaScript literal in ASCII, which neither a script nor a page can mistake.
fn literal(value: &Value) -> String {
    let mut literal = String::new();
    for unit in value.to_string().replace("</", "<\\/").encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => literal.push(char::from(byte)),
            _ => literal += &format!("\\u{unit:04x}"),
        }
    }
    literal
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
