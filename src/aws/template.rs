//! JSON documents that name other resources: `${node}` stands for the ARN that the node gives, and
//! `${node.field}` for another of its outputs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Cx;
use crate::deploy::StepError;

/// The document with every placeholder filled.
pub fn fill(cx: &Cx, document: &Value) -> Result<Value, StepError> {
    replace(document, &mut |text| {
        let mut filled = text.to_owned();
        for place in places(text) {
            let value = value(cx, &place)
                .ok_or_else(|| StepError::bug(format!("{} needs {place}, which has not been applied", cx.node())))?;
            filled = filled.replace(&format!("${{{place}}}"), &value);
        }
        Ok(filled)
    })
}

/// A document that was read, with the placeholders of `wanted` wherever their values stand now, so
/// that it can be compared with `wanted`.
pub fn unfill(cx: &Cx, read: &Value, wanted: &Value) -> Value {
    let mut all = BTreeSet::new();
    let collected = replace(wanted, &mut |text| {
        all.extend(places(text));
        Ok(text.to_owned())
    });
    drop(collected);
    let mut known: Vec<_> = all.into_iter().filter_map(|place| Some((value(cx, &place)?, place))).collect();
    // The longest first: one value may begin with another.
    known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    let back = replace(read, &mut |text| {
        let back = |text: String, (value, place): &(String, String)| text.replace(value, &format!("${{{place}}}"));
        Ok(known.iter().fold(text.to_owned(), back))
    });
    back.unwrap_or_else(|_| read.clone())
}

fn value(cx: &Cx, place: &str) -> Option<String> {
    let (node, field) = place.split_once('.').unwrap_or((place, "arn"));
    cx.field(node, field).filter(|value| !value.is_empty())
}

/// The placeholders of a text, without their brackets. SSM's own are written `{{ x }}`.
fn places(text: &str) -> Vec<String> {
    text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

fn replace(value: &Value, with: &mut impl FnMut(&str) -> Result<String, StepError>) -> Result<Value, StepError> {
    Ok(match value {
        Value::String(text) => Value::String(with(text)?),
        Value::Array(items) => Value::Array(items.iter().map(|item| replace(item, with)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let pairs = members.iter().map(|(key, value)| Ok((key.clone(), replace(value, with)?)));
            Value::Object(pairs.collect::<Result<_, StepError>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_in_any_text() {
        assert_eq!(places("a ${x} ${y.id} {{ z }}"), ["x", "y.id"]);
        assert_eq!(places("${open"), [""; 0]);
    }
}
