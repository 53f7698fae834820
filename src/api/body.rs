//! A request's body as the fields of a new document.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::declare::Collection;
use super::problem::{FieldError, Problem};
use crate::store::{Fields, LARGEST};

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`: a plain form.
    Form,
}

/// What the body is written in.
pub fn kind(headers: &HeaderMap) -> Result<Kind, Problem> {
    match essence(headers).as_str() {
        "application/json" => Ok(Kind::Json),
        "application/x-www-form-urlencoded" => Ok(Kind::Form),
        _ => Err(Problem::media_type()),
    }
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a plain form of a browser is what was sent, with a file or without.
pub fn is_form(headers: &HeaderMap) -> bool {
    matches!(kind(headers), Ok(Kind::Form)) || essence(headers) == "multipart/form-data"
}

/// The fields as they are kept, or everything that is wrong with them.
pub fn read(collection: &Collection, kind: Kind, body: &[u8]) -> Result<Fields, Problem> {
    if body.len() > LARGEST {
        return Err(Problem::too_large(LARGEST));
    }
    let given = match kind {
        Kind::Json => json(body)?,
        Kind::Form => form(collection, body)?,
    };
    check(collection, given)
}

fn json(body: &[u8]) -> Result<Fields, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Problem::malformed("the body has to be a JSON object")),
        Err(error) => {
            let what = if error.is_eof() { "ends too early" } else { "is not JSON" };
            Err(Problem::malformed(format!("the body {what} (line {}, column {})", error.line(), error.column())))
        }
    }
}

fn form(collection: &Collection, body: &[u8]) -> Result<Fields, Problem> {
    let mut fields = Fields::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(middle);
        let name = decode(name)?;
        let text = decode(value.get(1..).unwrap_or_default())?;
        let value = match collection.fields.get(&name) {
            Some(field) => field.from_text(text),
            None => Value::String(text),
        };
        if fields.insert(name.clone(), value).is_some() {
            return Err(Problem::malformed(format!("the form names {name} twice")));
        }
    }
    Ok(fields)
}

fn decode(text: &[u8]) -> Result<String, Problem> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().map_err(|_| Problem::malformed("the form is not UTF-8"))?;
    Ok(text.into_owned())
}

fn check(collection: &Collection, mut given: Fields) -> Result<Fields, Problem> {
    let mut fields = Fields::new();
    let mut errors = Vec::new();
    for (name, field) in &collection.fields {
        let value = given.shift_remove(name).filter(|value| !is_absent(value)).or_else(|| field.default.clone());
        match value.map(|value| field.check(value)) {
            Some(Ok(value)) => {
                fields.insert(name.clone(), value);
            }
            Some(Err(message)) => errors.push(FieldError { field: name.clone(), message }),
            None if field.required => errors.push(FieldError { field: name.clone(), message: "is required".into() }),
            None => {}
        }
    }
    for (name, _) in given {
        errors.push(FieldError { field: name, message: "is not a field of this collection".into() });
    }
    if errors.is_empty() { Ok(fields) } else { Err(Problem::invalid(errors)) }
}

/// A form sends an empty text for a field that was left empty.
fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}
