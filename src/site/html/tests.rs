#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn scan(html: &str, piece: usize) -> Vec<(String, String, usize)> {
    let mut all = Vec::new();
    let mut scanner = Scanner::default();
    for part in html.as_bytes().chunks(piece) {
        scanner.feed(part, &mut |r| all.push((format!("{} {}", r.element, r.attribute), r.value, r.line)));
    }
    all
}

const PAGE: &str = "<!doctype html>\n<!-- <a href=no> -- > -->\n<title><a href=no></title>\n\
    <script>if (a<b) { '<a href=no>' } </scripty> </SCRIPT >\n\
    <A class='x'\n HREF = \"/a?b=1&amp;c=&#50;\" disabled>a < b</a>\n\
    <img src=p.png><img/src='q&r.png'/><video poster=v.jpg data-src=no></video><p title=\"<a href='no'>\">\n\
    <![CDATA[ x ]]><?php ?><a href>x</a><br/><a href=''>";

#[test]
fn only_what_is_markup_is_found() {
    let found = scan(PAGE, PAGE.len());
    let want: Vec<(String, String, usize)> = [
        ("a href", "/a?b=1&c=2", 6),
        ("img src", "p.png", 7),
        ("img src", "q&r.png", 7),
        ("video poster", "v.jpg", 7),
        ("a href", "", 8),
    ]
    .map(|(what, value, line)| (what.into(), value.into(), line))
    .into();
    assert_eq!(found, want);
}

#[test]
fn the_size_of_the_pieces_does_not_matter() {
    for piece in 1..40 {
        assert_eq!(scan(PAGE, piece), scan(PAGE, PAGE.len()), "{piece}");
    }
}

#[test]
fn long_values_are_no_links() {
    assert!(scan(&format!("<img src=\"data:{}\">", "A".repeat(9000)), 100).is_empty());
}

fn found(html: &str) -> Vec<String> {
    scan(html, html.len()).into_iter().map(|(_, value, _)| value).collect()
}

#[test]
fn comments_end_where_browsers_end_them() {
    for comment in
        ["<!-->", "<!--->", "<!---->", "<!-- x --!>", "<!-- -- > --->", "<!x>", "<!->", "<![CDATA[ > ", "<?x>"]
    {
        assert_eq!(found(&format!("{comment}<a href=x>")), ["x"], "{comment}");
    }
    assert_eq!(found("<!-- --!- > <a href=x>"), [""; 0]);
}

#[test]
fn a_script_in_a_comment_of_a_script_does_not_end_it() {
    for script in [
        "<!-- <script> <a href=no> </script> --> <a href=no>",
        "<!-- </script-x> <a href=no>",
        "<!--><script> <a href=no>",
        "a <!- <script> <a href=no>",
        "</ script> <a href=no> </script1>",
        "<!-- <scripty> <a href=no>",
    ] {
        assert_eq!(found(&format!("<script>{script}</script ><a href=x>")), ["x"], "{script}");
    }
    assert_eq!(found("<script><!-- <script> --> </script><a href=x>"), ["x"]);
    assert_eq!(found("<style><!-- <script></style><a href=x>"), ["x"]);
}

#[test]
fn end_tags_have_attributes_too() {
    assert_eq!(found("</p title='><a href=no>' href=no></title x='>'><a href=x>"), ["x"]);
    assert_eq!(found("<title></title x='><a href=no>'><a href=x></><a href=y>"), ["x", "y"]);
}

#[test]
fn svg_has_its_own_rules() {
    assert_eq!(found("<svg><title/><style/><a href=x></svg><title/><a href=no>"), ["x"]);
    assert_eq!(found("<svg><![CDATA[ > <a href=no> ]] ]]]><a href=x>"), ["x"]);
    assert_eq!(found("<svg/><title/><a href=no>"), [""; 0]);
    assert_eq!(found("<svg><style / ><a href=no></style>"), [""; 0]);
}

#[test]
fn spans_are_what_is_written() {
    let html = "<a\nhref = \"x&amp;y\" b=c/><style media=x>a<b</style >\n<img src='é' alt=>";
    for piece in 1..html.len() {
        let (mut spans, mut scanner) = (Vec::new(), Scanner::default());
        for part in html.as_bytes().chunks(piece) {
            scanner.tokens(part, &mut |token| match token {
                Token::Attribute { name, span, quote, .. } => {
                    spans.push((String::from_utf8_lossy(name).into_owned(), html[span].to_owned(), quote));
                }
                Token::Raw { element, span } => {
                    spans.push((String::from_utf8_lossy(element).into_owned(), html[span].to_owned(), None));
                }
                Token::Open { element } => spans.push((String::from_utf8_lossy(element).into_owned(), "".into(), None)),
            });
        }
        let want = [
            ("href", "x&amp;y", Some(b'"')),
            ("b", "c/", None),
            ("a", "", None),
            ("media", "x", None),
            ("style", "", None),
            ("style", "a<b", None),
            ("src", "é", Some(b'\'')),
            ("img", "", None),
        ];
        assert_eq!(spans, want.map(|(name, text, quote)| (name.to_owned(), text.to_owned(), quote)), "{piece}");
    }
}
