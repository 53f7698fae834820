//! A plan, for people.

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::{Ui, bytes, count};
use crate::cost::{Estimate, Expected};
use crate::deploy::plan::FieldChange;
use crate::deploy::{Plan, Planned, Verb};
use crate::release::{ApiDifference, Difference, RedirectDifference};

/// Longest value that is shown whole.
const SHOWN: usize = 60;
/// Most pages that are listed by name.
const PAGES: usize = 10;

const STRONG: Style = Style::new().bold();
const LOUD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// A plan, and what is known of it besides.
pub struct Shown<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What changes for visitors.
    pub pages: Option<&'a Difference>,
    /// What the site costs when the plan is carried out.
    pub estimate: Option<&'a Estimate>,
    /// How long the plan takes.
    pub expected: Option<&'a Expected>,
    /// How many of AWS's actions whoever carries it out has to be allowed.
    pub actions: Option<usize>,
}

impl<'a> Shown<'a> {
    /// A plan of which nothing else is known.
    pub fn only(plan: &'a Plan) -> Self {
        Self { plan, pages: None, estimate: None, expected: None, actions: None }
    }
}

/// Shows what would change: the data at risk first, then pages, then what is made around them,
/// and what that costs, takes and needs.
pub fn show(ui: &Ui, shown: &Shown<'_>) {
    lines(shown).iter().for_each(|line| ui.data(line));
}

/// The same as status, where data is something else.
pub fn tell(ui: &Ui, shown: &Shown<'_>) {
    lines(shown).iter().for_each(|line| ui.status(line));
}

fn lines(shown: &Shown<'_>) -> Vec<String> {
    let steps = &shown.plan.steps;
    let mut lines: Vec<String> = shown.plan.loses_data().map(at_risk).collect();
    lines.push(summary(shown.plan));
    lines.extend(shown.pages.into_iter().flat_map(contents));
    lines.extend(steps.iter().filter(|step| step.verb != Verb::Same).flat_map(particulars));
    let again = steps.iter().filter(|step| step.recheck).count();
    if again > 0 {
        let parts = count(again, "part");
        lines.push(format!("{FAINT}  {parts} that depend on these will be looked at again{FAINT:#}"));
    }
    if !shown.plan.is_noop() {
        lines.extend(shown.estimate.map(money));
        lines.extend(shown.expected.filter(|expected| expected.seconds > 0).map(time));
        lines.extend(shown.actions.map(permissions));
    }
    lines
}

/// Loud, and before everything else.
fn at_risk(step: &Planned) -> String {
    let doing = if step.verb == Verb::Replace { "replacing" } else { "deleting" };
    let loses = step.loses.as_deref().unwrap_or("all that it holds");
    format!("{LOUD}DATA AT RISK:{LOUD:#} {doing} {} {} loses {LOUD}{loses}{LOUD:#}", step.kind, step.name)
}

fn money(estimate: &Estimate) -> String {
    format!(
        "{STRONG}Money:{STRONG:#} about {} a month idle, {} with {}; `arqsite cost` says how",
        estimate.idle, estimate.typical, estimate.traffic
    )
}

fn time(expected: &Expected) -> String {
    let about = match expected.seconds {
        0..100 => format!("{} s", expected.seconds),
        seconds => format!("{} min", (seconds + 30) / 60),
    };
    format!("{STRONG}Time:{STRONG:#} about {about}; the longest way is {}", expected.path.join(" -> "))
}

fn permissions(actions: usize) -> String {
    format!("{STRONG}Permissions:{STRONG:#} {}; `arqsite policy` lists them", count(actions, "action"))
}

