//! Parts: which ones an object has, and which of them are in S3 already.

use md5::{Digest, Md5};

use super::single::hex;
use crate::release::object::PART;

/// One part of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: i32,
    /// Where it begins.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// The parts of an object of that many bytes.
pub fn parts(size: u64) -> impl Iterator<Item = Part> {
    (1..).zip((0..size).step_by(PART as usize)).map(move |(number, offset)| Part {
        number,
        offset,
        size: PART.min(size - offset),
    })
}

/// A part as S3 lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its size in bytes.
    pub size: u64,
    /// Its ETag, with quotes.
    pub etag: String,
}

impl Listed {
    /// Whether it is that part. Under keys of KMS no ETag is an MD5, and every part is sent again.
    pub fn is(&self, part: Part, md5: &[u8]) -> bool {
        self.size == part.size && self.etag.trim_matches('"') == hex(md5)
    }
}

/// A part that S3 has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its number.
    pub number: i32,
    /// MD5 of its bytes.
    pub md5: [u8; 16],
    /// Its ETag, as S3 says it.
    pub etag: String,
}

/// The ETag that S3 gives the whole, without quotes; the parts are in order.
pub fn etag(parts: &[Sent]) -> String {
    let md5s = parts.iter().fold(Md5::new(), |md5s, part| md5s.chain_update(part.md5));
    format!("{}-{}", hex(&md5s.finalize()), parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::object::{MULTIPART, etag_of};

    #[test]
    fn parts_cover_every_byte_once() {
        for size in [MULTIPART + 1, 5 * PART, 5 * PART - 1, 5 * PART + 1, 5 * 1024 * 1024 * 1024] {
            let parts: Vec<Part> = parts(size).collect();
            let mut end = 0;
            for (index, part) in parts.iter().enumerate() {
                assert_eq!((part.number as usize, part.offset), (index + 1, end));
                assert!(part.size == PART || index + 1 == parts.len() && (1..PART).contains(&part.size));
                end += part.size;
            }
            assert_eq!(end, size);
            assert!(parts.len() <= 10_000, "Amazon S3 User Guide, \"Amazon S3 multipart upload limits\"");
        }
    }

    #[test]
    fn a_part_is_kept_when_its_size_and_its_bytes_are_right() {
        let part = Part { number: 1, offset: 0, size: 3 };
        let listed = |size, etag: &str| Listed { size, etag: etag.into() };
        let md5: [u8; 16] = Md5::digest(b"abc").into();
        assert!(listed(3, "\"900150983cd24fb0d6963f7d28e17f72\"").is(part, &md5));
        assert!(!listed(2, "\"900150983cd24fb0d6963f7d28e17f72\"").is(part, &md5));
        assert!(!listed(3, "\"900150983cd24fb0d6963f7d28e17f73\"").is(part, &md5));
    }

    #[test]
    fn the_etag_of_the_parts_is_that_of_the_object() {
        let size = MULTIPART + 5;
        let bytes = vec![7; size as usize];
        let sent = |part: Part| {
            let piece = &bytes[part.offset as usize..(part.offset + part.size) as usize];
            Sent { number: part.number, md5: Md5::digest(piece).into(), etag: String::new() }
        };
        let sent: Vec<Sent> = parts(size).map(sent).collect();
        assert_eq!(Some(etag(&sent)), etag_of(bytes.as_slice()).ok());
    }
}
