//! A scanner for the links in HTML: enough of the tokenizer's states to tell markup from text,
//! in one pass and in constant memory.
//!
//! Source: HTML Standard, section 13.2.5 (tokenization).

/// Longest value that is kept; longer ones (`data:` pictures) are no links to files.
const VALUE_LENGTH: usize = 4096;
/// Longest tag or attribute name that is kept; no name that matters is longer.
const NAME_LENGTH: usize = 16;
/// Elements whose content is text up to their end tag.
const RAW: [&str; 5] = ["script", "style", "textarea", "title", "xmp"];

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    TagOpen,
    TagName,
    /// Up to the next `>`: end tags, doctypes.
    Skip,
    /// `<!` and so many dashes.
    Bang(u8),
    /// A comment, and so many dashes just before.
    Comment(u8),
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
        }
    }
}

impl Scanner {
    /// Reads the next piece of the page and hands over what it refers to.
    pub fn feed(&mut self, piece: &[u8], found: &mut impl FnMut(Reference)) {
        let mut at = 0;
        while at < piece.len() {
            if matches!(self.state, State::Text | State::RawText) {
                // Most of a page is text: go through it in one step.
                let rest = &piece[at..];
                let skipped = rest.iter().position(|&byte| byte == b'<').unwrap_or(rest.len());
                self.line += rest[..skipped].iter().filter(|&&byte| byte == b'\n').count();
                at += skipped;
                if at == piece.len() {
                    return;
                }
            }
            let byte = piece[at];
            at += 1;
            self.line += usize::from(byte == b'\n');
            self.step(byte, found);
        }
    }

    fn step(&mut self, byte: u8, found: &mut impl FnMut(Reference)) {
        self.state = match self.state {
            State::Text => State::TagOpen,
            State::TagOpen => self.tag_open(byte),
            State::TagName if byte.is_ascii_whitespace() || byte == b'/' => State::BeforeAttribute,
            State::TagName if byte == b'>' => self.tag_end(),
            State::TagName => keep(&mut self.element, byte, NAME_LENGTH, State::TagName),
            State::Skip if byte == b'>' => State::Text,
            State::Skip => State::Skip,
            State::Bang(dashes) => match (byte, dashes) {
                (b'-', 0) => State::Bang(1),
                (b'-', _) => State::Comment(0),
                (b'>', _) => State::Text,
                _ => State::Skip,
            },
            State::Comment(dashes) => match byte {
                b'-' => State::Comment((dashes + 1).min(2)),
                b'>' if dashes == 2 => State::Text,
                _ => State::Comment(0),
            },
            State::BeforeAttribute | State::AttributeName | State::AfterAttributeName => self.attribute(byte),
            State::BeforeValue => self.before_value(byte),
            State::Quoted(quote) if byte == quote => self.end_value(State::BeforeAttribute, found),
            State::Unquoted if byte.is_ascii_whitespace() => self.end_value(State::BeforeAttribute, found),
            State::Unquoted if byte == b'>' => {
                self.end_value(State::Text, found);
                self.tag_end()
            }
            State::Quoted(_) | State::Unquoted => keep(&mut self.value, byte, VALUE_LENGTH, self.state),
            State::RawText => State::RawOpen,
            State::RawOpen if byte == b'/' => {
                self.value.clear();
                State::RawEnd
            }
            State::RawOpen if byte == b'<' => State::RawOpen,
            State::RawOpen => State::RawText,
            State::RawEnd => self.raw_end(byte),
        };
    }

    fn tag_open(&mut self, byte: u8) -> State {
        match byte {
            b'!' => State::Bang(0),
            b'/' | b'?' => State::Skip,
            b'<' => State::TagOpen,
            byte if byte.is_ascii_alphabetic() => {
                self.element.clear();
                keep(&mut self.element, byte, NAME_LENGTH, State::TagName)
            }
            _ => State::Text,
        }
    }

