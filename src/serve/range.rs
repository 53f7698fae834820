//! Parts of a body: `Range` and `If-Range`.
//!
//! One range is answered with 206, one outside the body with 416. Several ranges at once are
//! answered with the whole body, as S3 does: RFC 9110 lets a server ignore `Range` at any time.
//!
//! Source: RFC 9110, sections 13.1.5 and 14.

/// What a `Range` header asks for, of a body of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: there is no range, or it is not understood, or there are several.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part {
        /// Position of the first byte.
        first: u64,
        /// Position of the last byte.
        last: u64,
    },
    /// A range that begins after the end.
    Outside,
}

/// Reads a `Range` header for a body of `length` bytes.
pub fn wanted(range: &str, length: u64) -> Wanted {
    let Some((unit, set)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    match set.trim().split_once('-') {
        Some(("", suffix)) => last_bytes(suffix, length),
        Some((first, last)) => from_to(first, last, length),
        None => Wanted::Whole,
    }
}

/// Whether `If-Range` lets the range count: only a strong ETag that is the body's own does.
///
/// A date never does, for no `Last-Modified` is sent that it could have come from.
pub fn still_the_same(if_range: &str, etag: &str) -> bool {
    if_range.trim() == etag && !etag.starts_with("W/")
}

fn last_bytes(suffix: &str, length: u64) -> Wanted {
    match number(suffix) {
        None => Wanted::Whole,
        Some(0) => Wanted::Outside,
        Some(_) if length == 0 => Wanted::Outside,
        Some(count) => Wanted::Part { first: length.saturating_sub(count), last: length - 1 },
    }
}

fn from_to(first: &str, last: &str, length: u64) -> Wanted {
    let Some(first) = number(first) else { return Wanted::Whole };
    let last = if last.is_empty() { Some(u64::MAX) } else { number(last) };
    match last {
        None => Wanted::Whole,
        Some(last) if last < first => Wanted::Whole,
        Some(_) if first >= length => Wanted::Outside,
        Some(last) => Wanted::Part { first, last: last.min(length - 1) },
    }
}

/// Digits only: `str::parse` would accept a sign. A number too large for `u64` is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_to_the_body() {
        assert_eq!(wanted("bytes=0-4", 10), Wanted::Part { first: 0, last: 4 });
        assert_eq!(wanted("bytes=4-", 10), Wanted::Part { first: 4, last: 9 });
        assert_eq!(wanted("bytes=4-99", 10), Wanted::Part { first: 4, last: 9 });
        assert_eq!(wanted("bytes=-3", 10), Wanted::Part { first: 7, last: 9 });
        assert_eq!(wanted("bytes=-30", 10), Wanted::Part { first: 0, last: 9 });
        assert_eq!(wanted("Bytes=9-9", 10), Wanted::Part { first: 9, last: 9 });
        assert_eq!(wanted("bytes=0-99999999999999999999999", 10), Wanted::Part { first: 0, last: 9 });
    }

    #[test]
    fn a_range_after_the_end_is_outside() {
        for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(wanted(range, 10), Wanted::Outside, "{range}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Outside);
        assert_eq!(wanted("bytes=-5", 0), Wanted::Outside);
    }

    #[test]
    fn what_is_not_one_range_asks_for_everything() {
        for range in ["", "bytes", "bytes=", "bytes=a-b", "bytes=5-4", "bytes=+1-2", "bytes=0-1,3-4", "lines=0-1"] {
            assert_eq!(wanted(range, 10), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn only_the_same_strong_etag_lets_a_range_continue() {
        assert!(still_the_same("\"a\"", "\"a\""));
        assert!(!still_the_same("\"b\"", "\"a\""));
        assert!(!still_the_same("W/\"a\"", "W/\"a\""));
        assert!(!still_the_same("Wed, 21 Oct 2015 07:28:00 GMT", "\"a\""));
    }
}
