//! `site/_headers`, in Netlify's format.
//!
//! Source: Netlify's documentation, "Custom headers": a path on a line of its own, its headers
//! indented below it, `#` before comments.

use super::headers::{HeaderRule, check_header};
use super::redirects_file::LineFault;

/// The file, from the project's folder.
pub const FILE: &str = "site/_headers";

/// Reads the file's text.
///
/// # Errors
///
/// The first line that is not understood.
pub fn parse(text: &str) -> Result<Vec<HeaderRule>, LineFault> {
    let mut rules: Vec<HeaderRule> = Vec::new();
    for (number, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let fault = |what: String| LineFault { line: number + 1, what };
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if content.starts_with('/') || content.contains("://") && !line.starts_with([' ', '\t']) {
            rules.push(HeaderRule::new(content).map_err(fault)?);
            continue;
        }
        let Some((name, value)) = content.split_once(':') else {
            return Err(fault(format!("\"{content}\" is neither a path nor a header such as X-Frame-Options: DENY")));
        };
        check_header(name.trim(), value).map_err(fault)?;
        match rules.last_mut() {
            Some(rule) => rule.add(name.trim(), value),
            None => {
                return Err(fault(format!(
                    "\"{content}\" stands before the first path; put a path such as /* above it"
                )));
            }
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::config::headers::Headers;
    use crate::site::headers::HeaderRules;

    #[test]
    fn blocks_comments_and_several_values_are_read() {
        let text = "# all\n/*\n  # indented\n  X-Frame-Options: DENY\n  cache-control: max-age=0\n\
                    \tCache-Control: no-cache\n\n\
                    /b/*\r\n  Link: <https://example.com/x>; rel=y\r\n/empty\n";
        let rules = HeaderRules::new(parse(text).unwrap(), &[]);
        let headers = rules.headers_for("/b/");
        assert_eq!(
            (headers["cache-control"].as_str(), headers["x-frame-options"].as_str()),
            ("max-age=0, no-cache", "DENY")
        );
        assert_eq!(headers["link"], "<https://example.com/x>; rel=y");
        assert!(!rules.headers_for("/").contains_key("link"));
    }

    #[test]
    fn what_arq_toml_says_comes_after_the_file() {
        let values = [("x-a".to_owned(), "toml".to_owned())].into();
        let config = Headers { path: "/*".into(), values };
        let rules = HeaderRules::new(parse("/a\n  x-a: file\n").unwrap(), &[config]);
        assert_eq!(rules.headers_for("/a")["x-a"], "toml");
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, line, what) in [
            ("  x-a: 1\n", 1, "before the first path"),
            ("/a\n  x-a\n", 2, "neither a path nor a header"),
            ("/a\n\n  set-cookie: a=b\n", 3, "set-cookie cannot be set"),
            ("/a/:id\n", 1, "only one *"),
            ("https://example.com/*\n", 1, "begin with a slash"),
            ("/a\n  x-a:\n", 2, "not empty"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.line == line && fault.what.contains(what), "{text}: {fault:?}");
        }
    }
}
