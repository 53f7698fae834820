//! What a visitor would see change between two releases.

use serde::Serialize;

use super::manifest::Manifest;

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
    /// Whether the API differs.
    pub api: bool,
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
                api: after.api.is_some(),
                ..Self::default()
            };
        };
        Self {
            added: missing_from(Some(before), after),
            changed: changed(before, after),
            removed: missing_from(Some(after), before),
            not_found: before.not_found != after.not_found,
            api: before.api != after.api,
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
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
    use super::super::manifest::tests::manifest;
    use super::*;

    #[test]
    fn pages_are_added_changed_and_removed_with_their_sizes() {
        let before = manifest(&[("/", "home"), ("/a", "a"), ("/old", "old")]);
        let after = manifest(&[("/", "homes"), ("/a", "a"), ("/new", "new!")]);
        let difference = Difference::between(Some(&before), &after);
        assert_eq!(difference.added, [Page { path: "/new".into(), size: 4 }]);
        assert_eq!(difference.changed, [ChangedPage { path: "/".into(), before: 4, size: 5 }]);
        assert_eq!(difference.removed, [Page { path: "/old".into(), size: 3 }]);
        assert!(!difference.not_found && !difference.api);
    }

    #[test]
    fn a_first_release_adds_everything_and_the_same_nothing() {
        let one = manifest(&[("/", "home"), ("/a", "a")]);
        assert_eq!(Difference::between(None, &one).added.len(), 2);
        assert!(Difference::between(Some(&one), &one).is_empty());
    }
}
