//! Which rule answers which path.
//!
//! The first rule that matches a path, in the order of the rules, answers it. Where there is a
//! page, only rules that are forced count, and then the page. Rules are kept by key (see
//! [`Rule::key`]), so that a path is looked up by few keys: the most exact first. That this finds
//! the rule that is first in order is [`Table::by_key`]'s work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::redirects::{DEPTH, REWRITE, Rule};
use super::url;

/// Rules and pages, ready to be looked up.
#[derive(Debug)]
pub struct Table<'a> {
    rules: &'a [Rule],
    keys: HashMap<&'a str, Vec<usize>>,
    pages: HashMap<&'a str, Vec<&'a str>>,
}

/// The beginnings of a path that ends with a slash, each with its slash, the longest first.
pub fn beginnings(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at).take(DEPTH + 1);
    ends.collect::<Vec<_>>().into_iter().rev().map(move |at| &path[..=at])
}

impl<'a> Table<'a> {
    /// A rewrite to a page that does not exist is left out.
    pub fn new(rules: &'a [Rule], paths: impl Iterator<Item = &'a str>) -> Self {
        let mut pages: HashMap<&str, Vec<&str>> = HashMap::new();
        paths.for_each(|path| pages.entry(url::stem(path)).or_default().push(path));
        let mut table = Self { rules, keys: HashMap::new(), pages };
        for (number, rule) in rules.iter().enumerate() {
            if rule.status != REWRITE || rule.page().is_some_and(|page| table.page(&page).is_some()) {
                table.keys.entry(rule.key()).or_default().push(number);
            }
        }
        table
    }

    /// The page that a path in any of its forms is, in its own form.
    pub fn page(&self, path: &str) -> Option<&'a str> {
        let pages = self.pages.get(url::stem(path))?;
        let own = |form: &str| pages.iter().find(|page| **page == form).copied();
        own(path).or_else(|| url::other_forms(path).find_map(|form| own(&form)))
    }

    /// The pages that have the stem, in the order in which they are tried.
    pub fn pages(&self, stem: &str) -> Vec<&'a str> {
        let Some(pages) = self.pages.get(stem) else { return Vec::new() };
        let mut pages = pages.clone();
        pages.sort_by_key(|page| ["", ".html", "/"].iter().position(|end| page[stem.len()..] == **end));
        pages
    }

    /// Numbers of the rules that match a path, or with a slash at its end all that begins with
    /// it, in order.
    pub fn matching(&self, key: &str) -> Vec<usize> {
        let slashed = if key.ends_with('/') { key.to_owned() } else { format!("{key}/") };
        let keys = beginnings(&slashed).chain((!key.ends_with('/')).then_some(key));
        let mut numbers: Vec<usize> = keys.filter_map(|key| self.keys.get(key)).flatten().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    /// The rule that answers a path to those who prefer a language.
    pub fn first(&self, path: &str, language: &str) -> Option<&'a Rule> {
        let page = self.page(path).is_some();
        let answers = |rule: &&Rule| (rule.is_for_all() || rule.language == language) && (rule.force || !page);
        self.matching(url::stem(path)).into_iter().map(|number| &self.rules[number]).find(answers)
    }

    /// The languages that rules are for.
    pub fn languages(&self) -> impl Iterator<Item = &'a str> {
        self.rules.iter().map(|rule| rule.language.as_str())
    }

    /// The rules to try for each key, in order, where there is no page.
    ///
    /// A less exact rule that comes before one of the key is repeated among the key's. So, when
    /// the keys of a path are tried from the most exact on, the first rule that fits is the one
    /// that is first in order.
    pub fn by_key(&self) -> BTreeMap<&'a str, Vec<usize>> {
        let keys = self.keys.iter().filter(|(key, _)| key.ends_with('/') || !self.pages.contains_key(*key));
        let lists = keys.map(|(key, own)| {
            let mut list = self.until_for_all(self.matching(key));
            list.truncate(list.iter().rposition(|number| own.contains(number)).map_or(0, |last| last + 1));
            (*key, list)
        });
        lists.filter(|(_, list)| !list.is_empty()).collect()
    }

    /// The forced rules to try for each stem of pages that they match, in order. When all are
    /// for some languages, the page comes after them.
    pub fn by_page(&self) -> BTreeMap<&'a str, Vec<usize>> {
        if !self.rules.iter().any(|rule| rule.force) {
            return BTreeMap::new();
        }
        let forced = |stem: &&'a str| {
            let list = self.matching(stem).into_iter().filter(|number| self.rules[*number].force).collect();
            (*stem, self.until_for_all(list))
        };
        self.pages.keys().map(forced).filter(|(_, list)| !list.is_empty()).collect()
    }

    /// Numbers of the rules that can ever answer.
    pub fn living(&self) -> BTreeSet<usize> {
        let by_key = self.by_key().into_iter();
        let own = |(key, list): (&str, Vec<usize>)| -> Vec<usize> {
            list.into_iter().filter(|number| self.rules[*number].key() == key).collect()
        };
        by_key.flat_map(own).chain(self.by_page().into_values().flatten()).collect()
    }

    /// After a rule for all, nothing is tried; of the same language, only the first is.
    fn until_for_all(&self, list: Vec<usize>) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::new();
        for number in list {
            let rule = &self.rules[number];
            if kept.iter().all(|earlier| self.rules[*earlier].language != rule.language) {
                kept.push(number);
            }
            if rule.is_for_all() {
                break;
            }
        }
        kept
    }
}
