#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::site::mime;

/// A name that shows what it belongs to: `/a/b.css` is `/a/b~.css`.
fn named(path: &str) -> String {
    let (stem, end) = path.rsplit_once('.').unwrap();
    format!("{}~.{end}", url::encode(stem))
}

fn names() -> Names {
    let mut names = Names::default();
    for path in [
        "/a.css",
        "/a.png",
        "/b.png",
        "/a.js",
        "/m.js",
        "/f.eot",
        "/f.woff2",
        "/s.svg",
        "/d/a.png",
        "/d/a.css",
        "/it's (a) \"b\".png",
        "/a&b.png",
        "/pão.png",
    ] {
        names.insert(path.into(), &mime::content_type(path), named(path));
    }
    names
}

fn page(html: &str) -> String {
    Kind::Page.rewritten(html.as_bytes(), "/d/", &names()).unwrap_or_else(|| html.into())
}

fn sheet(css: &str) -> String {
    Kind::Sheet.rewritten(css.as_bytes(), "/d/x.css", &names()).unwrap_or_else(|| css.into())
}

#[test]
fn what_a_page_is_made_of_takes_immutable_names() {
    for (html, want) in [
        ("<link rel=stylesheet href=/a.css>", "<link rel=stylesheet href=/a~.css>"),
        (
            "<link href=\"a.css\" rel=\"Alternate STYLESHEET\"/>",
            "<link href=\"/d/a~.css\" rel=\"Alternate STYLESHEET\"/>",
        ),
        ("<LINK REL='shortcut icon' HREF='../a.png'>", "<LINK REL='shortcut icon' HREF='/a~.png'>"),
        ("<link rel=mask-icon href=/s.svg>", "<link rel=mask-icon href=/s~.svg>"),
        (
            "<link rel=preload as=font href=/f.woff2 crossorigin>",
            "<link rel=preload as=font href=/f~.woff2 crossorigin>",
        ),
        ("<link rel=prefetch href=/a.png>", "<link rel=prefetch href=/a~.png>"),
        (
            "<link rel=preload as=script href=/a.js><script src=/a.js></script>",
            "<link rel=preload as=script href=/a~.js><script src=/a~.js></script>",
        ),
        (
            "<link rel=preload as=image href=/a.png imagesrcset='/a.png 1x,/b.png 2x'>",
            "<link rel=preload as=image href=/a~.png imagesrcset='/a~.png 1x,/b.png 2x'>",
        ),
        ("<img alt src = a.png srcset=\"/a.png, /no.png 2x, /b.png 3x\">", {
            "<img alt src = /d/a~.png srcset=\"/a~.png, /no.png 2x, /b~.png 3x\">"
        }),
        (
            "<source srcset=a.png><video src=/no.mp4 poster=a.png>",
            "<source srcset=/d/a~.png><video src=/no.mp4 poster=/d/a~.png>",
        ),
        ("<object data=/s.svg></object><embed src=/s.svg>", "<object data=/s~.svg></object><embed src=/s~.svg>"),
        ("<input type=IMAGE src=a.png>", "<input type=IMAGE src=/d/a~.png>"),
        ("<svg><use xlink:href='/s.svg#x'/><image href=a.png /></svg>", {
            "<svg><use xlink:href='/s~.svg#x'/><image href=/d/a~.png /></svg>"
        }),
        ("<script src=/a.js></script><script type=text/javascript src=/a.js>", {
            "<script src=/a~.js></script><script type=text/javascript src=/a~.js>"
        }),
        ("<style>p{background:url(a.png)}</style>", "<style>p{background:url(/d/a~.png)}</style>"),
        (
            "<p style=\"background:url(&quot;a.png&quot;) &amp;\">",
            "<p style=\"background:url(&quot;/d/a~.png&quot;) &amp;\">",
        ),
        ("<p style='background:url(a.png)'>", "<p style='background:url(/d/a~.png)'>"),
        ("<noscript><img src=a.png></noscript>", "<noscript><img src=/d/a~.png></noscript>"),
        ("<template><img src=a.png></template>", "<template><img src=/d/a~.png></template>"),
        ("\u{feff}<img src=a.png>é", "\u{feff}<img src=/d/a~.png>é"),
    ] {
        let want = if html.contains("imagesrcset") { want.replace("/b.png", "/b~.png") } else { want.into() };
        assert_eq!(page(html), want);
    }
}

