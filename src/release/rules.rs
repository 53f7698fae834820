//! How a path is answered: the rules of the edge function, in Rust, for the preview.
//!
//! `edge.js` holds the same rules; its tests compare both over many paths.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::id::{TARGET_LENGTH, Target};
use crate::site::url;

/// What a query string may hold in a header: printable ASCII without the space.
const QUERY: &AsciiSet = &CONTROLS.add(b' ');
/// Offset basis of FNV-1a, 32 bits.
pub(crate) const BASIS: u32 = 0x811c_9dc5;
/// Prime of FNV-1a, 32 bits.
const PRIME: u32 = 0x0100_0193;
/// Tells the hash of fingerprints from that of buckets.
const FINGERPRINT_SEED: u32 = 0x9e37_79b9;
/// The digits of a fingerprint, six bits each.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of a fingerprint.
pub const FINGERPRINT_LENGTH: usize = 4;
/// Longest ending of a file that has an immutable name.
const ENDING: usize = 16;
/// Characters of an entry of a bucket: fingerprint, object id, flag.
pub const ENTRY_LENGTH: usize = FINGERPRINT_LENGTH + TARGET_LENGTH;

/// The answer to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// This page, with status 200.
    Object(T),
    /// Status 308 to this location, to which [`with_query`] adds the query string.
    Redirect(String),
    /// The not-found page, with status 404.
    NotFound,
}

/// The paths of a site.
pub trait Index {
    /// What is known of a path.
    type Found;

    /// Looks up a decoded path, exactly.
    fn find(&self, path: &str) -> Option<Self::Found>;
}

impl<T: Clone> Index for BTreeMap<String, T> {
    type Found = T;

    fn find(&self, path: &str) -> Option<T> {
        self.get(path).cloned()
    }
}

impl<T: Clone, S: BuildHasher> Index for HashMap<String, T, S> {
    type Found = T;

    fn find(&self, path: &str) -> Option<T> {
        self.get(path).cloned()
    }
}

/// Whether a path, as it came, is for the API; such paths are not looked up.
///
/// `/api` itself is not: it leads to `/api/`, because CloudFront's behaviour `/api/*` does not
/// match it.
pub fn is_api(raw: &str) -> bool {
    raw.starts_with("/api/")
}

/// The object that an immutable name stands for: `name~<id><flag>.ending`, as it came.
pub fn kept(raw: &str) -> Option<Target> {
    let (rest, ending) = raw.rsplit_once('.')?;
    let word =
        |text: &str| (1..=ENDING).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mark = rest.len().checked_sub(TARGET_LENGTH + 1)?;
    let target = rest.get(mark..)?.strip_prefix('~')?;
    if word(ending) { Target::parse(target) } else { None }
}

/// The immutable name of a file; `None` when its name has no ending of letters and digits.
pub fn kept_name(path: &str, target: &Target) -> Option<String> {
    let (rest, ending) = path.rsplit_once('.')?;
    let name = format!("{rest}~{target}.{ending}");
    (!rest.ends_with('/') && kept(&name).as_ref() == Some(target)).then_some(name)
}

/// Answers a path as it came in the request, without the query string.
pub fn lookup<I: Index + ?Sized>(index: &I, raw: &str) -> Answer<I::Found> {
    let Some(decoded) = url::decode(raw).filter(|path| url::is_addressable(path)) else { return Answer::NotFound };
    let path = url::single_slashes(&decoded);
    if path == "/api" {
        return Answer::Redirect("/api/".into());
    }
    if path.starts_with("/api/") {
        // Written in another way, CloudFront may or may not take it for the API.
        return Answer::Redirect(url::encode(&path));
    }
    match index.find(&path) {
        Some(found) if path == decoded => Answer::Object(found),
        Some(_) => Answer::Redirect(url::encode(&path)),
        None => match url::other_forms(&path).find(|form| index.find(form).is_some()) {
            Some(form) => Answer::Redirect(url::encode(&form)),
            None => Answer::NotFound,
        },
    }
}

/// A location with the query string as it came; an empty one is dropped.
pub fn with_query(location: &str, raw_query: Option<&str>) -> String {
    match raw_query {
        Some(query) if !query.is_empty() => format!("{location}?{}", utf8_percent_encode(query, QUERY)),
        _ => location.into(),
    }
}

/// FNV-1a from a state.
pub(crate) fn fnv(state: u32, text: &str) -> u32 {
    text.bytes().fold(state, |state, byte| (state ^ u32::from(byte)).wrapping_mul(PRIME))
}

