//! What bytes are, by how they begin: whoever sends them may say something else.
//!
//! Source: WHATWG MIME Sniffing, section 6.1; for AVIF, ISO/IEC 14496-12, section 4.3, and the AVIF
//! specification, section 6.

/// Where the header of a PDF has to begin at the latest.
///
/// Source: PDF Reference 1.7, appendix H, implementation note 13.
const PDF_HEADER: usize = 1024;

/// The image type that bytes begin as; `None` for whatever is not recognised.
pub fn image(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    match () {
        () if begins(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        () if begins(b"\xff\xd8\xff") => Some("image/jpeg"),
        () if begins(b"GIF87a") || begins(b"GIF89a") => Some("image/gif"),
        () if begins(b"RIFF") && bytes.get(8..14) == Some(b"WEBPVP") => Some("image/webp"),
        () if is_avif(bytes) => Some("image/avif"),
        () => None,
    }
}

/// What the bytes show themselves to be, when that is not what is said of them.
pub fn contradiction(said: &str, bytes: &[u8]) -> Option<String> {
    let seen = image(bytes);
    let known = match said {
        // An animated PNG begins as any other.
        "image/apng" => Some("image/png"),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif" => Some(said),
        _ => None,
    };
    let agrees = match (said, known) {
        (_, Some(known)) => seen == Some(known),
        ("application/pdf", None) => find_pdf(bytes),
        // SVG, and whatever else is shown as text, has to be text.
        ("image/svg+xml", None) => is_text(bytes),
        (said, None) if said.starts_with("text/") => is_text(bytes),
        (said, None) => seen.is_none() || !said.starts_with("image/"),
    };
    match (agrees, seen) {
        (true, _) => None,
        (false, Some(seen)) => Some(format!("it says {said}, and its bytes are {seen}")),
        (false, None) => Some(format!("it says {said}, and its bytes are something else")),
    }
}

/// UTF-8 without the character that no text has.
fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0)
}

fn find_pdf(bytes: &[u8]) -> bool {
    bytes.get(..PDF_HEADER).unwrap_or(bytes).windows(5).any(|window| window == b"%PDF-")
}

/// The first box names the brands that the file can be read as.
fn is_avif(bytes: &[u8]) -> bool {
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let end = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX).saturating_sub(4);
    let Some(brands) = rest.get(..end.min(256).min(rest.len())).and_then(|first| first.strip_prefix(b"ftyp")) else {
        return false;
    };
    // The second four bytes are a version.
    let named = |(at, brand): (usize, &[u8])| at != 1 && matches!(brand, b"avif" | b"avis");
    brands.chunks_exact(4).enumerate().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
    const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 ";
    const AVIF: &[u8] = b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiafMA1A";
    const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

    #[test]
    fn images_are_known_by_their_beginning() {
        for (bytes, kind) in [
            (PNG, Some("image/png")),
            (JPEG, Some("image/jpeg")),
            (b"GIF89a\x01\0", Some("image/gif")),
            (WEBP, Some("image/webp")),
            (AVIF, Some("image/avif")),
            (b"\0\0\0\x0cftypavis", Some("image/avif")),
            (HEIC, None),
            (b"\0\0\0\x10ftypheicavif", None),
            (b"\0\0\0\x0cftypheicavif", None),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"<svg/>", None),
            (b"\0\0", None),
            (b"", None),
        ] {
            assert_eq!(image(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_said_of_bytes_has_to_agree_with_them() {
        for (said, bytes, agrees) in [
            ("image/png", PNG, true),
            ("image/apng", PNG, true),
            ("image/png", JPEG, false),
            ("image/png", b"hello", false),
            ("image/webp", b"", false),
            ("image/bmp", b"BM", true),
            ("image/bmp", PNG, false),
            ("image/heic", HEIC, true),
            ("image/svg+xml", b"<svg/>", true),
            ("image/svg+xml", PNG, false),
            ("application/pdf", b"\n%PDF-1.7", true),
            ("application/pdf", b"<html>", false),
            ("text/plain", "ã".as_bytes(), true),
            ("text/plain", b"", true),
            ("text/plain", b"a\0b", false),
            ("text/plain", PNG, false),
            ("application/octet-stream", PNG, true),
        ] {
            assert_eq!(contradiction(said, bytes).is_none(), agrees, "{said} {bytes:?}");
        }
    }
}
