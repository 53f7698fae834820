//! What a function remembers of how it was published.

/// The function's description: what was published, so that a change made by hand is noticed.
#[derive(Debug, PartialEq)]
pub struct Note {
    /// Identity of the engine.
    pub engine: String,
    /// SHA-256 of the package, in base64.
    pub package: String,
    /// Hash over everything else.
    pub settings: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "arqsite engine {} package {} settings {}", self.engine, self.package, self.settings)
    }
}

impl Note {
    /// Reads a description; `None` for one that somebody else wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        match words[..] {
            ["arqsite", "engine", engine, "package", package, "settings", settings] => {
                Some(Self { engine: engine.into(), package: package.into(), settings: settings.into() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let note = Note { engine: "e1".into(), package: "a+b/c=".into(), settings: "0f".into() };
        assert_eq!(Note::parse(&note.to_string()), Some(note));
        assert_eq!(Note::parse("written by hand"), None);
    }
}