    fn tag_end(&self) -> State {
        if RAW.iter().any(|raw| raw.as_bytes() == self.element) { State::RawText } else { State::Text }
    }

    fn attribute(&mut self, byte: u8) -> State {
        match byte {
            b'>' => self.tag_end(),
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

    fn before_value(&mut self, byte: u8) -> State {
        self.value.clear();
        self.value_line = self.line;
        match byte {
            b'"' | b'\'' => State::Quoted(byte),
            b'>' => self.tag_end(),
            byte if byte.is_ascii_whitespace() => State::BeforeValue,
            byte => keep(&mut self.value, byte, VALUE_LENGTH, State::Unquoted),
        }
    }

    fn end_value(&mut self, next: State, found: &mut impl FnMut(Reference)) -> State {
        if matches!(self.attribute.as_slice(), b"href" | b"src" | b"poster") && self.value.len() < VALUE_LENGTH {
            found(Reference {
                element: String::from_utf8_lossy(&self.element).into_owned(),
                attribute: String::from_utf8_lossy(&self.attribute).into_owned(),
                value: without_references(&String::from_utf8_lossy(&self.value)),
                line: self.value_line,
            });
        }
        next
    }

    fn raw_end(&mut self, byte: u8) -> State {
        if byte.is_ascii_alphabetic() {
            return keep(&mut self.value, byte.to_ascii_lowercase(), NAME_LENGTH, State::RawEnd);
        }
        match (self.value == self.element, byte) {
            (true, b'>') => State::Text,
            (true, _) => State::Skip,
            (false, b'<') => State::RawOpen,
            (false, _) => State::RawText,
        }
    }
}

/// Adds a byte of a name or value up to its limit; names are kept in lower case.
fn keep(to: &mut Vec<u8>, byte: u8, limit: usize, next: State) -> State {
    if to.len() < limit {
        to.push(if limit == NAME_LENGTH { byte.to_ascii_lowercase() } else { byte });
    }
    next
}

/// Undoes the character references that occur in addresses.
fn without_references(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(';').filter(|&end| end <= NAME_LENGTH);
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let hex = digits.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16).ok());
            char::from_u32(hex.unwrap_or_else(|| digits.parse().ok())?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(html: &str, piece: usize) -> Vec<(String, String, usize)> {
        let mut all = Vec::new();
        let mut scanner = Scanner::default();
        for part in html.as_bytes().chunks(piece) {
            scanner.feed(part, &mut |r| all.push((format!("{} {}", r.element, r.attribute), r.value, r.line)));
        }
        all
    }

    const PAGE: &str = "<!doctype html>\n<!-- <a href=no> -- > -->\n<title><a href=no></title>\n\
        <script>if (a<b) { '<a href=no>' } </scripty> </SCRIPT >\n\
        <A class='x'\n HREF = \"/a?b=1&amp;c=&#50;\" disabled>a < b</a>\n\
        <img src=p.png><img/src='q&r.png'/><video poster=v.jpg data-src=no></video><p title=\"<a href='no'>\">\n\
        <![CDATA[ x ]]><?php ?><a href>x</a><br/><a href=''>";

    #[test]
    fn only_what_is_markup_is_found() {
        let found = scan(PAGE, PAGE.len());
        let want: Vec<(String, String, usize)> = [
            ("a href", "/a?b=1&c=2", 6),
            ("img src", "p.png", 7),
            ("img src", "q&r.png", 7),
            ("video poster", "v.jpg", 7),
            ("a href", "", 8),
        ]
        .map(|(what, value, line)| (what.into(), value.into(), line))
        .into();
        assert_eq!(found, want);
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        for piece in 1..40 {
            assert_eq!(scan(PAGE, piece), scan(PAGE, PAGE.len()), "{piece}");
        }
    }

    #[test]
    fn long_values_are_no_links() {
        assert!(scan(&format!("<img src=\"data:{}\">", "A".repeat(9000)), 100).is_empty());
    }
}
