//! The script tag in a page.

use bytes::Bytes;

use super::SCRIPT;

/// The page with the script of live reload in it, which remembers that it came from `build`.
///
/// The tag goes before the last `</body>`, or to the end where there is none.
pub fn with_script(page: &[u8], build: &str) -> Bytes {
    let tag = format!("<script src=\"{SCRIPT}?build={build}\" async></script>");
    let at = end_of_body(page).unwrap_or(page.len());
    [&page[..at], tag.as_bytes(), &page[at..]].concat().into()
}

fn end_of_body(page: &[u8]) -> Option<usize> {
    const END: &[u8] = b"</body";
    page.windows(END.len()).rposition(|window| window.eq_ignore_ascii_case(END))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_goes_before_the_last_end_of_body() {
        let page = b"<body><pre>&lt;/body> </body></pre></BODY></html>";
        let with = with_script(page, "7");
        assert!(with.ends_with(b"</pre><script src=\"/.arq/reload.js?build=7\" async></script></BODY></html>"));
    }

    #[test]
    fn a_page_without_a_body_gets_it_at_the_end() {
        assert_eq!(&with_script(b"hello", "7")[..], b"hello<script src=\"/.arq/reload.js?build=7\" async></script>");
        assert_eq!(&with_script(b"", "7")[..], b"<script src=\"/.arq/reload.js?build=7\" async></script>");
    }
}