#[test]
fn other_references_stay() {
    for html in [
        "<a href=a.png>a</a><area href=a.png><iframe src=/s.svg></iframe>",
        "<link rel=canonical href=/a.png><link rel=alternate href=/a.css><link rel=next href=/a.png>",
        "<link rel='icon manifest' href=/a.png><link href=/a.css><link rel=modulepreload href=/m.js>",
        "<link rel=preload href=/a.png><link rel=preload as=fetch href=/a.png><link rel=prefetch as=document href=/a.png>",
        "<link rel=preload as=script href=/a.js><link rel=prefetch href=/a.js>",
        "<script type=module src=/m.js></script><link rel=preload as=script href=/m.js>",
        "<script src=/m.js integrity=x></script><script type=module src=/m.js></script>",
        "<script type='text/template' src=/a.js></script><script type=importmap>{\"a\": \"/a.js\"}</script>",
        "<link rel=stylesheet href=/a.css integrity=sha384-x><img src=a.png integrity>x",
        "<meta property=og:image content=/a.png><meta name=twitter:image content=/a.png>",
        "<!-- <img src=a.png> --><script>'<img src=a.png>'</script><textarea><img src=a.png></textarea>",
        "<xmp><img src=a.png></xmp><title><img src=a.png></title><style type=text/less>a{b:url(a.png)}</style>",
        "<img src=https://x/a.png><img src=//x/a.png><img src=no.png><img src='data:a.png'><img src=''><img src='#a.png'>",
        "<img data-src=a.png><div src=a.png><p style='--x:url(a.png)'><input src=a.png>",
        "<img src=a.png",
    ] {
        // An attribute without a value is none.
        let want = html.replace("<img src=a.png integrity>x", "<img src=/d/a~.png integrity>x");
        assert_eq!(page(html), want);
    }
}

#[test]
fn names_are_written_as_the_place_asks() {
    let file = "it's (a) \"b\"";
    let encoded = "/it's%20(a)%20%22b%22~.png";
    for (html, want) in [
        (format!("<img src=\"/{}.png\">", file.replace('"', "&quot;")), format!("<img src=\"{encoded}\">")),
        (
            format!("<img src='/{}.png'>", file.replace('\'', "&#39;")),
            "<img src='/it&#39;s%20(a)%20%22b%22~.png'>".into(),
        ),
        ("<img src=/it's%20(a)%20%22b%22.png>".into(), "<img src=/it&#39;s%20(a)%20%22b%22~.png>".into()),
        ("<img src=/a&amp;b.png><img src=/a&b.png>".into(), "<img src=/a%26b~.png><img src=/a%26b~.png>".into()),
        ("<img src=/p%C3%A3o.png><img src=/pão.png>".into(), "<img src=/p%C3%A3o~.png><img src=/p%C3%A3o~.png>".into()),
        ("<use href='/s.svg#a&#39;b&amp;'>".into(), "<use href='/s~.svg#a&#39;b&amp;'>".into()),
        ("<img src='\n/a.png '>".into(), "<img src='/a~.png'>".into()),
        ("<img src=//a.png><img src=/d//a.png>".into(), "<img src=//a.png><img src=/d/a~.png>".into()),
    ] {
        assert_eq!(page(&html), want);
    }
    let css =
        "a{b:url(\"/it's (a) \\\"b\\\".png\") url('/it\\'s (a) \"b\".png') url(/it\\'s\\ \\(a\\)\\ \\\"b\\\".png)}";
    let want = "a{b:url(\"/it's%20(a)%20%22b%22~.png\") url('/it\\'s%20(a)%20%22b%22~.png') \
                url(/it\\'s%20\\(a\\)%20%22b%22~.png)}";
    assert_eq!(sheet(css), want);
}

