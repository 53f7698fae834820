//! The content type of a file, by its name.

/// Extensions that `mime_guess` lacks or gives an outdated or unhelpful type.
///
/// Sources: IANA media types; RFC 9239 for JavaScript; WHATWG MIME Sniffing.
const BETTER: &[(&str, &str)] = &[
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("cjs", "text/javascript"),
    ("geojson", "application/geo+json"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("ico", "image/x-icon"),
    ("ics", "text/calendar"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("mjs", "text/javascript"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("rss", "application/rss+xml"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("vcf", "text/vcard"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
    ("xsl", "application/xslt+xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
];

/// For what cannot be known from the name.
const UNKNOWN: &str = "application/octet-stream";

/// The `content-type` of a file called `name`; text says that it is UTF-8.
pub fn content_type(name: &str) -> String {
    let extension = extension(name).to_ascii_lowercase();
    let known = BETTER.iter().find(|(known, _)| *known == extension).map(|(_, kind)| *kind);
    let kind = known.or_else(|| mime_guess::from_ext(&extension).first_raw()).unwrap_or(UNKNOWN);
    if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.into() }
}

fn extension(name: &str) -> &str {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn types_are_what_browsers_want() {
        for (name, kind) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.HTM", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.xml", "application/xml"),
            ("a.svg", "image/svg+xml"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.woff2", "font/woff2"),
            ("a.avif", "image/avif"),
            ("a.wasm", "application/wasm"),
            ("a.pdf", "application/pdf"),
            ("a.jpg", "image/jpeg"),
            ("a.mp4", "video/mp4"),
            ("a.tar.gz", "application/gzip"),
            ("b.d/LICENSE", "application/octet-stream"),
            (".well-known/security", "application/octet-stream"),
            ("a.nosuchthing", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), kind, "{name}");
        }
    }
}
