//! What is asked of a release to see that it answers, and what the answers mean.
//!
//! A few pages are enough to tell that objects, keys and edge function belong together; which ones
//! depends on nothing but the manifests.

use std::collections::BTreeMap;

use super::manifest::{Entry, Manifest};
use crate::site::url;

/// One thing to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The path, encoded as in a URL.
    pub path: String,
    /// What is right.
    pub want: Want,
    /// What the release before answers; `None` where that is not known.
    pub before: Option<Shown>,
}

/// Which answer is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// This page.
    Page(Shown),
    /// The not-found page, or a redirect: a rule may lead away what is not there.
    Missing(Shown),
    /// Anything but a failure: who asks may not be allowed to see it.
    Api,
}

/// A page as visitors get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Status of the answer.
    pub status: u16,
    /// ETag, without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size: u64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Status of the answer.
    pub status: u16,
    /// ETag, without quotes.
    pub etag: Option<String>,
    /// MD5 of the bytes, when they were asked for.
    pub md5: Option<String>,
    /// Whether it is an error of what lies behind the edge: no release answers so.
    pub refused: bool,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Right,
    /// Of another release: the edge may not yet know this one.
    Stale,
    /// No release answers so.
    Wrong,
}

impl Shown {
    fn of(entry: &Entry) -> Self {
        Self { status: entry.status, etag: entry.etag.clone(), size: entry.size }
    }

    /// The bytes tell more than the header. The ETag of an object that came in parts is no hash of its bytes.
    fn is(&self, seen: &Seen) -> bool {
        let bytes = seen.md5.as_ref().filter(|_| !self.etag.contains('-'));
        seen.status == self.status && bytes.or(seen.etag.as_ref()) == Some(&self.etag)
    }
}

impl Seen {
    /// Whether the bytes are not those that the ETag names: somebody changed them on the way.
    fn is_damaged(&self) -> bool {
        match (&self.etag, &self.md5) {
            (Some(etag), Some(md5)) => etag.len() == md5.len() && !etag.contains('-') && etag != md5,
            _ => false,
        }
    }
}

impl Question {
    /// What `seen` means as the answer.
    pub fn judge(&self, seen: &Seen) -> Verdict {
        let right = match &self.want {
            Want::Page(shown) => shown.is(seen),
            Want::Missing(shown) => shown.is(seen) || (300..400).contains(&seen.status),
            Want::Api => return if seen.status < 500 { Verdict::Right } else { Verdict::Wrong },
        };
        match seen.status {
            _ if right => Verdict::Right,
            // A release answers with a page, its not-found page, or a redirect.
            200..400 | 404 if !seen.refused && !seen.is_damaged() => Verdict::Stale,
            _ => Verdict::Wrong,
        }
    }

    /// Whether the right answer tells that it is of the new release.
    pub fn tells(&self) -> bool {
        match &self.want {
            Want::Page(shown) | Want::Missing(shown) => self.before.as_ref().is_some_and(|before| before != shown),
            Want::Api => false,
        }
    }

    /// Whether a page that both releases have is not found.
    pub fn is_lost(&self, seen: &Seen) -> bool {
        matches!(self.want, Want::Page(_)) && seen.status == 404 && self.before.as_ref().is_some_and(|b| b.status < 400)
    }

    /// What is right, for people.
    pub fn wanted(&self) -> String {
        match &self.want {
            Want::Page(shown) => format!("{} with the published bytes (etag {})", shown.status, shown.etag),
            Want::Missing(shown) => format!("{} with the not-found page", shown.status),
            Want::Api => "a status below 500".into(),
        }
    }

    /// Largest page whose bytes are looked at.
    const BYTES: u64 = 1024 * 1024;

    /// Whether the bytes of the answer are worth having.
    pub fn wants_bytes(&self) -> bool {
        match &self.want {
            Want::Page(shown) | Want::Missing(shown) => shown.size <= Self::BYTES,
            Want::Api => true,
        }
    }
}