#[test]
fn a_query_goes_where_nothing_reads_it() {
    for (reference, want) in [
        ("/a.css?v=3", "/a~.css"),
        ("/a.css?v=3#x", "/a~.css#x"),
        ("/a.png?", "/a~.png?"),
        ("/f.eot?#iefix", "/f~.eot?#iefix"),
        ("/a.js?id=3", "/a~.js?id=3"),
        ("/s.svg?a#b?c", "/s~.svg?a#b?c"),
    ] {
        let url = names().replacement("/", reference).map(|new| new.url);
        assert_eq!(url.as_deref(), Some(want), "{reference}");
    }
}

#[test]
fn a_base_moves_the_references() {
    assert_eq!(page("<base href=/><img src=a.png>"), "<base href=/><img src=/a~.png>");
    assert_eq!(page("<base target=x><base href='../'><base href=/no/><img src=b.png>"), {
        "<base target=x><base href='../'><base href=/no/><img src=/b~.png>"
    });
    assert_eq!(page("<base href='#x'><img src=a.png>"), "<base href='#x'><img src=/d/a~.png>");
    for html in [
        "<base href=https://x/><img src=/a.png>",
        "<base href=//x><img src=/a.png>",
        "<img src=a.png><base href=/>",
        "<template><base href=/></template><img src=a.png>",
    ] {
        assert_eq!(page(html), html);
    }
}

#[test]
fn a_page_in_another_encoding_stays() {
    for html in
        ["<meta charset=iso-8859-1>", "<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>"]
    {
        let html = format!("{html}<img src=a.png>");
        assert_eq!(page(&html), html);
    }
    for html in ["<meta charset='UTF-8'>", "<meta http-equiv=content-type content='text/html;charset=utf-8'>"] {
        assert_ne!(page(&format!("{html}<img src=a.png>")), format!("{html}<img src=a.png>"));
    }
    assert_eq!(Kind::Page.rewritten(b"<img src=a.png>\xff", "/d/", &names()), None);
    assert_eq!(Kind::Sheet.rewritten(b"a{b:url(a.png)}\xff", "/d/", &names()), None);
    assert_eq!(sheet("@charset \"latin1\";a{b:url(a.png)}"), "@charset \"latin1\";a{b:url(a.png)}");
}

#[test]
fn styles_whose_hashes_are_named_stay() {
    let csp = "<meta http-equiv=Content-Security-Policy content=\"style-src 'sha256-x'\">";
    let styles = "<style>a{b:url(a.png)}</style><p style='b:url(a.png)'>";
    assert_eq!(page(&format!("{csp}{styles}")), format!("{csp}{styles}"));
    let names = Names { keeps_inline_styles: true, ..names() };
    assert_eq!(Kind::Page.rewritten(styles.as_bytes(), "/d/", &names), None);
}

#[test]
fn a_sheet_keeps_what_has_no_name() {
    for (css, want) in [
        ("a{b:url(a.png) url(no.png)}", "a{b:url(/d/a~.png) url(no.png)}"),
        ("@import '../a.css' screen;", "@import '/a~.css' screen;"),
        ("a{b:image-set('a.png' 1x)}", "a{b:image-set('/d/a~.png' 1x)}"),
        ("@namespace url(/a.png);", "@namespace url(/a.png);"),
        ("a{--b:url(a.png) url(/a.png);c:url(a.png)}", "a{--b:url(a.png) url(/a~.png);c:url(/d/a~.png)}"),
        ("a{b:url(data:a.png) url(#x) url(/s.svg#x)}", "a{b:url(data:a.png) url(#x) url(/s~.svg#x)}"),
        ("a{b:url('/s.svg#\\3c/style\\3e \\'')}", "a{b:url('/s~.svg#\\3c /style>\\'')}"),
    ] {
        assert_eq!(sheet(css), want);
    }
}

