//! A scanner for the links in HTML: enough of the tokenizer's states to tell markup from text,
//! in one pass and in constant memory.
//!
//! Source: HTML Standard, section 13.2.5 (tokenization).

mod raw;
mod value;

use std::ops::Range;

use raw::Escaped;
pub use value::{Value, escaped};

/// Longest value that is kept; longer ones (`data:` pictures) are no links to files.
const VALUE_LENGTH: usize = 4096;
/// Longest tag or attribute name that is kept; no name that matters is longer.
const NAME_LENGTH: usize = 16;
/// Elements whose content is text up to their end tag. (`noscript` is not among them: what it
/// holds is shown to somebody.)
const RAW: [&str; 9] = ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"];

/// A link or asset that a page names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Element, in lower case, possibly cut.
    pub element: String,
    /// `href`, `src` or `poster`.
    pub attribute: String,
    /// The value, with its character references undone.
    pub value: String,
    /// Line of the value, from 1.
    pub line: usize,
}

/// What the scanner comes across. Offsets are counted from the start of the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// An attribute of a start tag that has a value.
    Attribute {
        /// Element, in lower case, possibly cut.
        element: &'a [u8],
        /// Name, in lower case, possibly cut.
        name: &'a [u8],
        /// The value as it is written, cut at 4,096 bytes.
        value: &'a [u8],
        /// Where the value is, without its quotes.
        span: Range<usize>,
        /// The quotes around it, if any.
        quote: Option<u8>,
        /// Line of the value, from 1.
        line: usize,
    },
    /// The end of a start tag: all of its attributes have been told.
    Open {
        /// Element, in lower case, possibly cut.
        element: &'a [u8],
    },
    /// The whole text in an element that holds no markup, such as `style`.
    Raw {
        /// Element, in lower case.
        element: &'a [u8],
        /// Where its text is.
        span: Range<usize>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    TagOpen,
    EndTagOpen,
    TagName,
    /// Up to the next `>`: doctypes and what the standard calls bogus comments.
    Skip,
    /// `<!` and so many dashes.
    Bang(u8),
    /// A comment, and so many dashes just before; 3 is `--!`.
    Comment(u8),
    /// A CDATA section, and so many brackets just before.
    Cdata(u8),
    BeforeAttribute,
    AttributeName,
    AfterAttributeName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    /// In a raw element.
    RawText,
    RawOpen,
    RawEnd,
    /// `<!` in a script, and so many dashes.
    RawBang(u8),
    /// `<` and letters in a script's comment.
    RawNested,
}

/// The scanner; feed it a page piece by piece.
#[derive(Debug)]
pub struct Scanner {
    state: State,
    element: Vec<u8>,
    attribute: Vec<u8>,
    value: Vec<u8>,
    line: usize,
    value_line: usize,
    /// Offset of the byte at hand.
    at: usize,
    /// Offset where the value or the raw text began.
    start: usize,
    /// Offset of the last `<` in raw text.
    mark: usize,
    /// Whether the tag at hand is an end tag.
    closing: bool,
    /// Whether the byte before was the slash of `/>`.
    slash: bool,
    /// How many `svg` and `math` are open.
    foreign: usize,
    escaped: Escaped,
    /// Dashes just before, in a script's comment.
    dashes: u8,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            state: State::Text,
            element: Vec::new(),
            attribute: Vec::new(),
            value: Vec::new(),
            line: 1,
            value_line: 1,
            at: 0,
            start: 0,
            mark: 0,
            closing: false,
            slash: false,
            foreign: 0,
            escaped: Escaped::No,
            dashes: 0,
        }
    }
}

impl Scanner {
    /// Reads the next piece of the page and hands over what it refers to.
    pub fn feed(&mut self, piece: &[u8], found: &mut impl FnMut(Reference)) {
        self.tokens(piece, &mut |token| {
            let Token::Attribute { element, name: name @ (b"href" | b"src" | b"poster"), value, line, .. } = token
            else {
                return;
            };
            if value.len() < VALUE_LENGTH {
                found(Reference {
                    element: String::from_utf8_lossy(element).into_owned(),
                    attribute: String::from_utf8_lossy(name).into_owned(),
                    value: Value::of(&String::from_utf8_lossy(value)).text.into_owned(),
                    line,
                });
            }
        });
    }

