//! The paths of a release as values of the edge store.
//!
//! Paths are hashed to buckets, and a bucket is one value. The hashes are short; their seed is
//! searched so that no bucket is too full, no two paths of a bucket look alike, and no other
//! form of a page looks like a page. A path that is unrelated to the site may still look like
//! one of it, about once in a hundred thousand.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{RELEASE_ID_LENGTH, ReleaseId, Target};
use super::rules::{self, ENTRY_LENGTH, Index};
use crate::site::url;

/// Largest key and value together, in bytes.
///
/// Source: CloudFront Developer Guide, quotas on key value stores: 512 bytes for a key, 1 KB for
/// a value; both together stay below the smaller reading of that.
pub const PAIR_BYTES: usize = 1024;
/// Size of a store, in bytes: the smaller reading of "5 MB".
pub const STORE_BYTES: usize = 5_000_000;
/// Entries that a bucket has on average.
const MEAN: usize = 36;
/// The value of a bucket without entries; a value may not be empty.
const EMPTY: &str = "-";
/// Seeds that are tried before there are more buckets.
const SEEDS: u32 = 64;
/// How often the number of buckets may grow, by a quarter of the first number.
const GROWTHS: usize = 40;

/// All paths of a release, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Seed of the hashes.
    pub seed: u32,
    /// The value of every bucket.
    pub buckets: Vec<String>,
}

/// Why paths cannot be packed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PackError {
    /// The store cannot hold this release beside another.
    #[error(
        "the site has {paths} pages and files, which take {bytes} bytes of the edge store, and {beside} more must stay \
         free for the release before or after it; the store holds {STORE_BYTES}, so about {most} pages and files are possible"
    )]
    StoreFull {
        /// Paths of this release.
        paths: usize,
        /// Bytes that they take.
        bytes: usize,
        /// Bytes to keep for the release beside it.
        beside: usize,
        /// How many paths would do.
        most: usize,
    },
    /// No seed fits; paths that were made for it could do that.
    #[error("no arrangement of the {paths} paths fits the edge store")]
    NoSeed {
        /// Paths of this release.
        paths: usize,
    },
}

/// Packs paths. The same paths and objects always give the same values.
pub fn pack(paths: &BTreeMap<String, Target>) -> Result<Packed, PackError> {
    // Without this check, a hopeless search could take long.
    check_room(paths.len(), paths.len() * ENTRY_LENGTH, 0)?;
    let stems: BTreeSet<&str> = paths.keys().map(|path| url::stem(path)).collect();
    let first = paths.len().div_ceil(MEAN).max(1);
    for growth in 0..GROWTHS {
        let buckets = first + (first * growth).div_ceil(4);
        for seed in 0..SEEDS {
            if let Some(packed) = arrange(paths, &stems, seed, buckets) {
                return Ok(packed);
            }
        }
    }
    Err(PackError::NoSeed { paths: paths.len() })
}

/// Refuses what leaves no room in the store for the release beside it.
///
/// The next release will be about as large as this one, so as much is kept free even when the
/// one before is smaller: a site that can be published can be published again.
fn check_room(paths: usize, bytes: usize, before: usize) -> Result<(), PackError> {
    let beside = before.max(bytes);
    // One pair is the pointer.
    if bytes + beside + PAIR_BYTES <= STORE_BYTES {
        return Ok(());
    }
    let bucket = MEAN * ENTRY_LENGTH + key_length(STORE_BYTES / PAIR_BYTES);
    let most = (STORE_BYTES - PAIR_BYTES) / 2 * MEAN / bucket;
    Err(PackError::StoreFull { paths, bytes, beside, most })
}

/// Length of the keys of so many buckets, at most.
fn key_length(buckets: usize) -> usize {
    RELEASE_ID_LENGTH + 1 + buckets.to_string().len()
}

/// Puts the paths into buckets, or finds that they do not fit.
fn arrange(paths: &BTreeMap<String, Target>, stems: &BTreeSet<&str>, seed: u32, buckets: usize) -> Option<Packed> {
    let count = u32::try_from(buckets).ok()?;
    let room = (PAIR_BYTES - key_length(buckets)) / ENTRY_LENGTH;
    let mut filled: Vec<Vec<(u32, &Target)>> = vec![Vec::new(); buckets];
    for (path, id) in paths {
        let bucket = &mut filled[rules::bucket(seed, count, path) as usize];
        if bucket.len() == room {
            return None;
        }
        bucket.push((rules::print(seed, path), id));
    }
    for bucket in &mut filled {
        bucket.sort_unstable();
        if bucket.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
    }
    let looks_like_another = |form: &str| {
        let bucket = &filled[rules::bucket(seed, count, form) as usize];
        let print = rules::print(seed, form);
        bucket.binary_search_by_key(&print, |(print, _)| *print).is_ok() && !paths.contains_key(form)
    };
    let forms =
        |stem: &&str| ["", ".html", "/", "/index.html"].iter().any(|end| looks_like_another(&format!("{stem}{end}")));
    if stems.iter().any(forms) {
        return None;
    }
    Some(Packed { seed, buckets: filled.iter().map(|bucket| value(bucket)).collect() })
}