/// The finaliser of MurmurHash3, which spreads what FNV-1a leaves in the high bits.
pub(crate) fn mix(mut hash: u32) -> u32 {
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// The bucket, of so many, in which all forms of a path lie.
pub fn bucket(seed: u32, buckets: u32, path: &str) -> u32 {
    mix(fnv(BASIS ^ seed, url::stem(path))) % buckets.max(1)
}

/// The low 24 bits of the second hash of a path.
pub(crate) fn print(seed: u32, path: &str) -> u32 {
    mix(fnv(BASIS ^ seed ^ FINGERPRINT_SEED, path)) & 0x00ff_ffff
}

/// The four characters of a fingerprint.
pub(crate) fn digits(print: u32) -> String {
    [18, 12, 6, 0].map(|shift| char::from(DIGITS[(print >> shift & 63) as usize])).iter().collect()
}

/// Finds a path in the value of its bucket.
pub fn find_in_bucket(value: &str, seed: u32, path: &str) -> Option<Target> {
    let print = digits(print(seed, path));
    let entries = value.as_bytes().chunks_exact(ENTRY_LENGTH);
    let entry = entries.into_iter().find(|entry| entry.starts_with(print.as_bytes()))?;
    Target::parse(std::str::from_utf8(&entry[FINGERPRINT_LENGTH..]).ok()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(raw: &str) -> Answer<u8> {
        let paths = [("/", 1), ("/a.html", 2), ("/b/", 3), ("/pão/", 4), ("/c", 5), ("/.well-known/x", 6), ("/x y", 7)];
        lookup(&paths.map(|(path, id)| (path.to_owned(), id)).into_iter().collect::<BTreeMap<_, _>>(), raw)
    }

    fn to(location: &str) -> Answer<u8> {
        Answer::Redirect(location.into())
    }

    #[test]
    fn a_page_answers_at_one_form_and_redirects_from_its_others() {
        for (raw, want) in [
            ("/", Answer::Object(1)),
            ("/index.html", to("/")),
            ("/a.html", Answer::Object(2)),
            ("/a", to("/a.html")),
            ("/a/", to("/a.html")),
            ("/a/index.html", to("/a.html")),
            ("/b/", Answer::Object(3)),
            ("/b", to("/b/")),
            ("/b.html", to("/b/")),
            ("/b/index.html", to("/b/")),
            ("/c", Answer::Object(5)),
            ("/c.html", to("/c")),
            ("/p%C3%A3o", to("/p%C3%A3o/")),
            ("/p%c3%a3o/", Answer::Object(4)),
            ("/pão", to("/p%C3%A3o/")),
            ("/x%20y/", to("/x%20y")),
            ("/nowhere", Answer::NotFound),
        ] {
            assert_eq!(answer(raw), want, "{raw}");
        }
    }

    #[test]
    fn repeated_slashes_lead_to_the_page_and_never_off_the_site() {
        for (raw, want) in [
            ("//", to("/")),
            ("//a", to("/a.html")),
            ("/b//", to("/b/")),
            ("//example.com", Answer::NotFound),
            ("/%2Fb", to("/b/")),
            ("/%5C%5Cexample.com", Answer::NotFound),
        ] {
            assert_eq!(answer(raw), want, "{raw}");
        }
    }

    #[test]
    fn traversal_dotfiles_and_broken_escapes_are_not_found() {
        for raw in
            ["/../a.html", "/b/..", "/%2e%2e/a.html", "/.env", "/%", "/%00", "/%ff", "/404.html", "*", "", "a.html"]
        {
            assert_eq!(answer(raw), Answer::NotFound, "{raw}");
        }
        assert_eq!(answer("/.well-known/x"), Answer::Object(6));
    }

    #[test]
    fn the_api_has_one_spelling() {
        assert!(is_api("/api/x") && !is_api("/api") && !is_api("/apiary") && !is_api("//api/x"));
        for (raw, want) in
            [("/api", "/api/"), ("/%61pi", "/api/"), ("/%61pi/x%20y", "/api/x%20y"), ("//api/x", "/api/x")]
        {
            assert_eq!(answer(raw), to(want), "{raw}");
        }
    }

    #[test]
    fn an_immutable_name_names_its_object() {
        let target = Target::parse("AAAA-AAA_AAAB").unwrap();
        let name = kept_name("/styles/site.min.css", &target).unwrap();
        assert_eq!(name, "/styles/site.min~AAAA-AAA_AAAB.css");
        assert_eq!(kept(&name), Some(target.clone()));
        for path in ["/a", "/.css", "/a/.css", "/a.b/c", "/a.c-s", "/a.seventeen_letters"] {
            assert_eq!(kept_name(path, &target), None, "{path}");
        }
        for raw in
            ["/a~AAAAAAAAAAAAA", "/a~AAAAAAAAAAAA.css", "/aAAAAAAAAAAAAA.css", "/a~AAAAAAAAAAAAC.css", "/~.", "~"]
        {
            assert_eq!(kept(raw), None, "{raw}");
        }
    }

    #[test]
    fn the_query_string_is_kept() {
        assert_eq!(with_query("/a", Some("b=1&c=%20")), "/a?b=1&c=%20");
        assert_eq!(with_query("/a", Some("é 1")), "/a?%C3%A9%201");
        assert_eq!(with_query("/a", Some("")), "/a");
        assert_eq!(with_query("/a", None), "/a");
    }

    #[test]
    fn the_hash_is_fnv_with_a_finaliser() {
        // Published test vectors of FNV-1a.
        assert_eq!(fnv(BASIS, "a"), 0xe40c_292c);
        assert_eq!(fnv(BASIS, "foobar"), 0xbf9c_f968);
        // MurmurHash3's fmix32 of 1.
        assert_eq!(mix(1), 0x514e_28b7);
        assert_eq!(digits(0), "AAAA");
        assert_eq!(digits(0x00ff_ffff), "____");
    }
}