/// `Plan: 17 to make, 1 to change`.
pub fn summary(plan: &Plan) -> String {
    let words = [
        (Verb::Create, "to make"),
        (Verb::Update, "to change"),
        (Verb::Replace, "to replace"),
        (Verb::Delete, "to delete"),
        (Verb::Keep, "to keep"),
    ];
    let waits = plan.steps.iter().filter(|step| is_wait(step)).count();
    let number = |verb: Verb| plan.steps.iter().filter(|step| step.verb == verb && !is_wait(step)).count();
    let parts: Vec<String> = words
        .into_iter()
        .map(|(verb, words)| (number(verb), words))
        .chain([(waits, "to wait for")])
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    if parts.is_empty() { "Plan: nothing to change".into() } else { format!("Plan: {}", parts.join(", ")) }
}

fn is_wait(step: &Planned) -> bool {
    step.waits && step.verb.changes()
}

/// A step's line, and one for every field that it changes.
fn particulars(step: &Planned) -> Vec<String> {
    let fields = step.fields.iter().map(|change| format!("      {}", field(change)));
    [line(step)].into_iter().chain(fields).collect()
}

fn line(step: &Planned) -> String {
    let (sign, colour) = match step.verb {
        _ if is_wait(step) => ('…', AnsiColor::Cyan),
        Verb::Create => ('+', AnsiColor::Green),
        Verb::Update => ('~', AnsiColor::Yellow),
        Verb::Replace => ('!', AnsiColor::Red),
        Verb::Delete => ('-', AnsiColor::Red),
        Verb::Keep => ('=', AnsiColor::Cyan),
        Verb::Same => (' ', AnsiColor::White),
    };
    let style = colour.on_default();
    let reason = reason(step).map(|why| format!("  {FAINT}({why}){FAINT:#}")).unwrap_or_default();
    format!("  {style}{sign}{style:#} {:<34} {}{reason}", step.kind, step.name)
}

fn reason(step: &Planned) -> Option<String> {
    match (step.verb, &step.kept_for) {
        (Verb::Keep, None) => Some("holds data; --delete-data deletes it".into()),
        _ => step.why.clone(),
    }
}

/// What changes for visitors, the first pages by name.
pub fn contents(pages: &Difference) -> Vec<String> {
    pages_of(pages, PAGES)
}

/// What changes for visitors, every page by name.
pub fn all_contents(pages: &Difference) -> Vec<String> {
    pages_of(pages, usize::MAX)
}

fn pages_of(pages: &Difference, most: usize) -> Vec<String> {
    if pages.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{STRONG}Pages and files:{STRONG:#} {} added, {} changed, {} removed",
        pages.added.len(),
        pages.changed.len(),
        pages.removed.len()
    )];
    let added = pages.added.iter().map(|page| ('+', &page.path, page.size));
    let changed = pages.changed.iter().map(|page| ('~', &page.path, page.size));
    let removed = pages.removed.iter().map(|page| ('-', &page.path, page.size));
    let all: Vec<_> = added.chain(changed).chain(removed).collect();
    let named = all.iter().take(most).map(|(sign, path, size)| format!("  {sign} {path} ({})", bytes(*size)));
    lines.extend(named);
    if all.len() > most {
        lines.push(format!("  … and {} more", all.len() - most));
    }
    if pages.not_found {
        lines.push("  ~ the page for what is not found".into());
    }
    lines.extend(redirects(&pages.redirects, most));
    lines.extend(api(&pages.api));
    lines
}

fn redirects(redirects: &RedirectDifference, most: usize) -> Vec<String> {
    let added = redirects.added.iter().map(|rule| format!("  + {rule}"));
    let mut named: Vec<String> = added.chain(redirects.removed.iter().map(|rule| format!("  - {rule}"))).collect();
    if named.len() > most {
        let more = named.len() - most;
        named.truncate(most);
        named.push(format!("  … and {more} more"));
    }
    if redirects.order {
        named.push("  ~ their order".into());
    }
    if named.is_empty() {
        return named;
    }
    [format!("{STRONG}Redirects:{STRONG:#}")].into_iter().chain(named).collect()
}

