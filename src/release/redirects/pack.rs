//! Redirects as values of the edge store.
//!
//! A key is hashed to a bucket, and a bucket is one value: lines of key, language or path,
//! status, parts that `:splat` leaves out, and where to, with tabs between. No path has a tab or
//! a line break.

use super::super::id::{RELEASE_ID_LENGTH, ReleaseId};
use super::super::pack::PAIR_BYTES;
use super::super::rules::{BASIS, fnv, mix};
use super::{Line, Redirects};

/// Most buckets; so many would be most of a store.
const MOST: usize = 2_048;
/// The value of a bucket without rules; a value may not be empty.
const EMPTY: &str = "-";
/// Bytes of a bucket that are filled on average.
const MEAN: usize = 400;

/// The values of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedRedirects {
    /// Bit n says that there are rules with n parts before the `*`; bit 11, rules for single paths.
    pub mask: u32,
    /// The value of every bucket; none when there are no rules.
    pub buckets: Vec<String>,
}

/// Why rules cannot be packed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RedirectError {
    /// The rules of one key are more than a value.
    #[error(
        "the redirects from {from} take {bytes} bytes, and {most} are possible; shorten where they lead, \
         or have fewer languages"
    )]
    TooLong {
        /// Where they lead from.
        from: String,
        /// Bytes that they take.
        bytes: usize,
        /// Bytes that there are.
        most: usize,
    },
    /// All are more than the store may hold beside the pages.
    #[error(
        "the {rules} redirects take {bytes} bytes, more than the edge store holds; put several into one \
         with a * at the end"
    )]
    TooMany {
        /// How many there are.
        rules: usize,
        /// Bytes that they take.
        bytes: usize,
    },
}

impl Redirects {
    /// Packs the rules. The same rules always give the same values.
    pub fn pack(&self) -> Result<PackedRedirects, RedirectError> {
        let groups: Vec<(&str, String)> =
            self.lines.iter().map(|(key, lines)| (key.as_str(), group(key, lines))).collect();
        let most = PAIR_BYTES - RELEASE_ID_LENGTH - ":r".len() - MOST.to_string().len();
        if let Some((key, text)) = groups.iter().find(|(_, text)| text.len() > most) {
            let from = if key.ends_with('/') { format!("{key}*") } else { (*key).to_owned() };
            return Err(RedirectError::TooLong { from, bytes: text.len(), most });
        }
        let bytes: usize = groups.iter().map(|(_, text)| text.len() + 1).sum();
        let mut buckets = bytes.div_ceil(MEAN);
        while buckets <= MOST {
            if let Some(buckets) = arrange(&groups, buckets, most) {
                return Ok(PackedRedirects { mask: self.mask(), buckets });
            }
            buckets += buckets.div_ceil(8);
        }
        Err(RedirectError::TooMany { rules: self.rules.len(), bytes })
    }
}

/// The lines of a key, each with its end.
fn group(key: &str, lines: &[Line]) -> String {
    let line = |line: &Line| {
        let skip = if line.skip == 0 { String::new() } else { line.skip.to_string() };
        format!("{key}\t{}\t{}\t{skip}\t{}", line.when, line.status, line.to)
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn bucket(key: &str, buckets: usize) -> usize {
    mix(fnv(BASIS, key)) as usize % buckets.max(1)
}

/// Puts the groups into buckets, or finds that they do not fit.
fn arrange(groups: &[(&str, String)], buckets: usize, most: usize) -> Option<Vec<String>> {
    let mut filled = vec![String::new(); buckets];
    for (key, text) in groups {
        let value = &mut filled[bucket(key, buckets)];
        if !value.is_empty() {
            value.push('\n');
        }
        value.push_str(text);
        if value.len() > most {
            return None;
        }
    }
    filled.iter_mut().filter(|value| value.is_empty()).for_each(|value| value.push_str(EMPTY));
    Some(filled)
}

impl PackedRedirects {
    /// The keys and values to write for a release.
    pub fn entries(&self, release: &ReleaseId) -> impl Iterator<Item = (String, &str)> {
        self.buckets.iter().enumerate().map(move |(number, value)| (format!("{release}:r{number}"), value.as_str()))
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        let keys = (0..self.buckets.len()).map(|number| RELEASE_ID_LENGTH + 2 + number.to_string().len());
        keys.zip(&self.buckets).map(|(key, value)| key + value.len()).sum()
    }

    /// The lines of a key, as the edge reads them.
    #[cfg(test)]
    pub(super) fn lines(&self, key: &str) -> Option<Vec<Line>> {
        let value = self.buckets.get(bucket(key, self.buckets.len()))?;
        let line = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
            [own, when, status, skip, to] if own == key => {
                let (when, to, skip) = (when.into(), to.into(), skip.parse().unwrap_or(0));
                Some(Line { when, status: status.parse().ok()?, skip, to })
            }
            _ => None,
        };
        let lines: Vec<Line> = value.split('\n').filter_map(line).collect();
        (!lines.is_empty()).then_some(lines)
    }
}
