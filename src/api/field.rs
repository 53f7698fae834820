//! A declared field: what it may hold, and what is said when it holds something else.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::store::number::as_kept;

/// One field of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether it has to be there. An empty text counts as absent.
    #[serde(default)]
    pub required: bool,
    /// What it holds when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Least length of a text in characters, or least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest length of a text in characters, or greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Any text.
    Text,
    /// An address of e-mail.
    Email,
    /// An `http` or `https` URL.
    Url,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A day, `2026-12-31`.
    Date,
}

/// Longest address of e-mail, in characters.
///
/// Source: RFC 5321, section 4.5.3.1.3.
const EMAIL: usize = 254;
/// Length of a text or URL without a `max` of its own, in characters.
const LENGTH: f64 = 10_000.0;

impl Field {
    /// What is wrong with the declaration itself.
    pub fn fault(&self) -> Option<String> {
        let (min, max) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if min > max {
            return Some(format!("min {min} is greater than max {max}"));
        }
        let sized = !matches!(self.kind, Type::Boolean | Type::Date | Type::Email);
        if !sized && (self.min.is_some() || self.max.is_some()) {
            return Some("min and max belong to texts, URLs and numbers".into());
        }
        let default = self.default.as_ref()?;
        self.check(default.clone()).err().map(|message| format!("the default {message}"))
    }

    /// The value as it is kept, or what is wrong with it.
    pub fn check(&self, value: Value) -> Result<Value, String> {
        match (self.kind, value) {
            (Type::Text, Value::String(text)) => self.text(text),
            (Type::Email, Value::String(text)) if is_email(text.trim()) => Ok(Value::String(text.trim().to_owned())),
            (Type::Email, _) => Err("has to be an e-mail address".into()),
            (Type::Url, Value::String(text)) if is_url(text.trim()) => self.text(text.trim().to_owned()),
            (Type::Url, _) => Err("has to be an address that begins with http:// or https://".into()),
            (Type::Date, Value::String(text)) if text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10 => {
                Ok(Value::String(text))
            }
            (Type::Date, _) => Err("has to be a date such as 2026-12-31".into()),
            (Type::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => self.number(&number),
            (Type::Integer, _) => Err("has to be a whole number".into()),
            (Type::Number, Value::Number(number)) => self.number(&number),
            (Type::Number, _) => Err("has to be a number".into()),
            (Type::Boolean, Value::Bool(yes)) => Ok(Value::Bool(yes)),
            (Type::Boolean, _) => Err("has to be true or false".into()),
            (Type::Text, _) => Err("has to be a text".into()),
        }
    }

    /// A form's text as the type of the field; what is no such thing stays text and is refused.
    pub fn from_text(&self, text: String) -> Value {
        let parsed = match self.kind {
            Type::Integer => text.trim().parse::<i64>().ok().map(Value::from),
            Type::Number => text.trim().parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number),
            Type::Boolean => match text.as_str() {
                "true" | "on" | "yes" | "1" => Some(Value::Bool(true)),
                "false" | "off" | "no" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            _ => None,
        };
        parsed.unwrap_or(Value::String(text))
    }

    fn text(&self, text: String) -> Result<Value, String> {
        // A browser counts a line break of a form as one character, and sends it as two.
        let text = text.replace("\r\n", "\n");
        let length = text.chars().count() as f64;
        match (self.min.unwrap_or(0.0), self.max.unwrap_or(LENGTH)) {
            (_, max) if length > max => Err(format!("has {length} characters; {max} is the most")),
            (min, _) if length < min => Err(format!("has {length} characters; {min} is the least")),
            _ if text.chars().any(|c| c == '\0') => Err("holds a character that cannot be kept".into()),
            _ => Ok(Value::String(text)),
        }
    }

    fn number(&self, number: &Number) -> Result<Value, String> {
        let size = number.as_f64().unwrap_or_default();
        match (self.min, self.max) {
            (Some(min), _) if size < min => Err(format!("is less than {min}")),
            (_, Some(max)) if size > max => Err(format!("is greater than {max}")),
            _ => as_kept(number).map(Value::Number).ok_or_else(|| "is too great or too small to be kept".into()),
        }
    }
}

/// What a browser's `<input type=email>` takes, and a domain with a dot.
///
/// Source: HTML Living Standard, "Email state".
fn is_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((user, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= EMAIL
        && !user.is_empty()
        && user.chars().all(local)
        && domain.contains('.')
        && domain.split('.').all(label)
}

fn is_url(text: &str) -> bool {
    let web = text.starts_with("http://") || text.starts_with("https://");
    web && text.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn field(declared: Value) -> Field {
        serde_json::from_value(declared).unwrap()
    }

    #[test]
    fn a_text_is_counted_in_characters_and_a_line_break_once() {
        let short = field(json!({"type": "text", "max": 3}));
        assert_eq!(short.check(json!("ãé\r\n")), Ok(json!("ãé\n")));
        assert_eq!(short.check(json!("four")), Err("has 4 characters; 3 is the most".into()));
    }

    #[test]
    fn addresses_are_checked_as_browsers_do() {
        let email = field(json!({"type": "email"}));
        for good in ["a@b.co", " a.b+c@d-e.example ", "x@1.2.3.example"] {
            assert!(email.check(json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@", "@b.co", "a b@c.de", "a@b", "a@-b.co", "a@b..co"] {
            assert!(email.check(json!(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_of_forms_become_numbers() {
        let age = field(json!({"type": "integer", "min": 0, "max": 150}));
        assert_eq!(age.check(age.from_text("42".into())), Ok(json!(42)));
        assert_eq!(age.check(age.from_text("4.5".into())), Err("has to be a whole number".into()));
        assert_eq!(age.check(json!(-1)), Err("is less than 0".into()));
    }

    #[test]
    fn a_number_that_no_store_keeps_is_refused() {
        let number = field(json!({"type": "number"}));
        assert_eq!(number.check(json!(1e126)), Err("is too great or too small to be kept".into()));
        assert_eq!(number.check(number.from_text("-1e-9".into())), Ok(json!(-1e-9)));
        assert_eq!(number.check(json!(2.0)), Ok(json!(2)));
    }

    #[test]
    fn a_declaration_that_contradicts_itself_is_a_fault() {
        assert!(field(json!({"type": "text", "min": 3, "max": 2})).fault().unwrap().contains("greater"));
        assert!(field(json!({"type": "integer", "default": "x"})).fault().unwrap().contains("whole number"));
        assert_eq!(field(json!({"type": "text", "default": "x"})).fault(), None);
    }
}