fn api(api: &ApiDifference) -> Vec<String> {
    if !api.changed {
        return Vec::new();
    }
    let lists = [('+', &api.added), ('~', &api.opened), ('-', &api.removed)];
    let named: Vec<String> =
        lists.iter().flat_map(|(sign, routes)| routes.iter().map(move |route| format!("  {sign} {route}"))).collect();
    let what = if named.is_empty() { " its declarations change" } else { "" };
    [format!("{STRONG}API:{STRONG:#}{what}")].into_iter().chain(named).collect()
}

/// `path: there -> wanted`.
pub fn field(field: &FieldChange) -> String {
    format!("{}: {} -> {}", field.path, short(&field.from), short(&field.to))
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) if text.is_empty() => "empty".into(),
        Value::String(text) if text.chars().count() > SHOWN || text.contains('\n') => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::String(text) => text.clone(),
        value => {
            let text = value.to_string();
            let beginning: String = text.chars().take(SHOWN).collect();
            if beginning.len() < text.len() { format!("{beginning}…") } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::Arc;

    use super::*;
    use crate::cost::{Assumptions, Component, estimate};
    use crate::deploy::testing::{Bucket, Delegation, Desk, graph, shop, shop_later};

    fn plain(shown: &Shown<'_>) -> Vec<String> {
        lines(shown).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[tokio::test]
    async fn what_is_lost_comes_first_and_every_step_says_why() {
        let mut desk = Desk::new(Arc::default());
        desk.publish(&shop()).await.unwrap();
        desk.delete_data = true;
        let without_files = graph(|graph| graph.add("bucket", Bucket::new("shop-site"), &[]));
        let lines = plain(&Shown::only(&desk.plan(&without_files).await.unwrap()));
        assert_eq!(lines[0], "DATA AT RISK: deleting fake.bucket shop-files loses all files in shop-files");
        assert_eq!(lines[1], "Plan: 6 to delete");
        let files = "  - fake.bucket                        shop-files  (the project no longer asks for it)";
        assert!(lines.iter().any(|line| line == files), "{lines:#?}");
    }

    #[test]
    fn of_a_long_value_the_beginning_is_shown() {
        let to =
            serde_json::json!({"Action": "s3:GetObject", "Principal": "*", "Resource": "arn:aws:s3:::shop-site/*"});
        let change = FieldChange { path: "others.0".into(), from: to, to: Value::Null };
        let shown = r#"others.0: {"Action":"s3:GetObject","Principal":"*","Resource":"arn:aws… -> nothing"#;
        assert_eq!(field(&change), shown);
    }

    #[tokio::test]
    async fn money_time_and_permissions_come_last() {
        let desk = Desk::new(Arc::default());
        desk.publish(&shop()).await.unwrap();
        let plan = desk.plan(&shop_later()).await.unwrap();
        let estimate = estimate(&[Component::HostedZone, Component::Api], "us-east-1", &Assumptions::default());
        let expected = Expected { seconds: 345, path: vec!["edge".into(), "distribution".into()] };
        let shown =
            Shown { estimate: Some(&estimate), expected: Some(&expected), actions: Some(63), ..Shown::only(&plan) };
        let last = [
            "  2 parts that depend on these will be looked at again",
            "Money: about $0.50 a month idle, $0.51 with 100,000 page views and 10,000 API requests; `arqsite cost` \
             says how",
            "Time: about 6 min; the longest way is edge -> distribution",
            "Permissions: 63 actions; `arqsite policy` lists them",
        ];
        assert!(plain(&shown).ends_with(&last.map(str::to_owned)), "{:#?}", plain(&shown));
    }

    #[tokio::test]
    async fn a_wait_is_no_change() {
        let desk = Desk::new(Arc::default());
        let graph = graph(|graph| graph.add("delegation", Delegation::new("shop.example"), &[]));
        let plan = desk.plan(&graph).await.unwrap();
        let expected = ["Plan: 1 to wait for", "  … fake.delegation                    shop.example"];
        assert_eq!(plain(&Shown::only(&plan)), expected);
    }
}
