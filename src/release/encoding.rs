//! Encodings of an object: which objects have them, which one a visitor gets, and the compressing.
//!
//! They are made once, when a release is published, with more effort than a network has time for on
//! the fly. The preview makes the very same bytes, so that what was previewed is what visitors get.
//!
//! The types are those that CloudFront would compress. Source: CloudFront developer guide, "Serve
//! compressed files".

use std::io::{self, Write};
use std::ops::RangeInclusive;

use bytes::Bytes;

/// Sizes in bytes of what is compressed: below, a packet holds it anyway; above, it would not fit
/// into memory many times. CloudFront has the same bounds.
pub const SIZES: RangeInclusive<u64> = 1_000..=10_000_000;
/// What a quick try has to save, as a part of the whole, before encodings are made.
const WORTH: usize = 16;

/// Content types of text and the like, sorted.
const TYPES: [&str; 47] = [
    "application/dash+xml",
    "application/eot",
    "application/font",
    "application/font-sfnt",
    "application/javascript",
    "application/json",
    "application/opentype",
    "application/otf",
    "application/pdf",
    "application/pkcs7-mime",
    "application/protobuf",
    "application/rss+xml",
    "application/truetype",
    "application/ttf",
    "application/vnd.apple.mpegurl",
    "application/vnd.mapbox-vector-tile",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-font-opentype",
    "application/x-font-truetype",
    "application/x-font-ttf",
    "application/x-httpd-cgi",
    "application/x-javascript",
    "application/x-mpegurl",
    "application/x-opentype",
    "application/x-otf",
    "application/x-perl",
    "application/x-ttf",
    "application/xhtml+xml",
    "application/xml",
    "font/eot",
    "font/opentype",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/js",
    "text/plain",
    "text/richtext",
    "text/tab-separated-values",
    "text/x-component",
    "text/x-java-source",
    "text/x-script",
    "text/xml",
];

/// Brotli's effort, of 11: the last step costs twice the time for three per cent.
const BROTLI_QUALITY: i32 = 10;
/// Its effort for bodies above [`LARGE`], fifteen times as quick.
const BROTLI_QUALITY_LARGE: i32 = 6;
/// From so many bytes on, a body would be waited for.
const LARGE: usize = 1024 * 1024;
/// Brotli's window, as a power of two.
const BROTLI_WINDOW: i32 = 22;
/// Gzip's effort, of 9.
const GZIP_LEVEL: u32 = 9;
/// Gzip's effort when it is only tried whether a body shrinks.
const GZIP_TRY: u32 = 1;

/// A way of compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
}

impl Encoding {
    /// The encoding's name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the key of an object in this encoding ends in.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// Compresses a body; the same body always gives the same bytes.
    pub fn compress(self, body: &[u8]) -> io::Result<Bytes> {
        Ok(match self {
            Self::Brotli => brotli(body)?,
            Self::Gzip => gzip(body, GZIP_LEVEL)?,
        }
        .into())
    }
}

/// Whether a body is worth its encodings: a quick compression saves a sixteenth of it, so that a
/// thorough one is never larger than the body.
pub fn shrinks(body: &[u8]) -> bool {
    gzip(body, GZIP_TRY).is_ok_and(|tried| tried.len() + body.len() / WORTH <= body.len())
}

/// Whether a body of this type and length may have encodings; [`shrinks`] says whether it has.
pub fn compressible(content_type: &str, length: u64) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    SIZES.contains(&length) && TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// The encoding that the `Accept-Encoding` headers like best; brotli where they like both alike.
///
/// `None` when they accept neither or prefer the plain bytes. The edge function has the same rule.
pub fn preferred<'a>(accept_encoding: impl Iterator<Item = &'a str>) -> Option<Encoding> {
    let mut liking = Liking::default();
    accept_encoding.flat_map(|list| list.split(',')).for_each(|item| liking.note(item));
    let brotli = liking.brotli.or(liking.others).unwrap_or(0.0);
    let gzip = liking.gzip.or(liking.others).unwrap_or(0.0);
    let best = brotli.max(gzip);
    if best <= 0.0 || best < liking.identity.unwrap_or(0.0) {
        return None;
    }
    Some(if brotli < best { Encoding::Gzip } else { Encoding::Brotli })
}

/// What `Accept-Encoding` says, from 0 to 1.
#[derive(Default)]
struct Liking {
    brotli: Option<f64>,
    gzip: Option<f64>,
    identity: Option<f64>,
    others: Option<f64>,
}

