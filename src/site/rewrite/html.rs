//! Which references of a page take immutable names.
//!
//! Left alone are links that visitors follow, modules (they import each other by plain names, and
//! under two names a module would run twice), and what is checked with `integrity`.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::Range;

use super::{Edit, Names, srcset, style_edits};
use crate::site::html::{Scanner, Token, Value, escaped};
use crate::site::url::{self, Target};

/// Size of the pieces in which pages are read for [`checked`], in bytes.
const PIECE: usize = 64 * 1024;
/// The attributes that matter.
const NOTED: [&str; 15] = [
    "src",
    "href",
    "xlink:href",
    "srcset",
    "imagesrcset",
    "poster",
    "data",
    "rel",
    "as",
    "type",
    "integrity",
    "style",
    "charset",
    "http-equiv",
    "content",
];
/// Links to what a page is made of.
const PARTS: [&str; 7] = [
    "stylesheet",
    "icon",
    "apple-touch-icon",
    "apple-touch-icon-precomposed",
    "apple-touch-startup-image",
    "mask-icon",
    "fluid-icon",
];
/// Links that stay, whatever else they are.
const STAYING: [&str; 6] = ["canonical", "next", "prev", "manifest", "search", "license"];
/// What may be asked for beforehand; `fetch` and workers are asked for by scripts, by plain names.
const BEFOREHAND: [&str; 6] = ["style", "font", "image", "track", "audio", "video"];
/// Types of classic scripts.
///
/// Source: WHATWG MIME Sniffing, "JavaScript MIME type".
const SCRIPTS: [&str; 16] = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// The edits that give a page immutable names, in order.
pub(super) fn edits(html: &str, path: &str, names: &Names) -> Vec<Edit> {
    let mut page = Page::new(html, path, names);
    Scanner::default().tokens(html.as_bytes(), &mut |token| page.take(token));
    page.edits()
}

#[derive(Debug, Clone)]
struct Attribute {
    name: &'static str,
    span: Range<usize>,
    quote: Option<u8>,
}

/// A place that may be rewritten.
struct Candidate {
    what: What,
    attribute: Attribute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Url,
    /// Of a classic script.
    Script,
    /// Of a module: it stays.
    Module,
    /// Of something that is only fetched beforehand.
    Hint,
    /// A `srcset`.
    Set,
    /// CSS in an attribute.
    Style,
    /// CSS in an element.
    Text,
}

/// A page as far as it has been read.
struct Page<'a> {
    html: &'a str,
    names: &'a Names,
    base: String,
    base_is_set: bool,
    template_seen: bool,
    /// Whether the page stays as it is.
    stays: bool,
    keeps_styles: bool,
    /// Whether the `style` element at hand is CSS.
    is_css: bool,
    tag: Vec<Attribute>,
    candidates: Vec<Candidate>,
}

