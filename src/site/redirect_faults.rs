//! What is wrong between redirects: loops, rules that never apply, targets that do not exist.

use std::collections::BTreeSet;

use super::links::Fault;
use super::redirect_table::Table;
use super::redirects::{REWRITE, Rule, SPLAT, local};
use super::{redirects_file, url};

/// How often browsers follow redirects before they give up.
///
/// Source: Fetch standard, "HTTP-redirect fetch".
const HOPS: usize = 20;

/// A rule and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The rule.
    pub rule: Rule,
    /// Line in `site/_redirects`, or `None` and its number in `arq.toml`.
    pub place: Place,
}

/// Where a rule is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The line in `site/_redirects`, from 1.
    Line(usize),
    /// The number among the `[[redirects]]` of `arq.toml`, from 0.
    Table(usize),
}

impl Written {
    fn fault(&self, what: &str) -> Fault {
        let rule = format!("{} -> {}", self.rule.from, self.rule.to);
        match self.place {
            Place::Line(line) => {
                Fault { source: redirects_file::FILE.into(), line: Some(line), what: format!("{rule} {what}") }
            }
            Place::Table(number) => {
                Fault { source: "arq.toml".into(), line: None, what: format!("redirects.{number}: {rule} {what}") }
            }
        }
    }
}

/// Looks at all rules together with the paths of the site.
///
/// # Errors
///
/// The first rule that leads in a circle; what only looks wrong is returned.
pub fn check<'a>(
    written: &'a [Written],
    paths: impl Iterator<Item = &'a str>,
    domain: Option<&str>,
) -> Result<Vec<Fault>, Fault> {
    let rules: Vec<Rule> = written.iter().map(|written| written.rule.clone()).collect();
    let paths: Vec<&str> = paths.collect();
    let table = Table::new(&rules, paths.iter().copied());
    let walk = Walk { table: &table, domain };
    for written in written {
        if let Some(circle) = walk.circle(&written.rule) {
            return Err(written.fault(&format!("leads in a circle: {circle}; change where one of them leads")));
        }
    }
    let living = table.living();
    let faults = written.iter().enumerate().filter_map(|(number, written)| {
        let what =
            walk.missing(&written.rule).or_else(|| (!living.contains(&number)).then(|| why_dead(&table, written)));
        what.map(|what| written.fault(&what))
    });
    Ok(faults.collect())
}

fn why_dead(table: &Table<'_>, written: &Written) -> String {
    let rule = &written.rule;
    match table.page(rule.key()).filter(|_| rule.depth().is_none() && !rule.force) {
        Some(page) => {
            format!(
                "never applies: {page} is a page; force the rule (force = true, or 301!) to come before it, \
                 or remove one"
            )
        }
        None => "never applies: a rule before it matches all that it matches; put it first, or remove it".into(),
    }
}

struct Walk<'a> {
    table: &'a Table<'a>,
    domain: Option<&'a str>,
}

impl Walk<'_> {
    /// The decoded path of this site that a rule leads to.
    fn target(&self, rule: &Rule, splat: &str) -> Option<String> {
        let to = rule.to.replace(SPLAT, splat);
        let own = self.domain.and_then(|domain| to.strip_prefix(&format!("https://{domain}")));
        let path = own.map_or(to.as_str(), |path| if path.is_empty() { "/" } else { path });
        local(path)
    }

    /// The way that leads back to where it was.
    fn circle(&self, rule: &Rule) -> Option<String> {
        let languages: BTreeSet<&str> = match rule.language.as_str() {
            "" => self.table.languages().chain([""]).collect(),
            language => [language].into(),
        };
        // What a visitor may ask for: the beginning itself, and something below it.
        let splats: &[&str] = if rule.to.contains(SPLAT) { &["", "any-page"] } else { &[""] };
        splats.iter().find_map(|splat| languages.iter().find_map(|language| self.circle_of(rule, splat, language)))
    }

    fn circle_of(&self, rule: &Rule, splat: &str, language: &str) -> Option<String> {
        let mut way = vec![self.target(Some(rule).filter(|rule| rule.status != REWRITE)?, splat)?];
        while way.len() <= HOPS {
            let path = way.last()?;
            let next = self.table.first(path, language).filter(|rule| rule.status != REWRITE)?;
            let next = self.target(next, &rest(next, path))?;
            let known = way.iter().position(|path| *path == next);
            way.push(next);
            if let Some(known) = known {
                return Some(way[known..].join(", "));
            }
        }
        Some(format!("{}, and so on", way[..4].join(", ")))
    }

    /// Why a rule's target does not exist.
    fn missing(&self, rule: &Rule) -> Option<String> {
        let to = if rule.to.contains(SPLAT) { return None } else { self.target(rule, "")? };
        let is_api = to == "/api" || to.starts_with("/api/");
        let answered = is_api || self.table.page(&to).is_some();
        let led_on = rule.status != REWRITE && !self.table.matching(url::stem(&to)).is_empty();
        (!answered && !led_on).then(|| "leads nowhere: the site has no such page".into())
    }
}

