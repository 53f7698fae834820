use super::*;

/// Each URL, as it is written and as it is meant.
fn found(css: &str) -> Vec<(&str, String)> {
    references(css).into_iter().map(|found| (&css[found.span], found.url.into_owned())).collect()
}

fn written(css: &str) -> Vec<&str> {
    found(css).into_iter().map(|(written, _)| written).collect()
}

#[test]
fn urls_are_found_where_browsers_find_them() {
    for (css, want) in [
        ("a{background:url(a.png)}", &["a.png"] as &[&str]),
        ("a{background:URL( 'a.png' ) , url(\"b.png\")}", &["a.png", "b.png"]),
        ("a{background:url(\n a.png\t)}", &["a.png"]),
        (
            "@import 'a.css';@import \"b.css\" screen;@IMPORT url(c.css) layer(x) supports(display: grid) print;",
            &["a.css", "b.css", "c.css"],
        ),
        ("@import/**/ 'a.css'", &["a.css"]),
        ("@import layer 'no.css'; @import; 'no.css'", &[]),
        ("a{content:'url(no.png)'; content: \"no\" /* url(no.png) */}", &[]),
        (
            "a{background:image-set('a.png' 1x, url(b.png) 2x, 'c.avif' type('image/avif'))}",
            &["a.png", "b.png", "c.avif"],
        ),
        ("a{background:-webkit-image-set(url(a.png) 1x)}", &["a.png"]),
        ("@font-face{src:local('x'),url(a.woff2)format('woff2'),url(f.eot?#iefix)}", &["a.woff2", "f.eot?#iefix"]),
        ("@namespace url(no);@namespace svg 'no';a{b:url(a)}", &["a"]),
        ("@-moz-document url(no){a{b:url(a)}}", &["a"]),
        ("a{b:url(no no.png) url(a.png)}", &["a.png"]),
        ("a{b:url(no'x.png) url(no(x.png) url(a.png)}", &["a.png"]),
        ("a{b:'no\nurl(a.png)}", &["a.png"]),
        ("a{b:xurl(no) url-prefix(no) 1url(no) #url (no)}", &[]),
        ("a{b:var(--x, url(a.png))}", &["a.png"]),
        ("a{b:url()}", &[""]),
        ("a{b:url(no", &[]),
        ("a{b:url('no", &[]),
        ("/* url(no)", &[]),
        ("a{b:url(é.png)} é{b:url(ü.png)}", &["é.png", "ü.png"]),
        ("<!-- a{b:url(a.png)} -->", &["a.png"]),
        ("a{b:url(data:image/svg+xml;utf8,%3Csvg)}", &["data:image/svg+xml;utf8,%3Csvg"]),
    ] {
        assert_eq!(written(css), want, "{css}");
    }
}

#[test]
fn escapes_are_undone() {
    for (css, url) in [
        ("url(a\\ b.png)", "a b.png"),
        ("url(\\61 .png)", "a.png"),
        ("url('\\000061b.png')", "ab.png"),
        ("url(\"a\\\"b.png\")", "a\"b.png"),
        ("url('a\\\nb.png')", "ab.png"),
        ("url('a\\\r\nb.png')", "ab.png"),
        ("url(\\29.png)", ")"),
        ("url(\\0)", "\u{fffd}"),
        ("url(\\é)", "é"),
    ] {
        let found = found(css);
        assert_eq!(found.len(), 1, "{css}");
        assert!(found[0].1.starts_with(url), "{css}: {}", found[0].1);
    }
    assert_eq!(written("a\\(b{c:url(a.png)}\\"), ["a.png"]);
    assert_eq!(written("\\"), [""; 0]);
}

#[test]
fn what_is_escaped_says_the_same() {
    let text = "/a'b(c)\"d\\e f<é\u{1}\n~g.png#x";
    for (before, quote, after) in [("url('", Some(b'\''), "')"), ("url(\"", Some(b'"'), "\")"), ("url(", None, ")")] {
        let css = format!("{before}{}{after} url(z)", escaped(text, quote));
        let found = found(&css);
        assert_eq!(found.len(), 2, "{css}");
        assert_eq!(found[0].1, text);
        assert!(!css.contains('<'));
    }
}

#[test]
fn urls_of_custom_properties_are_marked() {
    let custom = |css: &str| references(css).iter().map(|found| found.custom).collect::<Vec<_>>();
    assert_eq!(custom("a{--b: url(x); c: url(y)}"), [true, false]);
    assert_eq!(custom("a{--b /**/:url(x)} a{c: var(--b) url(y)}"), [true, false]);
    assert_eq!(custom("--b:url(x)"), [true]);
}

#[test]
fn deep_nesting_ends_the_search() {
    assert_eq!(written(&format!("url(a) {} url(b)", "(".repeat(DEPTH))), ["a", "b"]);
    assert_eq!(written(&format!("url(a) {} url(b)", "f(".repeat(100_000))), ["a"]);
}

#[test]
fn only_a_true_declaration_names_an_encoding() {
    assert!(is_utf8("a{}") && is_utf8("@charset \"UTF-8\";") && is_utf8("@charset 'latin1';"));
    assert!(!is_utf8("@charset \"iso-8859-1\";a{}"));
}
