//! Headers with parameters: what a file is called, and how the parts of a form are told apart.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// What a parameter of RFC 8187 cannot hold as it is.
///
/// Source: RFC 8187, section 3.2.1, "attr-char".
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A header's value in lower case, and its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// What stands before the first `;`, in lower case.
    pub value: String,
    /// Name in lower case, and value without quotes.
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// Reads a value such as `form-data; name="photo"; filename="a.png"`; `None` when it is none,
    /// or names a parameter twice.
    ///
    /// Source: RFC 9110, section 5.6.6.
    pub fn parse(text: &str) -> Option<Self> {
        let (value, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let mut parsed = Self { value: value.trim().to_ascii_lowercase(), parameters: Vec::new() };
        while let Some(next) = rest.strip_prefix(';') {
            let next = next.trim_start();
            if next.is_empty() || next.starts_with(';') {
                rest = next;
                continue;
            }
            let (name, after) = next.split_once('=')?;
            let (value, after) = parameter(after)?;
            let name = name.trim().to_ascii_lowercase();
            if name.is_empty() || name.contains([';', '"', ' ']) || parsed.get(&name).is_some() {
                return None;
            }
            parsed.parameters.push((name, value));
            rest = after.trim_start();
        }
        rest.is_empty().then_some(parsed)
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What a file is called: `filename*`, which says its characters, before `filename`.
    pub fn filename(&self) -> Option<String> {
        let extended = self.get("filename*").and_then(decoded);
        extended.or_else(|| self.get("filename").map(str::to_owned))
    }
}

/// The value at the beginning of a text, and what follows it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        return Some((value.trim().to_owned(), rest));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, character) in quoted.char_indices() {
        match (character, escaped) {
            ('"', false) => return Some((value, &quoted[at + 1..])),
            ('\\', false) => escaped = true,
            ('"' | '\\', true) => {
                value.push(character);
                escaped = false;
            }
            // Browsers escape nothing so: a backslash before anything else is one.
            (other, _) => {
                value.extend(escaped.then_some('\\'));
                value.push(other);
                escaped = false;
            }
        }
    }
    None
}

/// `UTF-8''%C3%A3.png` as text; other character sets are not read.
fn decoded(text: &str) -> Option<String> {
    let (set, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let text = percent_decode(encoded.as_bytes()).decode_utf8().ok()?;
    set.eq_ignore_ascii_case("utf-8").then(|| text.into_owned())
}

/// The header that gives a file its name, for browsers that read `filename*` and for those that do not.
///
/// Source: RFC 6266, section 4.3.
pub fn header(inline: bool, name: &str) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let plain: String = name.chars().map(plain).map(|c| if "\"\\%".contains(c) { '_' } else { c }).collect();
    let encoded = utf8_percent_encode(name, ENCODED);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_s_name_is_read_in_all_the_ways_it_is_written() {
        for (text, name) in [
            (r#"attachment; filename="a b.png""#, "a b.png"),
            ("Attachment;filename=a.png", "a.png"),
            (r#"attachment; filename="a;b=\"c\".png"; x=y"#, r#"a;b="c".png"#),
            (r#"attachment; filename="C:\photos\a.png""#, r"C:\photos\a.png"),
            (r#"attachment; filename="a.png"; filename*=UTF-8''%C3%A3%20b.png"#, "ã b.png"),
            (r#"attachment; filename="a.png"; filename*=ISO-8859-1''%E3"#, "a.png"),
            (r#"attachment; filename="ã.png";"#, "ã.png"),
            (r#"attachment; filename="""#, ""),
        ] {
            let parsed = Parameters::parse(text).unwrap();
            assert_eq!((parsed.value.as_str(), parsed.filename().as_deref()), ("attachment", Some(name)), "{text}");
        }
        assert_eq!(Parameters::parse("inline").unwrap().filename(), None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for text in [
            r#"a; filename="x"#,
            r#"a; filename="x"y"#,
            "a; filename=x; filename=y",
            "a; filename",
            r#"a; "b"=c"#,
            "a; =c",
        ] {
            assert_eq!(Parameters::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_of_any_language_is_a_header() {
        let text = header(false, "João \"x\".png");
        assert_eq!(text, "attachment; filename=\"Jo_o _x_.png\"; filename*=UTF-8''Jo%C3%A3o%20%22x%22.png");
        assert_eq!(Parameters::parse(&text).unwrap().filename().as_deref(), Some("João \"x\".png"));
        assert_eq!(header(true, "a.png"), "inline; filename=\"a.png\"; filename*=UTF-8''a.png");
    }
}