impl<'a> Page<'a> {
    fn new(html: &'a str, path: &str, names: &'a Names) -> Self {
        Self {
            html,
            names,
            base: path.into(),
            base_is_set: false,
            template_seen: false,
            stays: false,
            keeps_styles: names.keeps_inline_styles,
            is_css: false,
            tag: Vec::new(),
            candidates: Vec::new(),
        }
    }

    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Attribute { name, span, quote, .. } => {
                // Of two attributes with one name, the first counts.
                if let Some(name) = NOTED.into_iter().find(|noted| noted.as_bytes() == name)
                    && self.named(name).is_none()
                {
                    self.tag.push(Attribute { name, span, quote });
                }
            }
            Token::Open { element } => {
                self.open(element);
                self.tag.clear();
            }
            Token::Raw { element: b"style", span } if self.is_css && !self.keeps_styles => {
                let attribute = Attribute { name: "style", span, quote: None };
                self.candidates.push(Candidate { what: What::Text, attribute });
            }
            Token::Raw { .. } => {}
        }
    }

    fn named(&self, name: &str) -> Option<&Attribute> {
        self.tag.iter().find(|attribute| attribute.name == name)
    }

    /// A keyword, in lower case; empty when there is no such attribute.
    fn keyword(&self, name: &str) -> String {
        let value = self.named(name).map(|attribute| Value::of(&self.html[attribute.span.clone()]));
        value.map(|value| value.text.trim().to_ascii_lowercase()).unwrap_or_default()
    }

    fn add(&mut self, what: What, names: &[&str]) {
        for name in names {
            if let Some(attribute) = self.named(name).cloned() {
                self.candidates.push(Candidate { what, attribute });
            }
        }
    }

    fn open(&mut self, element: &[u8]) {
        match element {
            b"base" => return self.set_base(),
            b"meta" => return self.read_meta(),
            b"template" => self.template_seen = true,
            b"style" => self.is_css = matches!(self.keyword("type").as_str(), "" | "text/css"),
            _ => {}
        }
        if self.named("integrity").is_some() {
            return;
        }
        if !self.keeps_styles {
            self.add(What::Style, &["style"]);
        }
        match element {
            b"img" | b"source" => {
                self.add(What::Url, &["src"]);
                self.add(What::Set, &["srcset"]);
            }
            b"audio" | b"track" | b"embed" => self.add(What::Url, &["src"]),
            b"video" => self.add(What::Url, &["src", "poster"]),
            b"object" => self.add(What::Url, &["data"]),
            b"image" | b"use" | b"feimage" => self.add(What::Url, &["href", "xlink:href"]),
            b"input" if self.keyword("type") == "image" => self.add(What::Url, &["src"]),
            b"script" => match self.keyword("type").as_str() {
                "module" => self.add(What::Module, &["src"]),
                kind if kind.is_empty() || SCRIPTS.contains(&kind) => self.add(What::Script, &["src"]),
                _ => {}
            },
            b"link" => self.open_link(),
            _ => {}
        }
    }

    fn open_link(&mut self) {
        let rel = self.keyword("rel");
        let is = |names: &[&str]| rel.split_ascii_whitespace().any(|rel| names.contains(&rel));
        if is(&STAYING) {
            return;
        }
        if is(&["modulepreload"]) {
            return self.add(What::Module, &["href"]);
        }
        if is(&PARTS) {
            return self.add(What::Url, &["href"]);
        }
        let for_what = self.keyword("as");
        let is_known = for_what == "script" || BEFOREHAND.contains(&for_what.as_str());
        if (is_known && is(&["preload", "prefetch"])) || (for_what.is_empty() && is(&["prefetch"])) {
            self.add(What::Hint, &["href"]);
            self.add(What::Set, &["imagesrcset"]);
        }
    }

    /// The first `base` that has an address counts.
    fn set_base(&mut self) {
        let Some(attribute) = self.named("href").filter(|_| !self.base_is_set) else { return };
        let value = Value::of(&self.html[attribute.span.clone()]);
        self.base_is_set = true;
        match moved_base(&self.base, &value.text) {
            Some(base) => {
                // What comes before it means something else, and one in a template may mean nothing.
                self.stays |= self.base != base && (self.template_seen || !self.candidates.is_empty());
                self.base = base;
            }
            None => self.stays = true,
        }
    }

    fn read_meta(&mut self) {
        let content = self.keyword("content");
        let charset = match self.keyword("http-equiv").as_str() {
            "content-type" => content.split_once("charset=").map(|(_, charset)| charset.to_owned()),
            "content-security-policy" => {
                self.keeps_styles |= content.contains("'sha");
                None
            }
            _ => self.named("charset").map(|_| self.keyword("charset")),
        };
        let is_utf8 = |charset: String| matches!(charset.trim_matches(['"', '\'', ' ', ';']), "utf-8" | "utf8");
        self.stays |= charset.is_some_and(|charset| !is_utf8(charset));
    }

    fn edits(self) -> Vec<Edit> {
        if self.stays {
            return Vec::new();
        }
        let (scripts, modules) = (self.paths(What::Script), self.paths(What::Module));
        let hinted = |path: &str, is_script: bool| {
            // What is fetched beforehand has to be what is asked for then.
            !self.names.plain.contains(path) && (!is_script || (scripts.contains(path) && !modules.contains(path)))
        };
        let mut edits: Vec<Edit> =
            self.candidates.iter().flat_map(|candidate| self.edits_of(candidate, &hinted)).collect();
        edits.sort_by_key(|(span, _)| span.start);
        edits
    }

    fn edits_of(&self, Candidate { what, attribute }: &Candidate, hinted: &impl Fn(&str, bool) -> bool) -> Vec<Edit> {
        let raw = &self.html[attribute.span.clone()];
        let placed = |span: Range<usize>| attribute.span.start + span.start..attribute.span.start + span.end;
        if *what == What::Text {
            // The text of a `style` element has no character references.
            let parts = style_edits(raw, &self.base, self.names);
            return parts.into_iter().map(|(span, new)| (placed(span), new)).collect();
        }
        let value = Value::of(raw);
        let url = |span: Range<usize>| Some((span.clone(), self.names.replacement(&self.base, &value.text[span])?.url));
        let whole = 0..value.text.len();
        let parts: Vec<Edit> = match what {
            What::Module | What::Text => Vec::new(),
            What::Url | What::Script => url(whole).into_iter().collect(),
            What::Set => srcset::urls(&value.text).into_iter().filter_map(url).collect(),
            What::Style => style_edits(&value.text, &self.base, self.names),
            What::Hint => {
                let new = self.names.replacement(&self.base, &value.text);
                new.filter(|new| hinted(new.path, new.is_script)).map(|new| (whole, new.url)).into_iter().collect()
            }
        };
        let written = |(span, new): Edit| (placed(value.span(&span)), escaped(&new, attribute.quote));
        parts.into_iter().map(written).collect()
    }

    /// The files that are used so.
    fn paths(&self, what: What) -> HashSet<&'a str> {
        let used = self.candidates.iter().filter(|candidate| candidate.what == what);
        used.filter_map(|candidate| {
            let value = Value::of(&self.html[candidate.attribute.span.clone()]);
            Some(self.names.replacement(&self.base, &value.text)?.path)
        })
        .collect()
    }
}

