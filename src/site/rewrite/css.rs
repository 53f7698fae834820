//! What a style sheet refers to, with its place.
//!
//! Source: CSS Syntax Module Level 3, section 4 (tokenization).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

/// Deepest nesting of parentheses that is followed.
const DEPTH: usize = 100;

/// A URL in a style sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The URL, with its escapes undone.
    pub url: Cow<'a, str>,
    /// Where it is written, without quotes and white space.
    pub span: Range<usize>,
    /// The quotes around it, if any.
    pub quote: Option<u8>,
    /// Whether it is in a custom property, whose URLs mean what they mean where the property is used.
    pub custom: bool,
}

/// The URLs of a style sheet, of a `style` element or attribute, in their order.
///
/// `@namespace` and `@document` name no files, so that theirs are left out.
pub fn references(css: &str) -> Vec<Found<'_>> {
    let mut reader =
        Reader { css, at: 0, open: Vec::new(), place: Place::Plain, dashed: false, custom: false, found: Vec::new() };
    while reader.next().is_some() {}
    reader.found
}

/// Whether a style sheet says that it is in another encoding than UTF-8.
///
/// Source: CSS Syntax Module Level 3, section 3.2: only these very bytes are a declaration.
pub fn is_utf8(css: &str) -> bool {
    let named = css.strip_prefix("@charset \"").and_then(|rest| rest.split_once("\";"));
    named.is_none_or(|(name, _)| matches!(name.to_ascii_lowercase().as_str(), "utf-8" | "utf8"))
}

/// What may stand in these quotes, or in `url()` without quotes, to say `text`.
pub fn escaped(text: &str, quote: Option<u8>) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        let end = quote.map_or(matches!(c, '"' | '\'' | '(' | ')'), |quote| c == char::from(quote));
        if end || c == '\\' {
            value.push('\\');
            value.push(c);
        } else if c.is_ascii_control() || c == '<' || (quote.is_none() && c == ' ') {
            // Writing to a string does not fail.
            let _ = write!(value, "\\{:x} ", u32::from(c));
        } else {
            value.push(c);
        }
    }
    value
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    /// Just after `@import`.
    Import,
    /// In an at-rule whose URLs name no files, up to its `;` or `{`.
    NoFiles,
}

struct Reader<'a> {
    css: &'a str,
    at: usize,
    /// For each open parenthesis, whether strings in it are URLs.
    open: Vec<bool>,
    place: Place,
    /// Whether the last word began with two dashes.
    dashed: bool,
    custom: bool,
    found: Vec<Found<'a>>,
}

impl<'a> Reader<'a> {
    /// Reads one token; `None` at the end.
    fn next(&mut self) -> Option<()> {
        let byte = self.byte(0)?;
        match byte {
            b'/' if self.byte(1) == Some(b'*') => {
                self.at = self.css[self.at + 2..].find("*/").map_or(self.css.len(), |end| self.at + 2 + end + 2);
                return Some(());
            }
            byte if byte.is_ascii_whitespace() => {
                self.at += 1;
                return Some(());
            }
            b'"' | b'\'' => {
                let is_url = self.place == Place::Import || self.open.last() == Some(&true);
                self.string(byte, is_url);
            }
            b'@' => {
                self.at += 1;
                return self.at_keyword();
            }
            b'#' => {
                self.at += 1;
                self.word();
            }
            b'(' => self.parenthesis(false)?,
            b')' => {
                self.open.pop();
                self.at += 1;
            }
            b':' => {
                self.custom |= self.dashed;
                self.at += 1;
            }
            b';' | b'{' | b'}' => {
                (self.place, self.dashed, self.custom) = (Place::Plain, false, false);
                self.at += 1;
            }
            byte if self.is_word(byte) => self.name()?,
            _ => self.at += 1,
        }
        if self.place == Place::Import {
            self.place = Place::Plain;
        }
        Some(())
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.css.as_bytes().get(self.at + ahead).copied()
    }

    fn is_word(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || !byte.is_ascii()
            || (byte == b'\\' && self.byte(1).is_some_and(|next| next != b'\n'))
    }

