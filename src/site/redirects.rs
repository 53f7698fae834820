//! One redirect or rewrite, and what can be wrong with it alone.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::url;
use crate::config::redirects::Redirect;

/// What stands for the part of a path that a `*` matched.
pub const SPLAT: &str = ":splat";
/// Most segments before a `*`.
pub const DEPTH: usize = 10;
/// Status of a rule that answers with another page instead of leading there.
pub const REWRITE: u16 = 200;
/// Longest `from` and `to` together, in bytes: a rule is in one value of the edge store.
const LENGTH: usize = 900;
/// What a location may not hold as it is.
///
/// Source: RFC 3986, appendix A: these are in no rule of the grammar.
const LOCATION: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// A redirect or rewrite in its normal form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The decoded path, or with `/*` at its end all that begins with it.
    pub from: String,
    /// Where to, percent-encoded.
    pub to: String,
    /// The status of the answer.
    pub status: u16,
    /// Primary subtag of the language that it is for; empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Whether it comes before the pages that it matches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Its part: `from`, `to`, `status`, `language`.
    pub key: &'static str,
    /// What is wrong there.
    pub what: String,
}

impl Rule {
    /// The normal form of what is written in `arq.toml` or `_redirects`.
    pub fn of(redirect: &Redirect) -> Result<Self, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut add = |key, what| wrong.push(Wrong { key, what });
        let from = source(&redirect.from).map_err(|what| add("from", what)).unwrap_or_default();
        let splat = redirect.from.ends_with('*');
        let rewrite = redirect.status == REWRITE;
        let to = target(&redirect.to, splat, rewrite).map_err(|what| add("to", what)).unwrap_or_default();
        if ![200, 301, 302, 303, 307, 308].contains(&redirect.status) {
            let what = "is none of 301, 302, 303, 307, 308, and 200, which answers with the page itself";
            add("status", format!("{} {what}", redirect.status));
        }
        let language = &redirect.language;
        if !language.is_empty()
            && (!(2..=8).contains(&language.len()) || !language.bytes().all(|b| b.is_ascii_lowercase()))
        {
            add("language", format!("\"{language}\" is no language such as \"pt\": lower case, without a region"));
        }
        if from.len() + to.len() > LENGTH {
            add(
                "to",
                format!("is too long: from and to have {} bytes, and {LENGTH} are possible", from.len() + to.len()),
            );
        }
        let (status, language, force) = (redirect.status, language.clone(), redirect.force);
        if wrong.is_empty() { Ok(Self { from, to, status, language, force }) } else { Err(wrong) }
    }

    /// The key under which it is looked up: the stem of a path, or the beginning with a slash.
    ///
    /// No stem ends with a slash, so that the two are never the same.
    pub fn key(&self) -> &str {
        self.from.strip_suffix('*').unwrap_or_else(|| url::stem(&self.from))
    }

    /// Number of segments before the `*`; `None` for a single path.
    pub fn depth(&self) -> Option<usize> {
        self.from.strip_suffix("/*").map(|beginning| beginning.matches('/').count())
    }

    /// Whether it is for everybody.
    pub fn is_for_all(&self) -> bool {
        self.language.is_empty()
    }

    /// The decoded path of this site that it leads to, when that is always the same.
    pub fn page(&self) -> Option<String> {
        if self.to.contains(SPLAT) { None } else { local(&self.to) }
    }
}

/// The decoded path of a location on this site; `None` for other sites.
pub fn local(location: &str) -> Option<String> {
    let path = location.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    Some(url::single_slashes(&url::decode(path)?).into_owned())
}

fn source(from: &str) -> Result<String, String> {
    if from.contains("://") {
        return Err(format!("\"{from}\" names a host; for host names there is site.redirect_from in arq.toml"));
    }
    let path = plain(from, "from")?;
    if from.contains(['?', '#']) {
        return Err(format!("\"{from}\" has a query string or fragment; paths only can be matched"));
    }
    if let Some(name) = from.split('/').find(|part| part.starts_with(':')) {
        return Err(format!("\"{name}\": names for parts are not supported; use one * at the end, and {SPLAT} in to"));
    }
    if path.strip_suffix("/*").unwrap_or(&path).contains('*') {
        return Err(format!("\"{from}\": a * can only be the whole last part, as in /blog/*"));
    }
    if path == "/api" || path.starts_with("/api/") {
        return Err(format!("\"{from}\" is answered by the API"));
    }
    let depth = path.strip_suffix("/*").map_or(0, |beginning| beginning.matches('/').count());
    if depth > DEPTH {
        return Err(format!("\"{from}\" has {depth} parts before the *, and {DEPTH} are possible"));
    }
    Ok(path)
}

/// A path that can be asked for, decoded.
pub(super) fn plain(path: &str, key: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err(format!("\"{path}\" does not begin with a slash; {key} is a path such as /old/page"));
    }
    let decoded =
        url::decode(path).ok_or_else(|| format!("\"{path}\" has a broken percent-escape; % itself is %25"))?;
    if decoded.contains("//") || !url::is_addressable(&decoded) {
        return Err(format!(
            "\"{path}\" cannot be the path of a page: it has //, a part that begins with a dot, or a control character"
        ));
    }
    Ok(decoded)
}

