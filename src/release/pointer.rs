//! The key `live` of the edge store: which release visitors see.

use serde::{Deserialize, Serialize};

use super::id::{BundleId, ReleaseId, Target};
use super::pack::Packed;
use super::redirects::PackedRedirects;

/// The key in the edge store.
pub const KEY: &str = "live";

/// What the edge must know of a release to answer from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The release.
    #[serde(rename = "r")]
    pub release: ReleaseId,
    /// Seed of its hashes.
    #[serde(rename = "s")]
    pub seed: u32,
    /// Number of its buckets.
    #[serde(rename = "n")]
    pub buckets: u32,
    /// Its not-found page.
    #[serde(rename = "e")]
    pub not_found: Target,
    /// Its API bundle; empty when it has no API.
    #[serde(rename = "a")]
    pub api: String,
    /// Number of the buckets of its redirects.
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    pub rules: u32,
    /// Mask of the keys of its redirects; 0 when there are none.
    #[serde(rename = "d", default, skip_serializing_if = "is_zero")]
    pub mask: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The live release and the one before it, from which an edge answers that does not know the
/// keys of the live one yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// What is live.
    #[serde(flatten)]
    pub live: Slot,
    /// Whether visitors are asked to come back later.
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Since when it is live, in seconds since 1970; 0 when that is not known.
    #[serde(rename = "t", default)]
    pub since: i64,
    /// What was live before.
    #[serde(rename = "p")]
    pub previous: Option<Slot>,
}

impl Slot {
    /// The slot of a release that was packed.
    pub fn new(release: ReleaseId, packed: &Packed, not_found: Target, api: Option<&BundleId>) -> Self {
        // More buckets than that do not fit a store.
        let buckets = u32::try_from(packed.buckets.len()).unwrap_or(u32::MAX);
        let api = api.map(ToString::to_string).unwrap_or_default();
        Self { release, seed: packed.seed, buckets, not_found, api, rules: 0, mask: 0 }
    }

    /// With the redirects that were packed for it.
    pub fn with_redirects(self, packed: &PackedRedirects) -> Self {
        let rules = u32::try_from(packed.buckets.len()).unwrap_or(u32::MAX);
        Self { rules, mask: packed.mask, ..self }
    }

    /// The API bundle, when the release has an API.
    pub fn bundle(&self) -> Option<BundleId> {
        BundleId::parse(&self.api)
    }
}

impl Pointer {
    /// The pointer after `live` takes the place of what is live now; a rollback is the same.
    ///
    /// Naming what is live already changes nothing, so that this may be done again. A site that is
    /// closed stays so. `at` is the time of the change, in seconds since 1970.
    pub fn next(live: Slot, now: Option<&Self>, at: i64) -> Self {
        let maintenance = now.is_some_and(|now| now.maintenance);
        match now {
            Some(now) if now.live.release == live.release => {
                Self { live, maintenance, since: now.since, previous: now.previous.clone() }
            }
            now => Self { live, maintenance, since: at, previous: now.map(|now| now.live.clone()) },
        }
    }

    /// Reads the value; `None` when it is not one.
    pub fn parse(value: &str) -> Option<Self> {
        let pointer: Self = serde_json::from_str(value).ok()?;
        let sound = |slot: &Slot| {
            slot.buckets > 0
                && ReleaseId::parse(slot.release.as_str()).is_some()
                && (slot.api.is_empty() || slot.bundle().is_some())
        };
        (sound(&pointer.live) && pointer.previous.as_ref().is_none_or(sound)).then_some(pointer)
    }

    /// The value.
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers does not fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::release::pack::PAIR_BYTES;

    pub(crate) fn slot(digit: u32) -> Slot {
        Slot {
            release: ReleaseId::parse(&format!("20250310-020405-{digit:010}")).unwrap(),
            seed: u32::MAX,
            buckets: 4_000,
            not_found: Target::parse("AAAAAAAAAAAAB").unwrap(),
            api: "47DEQpj8HBSa-_TI".into(),
            rules: 2_048,
            mask: 0xfff,
        }
    }

    #[test]
    fn the_value_is_short_and_survives() {
        let pointer = Pointer::next(slot(2), Some(&Pointer::next(slot(1), None, 1)), 2);
        assert!(KEY.len() + pointer.to_json().len() <= PAIR_BYTES);
        assert_eq!(Pointer::parse(&pointer.to_json()), Some(pointer));
        let first = Pointer::next(slot(1), None, 1741572245).to_json();
        assert_eq!(
            first,
            "{\"r\":\"20250310-020405-0000000001\",\"s\":4294967295,\"n\":4000,\"e\":\"AAAAAAAAAAAAB\",\
             \"a\":\"47DEQpj8HBSa-_TI\",\"x\":2048,\"d\":4095,\"t\":1741572245,\"p\":null}"
        );
    }

    #[test]
    fn the_release_before_is_kept_without_its_own() {
        let one = Pointer::next(slot(1), None, 1);
        let two = Pointer::next(slot(2), Some(&one), 2);
        let back = Pointer::next(slot(1), Some(&two), 3);
        assert_eq!((back.live.clone(), back.since, back.previous.clone()), (slot(1), 3, Some(slot(2))));
        assert_eq!(Pointer::next(slot(1), Some(&back), 4), back);
        assert!(!back.to_json().contains("\"p\":null"));
    }

    #[test]
    fn what_is_no_pointer_is_not_read() {
        for value in ["", "null", "{}", "{\"r\":\"x\",\"s\":1,\"n\":1,\"e\":\"AAAAAAAAAAAA\",\"a\":\"\",\"p\":null}"] {
            assert_eq!(Pointer::parse(value), None, "{value}");
        }
    }
}
