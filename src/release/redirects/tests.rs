#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::release::ReleaseId;
use crate::release::pack::PAIR_BYTES;
use crate::site::redirects_file;

/// A generator of the same numbers on every machine (SplitMix64).
pub(crate) struct Numbers(pub u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }

    pub(crate) fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A path of a few parts out of few names, so that many are alike.
    pub(crate) fn path(&mut self) -> String {
        let path: String = (0..self.below(4)).map(|_| format!("/{}", self.of(&["a", "b", "pão", "x y"]))).collect();
        let end = self.of(&["", "/", ".html", "/index.html"]);
        if path.is_empty() { "/".into() } else { path + end }
    }
}

pub(crate) fn rules(text: &str) -> Vec<Rule> {
    redirects_file::parse(text).unwrap().into_iter().map(|(_, rule)| rule).collect()
}

/// Rules of every kind, many of which match the same paths.
pub(crate) fn random_rules(numbers: &mut Numbers, count: usize) -> Vec<Rule> {
    let line = |_| {
        let path = url::encode(&numbers.path());
        let from = match numbers.below(3) {
            0 => format!("{}/*", url::encode(url::stem(&url::decode(&path).unwrap()))),
            _ => path,
        };
        let to = match numbers.below(6) {
            0 if from.ends_with('*') => "/to/:splat".into(),
            1 if from.ends_with('*') => "https://example.com/:splat/x?from=:splat".into(),
            2 => "/to#part".into(),
            3 => "/:splat/:splat".replace(":splat", if from.ends_with('*') { ":splat" } else { "x" }),
            _ => url::encode(&numbers.path()),
        };
        let statuses: &[&str] =
            if to.contains([':', '#']) { &["301", "302!"] } else { &["301", "302!", "200", "200!", "308"] };
        format!("{from} {to} {} {}\n", numbers.of(statuses), numbers.of(&["", "", "Language=pt", "Language=en,pt"]))
    };
    rules(&(0..count).map(line).collect::<String>())
}

pub(crate) fn id(path: &str) -> Target {
    let hash = crate::release::rules::print(7, path);
    Target::parse(&format!("{hash:012}{}", if hash.is_multiple_of(2) { 'A' } else { 'B' })).unwrap()
}

/// Paths of pages, one form of each stem or several.
pub(crate) fn random_pages(numbers: &mut Numbers, count: usize) -> BTreeSet<String> {
    (0..count).map(|_| numbers.path()).filter(|path| !path.ends_with("index.html")).collect()
}

pub(crate) fn redirects(rules: &[Rule], pages: &BTreeSet<String>) -> Redirects {
    Redirects::new(rules, pages.iter().map(String::as_str), |path| Some(id(path)))
}

/// The answer by the definition alone: rules in order, and pages as [`lookup`] has them.
fn by_definition(rules: &[Rule], pages: &BTreeSet<String>, path: &str, language: &str) -> Option<(u16, String)> {
    let forms = || std::iter::once(path.to_owned()).chain(url::other_forms(path));
    let page_of = |path: &str| {
        let forms = std::iter::once(path.to_owned()).chain(url::other_forms(path));
        forms.into_iter().find(|form| pages.contains(form))
    };
    let page = forms().find(|form| pages.contains(form));
    for rule in rules.iter().filter(|rule| page.is_none() || rule.force) {
        let stem = url::stem(path);
        let matched = match rule.from.strip_suffix("/*") {
            Some(beginning) => stem == beginning || stem.starts_with(&format!("{beginning}/")),
            None => stem == url::stem(&rule.from),
        };
        if !matched || !(rule.language.is_empty() || rule.language == language) {
            continue;
        }
        let to = rule.page().and_then(|to| page_of(&to));
        match (rule.status, to) {
            (200, None) => {}
            (200, Some(to)) => return Some((200, to)),
            (status, Some(to)) => {
                return Some((status, url::encode(&to) + if rule.to.contains('#') { "#part" } else { "" }));
            }
            (status, None) => {
                let depth = rule.from.matches('/').count();
                let splat: Vec<&str> = path.split('/').skip(depth).collect();
                let to = rule.to.replace(":splat", &url::encode(&splat.join("/")));
                let to = if to.starts_with("//") { format!("/{}", to.trim_start_matches('/')) } else { to };
                return Some((status, to));
            }
        }
    }
    let page = page?;
    Some(if page == path { (200, page) } else { (308, url::encode(&page)) })
}