impl Liking {
    fn note(&mut self, item: &str) {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let name = name.trim();
        let slot = match name {
            "*" => &mut self.others,
            _ if name.eq_ignore_ascii_case("br") => &mut self.brotli,
            _ if name.eq_ignore_ascii_case("gzip") => &mut self.gzip,
            _ if name.eq_ignore_ascii_case("identity") => &mut self.identity,
            _ => return,
        };
        *slot = Some(weight(parameters));
    }
}

/// The weight in an item's first parameter; 1 when there is none, 0 when it is no weight.
///
/// Source: RFC 9110, section 12.4.2.
fn weight(parameters: &str) -> f64 {
    let first: String = parameters.split(';').next().unwrap_or_default().split_whitespace().collect();
    if first.is_empty() {
        return 1.0;
    }
    let Some(q) = first.strip_prefix(['q', 'Q']).and_then(|rest| rest.strip_prefix('=')) else { return 0.0 };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match q.split_once('.').unwrap_or((q, "")) {
        ("0" | "1", fraction) if digits(fraction) => q.parse().map_or(0.0, |q: f64| q.min(1.0)),
        _ => 0.0,
    }
}

fn brotli(body: &[u8]) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: if body.len() < LARGE { BROTLI_QUALITY } else { BROTLI_QUALITY_LARGE },
        lgwin: BROTLI_WINDOW,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut out = Vec::with_capacity(body.len() / 4);
    brotli::BrotliCompress(&mut io::Cursor::new(body), &mut out, &params)?;
    Ok(out)
}

fn gzip(body: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let out = Vec::with_capacity(body.len() / 4);
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(level));
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;

    use super::*;

    fn best(accept: &str) -> Option<Encoding> {
        preferred([accept].into_iter())
    }

    #[test]
    fn brotli_wins_where_both_are_liked_alike() {
        assert_eq!(best("gzip, deflate, br, zstd"), Some(Encoding::Brotli));
        assert_eq!(best("*"), Some(Encoding::Brotli));
        assert_eq!(preferred(["gzip", "br"].into_iter()), Some(Encoding::Brotli));
    }

    #[test]
    fn the_higher_weight_wins() {
        assert_eq!(best("br;q=0.5, gzip;q=0.8"), Some(Encoding::Gzip));
        assert_eq!(best("br; q=0.5 , GZIP ;Q=0.4"), Some(Encoding::Brotli));
        assert_eq!(best("gzip;q=0.001"), Some(Encoding::Gzip));
    }

    #[test]
    fn refused_encodings_are_not_used() {
        assert_eq!(best("br;q=0, gzip"), Some(Encoding::Gzip));
        assert_eq!(best("br;q=0, *;q=0.1"), Some(Encoding::Gzip));
        for accept in ["", "identity", "deflate", "gzip;q=0", "gzip;q=x", "identity, gzip;q=0.5", "xgzip"] {
            assert_eq!(best(accept), None, "{accept}");
        }
    }

    #[test]
    fn text_is_compressed_and_pictures_are_not() {
        assert!(compressible("text/html; charset=utf-8", 1_000));
        assert!(compressible("image/svg+xml", 10_000_000));
        assert!(!compressible("text/html; charset=utf-8", 999));
        assert!(!compressible("text/css", 10_000_001));
        assert!(!compressible("image/png", 5_000));
        assert!(!compressible("", 5_000));
    }

    #[test]
    fn what_was_compressed_can_be_read_again() {
        let body = "so many words ".repeat(500);
        let br = Encoding::Brotli.compress(body.as_bytes()).unwrap();
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut br.as_ref(), &mut plain).unwrap();
        assert_eq!(plain, body.as_bytes());

        let gz = Encoding::Gzip.compress(body.as_bytes()).unwrap();
        let mut plain = String::new();
        flate2::read::GzDecoder::new(gz.as_ref()).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, body);
    }

    #[test]
    fn what_does_not_shrink_is_not_worth_it() {
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(5_000)
        .collect();
        assert!(!shrinks(&noise) && !shrinks(b"") && !shrinks(b"x"));
        assert!(shrinks("so many words ".repeat(100).as_bytes()));
    }

    #[test]
    fn what_is_worth_it_gets_smaller_in_both_encodings() {
        // From noise to text, so that some are just worth it.
        let mut state = 7u32;
        for share in 0..64 {
            let body: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (state >> 8) % 64 < share { b'a' + (state >> 16) as u8 % 4 } else { (state >> 24) as u8 }
            })
            .take(4_000)
            .collect();
            if shrinks(&body) {
                for encoding in [Encoding::Brotli, Encoding::Gzip] {
                    assert!(encoding.compress(&body).unwrap().len() < body.len(), "{share} {encoding:?}");
                }
            }
        }
    }
}
