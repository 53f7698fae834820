//! `[files]`: what a collection of files takes.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::store::files::LARGEST_FILE;

/// Types that are taken unless a declaration says otherwise.
const TYPES: [&str; 3] = ["image/*", "application/pdf", "text/plain"];

/// What a collection of files takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLimits {
    /// Media types that are taken, in lower case; `image/*` is every type that begins with `image/`.
    pub types: Vec<String>,
    /// Largest file, in bytes; at most [`LARGEST_FILE`].
    pub max_bytes: usize,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { types: TYPES.map(str::to_owned).to_vec(), max_bytes: LARGEST_FILE }
    }
}

impl FileLimits {
    /// Whether files of this type, in lower case, are taken.
    pub fn takes(&self, kind: &str) -> bool {
        let family = |allowed: &str| allowed.strip_suffix('*').is_some_and(|family| kind.starts_with(family));
        self.types.iter().any(|allowed| allowed == kind || family(allowed))
    }
}

/// The table as it is declared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredFiles {
    types: Option<Spanned<Vec<Spanned<String>>>>,
    max_bytes: Option<Spanned<usize>>,
}

impl DeclaredFiles {
    /// The limits, with the defaults for what is left out. What is wrong is added to `found`.
    pub fn limits(self, found: &mut Vec<(Range<usize>, String)>) -> FileLimits {
        let default = FileLimits::default();
        let max_bytes = self.max_bytes.map(|bytes| {
            let fault = size_fault(*bytes.get_ref());
            found.extend(fault.map(|what| (bytes.span(), format!("files.max_bytes: {what}"))));
            bytes.into_inner()
        });
        if let Some(types) = self.types.as_ref().filter(|types| types.get_ref().is_empty()) {
            found.push((types.span(), "files.types: nothing is allowed; name types such as image/*".into()));
        }
        let types = self.types.map(|types| types.into_inner().into_iter().map(|kind| checked(kind, found)).collect());
        FileLimits { types: types.unwrap_or(default.types), max_bytes: max_bytes.unwrap_or(default.max_bytes) }
    }
}

fn checked(kind: Spanned<String>, found: &mut Vec<(Range<usize>, String)>) -> String {
    let span = kind.span();
    let kind = kind.into_inner().to_ascii_lowercase();
    let whole = kind.strip_suffix("/*").map_or_else(|| kind.clone(), |family| format!("{family}/x"));
    if !is_type(&whole) {
        found.push((span, format!("files.types: {kind} is not a type such as image/png, or image/* for all images")));
    } else if kind.starts_with("multipart/") {
        found.push((span, format!("files.types: {kind} is how forms are sent, and no type of a file")));
    }
    kind
}

fn size_fault(bytes: usize) -> Option<String> {
    match bytes {
        0 => Some("has to be at least 1".into()),
        1..=LARGEST_FILE => None,
        _ => Some(format!(
            "{LARGEST_FILE} (4 MiB) is the most: Lambda takes 6 MB, and on the way there bytes become base64, \
             which is a third more"
        )),
    }
}

/// Whether a text is a media type, such as `image/png`, without parameters.
///
/// Source: RFC 6838, section 4.2, "restricted-name".
pub fn is_type(text: &str) -> bool {
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.len() <= 127
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    text.split_once('/').is_some_and(|(family, sub)| name(family) && name(sub))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_takes_a_family_and_nothing_that_only_begins_alike() {
        let limits = FileLimits::default();
        for (kind, taken) in [
            ("image/png", true),
            ("image/svg+xml", true),
            ("text/plain", true),
            ("text/plainer", false),
            ("text/html", false),
            ("imagery/png", false),
            ("application/pdf", true),
        ] {
            assert_eq!(limits.takes(kind), taken, "{kind}");
        }
    }

    #[test]
    fn a_type_has_two_names() {
        for (text, is) in [("image/png", true), ("image/svg+xml", true), ("image", false), ("image/", false)] {
            assert_eq!(is_type(text), is, "{text}");
        }
        for text in ["/png", "image/*", "a/b/c", "a/b; c=d", "a b/c", "image/\"x\""] {
            assert!(!is_type(text), "{text}");
        }
    }
}