/// What to ask of the release `after`: at most `most` of its pages, what is not there, and these
/// routes of its API.
pub fn sample(before: Option<&Manifest>, after: &Manifest, routes: &[String], most: usize) -> Vec<Question> {
    let mut all: Vec<Question> = pages(before, after, most).into_iter().map(|path| page(before, after, path)).collect();
    let missing = Want::Missing(entry(after, None));
    let rules = after.redirects();
    // A page that is no more, too: the one thing that tells both releases apart when nothing is new.
    let removed = before.and_then(|before| before.paths.keys().find(|path| !after.paths.contains_key(*path)));
    let absent = removed.cloned().into_iter().chain([nowhere(before, after)]);
    let absent = absent.filter(|path| rules.find(path, None, None).is_none());
    all.extend(absent.map(|path| Question {
        before: before.map(|before| entry(before, Some(&path))),
        path: url::encode(&path),
        want: missing.clone(),
    }));
    let api = routes.iter().filter(|_| after.api.is_some());
    all.extend(api.map(|path| Question { path: path.clone(), want: Want::Api, before: None }));
    all
}

/// The home page, then what is new or changed, then a spread over the others. Where a forced rule comes before
/// a page, the rule answers.
fn pages<'a>(before: Option<&Manifest>, after: &'a Manifest, most: usize) -> Vec<&'a str> {
    let (mut differ, mut others) = (Vec::new(), Vec::new());
    let rules = after.redirects();
    let pages = || after.paths.iter().filter(|(path, _)| !rules.covered().contains(*path));
    for (path, id) in pages() {
        let same = before.is_some_and(|before| before.paths.get(path) == Some(id));
        if path != "/" {
            if same { &mut others } else { &mut differ }.push(path.as_str());
        }
    }
    let home = pages().map(|(path, _)| path.as_str()).find(|path| *path == "/");
    let mut chosen: Vec<&str> = home.into_iter().take(most).collect();
    for group in [differ, others] {
        let left = most - chosen.len();
        chosen.extend(spread(&group, left));
    }
    chosen
}

/// That many of them, evenly spread.
fn spread<'a>(all: &[&'a str], most: usize) -> impl Iterator<Item = &'a str> {
    let count = most.min(all.len());
    (0..count).filter_map(move |i| all.get(i * all.len() / count).copied())
}

fn page(before: Option<&Manifest>, after: &Manifest, path: &str) -> Question {
    Question {
        path: url::encode(path),
        want: Want::Page(entry(after, Some(path))),
        before: before.map(|before| entry(before, Some(path))),
    }
}

/// What a release answers at a path.
fn entry(manifest: &Manifest, path: Option<&str>) -> Shown {
    let found = path.and_then(|path| manifest.entry(path)).or_else(|| manifest.objects.get(&manifest.not_found));
    // A manifest that was read lists all that it refers to.
    found.map_or_else(|| Shown { status: 404, etag: String::new(), size: 0 }, Shown::of)
}

