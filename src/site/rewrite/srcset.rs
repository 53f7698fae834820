//! The URLs of `srcset`.
//!
//! Source: HTML Standard, section 4.8.4.2.2 (parsing a srcset attribute).

use std::ops::Range;

/// Where the URLs of a `srcset` are, in their order.
pub fn urls(srcset: &str) -> Vec<Range<usize>> {
    let (bytes, mut at, mut found) = (srcset.as_bytes(), 0, Vec::new());
    loop {
        while bytes.get(at).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b',') {
            at += 1;
        }
        let start = at;
        while bytes.get(at).is_some_and(|byte| !byte.is_ascii_whitespace()) {
            at += 1;
        }
        if start == at {
            return found;
        }
        let url = srcset[start..at].trim_end_matches(',');
        found.push(start..start + url.len());
        if start + url.len() == at {
            at = descriptors(bytes, at);
        }
    }
}

/// Where the descriptors of a candidate end: at a comma that is not in parentheses.
fn descriptors(bytes: &[u8], mut at: usize) -> usize {
    let mut inside = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' => inside = true,
            b')' => inside = false,
            b',' if !inside => break,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::urls;

    #[test]
    fn candidates_are_told_apart_as_in_a_browser() {
        for (srcset, want) in [
            ("a.png", &["a.png"] as &[&str]),
            ("a.png 1x, b.png 2x", &["a.png", "b.png"]),
            ("\n a.png 100w ,\tb.png 200w,", &["a.png", "b.png"]),
            ("a.png, b.png", &["a.png", "b.png"]),
            ("a.png,b.png 2x", &["a.png,b.png"]),
            ("a.png 1x,b.png 2x", &["a.png", "b.png"]),
            ("data:image/png;base64,AA== 1x, b.png", &["data:image/png;base64,AA==", "b.png"]),
            ("a.png f(x, y) 2x, b.png", &["a.png", "b.png"]),
            (",,a.png,, , b.png", &["a.png", "b.png"]),
            ("é.png 1x, ü.png 2x", &["é.png", "ü.png"]),
            ("", &[]),
            (" , ", &[]),
            ("a.png (", &["a.png"]),
        ] {
            let found: Vec<&str> = urls(srcset).into_iter().map(|span| &srcset[span]).collect();
            assert_eq!(found, want, "{srcset}");
        }
    }
}
