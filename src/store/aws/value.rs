//! JSON as DynamoDB keeps it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

/// A JSON value as an attribute; numbers keep every digit.
pub fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(yes) => AttributeValue::Bool(*yes),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(to_attribute).collect()),
        Value::Object(map) => AttributeValue::M(to_attributes(map)),
    }
}

/// A JSON object as attributes.
pub fn to_attributes(map: &Map<String, Value>) -> HashMap<String, AttributeValue> {
    map.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect()
}

/// An attribute as JSON; `None` for a kind that is never written.
pub fn from_attribute(attribute: &AttributeValue) -> Option<Value> {
    match attribute {
        AttributeValue::Null(_) => Some(Value::Null),
        AttributeValue::Bool(yes) => Some(Value::Bool(*yes)),
        AttributeValue::N(digits) => number(digits),
        AttributeValue::S(text) => Some(Value::String(text.clone())),
        AttributeValue::L(items) => items.iter().map(from_attribute).collect::<Option<_>>().map(Value::Array),
        AttributeValue::M(map) => from_attributes(map).map(Value::Object),
        _ => None,
    }
}

/// Attributes as a JSON object, by name: DynamoDB keeps no order.
pub fn from_attributes(map: &HashMap<String, AttributeValue>) -> Option<Map<String, Value>> {
    let mut names: Vec<&String> = map.keys().collect();
    names.sort();
    names.into_iter().map(|name| Some((name.clone(), from_attribute(map.get(name)?)?))).collect()
}

/// Whole numbers stay whole: DynamoDB drops the `.0` of `1.0`, which reads as the same number.
fn number(digits: &str) -> Option<Value> {
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(Value::from(whole));
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Some(Value::from(whole));
    }
    Number::from_f64(digits.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_survives_as_attributes() {
        let value = json!({"a": [1, -2.5, 9_007_199_254_740_993_i64, "x", null, true, {}], "b": {"c": "ã"}});
        assert_eq!(from_attribute(&to_attribute(&value)), Some(value));
    }
}
