//! The states in elements whose content is text.
//!
//! Source: HTML Standard, sections 13.2.5.12 to 13.2.5.31.

use super::{NAME_LENGTH, Scanner, State, Token, keep};

/// Whether a script is in what looks like a comment, and there in what looks like a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaped {
    No,
    Once,
    Twice,
}

impl Scanner {
    pub(super) fn raw_text(&mut self, byte: u8) -> State {
        match byte {
            b'<' => {
                self.mark = self.at;
                self.dashes = 0;
                return State::RawOpen;
            }
            b'-' => self.dashes = (self.dashes + 1).min(2),
            byte => {
                if byte == b'>' && self.dashes == 2 {
                    self.escaped = Escaped::No;
                }
                self.dashes = 0;
            }
        }
        State::RawText
    }

    pub(super) fn raw_open(&mut self, byte: u8) -> State {
        self.value.clear();
        match byte {
            b'/' => State::RawEnd,
            b'!' if self.escaped == Escaped::No && self.element == b"script" => State::RawBang(0),
            byte if byte.is_ascii_alphabetic() && self.escaped == Escaped::Once => {
                keep(&mut self.value, byte, NAME_LENGTH, State::RawNested)
            }
            byte => self.raw_text(byte),
        }
    }

    pub(super) fn raw_bang(&mut self, byte: u8, dashes: u8) -> State {
        match (byte, dashes) {
            (b'-', 0) => State::RawBang(1),
            (b'-', _) => {
                (self.escaped, self.dashes) = (Escaped::Once, 2);
                State::RawText
            }
            (byte, _) => self.raw_text(byte),
        }
    }

    pub(super) fn raw_nested(&mut self, byte: u8) -> State {
        if byte.is_ascii_alphabetic() {
            return keep(&mut self.value, byte, NAME_LENGTH, State::RawNested);
        }
        if ends_name(byte) && self.value == b"script" {
            self.escaped = Escaped::Twice;
        }
        self.raw_text(byte)
    }

    pub(super) fn raw_end(&mut self, byte: u8, sink: &mut impl FnMut(Token<'_>)) -> State {
        if byte.is_ascii_alphabetic() {
            return keep(&mut self.value, byte, NAME_LENGTH, State::RawEnd);
        }
        if !ends_name(byte) || self.value != self.element {
            return self.raw_text(byte);
        }
        if self.escaped == Escaped::Twice {
            self.escaped = Escaped::Once;
            return self.raw_text(byte);
        }
        sink(Token::Raw { element: &self.element, span: self.start..self.mark });
        (self.closing, self.slash) = (true, byte == b'/');
        if byte == b'>' { State::Text } else { State::BeforeAttribute }
    }
}

/// Whether a tag's name ends at this byte.
fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}