#[test]
fn files_that_are_fetched_plainly_are_preloaded_plainly() {
    let mut names = names();
    names.keep_plain("/f.woff2".into());
    let html = "<link rel=preload as=font href=/f.woff2>";
    assert_eq!(Kind::Page.rewritten(html.as_bytes(), "/", &names), None);
}

#[test]
fn what_is_checked_is_found() {
    let html = "<link integrity=x href=a.css><link href=/a.css><script src=/a.js integrity='y'></script>\
                <base href=/e/><link href=b.css integrity=x><link href=https://x/c.css integrity=x>";
    let mut found: Vec<String> = checked("/d/", html.as_bytes()).unwrap().into_iter().collect();
    found.sort();
    assert_eq!(found, ["/a.js", "/d/a.css", "/e/b.css"]);
}

#[test]
fn a_rewritten_file_is_made_again_as_long_as_its_source_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.html");
    std::fs::write(&path, "<img src=/a.png>").unwrap();
    let content = Content::Disk { path: path.clone(), size: 16 };
    let file = |content| File { path: "/".into(), source: "x".into(), content, content_type: "text/html".into() };
    let names = Arc::new(names());
    let (text, bytes) = Rewritten::of(&file(content), &names).unwrap().unwrap();
    assert_eq!(bytes, "<img src=/a~.png>");
    assert_eq!((text.bytes().unwrap(), text.size()), (bytes, 17));
    std::fs::write(&path, "<img src=/b.png>").unwrap();
    assert!(text.bytes().unwrap_err().to_string().contains("has changed since"));
    let large = Content::Disk { path, size: LARGEST + 1 };
    assert_eq!(Rewritten::of(&file(large), &names).unwrap(), None);
}

/// Numbers that only look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

const PARTS: [&str; 50] = [
    "<img src=a.png>",
    "<img src='a.png' srcset='a.png 1x, /a.css'>",
    "<p style='b:url(a.png)'>",
    "<style>b{c:url(a.png)}</style>",
    "@import '/a.css';",
    "url( \"a.png\" )",
    "<",
    ">",
    "/",
    "=",
    "\"",
    "'",
    " ",
    "\n",
    "a",
    "é",
    "<img ",
    "<link rel=stylesheet ",
    "<script ",
    "</script>",
    "<style>",
    "</style>",
    "style=",
    "src=",
    "href=",
    "srcset=",
    "a.png",
    "/a.css",
    "no.png",
    "url(",
    ")",
    "\\",
    "@import ",
    "/*",
    "*/",
    "<!--",
    "-->",
    "&amp;",
    "&quot;",
    "&",
    ";",
    "{",
    "}",
    "image-set(",
    "<svg>",
    "</svg>",
    "--x:",
    ",",
    "1x",
    "#",
];

#[test]
fn edits_never_overlap_and_touch_only_references() {
    let (mut dice, names, none) = (Dice(1), names(), Names::default());
    let mut changed = 0;
    for _ in 0..20_000 {
        let length = dice.below(25);
        let text: String = (0..length).map(|_| PARTS[dice.below(PARTS.len())]).collect();
        for edits in [html::edits(&text, "/d/", &names), style_edits(&text, "/d/", &names)] {
            let mut at = 0;
            for (span, new) in &edits {
                assert!(at <= span.start && span.start < span.end, "{text:?} {edits:?}");
                let old = &text[span.clone()];
                assert!(old.contains("a.png") || old.contains("/a.css"), "{old:?} in {text:?}");
                assert!(new.contains('~'));
                at = span.end;
            }
            changed += edits.len();
        }
        for kind in [Kind::Page, Kind::Sheet] {
            let once = kind.rewritten(text.as_bytes(), "/d/", &names);
            let twice = once.as_ref().and_then(|once| kind.rewritten(once.as_bytes(), "/d/", &names));
            assert_eq!(twice, None, "{text:?} {once:?}");
        }
        assert_eq!(Kind::Page.rewritten(text.as_bytes(), "/d/", &none), None);
        assert_eq!(Kind::Sheet.rewritten(text.as_bytes(), "/d/", &none), None);
    }
    assert!(changed > 1000, "{changed}");
}
