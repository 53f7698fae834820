//! Which headers go with which pages.

use std::collections::BTreeMap;

use super::redirects::plain;
use super::url;
use crate::config::headers::Headers;

/// Headers that cannot be set, and why. A `*` at the end stands for all that begin so.
///
/// Source: CloudFront Developer Guide, "Restrictions on all edge functions" (headers that a
/// function may not add, or only read); the others belong to the transfer or to the answer itself.
const REFUSED: &[(&str, &str)] = &[
    ("accept-ranges", TRANSFER),
    ("age", TRANSFER),
    ("allow", TRANSFER),
    ("alt-svc", TRANSFER),
    ("connection", TRANSFER),
    ("content-encoding", TRANSFER),
    ("content-length", TRANSFER),
    ("content-range", TRANSFER),
    ("date", TRANSFER),
    ("etag", TRANSFER),
    ("expect", TRANSFER),
    ("host", TRANSFER),
    ("keep-alive", TRANSFER),
    ("last-modified", TRANSFER),
    ("server", TRANSFER),
    ("te", TRANSFER),
    ("trailer", TRANSFER),
    ("transfer-encoding", TRANSFER),
    ("upgrade", TRANSFER),
    ("vary", TRANSFER),
    ("via", TRANSFER),
    ("warning", TRANSFER),
    ("proxy-*", TRANSFER),
    ("cdn-loop", TRANSFER),
    ("x-cache", CLOUDFRONT),
    ("x-edge-*", CLOUDFRONT),
    ("x-amz-*", CLOUDFRONT),
    ("x-amzn-*", CLOUDFRONT),
    ("x-accel-*", CLOUDFRONT),
    ("x-real-ip", CLOUDFRONT),
    ("x-forwarded-*", CLOUDFRONT),
    ("cloudfront-*", CLOUDFRONT),
    ("x-arq-*", "is between the parts of arqsite"),
    ("set-cookie", "is the same for all visitors, because pages are kept by caches; let the API set cookies"),
    ("location", "is set by a redirect; use [[redirects]]"),
    ("basic-auth", "is no header but another host's protection by password, which does not exist here"),
];
const TRANSFER: &str = "is set by the server, for each answer";
const CLOUDFRONT: &str = "is CloudFront's own";
/// Most bytes of an object's metadata.
///
/// Source: S3 User Guide, "Working with object metadata": 2 KB for user-defined metadata, the
/// sum of the bytes of names and values. Whether the prefix counts is not said; here it does.
pub const METADATA_BYTES: usize = 2048;
/// What S3 puts before the name of a header that is kept as metadata.
const PREFIX: &str = "x-amz-meta-h-";
/// Bytes for what arqsite itself keeps there: status and `vary`.
const OWN_BYTES: usize = 64;

/// The headers for some paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    path: String,
    open: bool,
    values: BTreeMap<String, String>,
}

/// All of them, in order: a later one wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderRules {
    rules: Vec<HeaderRule>,
}

impl HeaderRule {
    /// A rule for a path, or with `*` at its end for all that begin so; says what is wrong with it.
    pub fn new(path: &str) -> Result<Self, String> {
        let (beginning, open) = path.strip_suffix('*').map_or((path, false), |beginning| (beginning, true));
        if beginning.contains('*') || beginning.split('/').any(|part| part.starts_with(':')) {
            return Err(format!("\"{path}\": only one * at the very end is possible, as in /assets/*"));
        }
        if beginning.contains(['?', '#']) {
            return Err(format!("\"{path}\" has a query string or fragment; paths only can be matched"));
        }
        let decoded = plain(beginning, "for")?;
        if decoded == "/api" || decoded.starts_with("/api/") {
            return Err(format!("\"{path}\" is answered by the API, whose headers are its own"));
        }
        Ok(Self { path: decoded, open, values: BTreeMap::new() })
    }

    /// Adds a header that [`check_header`] let pass; several values of one name are joined.
    pub fn add(&mut self, name: &str, value: &str) {
        let value = value.trim();
        self.values
            .entry(name.to_ascii_lowercase())
            .and_modify(|known| *known += &format!(", {value}"))
            .or_insert_with(|| value.into());
    }

    fn is_for(&self, path: &str) -> bool {
        match self.open {
            // `/blog/*` is for `/blog`, too.
            true => {
                path.starts_with(&self.path) || (self.path.ends_with('/') && url::stem(path) == url::stem(&self.path))
            }
            false => url::stem(path) == url::stem(&self.path),
        }
    }
}

