//! Redirects and rewrites at the edge, against the same in Rust.

use std::collections::BTreeSet;

use super::*;
use crate::release::redirects::tests::{Numbers, id, random_pages, random_rules, redirects, rules};
use crate::release::redirects::{Found, Redirects};

/// A site with redirects in the store: its pages that no rule comes before, and its rules.
struct Site {
    redirects: Redirects,
    pages: BTreeMap<String, Target>,
    slot: Slot,
    store: BTreeMap<String, String>,
}

impl Site {
    fn new(rules: &[crate::release::redirects::Rule], pages: &BTreeSet<String>) -> Self {
        let redirects = redirects(rules, pages);
        let free = pages.iter().filter(|page| !redirects.covered().contains(*page));
        let pages: BTreeMap<String, Target> = free.map(|page| (page.clone(), id(page))).collect();
        let packed = pack(&pages).unwrap();
        let values = redirects.pack().unwrap();
        let release = ReleaseId::parse("20250310-020405-0000000001").unwrap();
        let not_found = Target::parse("404_________A").unwrap();
        let slot = Slot::new(release.clone(), &packed, not_found, None).with_redirects(&values);
        let mut store: BTreeMap<String, String> = packed
            .entries(&release)
            .chain(values.entries(&release))
            .map(|(key, value)| (key, value.to_owned()))
            .collect();
        let pointer = Pointer { live: slot.clone(), maintenance: false, since: NOW, previous: None };
        store.insert("live".into(), pointer.to_json());
        Self { redirects, pages, slot, store }
    }

    fn edge(&self) -> Edge {
        Edge::new(&function(None), Some(&self.store))
    }

    /// Status, and where the rules lead: a location, or the object's key.
    fn expected(&self, raw: &str, query: Option<&str>, language: Option<&str>) -> (u16, String) {
        let object = |target: &Target| (200, format!("/c/{}", target.id));
        match lookup(&self.pages, raw) {
            Answer::Object(target) => object(&target),
            Answer::Redirect(to) => (308, rules::with_query(&to, query)),
            Answer::NotFound => {
                let path = url::decode(raw).filter(|path| url::is_addressable(path));
                let path = path.map(|path| url::single_slashes(&path).into_owned());
                match path.and_then(|path| self.redirects.find(&path, query, language)) {
                    Some(Found::Object(target)) => object(&target),
                    Some(Found::Redirect { status, location }) => (status, location),
                    None => object(&self.slot.not_found),
                }
            }
        }
    }
}

fn ask(raw: &str, query: Option<&str>, language: Option<&str>) -> Value {
    let mut event = request(raw);
    if let Some(query) = query {
        event["request"]["raw"] = query.into();
    }
    if let Some(language) = language {
        event["request"]["headers"]["accept-language"] = json!({ "value": language });
    }
    event
}

fn answer(outcome: &Value) -> (u16, String) {
    assert_eq!(outcome["thrown"], Value::Null, "{outcome}");
    let result = &outcome["result"];
    match result["statusCode"].as_u64() {
        Some(status) => {
            assert_eq!(result["headers"]["x-content-type-options"]["value"], "nosniff");
            assert_eq!(result["headers"]["cache-control"]["value"], "public, max-age=0, must-revalidate");
            (u16::try_from(status).unwrap(), result["headers"]["location"]["value"].as_str().unwrap().into())
        }
        None => (200, result["uri"].as_str().unwrap().into()),
    }
}

#[test]
fn the_function_follows_the_rules_as_the_preview_does() {
    let mut numbers = Numbers(11);
    let mut led = 0;
    for _ in 0..60 {
        let count = numbers.below(14);
        let rules = random_rules(&mut numbers, count);
        let count = numbers.below(6);
        let site = Site::new(&rules, &random_pages(&mut numbers, count));
        let asked: Vec<(String, Option<&str>, Option<&str>)> = (0..100)
            .map(|_| {
                let path = url::encode(&numbers.path());
                let raw = if numbers.below(8) == 0 { path.replace('/', "//") } else { path };
                let query = [None, Some("x=$&é"), Some("a=1&b")][numbers.below(3)];
                (raw, query, [None, Some("pt-BR,pt;q=0.9,en"), Some("EN"), Some("*"), Some("")][numbers.below(5)])
            })
            .collect();
        let events: Vec<Value> = asked.iter().map(|(raw, query, language)| ask(raw, *query, *language)).collect();
        for ((raw, query, language), outcome) in asked.iter().zip(site.edge().run(&events)) {
            let answer = answer(&outcome);
            assert_eq!(answer, site.expected(raw, *query, *language), "{raw} {query:?} {language:?}\n{rules:#?}");
            led += usize::from(![200, 308].contains(&answer.0));
            assert!(!answer.1.starts_with("//"), "{raw}");
        }
    }
    assert!(led > 1_500, "{led}");
}

