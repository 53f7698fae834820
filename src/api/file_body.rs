//! A request's body as a new file: its bytes alone, or a plain form with one file.

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Request};
use percent_encoding::percent_decode;

use super::disposition::Parameters;
use super::file_limits::{FileLimits, is_type};
use super::multipart::{self, Part};
use super::problem::{FieldError, Problem};
use super::sniff;
use crate::store::FileMeta;

/// What a file is called that nobody named.
const NAMELESS: &str = "file";
/// Longest name, in bytes; what file systems take. Encoded, it fits into an object's metadata.
const NAME: usize = 255;

/// A file as it was sent.
struct Sent {
    name: String,
    content_type: String,
    bytes: Bytes,
}

/// The file as it is kept, or what is wrong with it.
pub fn read(limits: &FileLimits, request: &Request<Bytes>) -> Result<(FileMeta, Bytes), Problem> {
    let content_type = text(request.headers(), &CONTENT_TYPE)?.unwrap_or_default();
    let is_form = essence(content_type) == "multipart/form-data";
    let sent = if is_form { from_form(content_type, request)? } else { from_bytes(content_type, request)? };
    if sent.bytes.len() > limits.max_bytes {
        return Err(Problem::too_large(limits.max_bytes));
    }
    if !is_type(&sent.content_type) || !limits.takes(&sent.content_type) {
        return Err(Problem::media(format!("files of these types are taken: {}", limits.types.join(", "))));
    }
    if let Some(what) = sniff::contradiction(&sent.content_type, &sent.bytes) {
        return Err(Problem::media(what));
    }
    let meta = FileMeta { name: name(&sent.name)?, content_type: sent.content_type, size: sent.bytes.len() as u64 };
    Ok((meta, sent.bytes))
}

fn from_bytes(content_type: &str, request: &Request<Bytes>) -> Result<Sent, Problem> {
    let named = named_in_query(request.uri().query().unwrap_or_default())?;
    let disposition = match text(request.headers(), &CONTENT_DISPOSITION)? {
        Some(text) => {
            Some(Parameters::parse(text).ok_or_else(|| Problem::malformed("content-disposition is not one"))?)
        }
        None => None,
    };
    let name = disposition.and_then(|disposition| disposition.filename()).or(named).unwrap_or_default();
    Ok(Sent { name, content_type: essence(content_type), bytes: request.body().clone() })
}

fn from_form(content_type: &str, request: &Request<Bytes>) -> Result<Sent, Problem> {
    let named = named_in_query(request.uri().query().unwrap_or_default())?;
    let boundary = multipart::boundary(content_type);
    let boundary = boundary.ok_or_else(|| Problem::malformed("the form names no boundary that could be one"))?;
    let mut parts = multipart::parse(request.body(), &boundary).map_err(Problem::malformed)?;
    let errors: Vec<FieldError> = parts.iter().filter_map(no_file).collect();
    match (parts.pop(), parts.is_empty(), errors.is_empty()) {
        (_, _, false) => Err(Problem::invalid(errors)),
        (Some(part), true, true) => Ok(Sent {
            name: named.or(part.filename).unwrap_or_default(),
            // A browser names no type where it knows none.
            content_type: part.content_type.map_or_else(|| "application/octet-stream".into(), |kind| essence(&kind)),
            bytes: part.bytes,
        }),
        (None, ..) => Err(Problem::malformed("the form holds no file")),
        (Some(_), false, true) => Err(Problem::malformed("the form holds more than one file")),
    }
}

/// What is wrong with a part that is no file. Of a file that was not chosen, browsers send an empty
/// one without a name.
fn no_file(part: &Part) -> Option<FieldError> {
    let message = match part.filename.as_deref() {
        None => "is no file; nothing else is kept here",
        Some("") if part.bytes.is_empty() => "is required",
        Some(_) => return None,
    };
    Some(FieldError { field: part.name.clone(), message: message.into() })
}

fn named_in_query(query: &str) -> Result<Option<String>, Problem> {
    let mut name = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("name", text) if name.is_none() => {
                let spaced = text.replace('+', " ");
                let text = percent_decode(spaced.as_bytes()).decode_utf8();
                name = Some(text.map_err(|_| Problem::malformed("the name is not UTF-8"))?.into_owned());
            }
            ("name", _) => return Err(Problem::malformed("the name is given twice")),
            (other, _) => return Err(Problem::malformed(format!("there is no parameter {other}; known is name"))),
        }
    }
    Ok(name)
}

/// A name without what leads into folders, ends lines, or turns the direction of reading.
///
/// SECURITY: `exe.gnp` may be shown as `png.exe` turned round, by a character that is not seen.
fn name(text: &str) -> Result<String, Problem> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean: String = last.chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    match clean.trim() {
        "" | "." | ".." => Ok(NAMELESS.into()),
        name if name.len() > NAME => Err(Problem::malformed(format!("a file's name has at most {NAME} bytes"))),
        name => Ok(name.to_owned()),
    }
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A header as text; names of files are sent in UTF-8.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Some).map_err(|_| Problem::malformed(format!("{name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for (sent, kept) in [
            ("a b.png", "a b.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\photos\\a.png", "a.png"),
            ("a\r\nx: y.png", "ax: y.png"),
            ("a\u{202e}gnp.exe", "agnp.exe"),
            (" 猫.png ", "猫.png"),
            ("..", "file"),
            ("a/", "file"),
            ("", "file"),
        ] {
            assert_eq!(name(sent).unwrap(), kept, "{sent:?}");
        }
        assert_eq!(name(&"x".repeat(255)).unwrap().len(), 255);
        assert_eq!(name(&"x".repeat(256)).unwrap_err().status, 400);
    }
}
