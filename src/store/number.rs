//! Numbers as every store keeps them, so that a document reads the same from each.
//!
//! DynamoDB keeps decimal digits and no kind: `1.0` comes back as `1`, `-0.0` as `0`. The others
//! do the same before they keep a number.

use serde_json::{Map, Number, Value};

/// Least and greatest size of a number other than 0.
///
/// Source: DynamoDB developer guide, "Data types", Number: 1E-130 to 9.99…E+125.
const SIZES: std::ops::Range<f64> = 1e-130..1e126;

/// The number as it is kept; `None` when it is too great or too small for that.
pub fn as_kept(number: &Number) -> Option<Number> {
    let fits = |float: f64| float == 0.0 || SIZES.contains(&float.abs());
    (!number.is_f64() || number.as_f64().is_some_and(fits)).then(|| plain(number))
}

/// The fields with every number as it is kept; `None` when one cannot be.
pub(super) fn fields(fields: &Map<String, Value>) -> Option<Map<String, Value>> {
    fields.iter().map(|(name, value)| Some((name.clone(), kept(value)?))).collect()
}

fn kept(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => as_kept(number).map(Value::Number),
        Value::Array(items) => items.iter().map(kept).collect::<Option<_>>().map(Value::Array),
        Value::Object(map) => fields(map).map(Value::Object),
        other => Some(other.clone()),
    }
}

/// A fraction that is whole, as the whole number, where there is one of 64 bits.
fn plain(number: &Number) -> Number {
    // Printed without an exponent or a fraction, a float of this size has all of its digits.
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 => whole(&format!("{float:.0}")),
        _ => None,
    }
    .unwrap_or_else(|| number.clone())
}

fn whole(digits: &str) -> Option<Number> {
    match digits {
        "-0" => Some(Number::from(0)),
        _ => digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_has_no_fraction_whichever_way_it_was_written() {
        let given = json!({"a": [1.0, -0.0, 1.5, 3e0, -2.0, 1e20], "b": {"c": 18_446_744_073_709_551_615_u64}});
        let kept = kept(&given).unwrap();
        assert_eq!(kept.to_string(), r#"{"a":[1,0,1.5,3,-2,1e+20],"b":{"c":18446744073709551615}}"#);
    }

    #[test]
    fn what_dynamodb_cannot_keep_no_store_keeps() {
        for unfit in [json!(1e126), json!(-1e300), json!(1e-131)] {
            assert_eq!(kept(&json!([{ "a": unfit }])), None, "{unfit}");
        }
        assert!(kept(&json!([0.0, 9.99e125, -1e-130, i64::MIN])).is_some());
    }
}