    /// Reads the next piece of the page and hands over its attributes and raw texts.
    pub fn tokens(&mut self, piece: &[u8], sink: &mut impl FnMut(Token<'_>)) {
        let before = self.at;
        let mut at = 0;
        while at < piece.len() {
            let rest = &piece[at..];
            let skipped = self.uneventful(rest);
            if skipped > 0 {
                self.line += rest[..skipped].iter().filter(|&&byte| byte == b'\n').count();
                at += skipped;
                if at == piece.len() {
                    break;
                }
            }
            let byte = piece[at];
            self.at = before + at;
            at += 1;
            self.line += usize::from(byte == b'\n');
            self.step(byte, sink);
        }
        self.at = before + piece.len();
    }

    /// How many of the next bytes change nothing: most of a page is text, gone through in one step.
    fn uneventful(&mut self, rest: &[u8]) -> usize {
        let up_to = |end: u8| rest.iter().position(|&byte| byte == end).unwrap_or(rest.len());
        match self.state {
            State::Text => up_to(b'<'),
            State::RawText if self.escaped == Escaped::No => up_to(b'<'),
            State::Comment(0) => up_to(b'-'),
            State::Quoted(quote) => {
                let length = up_to(quote);
                let room = VALUE_LENGTH - self.value.len();
                self.value.extend_from_slice(&rest[..length.min(room)]);
                length
            }
            _ => 0,
        }
    }

    fn step(&mut self, byte: u8, sink: &mut impl FnMut(Token<'_>)) {
        self.state = match self.state {
            State::Text => State::TagOpen,
            State::TagOpen => self.tag_open(byte),
            State::EndTagOpen => self.end_tag_open(byte),
            State::TagName if byte == b'>' => self.tag_end(sink),
            State::TagName if byte.is_ascii_whitespace() || byte == b'/' => {
                self.slash = byte == b'/';
                State::BeforeAttribute
            }
            State::TagName => keep(&mut self.element, byte, NAME_LENGTH, State::TagName),
            State::Skip if byte == b'>' => State::Text,
            State::Skip => State::Skip,
            State::Bang(dashes) => self.bang(byte, dashes),
            State::Comment(dashes) => comment(byte, dashes),
            State::Cdata(brackets) => match byte {
                b']' => State::Cdata((brackets + 1).min(2)),
                b'>' if brackets == 2 => State::Text,
                _ => State::Cdata(0),
            },
            State::BeforeAttribute | State::AttributeName | State::AfterAttributeName => self.attribute(byte, sink),
            State::BeforeValue => self.before_value(byte, sink),
            State::Quoted(quote) if byte == quote => self.end_value(Some(quote), sink),
            State::Unquoted if byte.is_ascii_whitespace() => self.end_value(None, sink),
            State::Unquoted if byte == b'>' => {
                self.end_value(None, sink);
                self.tag_end(sink)
            }
            State::Quoted(_) | State::Unquoted => keep(&mut self.value, byte, VALUE_LENGTH, self.state),
            State::RawText => self.raw_text(byte),
            State::RawOpen => self.raw_open(byte),
            State::RawEnd => self.raw_end(byte, sink),
            State::RawBang(dashes) => self.raw_bang(byte, dashes),
            State::RawNested => self.raw_nested(byte),
        };
    }

    fn tag_open(&mut self, byte: u8) -> State {
        match byte {
            b'!' => State::Bang(0),
            b'/' => State::EndTagOpen,
            b'?' => State::Skip,
            b'<' => State::TagOpen,
            byte if byte.is_ascii_alphabetic() => self.tag_name(byte, false),
            _ => State::Text,
        }
    }

    fn end_tag_open(&mut self, byte: u8) -> State {
        match byte {
            b'>' => State::Text,
            byte if byte.is_ascii_alphabetic() => self.tag_name(byte, true),
            _ => State::Skip,
        }
    }

    fn tag_name(&mut self, byte: u8, closing: bool) -> State {
        (self.closing, self.slash) = (closing, false);
        self.element.clear();
        keep(&mut self.element, byte, NAME_LENGTH, State::TagName)
    }

    fn bang(&self, byte: u8, dashes: u8) -> State {
        match (byte, dashes) {
            (b'-', 0) => State::Bang(1),
            // `<!-->` and `<!--->` are whole comments.
            (b'-', _) => State::Comment(2),
            (b'>', _) => State::Text,
            (b'[', 0) if self.foreign > 0 => State::Cdata(0),
            _ => State::Skip,
        }
    }

    fn tag_end(&mut self, sink: &mut impl FnMut(Token<'_>)) -> State {
        let is_foreign = matches!(self.element.as_slice(), b"svg" | b"math");
        if self.closing {
            self.foreign = self.foreign.saturating_sub(usize::from(is_foreign));
            return State::Text;
        }
        sink(Token::Open { element: &self.element });
        let is_raw = RAW.iter().any(|raw| raw.as_bytes() == self.element);
        // Only in SVG and MathML does `/>` end an element.
        if is_raw && !(self.slash && self.foreign > 0) {
            (self.start, self.escaped, self.dashes) = (self.at + 1, Escaped::No, 0);
            return State::RawText;
        }
        self.foreign += usize::from(is_foreign && !self.slash);
        State::Text
    }

    fn attribute(&mut self, byte: u8, sink: &mut impl FnMut(Token<'_>)) -> State {
        if byte == b'>' {
            return self.tag_end(sink);
        }
        self.slash = byte == b'/';
        match byte {
            b'/' => State::BeforeAttribute,
            b'=' if self.state != State::BeforeAttribute => State::BeforeValue,
            byte if byte.is_ascii_whitespace() => match self.state {
                State::AttributeName => State::AfterAttributeName,
                state => state,
            },
            byte => {
                if self.state != State::AttributeName {
                    self.attribute.clear();
                }
                keep(&mut self.attribute, byte, NAME_LENGTH, State::AttributeName)
            }
        }
    }

    fn before_value(&mut self, byte: u8, sink: &mut impl FnMut(Token<'_>)) -> State {
        self.value.clear();
        (self.value_line, self.start) = (self.line, self.at);
        match byte {
            b'"' | b'\'' => {
                self.start += 1;
                State::Quoted(byte)
            }
            b'>' => self.tag_end(sink),
            byte if byte.is_ascii_whitespace() => State::BeforeValue,
            byte => keep(&mut self.value, byte, VALUE_LENGTH, State::Unquoted),
        }
    }

    fn end_value(&self, quote: Option<u8>, sink: &mut impl FnMut(Token<'_>)) -> State {
        if !self.closing {
            sink(Token::Attribute {
                element: &self.element,
                name: &self.attribute,
                value: &self.value,
                span: self.start..self.at,
                quote,
                line: self.value_line,
            });
        }
        State::BeforeAttribute
    }
}

fn comment(byte: u8, dashes: u8) -> State {
    match (byte, dashes) {
        (b'-', 3) => State::Comment(1),
        (b'-', _) => State::Comment((dashes + 1).min(2)),
        (b'!', 2) => State::Comment(3),
        (b'>', 2 | 3) => State::Text,
        _ => State::Comment(0),
    }
}

/// Adds a byte of a name or value up to its limit; names are kept in lower case.
fn keep(to: &mut Vec<u8>, byte: u8, limit: usize, next: State) -> State {
    if to.len() < limit {
        to.push(if limit == NAME_LENGTH { byte.to_ascii_lowercase() } else { byte });
    }
    next
}

#[cfg(test)]
mod tests;
