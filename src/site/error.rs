//! What can be wrong with `site/`.

use std::io;

/// Why the site could not be read.
///
/// A message names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// There is no `site/` folder.
    #[error("the folder {folder} does not exist; make it and put an index.html in it, or run `arqsite new`")]
    NoFolder {
        /// Its whole path.
        folder: String,
    },
    /// Listing `site/` failed; a name that is not UTF-8 is among the reasons.
    #[error("listing the files of {folder}")]
    List {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be read.
    #[error("reading {file}")]
    Read {
        /// The file, from the project's folder.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A page is not UTF-8 text.
    #[error("{file} is not UTF-8 text; save it as UTF-8")]
    NotText {
        /// The file, from the project's folder.
        file: String,
    },
    /// A name that no URL may have.
    #[error("{file} cannot have a URL: its name has a backslash or a control character, or is too long")]
    Name {
        /// The file, from the project's folder.
        file: String,
    },
    /// A name that has the form of an immutable one.
    #[error(
        "{file} is named like an immutable name (\"~\", 13 characters, an extension), which visitors would not get; rename it"
    )]
    ImmutableName {
        /// The file, from the project's folder.
        file: String,
    },
    /// Two files would answer one URL.
    #[error("{first} and {second} would both be {path}; rename one of them")]
    SameUrl {
        /// The URL path.
        path: String,
        /// The file that was seen first.
        first: String,
        /// The other.
        second: String,
    },
    /// The lines at the top of a Markdown page.
    #[error("{file}, line {line}: {what}")]
    FrontMatter {
        /// The file, from the project's folder.
        file: String,
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// A redirect or header that cannot be.
    #[error("{0}")]
    Rule(super::links::Fault),
    /// A page asks for a layout that is not there.
    #[error("{file} asks for the layout \"{layout}\", but there is no site/_layouts/{layout}.html{hint}")]
    NoLayout {
        /// The page.
        file: String,
        /// The layout's name.
        layout: String,
        /// `; did you mean "post"?`, or nothing.
        hint: String,
    },
    /// A layout that does not parse, or fails on a page.
    #[error("{file}{}: {what}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Layout {
        /// The layout's file.
        file: String,
        /// Line in it, from 1.
        line: Option<usize>,
        /// What is wrong there.
        what: String,
    },
}

/// The known word that is most like `word`, if any is like it.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this two words have little in common.
    const ALIKE: f64 = 0.7;
    known
        .into_iter()
        .map(|candidate| (candidate, strsim::jaro_winkler(word, candidate)))
        .filter(|(_, alike)| *alike >= ALIKE)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}