fn target(to: &str, splat: bool, rewrite: bool) -> Result<String, String> {
    if to.contains(SPLAT) && !splat {
        return Err(format!("\"{to}\" has {SPLAT}, but there is no * in from"));
    }
    let host = ["https://", "http://"].into_iter().find_map(|scheme| to.strip_prefix(scheme));
    match host {
        _ if rewrite => page(to)?,
        Some(rest) => check_host(to, rest)?,
        None if to.starts_with("//") || !to.starts_with('/') => {
            return Err(format!("\"{to}\" is neither a path such as /new/page nor a URL with https://"));
        }
        None => {}
    }
    let (path, rest) = to.split_at(to.find(['?', '#']).unwrap_or(to.len()));
    if host.is_none() && path.replace(SPLAT, "").split('/').any(|part| part.starts_with(':')) {
        return Err(format!("\"{to}\": names for parts are not supported, other than {SPLAT}"));
    }
    if url::decode(path).is_none() {
        return Err(format!("\"{to}\" has a broken percent-escape; % itself is %25"));
    }
    if to.contains(char::is_control) || rest.find('#').is_some_and(|at| rest[at..].contains('?')) {
        return Err(format!("\"{}\" has a control character, or a ? after a #", to.escape_debug()));
    }
    Ok(utf8_percent_encode(to, LOCATION).to_string())
}

/// SECURITY: what a visitor asked for must never become a part of the host.
fn check_host(to: &str, rest: &str) -> Result<(), String> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty()
        || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        || host.contains(SPLAT)
    {
        return Err(format!(
            "\"{to}\" has no host that a browser would find; {SPLAT} goes after the slash that ends it"
        ));
    }
    Ok(())
}

fn page(to: &str) -> Result<(), String> {
    if to.contains("://") {
        return Err(format!("\"{to}\" is elsewhere; with status 200 only pages of this site can answer, so use 302"));
    }
    if to.contains(SPLAT) {
        return Err(format!("with status 200, to is one page; {SPLAT} needs a redirect, such as 301"));
    }
    if to.contains(['?', '#']) {
        return Err(format!("\"{to}\" has a query string or fragment, which a page with status 200 cannot see"));
    }
    let path = plain(to, "to")?;
    if path == "/api" || path.starts_with("/api/") {
        return Err(format!("\"{to}\" is answered by the API; use a redirect, such as 307"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn rule(from: &str, to: &str, status: u16) -> Result<Rule, String> {
        let redirect = Redirect { from: from.into(), to: to.into(), status, ..Redirect::default() };
        Rule::of(&redirect).map_err(|wrong| format!("{}: {}", wrong[0].key, wrong[0].what))
    }

    #[test]
    fn a_rule_has_one_form_however_it_is_escaped() {
        assert_eq!(
            rule("/p%C3%A3o", "/pão novo?a=é#b", 301).unwrap(),
            rule("/pão", "/p%C3%A3o%20novo?a=%C3%A9#b", 301).unwrap()
        );
        let splat = rule("/a/b/*", "https://example.com/:splat", 302).unwrap();
        assert_eq!((splat.key(), splat.depth()), ("/a/b/", Some(2)));
        let all = rule("/*", "/index.html", 200).unwrap();
        assert_eq!((all.key(), all.depth(), all.page()), ("/", Some(0), Some("/index.html".into())));
        for form in ["/a", "/a/", "/a.html", "/a/index.html"] {
            let exact = rule(form, "/b", 308).unwrap();
            assert_eq!((exact.key(), exact.depth()), ("/a", None), "{form}");
        }
    }

    #[test]
    fn what_cannot_be_matched_says_why() {
        for (from, why) in [
            ("", "does not begin with a slash"),
            ("a", "does not begin with a slash"),
            ("https://x.example/a", "names a host"),
            ("/a?b=:b", "has a query string"),
            ("/a/:id", "names for parts"),
            ("/a*", "whole last part"),
            ("/*/b", "whole last part"),
            ("/%2A/b", "whole last part"),
            ("/api/*", "answered by the API"),
            ("/a//b", "cannot be the path"),
            ("/.env", "cannot be the path"),
            ("/%", "broken percent-escape"),
            ("/1/2/3/4/5/6/7/8/9/10/11/*", "has 11 parts"),
        ] {
            let error = rule(from, "/b", 301).unwrap_err();
            assert!(error.starts_with("from: ") && error.contains(why), "{from}: {error}");
        }
    }

    #[test]
    fn where_a_rule_cannot_lead_says_why() {
        for (to, status, why) in [
            ("", 301, "neither a path"),
            ("//evil.example", 301, "neither a path"),
            ("javascript:x", 301, "neither a path"),
            ("https://example.com:splat", 301, "no host"),
            ("https://:splat/", 301, "no host"),
            ("https://a@b/", 301, "no host"),
            ("/x/:id", 301, "names for parts"),
            ("/%zz", 301, "broken percent-escape"),
            ("/a\r\nset-cookie: x", 301, "control character"),
            ("/a#b?c", 301, "? after a #"),
            ("https://example.com/", 200, "is elsewhere"),
            ("/:splat", 200, "one page"),
            ("/a?b", 200, "query string"),
            ("/api/x", 200, "answered by the API"),
        ] {
            let error = rule("/a/*", to, status).unwrap_err();
            assert!(error.starts_with("to: ") && error.contains(why), "{to}: {error}");
        }
        assert!(rule("/a", "/b/:splat", 301).unwrap_err().contains("no * in from"));
        assert!(rule("/a", "/b", 404).unwrap_err().starts_with("status: 404"));
        assert!(rule("/a", &format!("/{}", "x".repeat(900)), 301).unwrap_err().contains("903 bytes"));
    }

    #[test]
    fn a_language_is_a_primary_subtag() {
        for (language, good) in [("pt", true), ("fil", true), ("", true), ("pt-BR", false), ("PT", false), ("p", false)]
        {
            let redirect =
                Redirect { from: "/a".into(), to: "/b".into(), language: language.into(), ..Redirect::default() };
            assert_eq!(Rule::of(&redirect).is_ok(), good, "{language}");
        }
    }
}
