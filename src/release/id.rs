//! Ids made of hashes, each its own type.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Characters of an object's id: 72 bits.
pub const OBJECT_ID_LENGTH: usize = 12;
/// Characters of a release's id.
pub const RELEASE_ID_LENGTH: usize = 26;
/// Characters of an API bundle's id: 96 bits.
const BUNDLE_ID_LENGTH: usize = 16;

/// Names an object of the site bucket: `c/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(String);

/// Where the bytes for a visitor are: an object, and whether it lies there in encodings, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// The object.
    pub id: ObjectId,
    /// Whether there are `c/<id>.br` and `c/<id>.gz`.
    pub encoded: bool,
}

/// Names a release: `YYYYMMDD-HHMMSS-<10 hex digits of its manifest's hash>`, in UTC, so that
/// ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(String);

/// Names an API bundle: `api/<id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BundleId(String);

impl ObjectId {
    /// The id that belongs to a SHA-256.
    pub(crate) fn of(hash: &[u8]) -> Self {
        Self(text_of(hash, OBJECT_ID_LENGTH))
    }

    /// Takes over an id that was read; `None` unless it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        is_text_of_hash(text, OBJECT_ID_LENGTH).then(|| Self(text.into()))
    }

    /// Its key in the site bucket.
    pub fn key(&self) -> String {
        format!("c/{self}")
    }
}

/// Characters of a target: an object's id, and a flag.
pub const TARGET_LENGTH: usize = OBJECT_ID_LENGTH + 1;

impl Target {
    /// Takes over a target that was read; `None` unless it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, flag) = text.split_at_checked(OBJECT_ID_LENGTH)?;
        let encoded = match flag {
            "A" => false,
            "B" => true,
            _ => return None,
        };
        Some(Self { id: ObjectId::parse(id)?, encoded })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.id, if self.encoded { 'B' } else { 'A' })
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or(format!("\"{text}\" is no object with a flag"))
    }
}

impl BundleId {
    /// The id of a bundle.
    pub fn of(bundle: &[u8]) -> Self {
        Self(text_of(&Sha256::digest(bundle), BUNDLE_ID_LENGTH))
    }

    /// Takes over an id that was read; `None` unless it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        is_text_of_hash(text, BUNDLE_ID_LENGTH).then(|| Self(text.into()))
    }

    /// Its key in the site bucket.
    pub fn key(&self) -> String {
        format!("api/{self}.json")
    }
}

impl ReleaseId {
    /// The id of what has this digest (hex) and is published at this time.
    pub fn new(at: jiff::Timestamp, digest: &str) -> Self {
        let digest: String = digest.chars().take(10).collect();
        Self(format!("{}-{digest}", at.strftime("%Y%m%d-%H%M%S")))
    }

    /// Takes over an id that was read; `None` unless it has the shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        let hex =
            |part: &str| part.len() == 10 && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match parts.as_slice() {
            [date, time, hash] if digits(date, 8) && digits(time, 6) && hex(hash) => Some(Self(text.into())),
            _ => None,
        }
    }

    /// The part that depends on the contents alone.
    pub fn digest(&self) -> &str {
        self.0.rsplit('-').next().unwrap_or_default()
    }

    /// When it was made, in seconds since 1970.
    pub fn seconds(&self) -> i64 {
        let text = self.0.get(..15).unwrap_or_default();
        let at = jiff::Timestamp::strptime("%Y%m%d-%H%M%S %z", format!("{text} +0000"));
        at.map_or(0, jiff::Timestamp::as_second)
    }

    /// Its manifest's key in the site bucket.
    pub fn key(&self) -> String {
        format!("releases/{self}.json")
    }
}

/// The first characters of a hash, six bits each.
fn text_of(hash: &[u8], length: usize) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(hash);
    text.truncate(length);
    text
}

fn is_text_of_hash(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

macro_rules! text {
    ($($id:ident),*) => {$(
        impl $id {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text!(ObjectId, ReleaseId, BundleId);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn release_ids_sort_by_time_and_carry_the_digest() {
        let at: jiff::Timestamp = "2025-03-09T23:04:05.9-03:00".parse().unwrap();
        let id = ReleaseId::new(at, &"0123456789abcdef".repeat(4));
        assert_eq!(id.as_str(), "20250310-020405-0123456789");
        assert_eq!((id.as_str().len(), id.digest()), (RELEASE_ID_LENGTH, "0123456789"));
        assert_eq!(id.seconds(), at.as_second());
        assert_eq!(ReleaseId::parse(id.as_str()), Some(id));
        for text in ["", "20250310-020405", "20250310-020405-012345678X", "2025031-020405-0123456789", "../x"] {
            assert_eq!(ReleaseId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_bundle_id_is_the_start_of_its_hash() {
        // printf '' | sha256sum: e3b0c44298fc1c149afbf4c8996fb924...
        assert_eq!(BundleId::of(b"").as_str(), "47DEQpj8HBSa-_TI");
        assert_eq!(BundleId::parse("47DEQpj8HBSa-_TI").unwrap().key(), "api/47DEQpj8HBSa-_TI.json");
        assert_eq!(BundleId::parse("47DEQpj8HBSa/_TI"), None);
        assert_eq!(ObjectId::parse("short"), None);
    }

    #[test]
    fn a_target_is_an_id_and_a_flag() {
        for text in ["AAAAAAAAAAAAA", "0123456789-_B"] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "AAAAAAAAAAAA", "AAAAAAAAAAAAC", "AAAAAAAAAAAéA", "AAAAAAAAAAAAAA"] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
