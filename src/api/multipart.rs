//! `multipart/form-data`, as browsers send it: read strictly, for what can be read in two ways is
//! an attack or a mistake.
//!
//! Sources: RFC 7578; RFC 2046, section 5.1; WHATWG HTML, "multipart/form-data encoding algorithm".

use bytes::Bytes;

use super::disposition::Parameters;

/// Most bytes of the headers of one part.
const HEADERS: usize = 8 * 1024;
/// Most parts.
const PARTS: usize = 32;
/// End of the headers of a part.
const BLANK: &[u8] = b"\r\n\r\n";

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Name of the form's field.
    pub name: String,
    /// What the file is called; `None` when the part is no file.
    pub filename: Option<String>,
    /// What the part says of its type.
    pub content_type: Option<String>,
    /// What the field holds.
    pub bytes: Bytes,
}

/// The boundary that a content type names; `None` when the type is another or the boundary is none.
///
/// Source: RFC 2046, section 5.1.1, "bchars".
pub fn boundary(content_type: &str) -> Option<String> {
    let parsed = Parameters::parse(content_type).filter(|parsed| parsed.value == "multipart/form-data")?;
    let boundary = parsed.get("boundary")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    let right = (1..=70).contains(&boundary.len()) && boundary.chars().all(plain) && !boundary.ends_with(' ');
    right.then(|| boundary.to_owned())
}

/// The parts of a body; the error says what is wrong with it.
pub fn parse(body: &Bytes, boundary: &str) -> Result<Vec<Part>, &'static str> {
    let delimiter = format!("\r\n--{boundary}");
    let mut at = body.strip_prefix(&delimiter.as_bytes()[2..]).map(|_| delimiter.len() - 2);
    let mut parts = Vec::new();
    while let Some(start) = at {
        let rest = body.get(start..).unwrap_or_default();
        if let Some(end) = rest.strip_prefix(b"--") {
            return if matches!(end, b"" | b"\r\n") { Ok(parts) } else { Err("the form goes on after its end") };
        }
        if !rest.starts_with(b"\r\n") {
            return Err("a boundary of the form is not one");
        }
        let blank =
            find(rest.get(..HEADERS).unwrap_or(rest), BLANK).ok_or("a part of the form has no end of headers")?;
        let (from, length) = content(body, start + blank + BLANK.len(), &delimiter)?;
        let headers = rest.get(2..blank).unwrap_or_default();
        parts.push(part(headers, body.slice(from..from + length))?);
        if parts.len() > PARTS {
            return Err("the form has too many parts");
        }
        at = Some(from + length + delimiter.len());
    }
    Err("the form does not begin with its boundary")
}

/// Where a part's content is, and how long.
fn content(body: &Bytes, from: usize, delimiter: &str) -> Result<(usize, usize), &'static str> {
    let rest = body.get(from..).unwrap_or_default();
    let length = find(rest, delimiter.as_bytes()).ok_or("the form ends too early")?;
    Ok((from, length))
}

fn part(headers: &[u8], bytes: Bytes) -> Result<Part, &'static str> {
    let headers = std::str::from_utf8(headers).map_err(|_| "a header of the form is not UTF-8")?;
    let (mut disposition, mut content_type) = (None, None);
    for line in headers.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or("a header of the form is not one")?;
        let before = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => disposition.replace(value.trim().to_owned()),
            "content-type" => content_type.replace(value.trim().to_owned()),
            "content-transfer-encoding" if !is_plain(value.trim()) => {
                return Err("a part of the form is encoded");
            }
            _ => None,
        };
        if before.is_some() {
            return Err("a part of the form has a header twice");
        }
    }
    let disposition = disposition.and_then(|text| Parameters::parse(&text)).filter(|d| d.value == "form-data");
    let disposition = disposition.ok_or("a part of the form has no name")?;
    let name = disposition.get("name").map(unescaped).ok_or("a part of the form has no name")?;
    // Source: RFC 7578, section 4.2: `filename*` is not to be used here.
    let filename = disposition.get("filename").map(unescaped);
    Ok(Part { name, filename, content_type, bytes })
}