#[test]
fn the_first_rule_in_order_answers_whatever_the_keys() {
    let mut numbers = Numbers(3);
    let (mut answers, mut covered) = (0, 0);
    for _ in 0..400 {
        let count = numbers.below(12);
        let rules = random_rules(&mut numbers, count);
        let count = numbers.below(6);
        let pages = random_pages(&mut numbers, count);
        let all = redirects(&rules, &pages);
        let packed = all.pack().unwrap();
        assert_eq!(redirects(all.rules(), &pages), all, "without the rules that never apply");
        for _ in 0..60 {
            let path = numbers.path();
            let is_page =
                std::iter::once(path.clone()).chain(url::other_forms(&path)).find(|form| pages.contains(form));
            if is_page.as_ref().is_some_and(|page| !all.covered().contains(page)) {
                continue;
            }
            covered += usize::from(is_page.is_some());
            for (header, language) in [(None, ""), (Some("pt-BR,pt;q=0.9"), "pt"), (Some("EN"), "en"), (Some("*"), "")]
            {
                let found = all.find(&path, None, header);
                let want = by_definition(&rules, &pages, &path, language).map(|(status, to)| match status {
                    200 => Found::Object(id(&to)),
                    _ => Found::Redirect { status, location: to },
                });
                assert_eq!(found, want, "{path} {language}\n{rules:#?}\n{pages:?}");
                assert_eq!(super::find(|key| packed.lines(key), &path, None, header), found, "{path}");
                answers += usize::from(found.is_some());
            }
        }
    }
    assert!(answers > 20_000 && covered > 900, "{answers} {covered}");
}