/// A path that neither release has.
fn nowhere(before: Option<&Manifest>, after: &Manifest) -> String {
    let has = |paths: &BTreeMap<String, _>, path: &str| paths.contains_key(path);
    let mut path = "/not-there".to_owned();
    while has(&after.paths, &path) || before.is_some_and(|before| has(&before.paths, &path)) {
        path.push('-');
    }
    path
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::manifest::tests::manifest;
    use super::*;

    fn paths(questions: &[Question]) -> Vec<&str> {
        questions.iter().map(|question| question.path.as_str()).collect()
    }

    #[test]
    fn the_home_page_and_what_changed_come_first() {
        let before = manifest(&[("/", "home"), ("/a", "a"), ("/b", "b"), ("/c", "c"), ("/old", "old")]);
        let after = manifest(&[("/", "home"), ("/a", "a"), ("/b", "b"), ("/c", "changed"), ("/pão", "new")]);
        let routes = ["/api/health".to_owned()];
        let all = sample(Some(&before), &after, &routes, 4);
        assert_eq!(paths(&all), ["/", "/c", "/p%C3%A3o", "/a", "/old", "/not-there", "/api/health"]);
        let telling: Vec<bool> = all.iter().map(Question::tells).collect();
        assert_eq!(telling, [false, true, true, false, true, false, false]);
        assert_eq!(paths(&sample(Some(&before), &after, &[], 0)), ["/old", "/not-there"]);
    }

    #[test]
    fn a_large_site_is_spread_over_and_a_taken_name_is_avoided() {
        let many: Vec<String> = (0..100).map(|i| format!("/{i:03}")).chain(["/not-there".into()]).collect();
        let many: Vec<_> = many.iter().map(|path| (path.as_str(), path.as_str())).collect();
        let all = sample(None, &manifest(&many), &[], 4);
        assert_eq!(paths(&all), ["/000", "/025", "/050", "/075", "/not-there-"]);
    }

    #[test]
    fn what_a_rule_answers_is_not_asked() {
        let rule = |from: &str, force| {
            let redirect =
                crate::config::redirects::Redirect { from: from.into(), to: "/a".into(), force, ..Default::default() };
            crate::release::redirects::Rule::of(&redirect).unwrap()
        };
        let mut after = manifest(&[("/", "home"), ("/a", "a"), ("/b", "b")]);
        after.rules = vec![rule("/b", true), rule("/old", false)];
        let before = manifest(&[("/", "home"), ("/old", "old")]);
        assert_eq!(paths(&sample(Some(&before), &after, &[], 10)), ["/", "/a", "/not-there"]);
        after.rules.push(rule("/*", false));
        assert_eq!(paths(&sample(None, &after, &[], 10)), ["/", "/a"]);
    }

    fn seen(status: u16, etag: &str) -> Seen {
        Seen { status, etag: Some(etag.into()), md5: None, refused: false }
    }

    #[test]
    fn an_answer_of_another_release_is_no_failure_and_one_of_none_is() {
        let shown = |etag: &str| Shown { status: 200, etag: etag.into(), size: 1 };
        let question = Question { path: "/".into(), want: Want::Page(shown("new")), before: Some(shown("old")) };
        assert_eq!(question.judge(&seen(200, "new")), Verdict::Right);
        for (status, etag) in [(200, "old"), (200, "older"), (404, "gone"), (308, "")] {
            assert_eq!(question.judge(&seen(status, etag)), Verdict::Stale, "{status} {etag}");
        }
        for status in [403, 500, 503] {
            assert_eq!(question.judge(&seen(status, "new")), Verdict::Wrong, "{status}");
        }
        let damaged = Seen { md5: Some("odd".into()), ..seen(200, "new") };
        let refused = Seen { status: 404, etag: None, md5: None, refused: true };
        assert_eq!([&damaged, &refused].map(|seen| question.judge(seen)), [Verdict::Wrong; 2]);
        assert!(question.is_lost(&seen(404, "gone")) && !question.is_lost(&seen(200, "old")));
    }

    #[test]
    fn what_is_missing_may_be_led_away_and_an_api_may_refuse() {
        let shown = Shown { status: 404, etag: "gone".into(), size: 1 };
        let missing = Question { path: "/x".into(), want: Want::Missing(shown), before: None };
        assert_eq!(missing.judge(&seen(404, "gone")), Verdict::Right);
        assert_eq!(missing.judge(&seen(301, "")), Verdict::Right);
        assert_eq!(missing.judge(&seen(403, "")), Verdict::Wrong);
        let api = Question { path: "/api/x".into(), want: Want::Api, before: None };
        assert_eq!(api.judge(&seen(401, "")), Verdict::Right);
        assert_eq!(api.judge(&seen(502, "")), Verdict::Wrong);
    }
}
