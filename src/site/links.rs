//! Links and assets of a page that lead nowhere.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Read};

use super::html::{Reference, Scanner};
use super::redirect_table::Table;
use super::url::{self, Target};

/// How many faults of one page are kept; all are counted.
const LISTED_A_PAGE: usize = 20;
/// Size of the pieces in which pages are read, in bytes.
const PIECE: usize = 64 * 1024;

/// Something of the site that is probably a mistake but stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The file, from the project's folder.
    pub source: String,
    /// Line in it, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.source, self.what),
            None => write!(f, "{}: {}", self.source, self.what),
        }
    }
}

/// A link that leads nowhere, where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What the page says.
    pub reference: Reference,
    /// Why it leads nowhere.
    pub why: String,
}

/// The URLs of a site.
#[derive(Debug, Default)]
pub struct Known<'a> {
    paths: HashSet<&'a str>,
    left_out: HashSet<&'a str>,
    rules: Option<&'a Table<'a>>,
}

impl<'a> Known<'a> {
    /// All paths that answer, and those that would if their files were not left out.
    pub fn new(paths: impl Iterator<Item = &'a str>, left_out: impl Iterator<Item = &'a str>) -> Self {
        Self { paths: paths.collect(), left_out: left_out.collect(), rules: None }
    }

    /// With redirects and rewrites, which answer paths, too.
    pub fn with_rules(self, table: &'a Table<'a>) -> Self {
        Self { rules: Some(table), ..self }
    }

    /// The broken links of a page, up to a number, and how many there are.
    pub fn broken_in(&self, page: &str, mut content: impl Read) -> io::Result<(Vec<Broken>, usize)> {
        let mut scanner = Scanner::default();
        let mut buffer = vec![0; PIECE];
        let mut base = Some(page.to_owned());
        let (mut broken, mut count) = (Vec::new(), 0);
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => return Ok((broken, count)),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            scanner.feed(&buffer[..read], &mut |reference| {
                if reference.element == "base" {
                    base = base_of(page, &reference);
                } else if let Some(target) = base.as_deref().and_then(|base| self.missing(base, &reference)) {
                    count += 1;
                    if broken.len() < LISTED_A_PAGE {
                        let why = self.why(&target);
                        broken.push(Broken { reference, why });
                    }
                }
            });
        }
    }

    /// Where a reference leads, when nothing is there.
    fn missing(&self, base: &str, reference: &Reference) -> Option<Target> {
        let path = match url::resolve(base, &reference.value) {
            Target::Elsewhere => return None,
            Target::Undecodable => return Some(Target::Undecodable),
            Target::Path(path) => url::single_slashes(&path).into_owned(),
        };
        let is_api = path == "/api" || path.starts_with("/api/");
        (!is_api && path != super::scan::NOT_FOUND && !self.answers(&path)).then_some(Target::Path(path))
    }

    fn why(&self, target: &Target) -> String {
        let Target::Path(path) = target else { return "has a broken percent-escape".into() };
        let mut forms = std::iter::once(path.clone()).chain(url::other_forms(path));
        if forms.any(|form| self.left_out.contains(form.as_str())) {
            return "leads to a file that is left out of the site".into();
        }
        match self.paths.iter().find(|known| known.eq_ignore_ascii_case(path)) {
            Some(known) => format!("leads nowhere; upper and lower case differ: {known}"),
            None => "leads nowhere".into(),
        }
    }

    fn answers(&self, path: &str) -> bool {
        self.paths.contains(path)
            || url::other_forms(path).any(|form| self.paths.contains(form.as_str()))
            || self.rules.is_some_and(|rules| !rules.matching(url::stem(path)).is_empty())
    }
}

/// The base that `<base href>` sets, or `None` when it lies elsewhere.
fn base_of(page: &str, reference: &Reference) -> Option<String> {
    match url::resolve(page, &reference.value) {
        Target::Path(path) => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn broken(html: &str) -> Vec<(String, String)> {
        let paths = ["/", "/a.html", "/b/", "/b/p.png", "/About/"];
        let known = Known::new(paths.into_iter(), ["/_draft/"].into_iter());
        let (broken, count) = known.broken_in("/b/", html.as_bytes()).unwrap();
        assert_eq!(broken.len(), count.min(LISTED_A_PAGE));
        broken.into_iter().map(|b| (b.reference.value, b.why)).collect()
    }

    #[test]
    fn what_answers_or_lies_elsewhere_is_no_fault() {
        let fine = [
            "p.png",
            "/a",
            "../a.html",
            "/b",
            "/b/index.html",
            "..",
            "#x",
            "?x",
            "//x/y",
            "https://x",
            "/api/x",
            "/a//",
            "mailto:x@y",
            "/404.html",
        ];
        for link in fine {
            assert_eq!(broken(&format!("<a href=\"{link}\">")), [], "{link}");
        }
    }

    #[test]
    fn what_leads_nowhere_says_why() {
        let why = |html: &str| broken(html).remove(0).1;
        assert_eq!(why("<img src=q.png>"), "leads nowhere");
        assert_eq!(why("<a href=/about/>"), "leads nowhere; upper and lower case differ: /About/");
        assert_eq!(why("<a href=/_draft>"), "leads to a file that is left out of the site");
        assert_eq!(why("<a href=50%>"), "has a broken percent-escape");
    }

    #[test]
    fn all_faults_are_counted_but_few_are_kept() {
        let html = "<a href=x>".repeat(500);
        let known = Known::new(std::iter::empty(), std::iter::empty());
        let (broken, count) = known.broken_in("/", html.as_bytes()).unwrap();
        assert_eq!((broken.len(), count), (LISTED_A_PAGE, 500));
    }

    #[test]
    fn a_base_moves_relative_links() {
        assert_eq!(broken("<base href=\"/\"><a href=\"a.html\"><a href=\"p.png\">").len(), 1);
        assert_eq!(broken("<base href=\"https://x/\"><a href=\"nowhere\">"), []);
    }
}