/// What the `*` of a rule matches of a path.
fn rest(rule: &Rule, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let depth = rule.depth().map_or(parts.len(), |depth| depth + 1);
    url::encode(&parts.get(depth..).unwrap_or_default().join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn checked(text: &str, paths: &[&str]) -> Result<Vec<String>, String> {
        let rules = redirects_file::parse(text).unwrap().into_iter();
        let written: Vec<Written> = rules.map(|(line, rule)| Written { rule, place: Place::Line(line) }).collect();
        let faults = check(&written, paths.iter().copied(), Some("example.com")).map_err(|fault| fault.to_string())?;
        Ok(faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn circles_are_found_however_long() {
        let pages = ["/", "/page/", "/q.html"];
        for (text, way) in [
            ("/a /a", "/a, /a"),
            ("/a /a/", "/a/, /a/"),
            ("/a /b\n/b /c\n/c /a", "/b, /c, /a, /b"),
            ("/a/* /b/:splat\n/b/* /a/:splat", "/b/, /a/, /b/"),
            ("/a/* /b/:splat\n/b /a", "/b/, /a, /b/"),
            ("/a/* /a/b/:splat", "/a/b/, /a/b/b/, /a/b/b/b/, /a/b/b/b/b/, and so on"),
            ("/blog/* /blog/", "/blog/, /blog/"),
            ("/a https://example.com/a", "/a, /a"),
            ("/a /b 302 Language=pt\n/b /a", "/b, /a, /b"),
            ("/q /q.html 301!", "/q.html, /q.html"),
            ("/* /page/ 301!", "/page/, /page/"),
        ] {
            let error = checked(text, &pages).unwrap_err();
            assert!(error.contains(&format!("leads in a circle: {way};")), "{text}: {error}");
        }
    }

    #[test]
    fn what_ends_is_no_circle() {
        let pages = ["/", "/page/", "/pt/", "/index"];
        for text in [
            "/* /page/",
            "/a /b\n/b /page/",
            "/blog/* /page/\n/blog /page/ 302",
            "/a /a 200",
            "/* / 200",
            "/a/* https://other.example/a/:splat",
            "/ /pt/ 302! Language=pt",
            "/a /b 302 Language=pt\n/b /a 302 Language=en",
        ] {
            assert!(checked(text, &pages).is_ok(), "{text}");
        }
    }

    #[test]
    fn rules_that_never_apply_and_targets_that_are_not_there_are_faults() {
        let pages = ["/", "/page/", "/pt/", "/shadow.html"];
        let dead = "never applies: a rule before it matches all that it matches; put it first, or remove it";
        for (text, faults) in [
            ("/a/* /page\n/a/b /\n", vec![format!("site/_redirects, line 2: /a/b -> / {dead}")]),
            ("/a /page\n/a.html /\n", vec![format!("site/_redirects, line 2: /a.html -> / {dead}")]),
            ("/a /page 302 Language=pt\n/a /\n", vec![]),
            ("/a /page 302 Language=pt,pt\n", vec![format!("site/_redirects, line 1: /a -> /page {dead}")]),
            ("/a/b /page\n/a/* /\n", vec![]),
            ("/* /page 302\n/shadow / 301!\n", vec![]),
            ("/a /api/x 307\n/b https://example.com/page\n/c /a\n/d/* /x/:splat", vec![]),
            (
                "/a /nowhere\n",
                vec!["site/_redirects, line 1: /a -> /nowhere leads nowhere: the site has no such page".into()],
            ),
            (
                "/a /b 200\n/b /page",
                vec!["site/_redirects, line 1: /a -> /b leads nowhere: the site has no such page".into()],
            ),
            (
                "/shadow /page\n",
                vec![
                    "site/_redirects, line 1: /shadow -> /page never applies: /shadow.html is a page; force the rule \
                     (force = true, or 301!) to come before it, or remove one"
                        .into(),
                ],
            ),
        ] {
            assert_eq!(checked(text, &pages), Ok(faults), "{text}");
        }
    }

    #[test]
    fn a_rule_of_arq_toml_is_named_by_its_number() {
        let rule = redirects_file::parse("/a /a").unwrap().remove(0).1;
        let error = check(&[Written { rule, place: Place::Table(3) }], ["/"].into_iter(), None).unwrap_err();
        assert!(error.to_string().starts_with("arq.toml: redirects.3: /a -> /a leads in a circle"), "{error}");
    }
}