impl HeaderRules {
    /// The rules of `_headers`, then those of `arq.toml`; as for Netlify, whose order this is.
    ///
    /// Source: Netlify's documentation, "Custom headers".
    pub fn new(from_file: Vec<HeaderRule>, from_config: &[Headers]) -> Self {
        let of_config = from_config.iter().filter_map(|block| {
            // The configuration was checked.
            let mut rule = HeaderRule::new(&block.path).ok()?;
            block.values.iter().for_each(|(name, value)| rule.add(name, value));
            Some(rule)
        });
        Self { rules: from_file.into_iter().chain(of_config).collect() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The headers of a page, by lower-case name. `content-type` among them replaces its type.
    pub fn headers_for(&self, path: &str) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::new();
        for rule in self.rules.iter().filter(|rule| rule.is_for(path)) {
            headers.extend(rule.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        headers
    }

    /// What is wrong with the headers of a page: they may be more than its object can carry.
    pub fn check_page(&self, path: &str) -> Result<(), String> {
        let headers = self.headers_for(path);
        let kept = headers.iter().filter(|(name, _)| *name != "content-type");
        let bytes = OWN_BYTES + kept.map(|(name, value)| PREFIX.len() + name.len() + value.len()).sum::<usize>();
        if bytes <= METADATA_BYTES {
            return Ok(());
        }
        Err(format!(
            "the headers for {path} take {bytes} bytes, and S3 keeps {METADATA_BYTES} with an object; shorten them"
        ))
    }

    /// The patterns that no page has, as they were written.
    pub fn idle<'a>(&self, paths: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let idle = self.rules.iter().filter(|rule| !paths.clone().any(|path| rule.is_for(path)));
        idle.map(|rule| format!("{}{}", rule.path, if rule.open { "*" } else { "" })).collect()
    }
}

/// Says why a header cannot be set.
pub fn check_header(name: &str, value: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || !name.bytes().all(word) {
        return Err(format!("\"{}\" cannot name a header; use a-z, 0-9 and hyphens", name.escape_debug()));
    }
    let refused = REFUSED.iter().find(|(refused, _)| match refused.strip_suffix('*') {
        Some(beginning) => lower.starts_with(beginning),
        None => lower == *refused,
    });
    if let Some((_, why)) = refused {
        return Err(format!("{lower} cannot be set: it {why}"));
    }
    if value.trim().is_empty() || !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(format!("the value of {lower} must be one line of printable ASCII characters, and not empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn rules(blocks: &[(&str, &[(&str, &str)])]) -> HeaderRules {
        let blocks = blocks.iter().map(|(path, values)| Headers {
            path: (*path).into(),
            values: values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        });
        HeaderRules::new(Vec::new(), &blocks.collect::<Vec<_>>())
    }

    #[test]
    fn all_blocks_that_match_apply_and_a_later_one_wins() {
        let rules = rules(&[
            ("/*", &[("X-Frame-Options", "DENY"), ("x-a", " 1 ")]),
            ("/embed/*", &[("x-frame-options", "SAMEORIGIN")]),
            ("/embed/own.html", &[("x-b", "2")]),
        ]);
        let of = |path: &str| {
            let headers = rules.headers_for(path);
            headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(of("/"), "x-a: 1; x-frame-options: DENY");
        assert_eq!(of("/embedded"), "x-a: 1; x-frame-options: DENY");
        assert_eq!(of("/embed"), "x-a: 1; x-frame-options: SAMEORIGIN");
        assert_eq!(of("/embed/x"), "x-a: 1; x-frame-options: SAMEORIGIN");
        assert_eq!(of("/embed/own/"), "x-a: 1; x-b: 2; x-frame-options: SAMEORIGIN");
    }

    #[test]
    fn a_star_matches_any_end() {
        let rules = rules(&[("/js/app-*", &[("x-a", "1")]), ("/p%C3%A3o", &[("x-a", "2")])]);
        assert_eq!(rules.headers_for("/js/app-1.js")["x-a"], "1");
        assert!(rules.headers_for("/js/other.js").is_empty());
        assert_eq!(rules.headers_for("/pão/")["x-a"], "2");
        assert_eq!(rules.idle(["/pão/"].into_iter()), ["/js/app-*"]);
    }

    #[test]
    fn what_a_page_may_not_say_is_refused_with_the_reason() {
        for name in
            ["Content-Length", "x-amz-meta-x", "X-Edge-Location", "Set-Cookie", "x-arq-host", "VIA", "Basic-Auth"]
        {
            let error = check_header(name, "1").unwrap_err();
            assert!(error.starts_with(&format!("{} cannot be set: it ", name.to_ascii_lowercase())), "{error}");
        }
        for (name, value) in
            [("x a", "1"), ("", "1"), ("x-a", ""), ("x-a", "é"), ("x-a", "1\r\nset-cookie: x"), ("x:y", "1")]
        {
            assert!(check_header(name, value).is_err(), "{name}: {value}");
        }
        for name in ["content-type", "Cache-Control", "content-security-policy", "link", "x-robots-tag", "refresh"] {
            assert_eq!(check_header(name, "text/x; a=\"b\""), Ok(()), "{name}");
        }
    }

    #[test]
    fn patterns_are_a_path_or_a_beginning() {
        for path in ["", "a", "/*/b", "/**", "/:id/*", "/a?b", "/api/*", "/%", "/a//b*"] {
            assert!(HeaderRule::new(path).is_err(), "{path}");
        }
        assert!(HeaderRule::new("/*").is_ok() && HeaderRule::new("/").is_ok());
    }

    #[test]
    fn more_than_an_object_carries_is_refused_with_numbers() {
        let long = "x".repeat(1_000);
        let rules = rules(&[("/*", &[("x-a", &long)]), ("/a", &[("x-b", &long), ("content-type", &long)])]);
        assert_eq!(rules.check_page("/b"), Ok(()));
        assert!(
            rules.check_page("/a").unwrap_err().starts_with("the headers for /a take 2096 bytes, and S3 keeps 2048")
        );
    }
}