#[test]
fn noise_follows_the_rules_too() {
    let text = "/* /nothing/:splat 302 Language=en\n/a/* https://example.com/:splat\n/b/a/* /:splat/x 307\n/posts /b/";
    let site = Site::new(&rules(text), &["/b/".to_owned()].into());
    let raws: Vec<String> = noise(2_000).into_iter().filter(|raw| !rules::is_api(raw)).collect();
    let events: Vec<Value> = raws.iter().map(|raw| ask(raw, None, Some("en"))).collect();
    for (raw, outcome) in raws.iter().zip(site.edge().run(&events)) {
        let answer = answer(&outcome);
        assert_eq!(answer, site.expected(raw, None, Some("en")), "{raw}");
        assert!(answer.1.is_ascii() && !answer.1.starts_with("//"), "{raw}: {}", answer.1);
    }
}

#[test]
fn long_paths_are_hashed_as_short_ones_are() {
    let deep = "/1/2/3/4/5/6/7/8/9/10";
    let text =
        format!("{deep}/11/12/13 /exact\n{deep}/11 /eleven\n{deep} /ten\n{deep}/* /deep/:splat\n/1/2/3/* /three\n");
    let site = Site::new(&rules(&text), &BTreeSet::new());
    let ends = ["", "/", ".html", "/11", "/11/12", "/11/12/13", "/11/12/13/index.html", "/11/12/13/14", "/x"];
    let mut raws: Vec<String> = ends.iter().map(|end| format!("{deep}{end}")).collect();
    raws.extend(["/1/2/3/4/5/6/7/8/9".into(), "/1/2/3".into(), "/1/2".into()]);
    let events: Vec<Value> = raws.iter().map(|raw| ask(raw, None, None)).collect();
    for (raw, outcome) in raws.iter().zip(site.edge().run(&events)) {
        assert_eq!(answer(&outcome), site.expected(raw, None, None), "{raw}");
    }
    assert_eq!(site.expected(&format!("{deep}/11/12/13/"), None, None), (301, "/exact".into()));
}

#[test]
fn a_page_costs_no_more_reads_and_only_the_lengths_that_there_are_are_tried() {
    let site = Site::new(&rules("/x/* /page 302\n/1/2/3/* /page\n"), &["/page".to_owned()].into());
    let reads = |raw: &str| site.edge().run(&[ask(raw, None, None)])[0]["reads"].as_array().unwrap().len();
    assert_eq!((reads("/page"), reads("/page/")), (2, 2));
    assert_eq!((reads("/"), reads("/x/y"), reads("/1/2/3/4/5"), reads("/a/b/c/d")), (2, 3, 3, 4));
}

#[test]
fn an_edge_that_lacks_the_rules_answers_that_nothing_is_found() {
    let mut site = Site::new(&rules("/x/* /page 302\n/y /page\n"), &["/page".to_owned()].into());
    site.store.retain(|key, _| !key.contains(":r"));
    let outcome = site.edge().run(&[ask("/x/y", None, None)]).remove(0);
    assert_eq!(answer(&outcome), (200, "/c/404_________".into()));
}

#[test]
fn the_work_of_rules_is_bounded() {
    let long = "x".repeat(350);
    let text: String =
        (0..=10).rev().map(|depth| format!("{}/* /{long} 302 Language=en,de\n", "/a".repeat(depth))).collect();
    let site = Site::new(&rules(&(String::from("/b /c\n") + &text)), &BTreeSet::new());
    assert_eq!(site.slot.mask, 0xfff);
    let edge = site.edge();
    let paths = [format!("/{}", "a/".repeat(511)), format!("/{}", "%F0%9F%8D%9E".repeat(255)), "/a/%C3%A3".repeat(170)];
    let counts: Vec<usize> = paths.iter().map(|path| steps(&edge, &ask(path, None, Some("pt")))).collect();
    println!("{counts:?} steps for paths that every kind of rule is tried for");
    assert!(counts.iter().all(|count| *count <= 30_000), "{counts:?}");
}