fn location(text: &str, path: &str, query: Option<&str>) -> String {
    match redirects(&rules(text), &BTreeSet::new()).find(path, query, None) {
        Some(Found::Redirect { location, .. }) => location,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_query_string_is_kept_unless_the_rule_has_its_own() {
    assert_eq!(location("/a /b", "/a", Some("x=1")), "/b?x=1");
    assert_eq!(location("/a /b#c", "/a", Some("x=$&")), "/b?x=$&#c");
    assert_eq!(location("/a /b?y#c", "/a", Some("x=1")), "/b?y#c");
    assert_eq!(location("/a https://example.com", "/a/", Some("")), "https://example.com");
    assert_eq!(location("/a/* /find?q=:splat", "/a/x/y?&", Some("x=1")), "/find?q=x/y%3F%26");
}

#[test]
fn a_splat_never_leads_to_another_site() {
    assert_eq!(location("/a/* /:splat/evil.example", "/a", None), "/evil.example");
    assert_eq!(location("/a/* /:splat/:splat", "/a/", None), "/");
    assert_eq!(location("/a/* /:splat", "/a/evil.example/@x", None), "/evil.example/%40x");
    assert_eq!(location("/a/* https://example.com/:splat", "/a/:splat", None), "https://example.com/%3Asplat");
}

#[test]
fn a_redirect_leads_to_the_own_form_of_a_page() {
    let pages = ["/menu/".to_owned(), "/".into()].into();
    let all = redirects(&rules("/a /menu?x#y\n/b /menu.html\n/c /index.html 200\n/d /nowhere 200"), &pages);
    let found = |path: &str| all.find(path, None, None);
    assert_eq!(found("/a"), Some(Found::Redirect { status: 301, location: "/menu/?x#y".into() }));
    assert_eq!(found("/b/"), Some(Found::Redirect { status: 301, location: "/menu/".into() }));
    assert_eq!((found("/c"), found("/d")), (Some(Found::Object(id("/"))), None));
    assert_eq!(all.rules().len(), 3);
}

#[test]
fn a_page_before_which_a_language_comes_answers_the_others_in_its_own_form() {
    let pages: BTreeSet<String> = ["/".to_owned(), "/menu/".into(), "/pt/".into()].into();
    let all = redirects(&rules("/ /pt/ 302! Language=pt\n/menu /pt 302! Language=pt"), &pages);
    assert_eq!(all.covered(), &["/".to_owned(), "/menu/".into()].into());
    let found = |path: &str, language| all.find(path, Some("q"), Some(language));
    assert_eq!(found("/", "pt-PT"), Some(Found::Redirect { status: 302, location: "/pt/?q".into() }));
    assert_eq!(found("/", "en"), Some(Found::Object(id("/"))));
    assert_eq!(found("/menu/", "en"), Some(Found::Object(id("/menu/"))));
    assert_eq!(found("/menu", "en"), Some(Found::Redirect { status: 308, location: "/menu/?q".into() }));
    assert_eq!(found("/pt/", "pt"), None);
}

#[test]
fn the_mask_says_which_keys_there_are() {
    let mask = |text: &str| redirects(&rules(text), &BTreeSet::new()).pack().unwrap().mask;
    assert_eq!(mask(""), 0);
    assert_eq!(mask("/a /b\n/c /d"), 1 << 11);
    assert_eq!(mask("/x/y/* /c\n/1/2/3/4/5/6/7/8/9/10/* /d\n/* /b"), 1 | 1 << 2 | 1 << 10);
}

#[test]
fn ten_thousand_redirects_are_found_and_nothing_else_is() {
    let text: String = (0..10_000).map(|n| format!("/blog/{}/post-{n} /posts/{n}/the-new-name\n", n % 12)).collect();
    let all = redirects(&rules(&text), &BTreeSet::new());
    let packed = all.pack().unwrap();
    let release = ReleaseId::parse("20250310-020405-0123456789").unwrap();
    let entries: Vec<(String, &str)> = packed.entries(&release).collect();
    assert!(entries.iter().all(|(key, value)| key.len() + value.len() <= PAIR_BYTES && !value.is_empty()));
    assert_eq!(packed.bytes(), entries.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>());
    assert!(packed.bytes() < 900_000, "{}", packed.bytes());
    assert_eq!(all.pack().unwrap(), packed);
    for n in 0..10_000 {
        let found = packed.lines(&format!("/blog/{}/post-{n}", n % 12)).unwrap();
        assert_eq!((found.len(), found[0].to.clone()), (1, format!("/posts/{n}/the-new-name")));
        assert_eq!(packed.lines(&format!("/blog/{}/post-{n}", (n + 1) % 12)), None);
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_with_numbers() {
    let long = "x".repeat(300);
    let text = format!("/ok /x\n/a /{long} 302 Language=pt,en,de,fr\n");
    let error = redirects(&rules(&text), &BTreeSet::new()).pack().unwrap_err();
    assert!(error.to_string().starts_with("the redirects from /a take 1251 bytes, and 992 are possible"), "{error}");
    let text: String = (0..9_000).map(|n| format!("/{n}/* /{long}/{n}\n")).collect();
    let error = redirects(&rules(&text), &BTreeSet::new()).pack().unwrap_err();
    assert!(matches!(error, RedirectError::TooMany { rules: 9_000, .. }), "{error}");
}

#[test]
fn rules_survive_a_manifest() {
    let all = rules("/a /b 301!\n/c/* /d 302 Language=pt\n");
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(
        json,
        "[{\"from\":\"/a\",\"to\":\"/b\",\"status\":301,\"force\":true},\
         {\"from\":\"/c/*\",\"to\":\"/d\",\"status\":302,\"language\":\"pt\"}]"
    );
    assert_eq!(serde_json::from_str::<Vec<Rule>>(&json).unwrap(), all);
}