fn is_plain(encoding: &str) -> bool {
    ["binary", "8bit", "7bit"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain))
}

/// Browsers escape these three characters, and no others.
fn unescaped(text: &str) -> String {
    text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        from += found;
        if bytes.get(from..)?.starts_with(wanted) {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parts(body: &str) -> Result<Vec<Part>, &'static str> {
        parse(&Bytes::from(body.to_owned()), "xYz")
    }

    fn one(headers: &str, content: &str) -> Result<Part, &'static str> {
        Ok(parts(&format!("--xYz\r\n{headers}\r\n\r\n{content}\r\n--xYz--\r\n"))?.remove(0))
    }

    #[test]
    fn the_form_of_a_browser_is_read() {
        let headers =
            "Content-Disposition: form-data; name=\"photo\"; filename=\"a %22b%22 ã.png\"\r\nContent-Type: image/png";
        let part = one(headers, "\r\n--xY\r\n\r\nz--xYz\r\n").unwrap();
        assert_eq!((part.name.as_str(), part.filename.as_deref()), ("photo", Some("a \"b\" ã.png")));
        assert_eq!(part.content_type.as_deref(), Some("image/png"));
        assert_eq!(part.bytes, "\r\n--xY\r\n\r\nz--xYz\r\n");
        let two = "--xYz\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n--xYz\r\n\
                   content-disposition: form-data; name=b\r\n\r\n2\r\n--xYz--";
        let two = parts(two).unwrap();
        assert_eq!((two[0].bytes.len(), two[1].name.as_str(), two[1].filename.as_deref()), (0, "b", None));
        assert_eq!(parts("--xYz--\r\n").unwrap(), []);
    }

    #[test]
    fn what_is_not_whole_or_not_clear_is_refused() {
        let named = "content-disposition: form-data; name=a";
        for body in [
            "".to_owned(),
            "--xYz".into(),
            "--xYz\r\n".into(),
            "preamble\r\n--xYz--\r\n".into(),
            "--xYz--\r\nepilogue".into(),
            "--xYzz--\r\n".into(),
            format!("--xYz\n{named}\n\nx\n--xYz--\n"),
            format!("--xYz\r\n{named}\r\n\r\nx"),
            format!("--xYz\r\n{named}\r\n\r\nx\r\n--xYz"),
            format!("--xYz\r\n{named}\r\n\r\nx\r\n--xYzz\r\ny\r\n--xYz--"),
            format!("--xYz\r\n{named}\r\n{}\r\n\r\nx\r\n--xYz--", "x".repeat(HEADERS)),
            format!("--xYz\r\n{named}\r\n\r\nx\r\n{}--xYz--", format!("--xYz\r\n{named}\r\n\r\nx\r\n").repeat(PARTS)),
        ] {
            assert!(parts(&body).is_err(), "{body}");
        }
        for headers in [
            "",
            "content-type: text/plain",
            "content-disposition: attachment; name=a",
            "content-disposition: form-data",
            "content-disposition: form-data; name=a; name=b",
            "content-disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b",
            "content-disposition: form-data; name=a\r\ncontent-type: a/b\r\nContent-Type: c/d",
            "content-disposition: form-data; name=a\r\ncontent-transfer-encoding: base64",
            "content-disposition: form-data; name=a\r\nno header",
        ] {
            assert!(one(headers, "x").is_err(), "{headers}");
        }
    }

    #[test]
    fn a_boundary_is_of_the_characters_it_may_have() {
        for (text, found) in [
            ("multipart/form-data; boundary=----WebKitFormBoundaryabc", Some("----WebKitFormBoundaryabc")),
            ("Multipart/Form-Data; boundary=\"a b:c\"", Some("a b:c")),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"a \"", None),
            ("multipart/form-data; boundary=a\u{e3}", None),
            ("multipart/mixed; boundary=a", None),
        ] {
            assert_eq!(boundary(text).as_deref(), found, "{text}");
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
    }
}
