//! What a URL path means: decoding, the forms of a page, links relative to a page.
//!
//! The edge function follows the same rules; `release::rules` and its tests keep both equal.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest decoded path, in bytes.
pub const PATH_LENGTH: usize = 1024;

/// The characters that JavaScript's `encodeURIComponent` escapes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Undoes percent-encoding; `None` for a broken escape or bytes that are not UTF-8.
pub fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes a decoded path, keeping its slashes.
pub fn encode(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(|part| utf8_percent_encode(part, COMPONENT).to_string()).collect();
    parts.join("/")
}

/// What all forms of one page have in common: `/a`, `/a/`, `/a.html` and `/a/index.html` are `/a`.
pub fn stem(path: &str) -> &str {
    ["/index.html", "/", ".html"].into_iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path)
}

/// The other forms under which a page may exist, in the order they are tried.
pub fn other_forms(path: &str) -> impl Iterator<Item = String> {
    let stem = stem(path);
    ["", ".html", "/"]
        .into_iter()
        .map(move |end| format!("{stem}{end}"))
        .filter(move |form| form != path && !form.is_empty())
}

/// Whether a decoded path may name a page at all.
///
/// Refused: control characters, backslashes, segments that begin with a dot (`..` among them,
/// and dotfiles, but not what lies in `/.well-known/`), and paths over [`PATH_LENGTH`].
pub fn is_addressable(path: &str) -> bool {
    let visible = path.strip_prefix("/.well-known").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    path.starts_with('/')
        && path.len() <= PATH_LENGTH
        && !path.chars().any(|c| c < ' ' || c == '\x7f' || c == '\\')
        && !visible.contains("/.")
}

/// The path with every run of slashes made one.
pub fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return path.into();
    }
    let mut single = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    single.into()
}

/// Where a link found on the page `base` leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A decoded path of this site.
    Path(String),
    /// Another site, another scheme, or a place on the same page.
    Elsewhere,
    /// A path that cannot be decoded.
    Undecodable,
}

/// Resolves `link` (as written in `href` or `src`) against the decoded path of its page.
///
/// Source: RFC 3986, section 5.2.
pub fn resolve(base: &str, link: &str) -> Target {
    let link = link.trim_matches(|c: char| c.is_ascii_whitespace());
    let link = link.split(['#', '?']).next().unwrap_or_default();
    if link.is_empty() || link.starts_with("//") || has_scheme(link) {
        return Target::Elsewhere;
    }
    let Some(link) = decode(link) else { return Target::Undecodable };
    let folder = base.rfind('/').map_or("/", |end| &base[..=end]);
    let whole = if link.starts_with('/') { link } else { format!("{folder}{link}") };
    Target::Path(without_dots(&whole))
}

fn has_scheme(link: &str) -> bool {
    link.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn all_forms_of_a_page_have_one_stem() {
        for form in ["/a", "/a/", "/a.html", "/a/index.html"] {
            assert_eq!(stem(form), "/a", "{form}");
        }
        assert_eq!((stem("/"), stem("/index.html")), ("", ""));
        assert_eq!(stem("/picture.svg"), "/picture.svg");
        assert_eq!(other_forms("/a/index.html").collect::<Vec<_>>(), ["/a", "/a.html", "/a/"]);
        assert_eq!(other_forms("/").collect::<Vec<_>>(), [".html"]);
    }

    #[test]
    fn broken_escapes_do_not_decode() {
        for raw in ["/%", "/%4", "/%zz", "/%C3", "/%ff", "/%c0%80", "/%ed%a0%80", "/\u{e9}%a9"] {
            assert_eq!(decode(raw), None, "{raw}");
        }
        assert_eq!(decode("/p%C3%A3o%20%2f").unwrap(), "/pão /");
    }

    #[test]
    fn encoding_survives_decoding() {
        let path = "/a b/pão?#%&+,;=@:!'()*~/\u{1f35e}.html";
        assert_eq!(decode(&encode(path)).unwrap(), path);
        assert!(encode(path).is_ascii());
    }

    #[test]
    fn dotfiles_and_traversal_are_not_addressable() {
        for path in ["/.env", "/a/../b", "/a/.", "/.well-known/.x", "/.well-known", "/a/.well-known/x", "/.well-knownx"]
        {
            assert!(!is_addressable(path), "{path}");
        }
        for path in ["/.well-known/x", "/a..b", "/a./b", "/"] {
            assert!(is_addressable(path), "{path}");
        }
        assert!(!is_addressable(&format!("/{}", "é".repeat(512))));
        assert!(is_addressable(&format!("/{}", "é".repeat(511))));
        assert!(!is_addressable("/a\\b") && !is_addressable("/a\u{0}") && !is_addressable("a"));
    }

    #[test]
    fn links_resolve_as_in_a_browser() {
        let path = |p: &str| Target::Path(p.into());
        assert_eq!(resolve("/a/b.html", "c.html?x#y"), path("/a/c.html"));
        assert_eq!(resolve("/a/b/", "../c/./d/.."), path("/a/c/"));
        assert_eq!(resolve("/a", "/x%20y"), path("/x y"));
        assert_eq!(resolve("/a", "../../up"), path("/up"));
        assert_eq!(resolve("/a/b", "."), path("/a/"));
        for link in ["#top", "?q", "//cdn.example/x", "mailto:a@example.com", "https://example.com", ""] {
            assert_eq!(resolve("/a", link), Target::Elsewhere, "{link}");
        }
        assert_eq!(resolve("/a", "100%"), Target::Undecodable);
    }
}
