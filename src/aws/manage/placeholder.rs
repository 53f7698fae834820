//! Placeholders, `${name}`, in documents that name what only the account knows.

use std::collections::BTreeMap;

use serde_json::Value;

/// The content with every placeholder replaced.
pub(in crate::aws) fn substituted(content: &Value, known: &BTreeMap<String, String>) -> Value {
    texts(content, &|text| {
        known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&placeholder(name), value))
    })
}

/// The content with placeholders for what they stand for. A name that begins with another's is
/// replaced first.
pub(in crate::aws) fn abstracted(content: &Value, known: &BTreeMap<String, String>) -> Value {
    let mut known: Vec<_> = known.iter().filter(|(_, value)| !value.is_empty()).collect();
    known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    texts(content, &|text| {
        known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &placeholder(name)))
    })
}

fn placeholder(name: &str) -> String {
    format!("${{{name}}}")
}

fn texts(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => list.iter().map(|value| texts(value, change)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), texts(value, change))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> BTreeMap<String, String> {
        let pairs = [("operator", "arn:f:shop-operator"), ("old", "arn:f:shop"), ("role", "arn:r:shop")];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn what_is_substituted_is_read_back_as_placeholders() {
        let content = json!({"assumeRole": "${role}", "mainSteps": [{"inputs": {"FunctionName": "${operator}", "n": 1}},
            {"inputs": {"FunctionName": "${old}", "Payload": "{\"release\":\"{{ Release }}\"}"}}]});
        let there = substituted(&content, &known());
        assert_eq!(there["mainSteps"][0]["inputs"]["FunctionName"], "arn:f:shop-operator");
        assert_eq!(abstracted(&there, &known()), content);
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        let content = json!({"FunctionName": "arn:f:shop-operator"});
        assert_eq!(abstracted(&content, &BTreeMap::new()), content);
    }
}
