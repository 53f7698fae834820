//! The page that stands in while no build has succeeded yet.

use std::fmt::Write as _;

use super::SCRIPT;
use crate::serve::trouble::{Trouble, TroubleLine};

const STYLE: &str = "body{margin:0;padding:min(6vw,4rem);background:#1b1116;color:#f7eff2;font:16px/1.5 system-ui,sans-serif}\
h1{font-size:1.5rem;color:#ff9db0}p{white-space:pre-wrap}\
b{display:block;font:600 .9rem ui-monospace,monospace;color:#ffd7a1}";

/// A whole HTML page that says what is wrong and loads itself again once it is mended.
pub fn error_page(trouble: &Trouble, build: &str) -> String {
    let title = escaped(&trouble.title);
    let lines: String = trouble.lines.iter().map(paragraph).collect();
    format!(
        "<!doctype html><html lang=\"en\" data-arq-error-page><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1>{lines}<p>Mend the file and save it: this page loads itself again.</p>\
         <script src=\"{SCRIPT}?build={build}\" async></script></body></html>"
    )
}

fn paragraph(line: &TroubleLine) -> String {
    let mut out = String::from("<p>");
    if let Some(file) = &line.file {
        let number = line.line.map(|n| format!(":{n}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(out, "<b>{}{number}</b>", escaped(file));
    }
    out + &escaped(&line.text) + "</p>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_file_and_line() {
        let trouble =
            Trouble::new("the site could not be built").with("no such layout", Some("site/a.md".into()), Some(3));
        let page = error_page(&trouble, "x-1");
        assert!(page.contains("<h1>the site could not be built</h1>"));
        assert!(page.contains("<p><b>site/a.md:3</b>no such layout</p>"));
        assert!(page.contains("/.arq/reload.js?build=x-1"));
    }

    #[test]
    fn what_came_from_files_is_escaped() {
        let trouble = Trouble::new("<b>").with("<script>alert(\"1\")</script> & more", Some("<i>.md".into()), None);
        let page = error_page(&trouble, "1");
        assert!(!page.contains("<script>alert"));
        assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; more"));
        assert!(page.contains("&lt;i&gt;.md"));
    }
}
