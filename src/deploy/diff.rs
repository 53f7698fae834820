//! Which fields of a spec differ.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// A field that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Where it is: keys and positions with dots between, `origins.0.host`. A key that has a dot
    /// or a quote itself is quoted: `headers."a.b"`.
    pub path: String,
    /// What is there; `null` when nothing is.
    pub from: Value,
    /// What is wanted; `null` when nothing is.
    pub to: Value,
}

/// The fields by which `to` differs from `from`, in the order of `to`.
///
/// A value that is only on one side is one change, however much is in it.
pub fn diff(from: &Value, to: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare(String::new(), Some(from), Some(to), &mut changes);
    changes
}

fn compare(path: String, from: Option<&Value>, to: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (from, to) {
        (from, to) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            for key in to.keys().chain(from.keys()).filter(first_time()) {
                compare(below(&path, &quoted(key)), from.get(key), to.get(key), changes);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for i in 0..from.len().max(to.len()) {
                compare(below(&path, &i.to_string()), from.get(i), to.get(i), changes);
            }
        }
        (from, to) => {
            let value = |side: Option<&Value>| side.cloned().unwrap_or_default();
            changes.push(FieldChange { path, from: value(from), to: value(to) });
        }
    }
}

fn first_time<'a>() -> impl FnMut(&&'a String) -> bool {
    let mut seen = BTreeSet::new();
    move |key| seen.insert(*key)
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn quoted(key: &str) -> String {
    if key.is_empty() || key.contains(['.', '"']) { format!("{key:?}") } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn lines(changes: Vec<FieldChange>) -> Vec<String> {
        changes.into_iter().map(|c| format!("{}: {} -> {}", c.path, c.from, c.to)).collect()
    }

    #[test]
    fn only_what_differs_is_named() {
        let from = json!({ "name": "x", "tls": { "min": "1.0", "sni": true }, "gone": 1 });
        let to = json!({ "new": 0, "tls": { "sni": true, "min": "1.2" }, "name": "x" });
        assert_eq!(lines(diff(&from, &to)), ["new: null -> 0", r#"tls.min: "1.0" -> "1.2""#, "gone: 1 -> null"]);
    }

    #[test]
    fn lists_are_compared_by_position() {
        let from = json!({ "origins": [{ "host": "a" }, { "host": "b" }] });
        let to = json!({ "origins": [{ "host": "c" }] });
        assert_eq!(lines(diff(&from, &to)), [r#"origins.0.host: "a" -> "c""#, r#"origins.1: {"host":"b"} -> null"#]);
    }

    #[test]
    fn a_value_of_another_type_is_one_change() {
        assert_eq!(lines(diff(&json!({ "a": [1] }), &json!({ "a": { "b": 1 } }))), [r#"a: [1] -> {"b":1}"#]);
    }

    #[test]
    fn a_key_with_a_dot_is_quoted() {
        let to = json!({ "headers": { "a.b": 1 } });
        assert_eq!(lines(diff(&json!({ "headers": {} }), &to)), [r#"headers."a.b": null -> 1"#]);
    }
}
