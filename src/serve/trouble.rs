//! What went wrong with a build, in words for people.

use serde::Serialize;

/// Why the site could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// One sentence: what could not be done.
    pub title: String,
    /// What has to be mended, in the order to look at it.
    pub lines: Vec<TroubleLine>,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TroubleLine {
    /// What is wrong.
    pub text: String,
    /// The file, relative to the project.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u32>,
}

impl Trouble {
    /// A trouble that one sentence describes.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    /// The same trouble, with one more thing to mend.
    #[must_use]
    pub fn with(mut self, text: impl Into<String>, file: Option<String>, line: Option<u32>) -> Self {
        self.lines.push(TroubleLine { text: text.into(), file, line });
        self
    }
}
