//! What answers a path that has no page: redirects and rewrites, for the preview and the edge.
//!
//! Rules are looked up by key: first the path itself, then its beginnings, the longest first;
//! `edge.js` does the same with the values that [`pack`](Redirects::pack) makes.

mod pack;

use std::collections::{BTreeMap, BTreeSet};

use super::id::Target;
use super::rules::with_query;
pub use crate::site::redirect_table::Table;
use crate::site::redirect_table::beginnings;
pub use crate::site::redirects::Rule;
use crate::site::redirects::{DEPTH, REWRITE, SPLAT};
use crate::site::url;
pub use pack::{PackedRedirects, RedirectError};

/// Bit of the mask that says that there are rules for single paths.
const EXACT: u32 = 1 << (DEPTH + 1);

/// The redirects and rewrites of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redirects {
    rules: Vec<Rule>,
    lines: BTreeMap<String, Vec<Line>>,
    covered: BTreeSet<String>,
}

/// The answer to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A redirect.
    Redirect {
        /// Its status.
        status: u16,
        /// Where to, with the query string.
        location: String,
    },
    /// This object, with status 200.
    Object(Target),
}

/// One alternative of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// The visitor's language, or the exact path, for which it is; empty for all.
    when: String,
    status: u16,
    /// How many parts of the path `:splat` leaves out, counting the empty one before the first
    /// slash; 0 when there is no `:splat`.
    skip: usize,
    /// The location; or the object's id and flag, for status 200.
    to: String,
}

impl Redirects {
    /// Takes the rules that can ever answer, with the paths of the site.
    ///
    /// `object` gives the object of a path. The same rules and paths, or only
    /// those of [`rules`](Self::rules), always give the same.
    pub fn new<'a>(
        rules: &[Rule],
        paths: impl Iterator<Item = &'a str>,
        object: impl Fn(&str) -> Option<Target>,
    ) -> Self {
        let paths: Vec<&str> = paths.collect();
        let table = Table::new(rules, paths.iter().copied());
        let line = |number: &usize| Line::of(&rules[*number], &table, &object);
        let mut lines: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        for (key, list) in table.by_key() {
            lines.insert(key.into(), list.iter().filter_map(line).collect());
        }
        let mut covered = BTreeSet::new();
        for (stem, list) in table.by_page() {
            let pages = table.pages(stem);
            let mut list: Vec<Line> = list.iter().filter_map(line).collect();
            if list.iter().all(|line| !line.when.is_empty()) {
                list.extend(Line::of_pages(&pages, &object));
            }
            lines.insert(stem.into(), list);
            covered.extend(pages.into_iter().map(str::to_owned));
        }
        let rules = table.living().into_iter().map(|number| rules[number].clone()).collect();
        Self { rules, lines, covered }
    }

    /// The rules, in order, for the manifest.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The paths that a forced rule comes before. They must not be found as pages.
    pub fn covered(&self) -> &BTreeSet<String> {
        &self.covered
    }

    /// What answers a decoded path without doubled slashes that has no page, or whose page is
    /// [`covered`](Self::covered).
    pub fn find(&self, path: &str, raw_query: Option<&str>, accept_language: Option<&str>) -> Option<Found> {
        find(|key| self.lines.get(key).cloned(), path, raw_query, accept_language)
    }

    /// Which lengths of keys there are: bit n for rules with n parts before the `*`, and one for
    /// single paths.
    fn mask(&self) -> u32 {
        let bit = |key: &String| if key.ends_with('/') { 1 << (key.matches('/').count() - 1) } else { EXACT };
        self.lines.keys().map(bit).fold(0, |mask, bit| mask | bit)
    }
}

fn find(
    lines: impl Fn(&str) -> Option<Vec<Line>>,
    path: &str,
    raw_query: Option<&str>,
    accept_language: Option<&str>,
) -> Option<Found> {
    let stem = url::stem(path);
    let slashed = format!("{stem}/");
    let language = language(accept_language);
    let keys = std::iter::once(stem).chain(beginnings(&slashed));
    let fits = |line: &Line| line.when.is_empty() || line.when == language || line.when == path;
    keys.filter_map(lines).find_map(|lines| lines.into_iter().find(fits))?.answer(path, raw_query)
}

/// Primary subtag of the language that a visitor prefers: the letters that the header begins with.
fn language(accept_language: Option<&str>) -> String {
    let letters = accept_language.unwrap_or_default().chars().take_while(char::is_ascii_alphabetic);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

impl Line {
    fn of(rule: &Rule, table: &Table<'_>, object: impl Fn(&str) -> Option<Target>) -> Option<Self> {
        let when = rule.language.clone();
        if rule.status == REWRITE {
            return Self::of_object(when, table.page(&rule.page()?)?, object);
        }
        let skip = if rule.to.contains(SPLAT) { rule.depth().map_or(0, |depth| depth + 1) } else { 0 };
        let own_form = rule.page().and_then(|page| table.page(&page));
        let to = own_form.map_or_else(
            || rule.to.clone(),
            |page| {
                let rest = rule.to.find(['?', '#']).map_or("", |at| &rule.to[at..]);
                format!("{}{rest}", url::encode(page))
            },
        );
        Some(Self { when, status: rule.status, skip, to })
    }

    fn of_object(when: String, page: &str, object: impl Fn(&str) -> Option<Target>) -> Option<Self> {
        Some(Self { when, status: REWRITE, skip: 0, to: object(page)?.to_string() })
    }

    /// The pages themselves, and the way from their other forms to the first.
    fn of_pages(pages: &[&str], object: impl Fn(&str) -> Option<Target>) -> Vec<Self> {
        let own = pages.iter().filter_map(|page| Self::of_object((*page).into(), page, &object));
        let first = pages.first().map(|page| Self { when: String::new(), status: 308, skip: 0, to: url::encode(page) });
        own.chain(first).collect()
    }

    fn answer(&self, path: &str, raw_query: Option<&str>) -> Option<Found> {
        if self.status == REWRITE {
            return Target::parse(&self.to).map(Found::Object);
        }
        let rest: Vec<&str> = path.split('/').skip(self.skip).collect();
        let to = self.to.replace(SPLAT, &url::encode(&rest.join("/")));
        // SECURITY: an empty `:splat` must not make `//`, which would lead to another site.
        let to = if to.starts_with('/') { format!("/{}", to.trim_start_matches('/')) } else { to };
        let location = match to.split_once('#') {
            _ if to.contains('?') => to,
            Some((to, fragment)) => format!("{}#{fragment}", with_query(to, raw_query)),
            None => with_query(&to, raw_query),
        };
        Some(Found::Redirect { status: self.status, location })
    }
}

#[cfg(test)]
#[path = "redirects/tests.rs"]
pub(crate) mod tests;