fn value(bucket: &[(u32, &Target)]) -> String {
    if bucket.is_empty() {
        return EMPTY.into();
    }
    bucket.iter().map(|(print, id)| format!("{}{id}", rules::digits(*print))).collect()
}

impl Packed {
    /// The keys and values to write for a release.
    pub fn entries(&self, release: &ReleaseId) -> impl Iterator<Item = (String, &str)> {
        self.buckets.iter().enumerate().map(move |(number, value)| (format!("{release}:{number}"), value.as_str()))
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        let keys = (0..self.buckets.len()).map(|number| RELEASE_ID_LENGTH + 1 + number.to_string().len());
        keys.zip(&self.buckets).map(|(key, value)| key + value.len()).sum()
    }

    /// Number of paths.
    pub fn paths(&self) -> usize {
        self.buckets.iter().map(|value| value.len() / ENTRY_LENGTH).sum()
    }

    /// Refuses, with numbers, when the store cannot hold this release beside the one before,
    /// which takes so many bytes (0 when there is none).
    pub fn check_room(&self, before: usize) -> Result<(), PackError> {
        check_room(self.paths(), self.bytes(), before)
    }
}

impl Index for Packed {
    type Found = Target;

    fn find(&self, path: &str) -> Option<Target> {
        let count = u32::try_from(self.buckets.len()).ok()?;
        let value = self.buckets.get(rules::bucket(self.seed, count, path) as usize)?;
        rules::find_in_bucket(value, self.seed, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::release::rules::{Answer, lookup};

    fn id(number: usize) -> Target {
        Target::parse(&format!("{number:012}{}", ["A", "B"][number % 2])).unwrap()
    }

    /// Paths as sites have them: folders, pages and pictures.
    fn paths(count: usize) -> BTreeMap<String, Target> {
        let path = |number: usize| match number % 4 {
            0 => format!("/posts/{}/{number}/", number % 97),
            1 => format!("/pages/page-{number}.html"),
            2 => format!("/pictures/{}/número-{number}.jpg", number % 31),
            _ => format!("/page{number}"),
        };
        (0..count).map(|number| (path(number), id(number))).collect()
    }

    fn assert_holds(paths: &BTreeMap<String, Target>, packed: &Packed) {
        let release = ReleaseId::parse("20250310-020405-0123456789").unwrap();
        for (key, value) in packed.entries(&release) {
            assert!(key.len() + value.len() <= PAIR_BYTES && !value.is_empty());
        }
        for (path, id) in paths {
            assert_eq!(packed.find(path).as_ref(), Some(id), "{path}");
        }
        assert_eq!(packed.paths(), paths.len());
        let bytes: usize = packed.entries(&release).map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!(packed.bytes(), bytes);
    }

    #[test]
    fn ten_thousand_paths_are_278_values() {
        let paths = paths(10_000);
        let packed = pack(&paths).unwrap();
        assert_holds(&paths, &packed);
        assert_eq!(packed.buckets.len(), 278);
        assert_eq!(packed, pack(&paths).unwrap());
        packed.check_room(0).unwrap();
    }

    #[test]
    fn sixty_thousand_paths_fit() {
        let paths = paths(60_000);
        let packed = pack(&paths).unwrap();
        assert_holds(&paths, &packed);
        assert!(packed.buckets.len() < 2_100, "{}", packed.buckets.len());
        packed.check_room(packed.bytes()).unwrap();
    }

    #[test]
    fn small_sites_fit_whatever_their_size() {
        for count in 0..200 {
            let paths = paths(count);
            assert_holds(&paths, &pack(&paths).unwrap());
        }
        assert_eq!(pack(&BTreeMap::new()).unwrap().buckets, [EMPTY]);
    }

    #[test]
    fn every_form_of_every_page_leads_to_it_as_from_an_exact_map() {
        let paths = paths(3_000);
        let packed = pack(&paths).unwrap();
        for path in paths.keys() {
            for end in ["", "/", ".html", "/index.html"] {
                let raw = url::encode(&format!("{}{end}", url::stem(path)));
                let exact = lookup(&paths, &raw);
                assert_eq!(lookup(&packed, &raw), exact, "{raw}");
                assert_ne!(exact, Answer::NotFound, "{raw}");
            }
        }
    }

    #[test]
    fn paths_that_share_stems_get_more_buckets() {
        let paths: BTreeMap<String, Target> =
            (0..9_000).map(|n| (format!("/p{}{}", n / 3, ["", ".html", "/"][n % 3]), id(n))).collect();
        assert_holds(&paths, &pack(&paths).unwrap());
    }

    #[test]
    fn what_the_store_cannot_hold_is_refused_with_numbers() {
        let many: BTreeMap<String, Target> = (0..150_000).map(|n| (format!("/{n}"), id(n))).collect();
        let error = pack(&many).unwrap_err();
        assert!(matches!(error, PackError::StoreFull { paths: 150_000, .. }));
        assert!(error.to_string().contains("about 1"), "{error}");
        let packed = pack(&paths(1_000)).unwrap();
        packed.check_room(STORE_BYTES / 2).unwrap();
        assert!(packed.check_room(STORE_BYTES - packed.bytes()).is_err());
    }
}
