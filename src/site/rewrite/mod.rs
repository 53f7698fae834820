//! Plain references to files of the site, replaced by immutable names.
//!
//! Only references are touched; every other byte of a page or style sheet stays. A rewritten file
//! is not kept: it is made again from its source whenever it is read, so that a site may be larger
//! than memory.

mod css;
mod html;
mod srcset;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::url::{self, Target};
use super::{Content, File};
pub use html::checked;

/// Largest page or style sheet that is rewritten, in bytes.
pub const LARGEST: u64 = 4 * 1024 * 1024;

/// The immutable names of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    urls: HashMap<String, Name>,
    plain: HashSet<String>,
    /// Whether `style` elements and attributes stay as they are, because a content security policy
    /// names their hashes.
    pub keeps_inline_styles: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    url: String,
    is_script: bool,
    keeps_query: bool,
}

/// Where a reference leads, and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Replacement<'a> {
    path: &'a str,
    url: String,
    is_script: bool,
}

impl Names {
    /// Notes the immutable URL of a file, whole and percent-encoded.
    pub fn insert(&mut self, path: String, content_type: &str, url: String) {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let is_script = kind == "text/javascript";
        // A script or a drawing can read the query of its own URL; of these nothing can.
        let inert = kind == "text/css"
            || (kind.starts_with("image/") && kind != "image/svg+xml")
            || ["font/", "audio/", "video/"].iter().any(|start| kind.starts_with(start));
        self.urls.insert(path, Name { url, is_script, keeps_query: !inert });
    }

    /// Notes that a style sheet that cannot be changed asks for a file by its plain name, so that
    /// a page does best to preload that.
    pub fn keep_plain(&mut self, path: String) {
        self.plain.insert(path);
    }

    /// What replaces a reference found on `base`, when it leads to a file that has a name.
    fn replacement(&self, base: &str, reference: &str) -> Option<Replacement<'_>> {
        let Target::Path(path) = url::resolve(base, reference) else { return None };
        let (path, name) = self.urls.get_key_value(url::single_slashes(&path).as_ref())?;
        let reference = reference.trim_matches(|c: char| c.is_ascii_whitespace());
        let (query, fragment) = tail(reference);
        // `font.eot?#iefix` keeps an old browser from reading on.
        let query = if name.keeps_query || query == "?" { query } else { "" };
        let url = format!("{}{query}{fragment}", name.url);
        Some(Replacement { path, url, is_script: name.is_script })
    }
}

/// The query and the fragment of a reference, with their signs.
fn tail(reference: &str) -> (&str, &str) {
    let (before, fragment) = reference.split_at(reference.find('#').unwrap_or(reference.len()));
    (&before[before.find('?').unwrap_or(before.len())..], fragment)
}

/// A part of a text and what replaces it.
type Edit = (Range<usize>, String);

/// The text with its edits, which are in order and do not overlap.
fn edited(text: &str, edits: &[Edit]) -> String {
    let added: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let (mut whole, mut at) = (String::with_capacity(text.len() + added), 0);
    for (span, new) in edits {
        whole.push_str(&text[at..span.start]);
        whole.push_str(new);
        at = span.end;
    }
    whole.push_str(&text[at..]);
    whole
}

/// The edits of a style sheet or of an element's style.
fn style_edits(css: &str, base: &str, names: &Names) -> Vec<Edit> {
    let replaced = |found: css::Found<'_>| {
        let is_rooted = found.url.trim_start_matches(|c: char| c.is_ascii_whitespace()).starts_with('/');
        let new = names.replacement(base, &found.url).filter(|_| is_rooted || !found.custom)?;
        Some((found.span, css::escaped(&new.url, found.quote)))
    };
    css::references(css).into_iter().filter_map(replaced).collect()
}

/// The files of this site that a style sheet refers to, whether they are there or not.
///
/// `None` when the style sheet is in an encoding that is not read.
pub fn targets_of_sheet(css: &[u8], path: &str) -> Option<Vec<String>> {
    let css = std::str::from_utf8(css).ok().filter(|css| css::is_utf8(css))?;
    let target = |found: css::Found<'_>| match url::resolve(path, &found.url) {
        Target::Path(path) => Some(url::single_slashes(&path).into_owned()),
        _ => None,
    };
    Some(css::references(css).into_iter().filter_map(target).collect())
}

/// How a file is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// HTML.
    Page,
    /// CSS.
    Sheet,
}

impl Kind {
    /// The kind of a file of this type and size; `None` for one that is left alone.
    pub fn of(file: &File) -> Option<Self> {
        Self::of_type(&file.content_type).filter(|_| file.content.size() <= LARGEST)
    }

    /// The kind of a file of this type.
    pub fn of_type(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "text/html" => Some(Self::Page),
            "text/css" => Some(Self::Sheet),
            _ => None,
        }
    }

    /// The text with immutable names; `None` when nothing changes.
    ///
    /// `path` is the decoded URL path of the file.
    pub fn rewritten(self, text: &[u8], path: &str, names: &Names) -> Option<String> {
        let text = std::str::from_utf8(text).ok()?;
        let edits = match self {
            Self::Page => html::edits(text, path, names),
            Self::Sheet if css::is_utf8(text) => style_edits(text, path, names),
            Self::Sheet => Vec::new(),
        };
        (!edits.is_empty()).then(|| edited(text, &edits))
    }
}

/// A page or style sheet that has immutable names in place of plain ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    source: Content,
    kind: Kind,
    path: String,
    names: Arc<Names>,
    size: u64,
    sum: u64,
}

impl Rewritten {
    /// Rewrites a file, and gives it with its bytes; `None` when nothing changes.
    pub fn of(file: &File, names: &Arc<Names>) -> io::Result<Option<(Self, Bytes)>> {
        let Some(kind) = Kind::of(file) else { return Ok(None) };
        let plain = file.content.bytes()?;
        let Some(text) = kind.rewritten(&plain, &file.path, names) else { return Ok(None) };
        let (source, path) = (file.content.clone(), file.path.clone());
        let (names, size, sum) = (Arc::clone(names), text.len() as u64, sum(text.as_bytes()));
        Ok(Some((Self { source, kind, path, names, size, sum }, text.into())))
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes, made again of what the source is now.
    pub fn bytes_now(&self) -> io::Result<Bytes> {
        let plain = self.source.bytes()?;
        let text = self.kind.rewritten(&plain, &self.path, &self.names);
        Ok(text.map_or(plain, Bytes::from))
    }

    /// The bytes, made again.
    ///
    /// # Errors
    ///
    /// When the source cannot be read, or has changed so that these are other bytes than before.
    pub fn bytes(&self) -> io::Result<Bytes> {
        let text = self.bytes_now()?;
        if sum(&text) == self.sum && text.len() as u64 == self.size {
            return Ok(text);
        }
        Err(io::Error::other(format!("{} has changed since it was looked at; run the command again", self.place())))
    }

    /// Where it comes from, for people: a file, or its URL.
    pub fn place(&self) -> String {
        match &self.source {
            Content::Disk { path, .. } => path.display().to_string(),
            _ => self.path.clone(),
        }
    }
}

/// Tells versions of a text apart; nobody has a reason to make two that are alike.
fn sum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests;
