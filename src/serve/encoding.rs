//! Compression on the fly: which bodies, which encoding, and the compressing itself.
//!
//! The same bodies are compressed as CloudFront compresses, so that what was previewed is what
//! visitors get.
//!
//! Source: CloudFront developer guide, "Serve compressed files", the list of content types and sizes.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use bytes::Bytes;

/// Sizes in bytes that CloudFront compresses.
const SIZES: RangeInclusive<u64> = 1_000..=10_000_000;

/// Content types that CloudFront compresses, sorted.
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

/// Brotli's effort, of 11: above this, each level costs about twice the time for a few per cent.
const BROTLI_QUALITY: i32 = 5;
/// Brotli's window, as a power of two.
const BROTLI_WINDOW: i32 = 22;
/// Gzip's effort, of 9.
const GZIP_LEVEL: u32 = 6;

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

    /// Compresses a body. Empty when the result would not be smaller.
    pub fn compress(self, body: &[u8]) -> io::Result<Bytes> {
        let compressed = match self {
            Self::Brotli => brotli(body)?,
            Self::Gzip => gzip(body)?,
        };
        Ok(if compressed.len() < body.len() { compressed.into() } else { Bytes::new() })
    }
}

/// Whether a body of this type and length is compressed for those who accept it.
pub fn compressible(content_type: &str, length: u64) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    SIZES.contains(&length) && TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// The encoding that the `Accept-Encoding` headers like best; brotli where they like both alike.
///
/// `None` when they accept neither or prefer the plain bytes.
pub fn preferred<'a>(accept_encoding: impl Iterator<Item = &'a str>) -> Option<Encoding> {
    let mut liking = Liking::default();
    accept_encoding.flat_map(|list| list.split(',')).for_each(|item| liking.note(item));
    let brotli = liking.brotli.or(liking.others).unwrap_or(0);
    let gzip = liking.gzip.or(liking.others).unwrap_or(0);
    let plain = liking.identity.unwrap_or(0);
    match brotli.max(gzip) {
        0 => None,
        best if best < plain => None,
        best if best == brotli => Some(Encoding::Brotli),
        _ => Some(Encoding::Gzip),
    }
}

/// What `Accept-Encoding` says, in thousandths.
#[derive(Default)]
struct Liking {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
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

/// The `q` among an item's parameters, in thousandths; 1 when there is none, 0 when it is no number.
fn weight(parameters: &str) -> u16 {
    let q = parameters.split(';').find_map(|p| p.trim().strip_prefix(['q', 'Q']));
    let Some(q) = q.and_then(|q| q.trim_start().strip_prefix('=')) else { return 1000 };
    let q: f32 = q.trim().parse().unwrap_or(0.0);
    // A float cast saturates, and what is no number becomes 0.
    (q.clamp(0.0, 1.0) * 1000.0) as u16
}

fn brotli(body: &[u8]) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: body.len(),
        ..Default::default()
    };
    let mut out = Vec::with_capacity(body.len() / 4);
    brotli::BrotliCompress(&mut io::Cursor::new(body), &mut out, &params)?;
    Ok(out)
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let out = Vec::with_capacity(body.len() / 4);
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
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
    fn a_body_that_would_not_shrink_stays_as_it_is() {
        let noise: Vec<u8> = (0..2_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let twice = Encoding::Brotli.compress(&noise).unwrap();
        assert!(twice.is_empty() || twice.len() < noise.len());
        assert!(Encoding::Gzip.compress(b"x").unwrap().is_empty());
    }
}