    /// Letters, digits, hyphens and escapes.
    fn word(&mut self) -> &'a str {
        let start = self.at;
        while let Some(byte) = self.byte(0).filter(|byte| self.is_word(*byte)) {
            self.at += 1;
            if byte == b'\\' {
                self.at += self.escape();
            }
        }
        &self.css[start..self.at]
    }

    /// The length of the escape at hand, without its backslash.
    fn escape(&self) -> usize {
        escape(&self.css[self.at..]).1
    }

    fn at_keyword(&mut self) -> Option<()> {
        let name = self.word();
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        self.place = if is("import") {
            Place::Import
        } else if is("namespace") || is("document") || is("-moz-document") || is("charset") {
            Place::NoFiles
        } else {
            Place::Plain
        };
        Some(())
    }

    /// A word that may be the name of a function.
    fn name(&mut self) -> Option<()> {
        let name = self.word();
        if self.byte(0) != Some(b'(') {
            self.dashed = name.starts_with("--");
            return Some(());
        }
        if name.eq_ignore_ascii_case("url") {
            return self.url();
        }
        self.parenthesis(name.eq_ignore_ascii_case("image-set") || name.eq_ignore_ascii_case("-webkit-image-set"))
    }

    fn parenthesis(&mut self, strings_are_urls: bool) -> Option<()> {
        if self.open.len() == DEPTH {
            return None;
        }
        self.open.push(strings_are_urls);
        self.at += 1;
        Some(())
    }

    /// At the parenthesis of `url(`.
    fn url(&mut self) -> Option<()> {
        self.at += 1;
        while self.byte(0)?.is_ascii_whitespace() {
            self.at += 1;
        }
        if let Some(quote @ (b'"' | b'\'')) = self.byte(0) {
            self.open.push(false);
            self.string(quote, true);
            return Some(());
        }
        let start = self.at;
        loop {
            match self.byte(0)? {
                b')' => break,
                byte if byte.is_ascii_whitespace() => {
                    let rest = &self.css[self.at..];
                    let space = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
                    if self.byte(space)? != b')' {
                        return self.bad_url();
                    }
                    self.found(start..self.at, None);
                    self.at += space + 1;
                    return Some(());
                }
                b'"' | b'\'' | b'(' | 0..=0x1f | 0x7f => return self.bad_url(),
                b'\\' if self.byte(1) == Some(b'\n') => return self.bad_url(),
                b'\\' => {
                    self.at += 1;
                    self.at += self.escape();
                }
                _ => self.at += 1,
            }
        }
        self.found(start..self.at, None);
        self.at += 1;
        Some(())
    }

    /// What is no URL goes to the next parenthesis that is not escaped.
    fn bad_url(&mut self) -> Option<()> {
        loop {
            let byte = self.byte(0)?;
            self.at += 1;
            match byte {
                b')' => return Some(()),
                b'\\' => self.at += self.escape(),
                _ => {}
            }
        }
    }

    /// At the quote before a string.
    fn string(&mut self, quote: u8, is_url: bool) {
        self.at += 1;
        let start = self.at;
        loop {
            match self.byte(0) {
                None => return,
                // A string that is not ended ends with its line.
                Some(b'\n' | b'\r' | 0x0c) => return,
                Some(byte) if byte == quote => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.at += self.escape();
                }
                Some(_) => self.at += 1,
            }
        }
        if is_url {
            self.found(start..self.at, Some(quote));
        }
        self.at += 1;
    }

    fn found(&mut self, span: Range<usize>, quote: Option<u8>) {
        if self.place != Place::NoFiles {
            let url = unescaped(&self.css[span.clone()]);
            self.found.push(Found { url, span, quote, custom: self.custom });
        }
    }
}

/// Undoes the escapes of a string or URL.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        plain.push_str(&rest[..start]);
        let (character, length) = escape(&rest[start + 1..]);
        plain.extend(character);
        rest = &rest[start + 1 + length..];
    }
    plain.push_str(rest);
    plain.into()
}

/// What the escape says that `text` begins with, after its backslash, and its length.
fn escape(text: &str) -> (Option<char>, usize) {
    let digits = text.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
    let line = |at: usize| match text.as_bytes().get(at..) {
        Some([b'\r', b'\n', ..]) => 2,
        Some([b'\n' | b'\r' | 0x0c, ..]) => 1,
        _ => 0,
    };
    if digits > 0 {
        let code = u32::from_str_radix(&text[..digits], 16).ok().and_then(char::from_u32);
        let space = usize::from(matches!(text.as_bytes().get(digits), Some(b' ' | b'\t')));
        let c = code.filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER);
        return (Some(c), digits + space.max(line(digits)));
    }
    match line(0) {
        0 => text.chars().next().map_or((None, 0), |c| (Some(c), c.len_utf8())),
        // A line that goes on.
        length => (None, length),
    }
}

#[cfg(test)]
#[path = "css_tests.rs"]
mod tests;
