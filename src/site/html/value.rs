//! Attribute values: character references undone, and put back.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

/// Longest character reference that is undone, in bytes.
const REFERENCE_LENGTH: usize = 16;

/// An attribute's value with the character references undone that occur in addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it says.
    pub text: Cow<'a, str>,
    /// Where each reference ends: in the text, and in the value as it is written.
    joints: Vec<(usize, usize)>,
}

impl<'a> Value<'a> {
    /// Reads a value as it is written.
    pub fn of(raw: &'a str) -> Self {
        if !raw.contains('&') {
            return Self { text: Cow::Borrowed(raw), joints: Vec::new() };
        }
        let (mut text, mut joints) = (String::with_capacity(raw.len()), Vec::new());
        let mut rest = raw;
        while let Some(start) = rest.find('&') {
            text.push_str(&rest[..start]);
            rest = &rest[start..];
            match reference(rest) {
                Some((character, length)) => {
                    text.push(character);
                    rest = &rest[length..];
                    joints.push((text.len(), raw.len() - rest.len()));
                }
                None => {
                    text.push('&');
                    rest = &rest[1..];
                }
            }
        }
        text.push_str(rest);
        Self { text: Cow::Owned(text), joints }
    }

    /// The part of the value as it is written that says this part of the text.
    pub fn span(&self, part: &Range<usize>) -> Range<usize> {
        self.raw(part.start)..self.raw(part.end)
    }

    fn raw(&self, at: usize) -> usize {
        let before = self.joints.partition_point(|(text, _)| *text <= at);
        let (text, raw) = before.checked_sub(1).map_or((0, 0), |last| self.joints[last]);
        raw + (at - text)
    }
}

/// What may stand in a value between these quotes, or without quotes, to say `text`.
pub fn escaped(text: &str, quote: Option<u8>) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        let bare = quote.is_none() && (c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '=' | '<' | '>' | '`'));
        match c {
            '&' => value.push_str("&amp;"),
            c if bare || quote.is_some_and(|quote| c == char::from(quote)) => {
                // Writing to a string does not fail.
                let _ = write!(value, "&#{};", u32::from(c));
            }
            c => value.push(c),
        }
    }
    value
}

/// The character that `text` begins with a reference to, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(REFERENCE_LENGTH + 1).position(|byte| byte == b';')?;
    Some((named(&text[1..end])?, end + 1))
}

fn named(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let (digits, radix) = digits.strip_prefix(['x', 'X']).map_or((digits, 10), |digits| (digits, 16));
            let code = digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok());
            char::from_u32(code.flatten()?).filter(|c| *c != '\0')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_addresses_are_undone() {
        for (raw, text) in [
            ("a&amp;b", "a&b"),
            ("&quot;&#39;&#x27;&apos;&lt;&gt;", "\"'''<>"),
            ("a&b&&c;&eacute;&#;&#x;&#+5;&#0;", "a&b&&c;&eacute;&#;&#x;&#+5;&#0;"),
            ("é&#xe9;&#233;", "ééé"),
            ("&amp;amp;", "&amp;"),
            ("&ééééééééééééé;", "&ééééééééééééé;"),
        ] {
            assert_eq!(Value::of(raw).text, text, "{raw}");
        }
    }

    #[test]
    fn a_part_of_the_text_is_found_in_the_value() {
        let raw = "é&quot;a&amp;b&quot; c";
        let value = Value::of(raw);
        assert_eq!(value.text, "é\"a&b\" c");
        for (part, want) in [("a&b", "a&amp;b"), ("\"a", "&quot;a"), ("b\"", "b&quot;"), ("c", "c"), ("é", "é")] {
            let start = value.text.find(part).unwrap_or_default();
            assert_eq!(&raw[value.span(&(start..start + part.len()))], want);
        }
    }

    #[test]
    fn what_is_escaped_says_the_same() {
        let text = "a&amp;\"'= \n<>`é";
        for quote in [Some(b'"'), Some(b'\''), None] {
            let value = escaped(text, quote);
            assert_eq!(Value::of(&value).text, text);
            assert!(quote.is_none_or(|quote| !value.contains(char::from(quote))));
        }
        assert!(!escaped(text, None).contains(|c: char| c.is_ascii_whitespace() || "\"'=<>`".contains(c)));
    }
}
