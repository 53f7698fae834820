//! A plan, for people.

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::{Ui, bytes, count};
use crate::deploy::plan::FieldChange;
use crate::deploy::{Plan, Planned, Verb};
use crate::release::Difference;

/// Longest value that is shown whole.
const SHOWN: usize = 60;
/// Most pages that are listed by name.
const PAGES: usize = 10;

/// Shows what would change: pages first, then what is made around them.
pub fn show(ui: &Ui, plan: &Plan, pages: Option<&Difference>) {
    ui.data(summary(plan));
    if let Some(pages) = pages {
        contents(ui, pages);
    }
    for step in plan.steps.iter().filter(|step| step.verb != Verb::Same) {
        ui.data(line(step));
        for field in &step.fields {
            ui.data(format!("      {}", self::field(field)));
        }
    }
    let again = plan.steps.iter().filter(|step| step.recheck).count();
    if again > 0 {
        ui.faint(format!("  {} depend on what changes and will be looked at again.", count(again, "part")));
    }
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
    let parts: Vec<String> = words
        .into_iter()
        .map(|(verb, words)| (plan.count(verb), words))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    if parts.is_empty() { "Plan: nothing to change".into() } else { format!("Plan: {}", parts.join(", ")) }
}

fn line(step: &Planned) -> String {
    let (sign, colour) = match step.verb {
        Verb::Create => ('+', AnsiColor::Green),
        Verb::Update => ('~', AnsiColor::Yellow),
        Verb::Replace => ('!', AnsiColor::Red),
        Verb::Delete => ('-', AnsiColor::Red),
        Verb::Keep => ('=', AnsiColor::Cyan),
        Verb::Same => (' ', AnsiColor::White),
    };
    let style = colour.on_default();
    let reason = if step.verb == Verb::Keep { "  (holds data; --delete-data deletes it)" } else { "" };
    format!("  {style}{sign}{style:#} {:<34} {}{reason}", step.kind, step.name)
}

fn contents(ui: &Ui, pages: &Difference) {
    const STYLE: Style = Style::new().bold();
    if pages.is_empty() {
        return;
    }
    ui.data(format!(
        "{STYLE}Pages and files:{STYLE:#} {} added, {} changed, {} removed",
        pages.added.len(),
        pages.changed.len(),
        pages.removed.len()
    ));
    if pages.api {
        ui.data(format!("{STYLE}API:{STYLE:#} its declarations change"));
    }
    let added = pages.added.iter().map(|page| ('+', &page.path, page.size));
    let changed = pages.changed.iter().map(|page| ('~', &page.path, page.size));
    let removed = pages.removed.iter().map(|page| ('-', &page.path, page.size));
    let all: Vec<_> = added.chain(changed).chain(removed).collect();
    for (sign, path, size) in all.iter().take(PAGES) {
        ui.data(format!("  {sign} {path} ({})", bytes(*size)));
    }
    if all.len() > PAGES {
        ui.data(format!("  … and {} more", all.len() - PAGES));
    }
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
            if text.chars().count() > SHOWN { "…".into() } else { text }
        }
    }
}
