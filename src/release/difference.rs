//! What a visitor would see change between two releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::redirects::Rule;

/// The paths that differ, each list sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Only in the newer release.
    pub added: Vec<Page>,
    /// In both, with other bytes or headers.
    pub changed: Vec<ChangedPage>,
    /// Only in the older release.
    pub removed: Vec<Page>,
    /// Whether the not-found page differs.
    pub not_found: bool,
    /// How the redirects differ.
    pub redirects: RedirectDifference,
    /// How the API differs.
    pub api: ApiDifference,
}

/// How the redirects of two releases differ, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RedirectDifference {
    /// Only in the newer release.
    pub added: Vec<String>,
    /// Only in the older release.
    pub removed: Vec<String>,
    /// Whether only their order differs.
    pub order: bool,
}

impl RedirectDifference {
    fn between(before: &[Rule], after: &[Rule]) -> Self {
        let only =
            |these: &[Rule], others: &[Rule]| these.iter().filter(|rule| !others.contains(rule)).map(told).collect();
        let (added, removed): (Vec<_>, Vec<_>) = (only(after, before), only(before, after));
        let order = before != after && added.is_empty() && removed.is_empty();
        Self { added, removed, order }
    }
}

fn told(rule: &Rule) -> String {
    let Rule { from, to, status, language, force } = rule;
    let language = if language.is_empty() { String::new() } else { format!(", for {language}") };
    format!("{from} -> {to} ({status}{language}{})", if *force { ", forced" } else { "" })
}

/// What an API answers, such as `GET /api/messages`, and to whom, in words.
pub type Routes = BTreeMap<String, String>;

/// How the APIs of two releases differ, each list sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiDifference {
    /// Whether they differ at all, if only in what a field may hold.
    pub changed: bool,
    /// Routes that only the newer release answers.
    pub added: Vec<String>,
    /// Routes that both answer, to others than before: each with whom it answers now.
    pub opened: Vec<String>,
    /// Routes that only the older release answers.
    pub removed: Vec<String>,
}

/// A path of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Its URL path.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
}

/// A path of both releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedPage {
    /// Its URL path.
    pub path: String,
    /// Size in bytes in the older release.
    pub before: u64,
    /// Size in bytes in the newer one.
    pub size: u64,
}

impl Difference {
    /// From the older release, or from nothing, to the newer.
    pub fn between(before: Option<&Manifest>, after: &Manifest) -> Self {
        let Some(before) = before else {
            return Self {
                added: missing_from(None, after),
                not_found: true,
                redirects: RedirectDifference::between(&[], &after.rules),
                api: ApiDifference { changed: after.api.is_some(), ..ApiDifference::default() },
                ..Self::default()
            };
        };
        Self {
            added: missing_from(Some(before), after),
            changed: changed(before, after),
            removed: missing_from(Some(after), before),
            not_found: before.not_found != after.not_found,
            redirects: RedirectDifference::between(&before.rules, &after.rules),
            api: ApiDifference { changed: before.api != after.api, ..ApiDifference::default() },
        }
    }

    /// The same, with the routes by name.
    #[must_use]
    pub fn with_routes(mut self, before: &Routes, after: &Routes) -> Self {
        self.api = ApiDifference::between(self.api.changed, before, after);
        self
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ApiDifference {
    /// From the routes of the older release to those of the newer.
    pub fn between(changed: bool, before: &Routes, after: &Routes) -> Self {
        let only = |one: &Routes, other: &Routes| {
            one.keys().filter(|route| !other.contains_key(*route)).cloned().collect::<Vec<_>>()
        };
        let both = after.iter().filter_map(|(route, who)| Some((route, who, before.get(route)?)));
        let opened = both.filter(|(_, now, then)| now != then).map(|(route, who, _)| format!("{route}: {who}"));
        Self { changed, added: only(after, before), opened: opened.collect(), removed: only(before, after) }
    }
}

fn size(manifest: &Manifest, path: &str) -> u64 {
    manifest.entry(path).map_or(0, |entry| entry.size)
}

fn missing_from(other: Option<&Manifest>, manifest: &Manifest) -> Vec<Page> {
    let is_missing = |path: &&String| other.is_none_or(|other| !other.paths.contains_key(*path));
    let page = |path: &String| Page { path: path.clone(), size: size(manifest, path) };
    manifest.paths.keys().filter(is_missing).map(page).collect()
}

fn changed(before: &Manifest, after: &Manifest) -> Vec<ChangedPage> {
    let both = after.paths.iter().filter_map(|(path, id)| Some((path, id, before.paths.get(path)?)));
    both.filter(|(_, new, old)| new != old)
        .map(|(path, ..)| ChangedPage { path: path.clone(), before: size(before, path), size: size(after, path) })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::manifest::tests::manifest;
    use super::*;

    #[test]
    fn redirects_are_told_with_their_targets() {
        let rule = |from: &str| {
            let redirect =
                crate::config::redirects::Redirect { from: from.into(), to: "/".into(), ..Default::default() };
            Rule::of(&redirect).unwrap()
        };
        let with = |rules: Vec<Rule>| {
            let mut manifest = manifest(&[("/", "home")]);
            manifest.rules = rules;
            manifest
        };
        let of = |before, after| Difference::between(Some(&with(before)), &with(after)).redirects;
        let difference = of(vec![rule("/a"), rule("/b")], vec![rule("/c"), rule("/b")]);
        assert_eq!(
            (difference.added, difference.removed),
            (vec!["/c -> / (301)".into()], vec!["/a -> / (301)".into()])
        );
        assert!(of(vec![rule("/a"), rule("/b")], vec![rule("/b"), rule("/a")]).order);
    }

    #[test]
    fn pages_are_added_changed_and_removed_with_their_sizes() {
        let before = manifest(&[("/", "home"), ("/a", "a"), ("/old", "old")]);
        let after = manifest(&[("/", "homes"), ("/a", "a"), ("/new", "new!")]);
        let difference = Difference::between(Some(&before), &after);
        assert_eq!(difference.added, [Page { path: "/new".into(), size: 4 }]);
        assert_eq!(difference.changed, [ChangedPage { path: "/".into(), before: 4, size: 5 }]);
        assert_eq!(difference.removed, [Page { path: "/old".into(), size: 3 }]);
        assert!(!difference.not_found && !difference.api.changed);
    }

    #[test]
    fn routes_are_added_opened_and_removed() {
        let routes = |all: &[(&str, &str)]| all.iter().map(|(r, who)| ((*r).to_owned(), (*who).to_owned())).collect();
        let before: Routes =
            routes(&[("GET /api/a", "if owner"), ("POST /api/a", "anybody"), ("GET /api/b", "anybody")]);
        let after: Routes = routes(&[("GET /api/a", "anybody"), ("POST /api/a", "anybody"), ("GET /api/c", "anybody")]);
        let api = ApiDifference::between(true, &before, &after);
        assert_eq!((api.added, api.removed), (vec!["GET /api/c".to_owned()], vec!["GET /api/b".to_owned()]));
        assert_eq!(api.opened, ["GET /api/a: anybody"]);
    }

    #[test]
    fn a_first_release_adds_everything_and_the_same_nothing() {
        let one = manifest(&[("/", "home"), ("/a", "a")]);
        assert_eq!(Difference::between(None, &one).added.len(), 2);
        assert!(Difference::between(Some(&one), &one).is_empty());
    }
}