/// The base that a `base` element sets; `None` when it is another site.
fn moved_base(base: &str, href: &str) -> Option<String> {
    let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
    if href.is_empty() || href.starts_with(['?', '#']) {
        return Some(base.into());
    }
    match url::resolve(base, href) {
        Target::Path(path) => Some(path),
        _ => None,
    }
}

/// The files of this site that a page refers to with `integrity`: their bytes must not change.
pub fn checked(path: &str, mut html: impl Read) -> io::Result<HashSet<String>> {
    let mut scanner = Scanner::default();
    let (mut base, mut target, mut is_checked) = (Some(path.to_owned()), None, false);
    let mut found = HashSet::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = match html.read(&mut piece) {
            Ok(0) => return Ok(found),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        scanner.tokens(&piece[..read], &mut |token| match token {
            Token::Attribute { name: b"integrity", .. } => is_checked = true,
            Token::Attribute { name: b"href" | b"src", value, .. } => {
                target = Some(Value::of(&String::from_utf8_lossy(value)).text.into_owned());
            }
            Token::Open { element } => {
                let (target, is_checked) = (target.take(), std::mem::take(&mut is_checked));
                let (Some(from), Some(target)) = (&base, target) else { return };
                if element == b"base" {
                    base = moved_base(from, &target);
                } else if let (true, Target::Path(path)) = (is_checked, url::resolve(from, &target)) {
                    found.insert(url::single_slashes(&path).into_owned());
                }
            }
            Token::Attribute { .. } | Token::Raw { .. } => {}
        });
    }
}
