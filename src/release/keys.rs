//! What the edge store holds of one release: its paths, its redirects, and the slot that tells of both.

use super::id::ReleaseId;
use super::manifest::Manifest;
use super::pack::{PackError, Packed, STORE_BYTES, pack};
use super::pointer::Slot;
use super::preview::slot_key;
use super::redirects::{PackedRedirects, RedirectError};

/// Keys and values of one release. The same manifest always gives the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// What an edge must know to answer from the release.
    pub slot: Slot,
    packed: Packed,
    redirects: PackedRedirects,
}

/// Why a release does not fit an edge store.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeysError {
    /// Its paths do not.
    #[error(transparent)]
    Paths(#[from] PackError),
    /// Its redirects do not.
    #[error(transparent)]
    Redirects(#[from] RedirectError),
    /// Both together do not, beside another release.
    #[error(
        "the site's pages and redirects take {bytes} bytes of the edge store, of which half of {STORE_BYTES} may be used; \
         have fewer redirects, or prefix rules in their place"
    )]
    Together {
        /// Bytes that they take.
        bytes: usize,
    },
}

impl Keys {
    /// The keys of `release`, which consists of what `manifest` lists.
    pub fn of(manifest: &Manifest, release: ReleaseId) -> Result<Self, KeysError> {
        let redirects = manifest.redirects();
        let mut paths = manifest.targets();
        paths.retain(|path, _| !redirects.covered().contains(path));
        let (packed, redirects) = (pack(&paths)?, redirects.pack()?);
        let bytes = packed.bytes() + redirects.bytes();
        if bytes > STORE_BYTES / 2 {
            return Err(KeysError::Together { bytes });
        }
        let slot = Slot::new(release, &packed, manifest.target(&manifest.not_found), manifest.api.as_ref());
        Ok(Self { slot: slot.with_redirects(&redirects), packed, redirects })
    }

    /// All keys and values, the slot last: where it is, all are.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let owned = |(key, value): (String, &str)| (key, value.to_owned());
        let mut pairs: Vec<_> = self.packed.entries(&self.slot.release).map(owned).collect();
        pairs.extend(self.redirects.entries(&self.slot.release).map(owned));
        pairs.push((slot_key(&self.slot.release), self.slot.to_json()));
        pairs
    }

    /// Bytes of all keys and values, but the slot's.
    pub fn bytes(&self) -> usize {
        self.packed.bytes() + self.redirects.bytes()
    }

    /// Number of paths.
    pub fn paths(&self) -> usize {
        self.packed.paths()
    }
}

impl Slot {
    /// Its value in the store.
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers does not fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The keys of its release, in the order of [`Keys::pairs`].
    pub fn keys(&self) -> Vec<String> {
        let release = &self.release;
        let buckets = (0..self.buckets).map(|number| format!("{release}:{number}"));
        let rules = (0..self.rules).map(|number| format!("{release}:r{number}"));
        buckets.chain(rules).chain([slot_key(release)]).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::release::manifest::tests::manifest;

    #[test]
    fn a_slot_knows_the_keys_of_its_release_and_comes_last() {
        let mut manifest = manifest(&[("/", "home"), ("/a.html", "a")]);
        let rule = crate::config::redirects::Redirect { from: "/old".into(), to: "/".into(), ..Default::default() };
        manifest.rules = vec![crate::release::redirects::Rule::of(&rule).unwrap()];
        let keys = Keys::of(&manifest, ReleaseId::parse("20250310-020405-0123456789").unwrap()).unwrap();
        let names: Vec<String> = keys.pairs().into_iter().map(|(key, _)| key).collect();
        assert_eq!(names, ["0", "r0", "p"].map(|end| format!("20250310-020405-0123456789:{end}")));
        assert_eq!(names, keys.slot.keys());
        assert_eq!(serde_json::from_str::<Slot>(&keys.pairs()[2].1).unwrap(), keys.slot);
    }
}
