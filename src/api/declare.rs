//! `api/<name>.toml`: a collection, declared.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::field::Field;
use super::rule::Rule;

/// Keys of the tables of a declaration, for "did you mean".
const KNOWN: [&str; 16] = [
    "collection",
    "fields",
    "rules",
    "form",
    "store",
    "create",
    "list",
    "get",
    "delete",
    "redirect",
    "type",
    "required",
    "default",
    "min",
    "max",
    "documents",
];

/// A collection as it is kept in the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// Where its documents are kept.
    pub store: Store,
    /// What a document holds.
    pub fields: BTreeMap<String, Field>,
    /// Who may do what: verb to CEL expression. An absent verb is for nobody.
    pub rules: BTreeMap<Verb, String>,
    /// What a plain form gets back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// Where documents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// In the document store: a local file, or DynamoDB.
    Documents,
}

/// What can be done with a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Add a document.
    Create,
    /// Read many.
    List,
    /// Read one.
    Get,
    /// Remove one.
    Delete,
}

/// What a plain `<form>` gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Where the browser goes when all is well: a path of the site.
    pub redirect: String,
}

/// Something wrong in a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, from the project's folder.
    pub file: String,
    /// Line, from 1; `None` when it is the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    collection: Head,
    fields: BTreeMap<String, Spanned<Field>>,
    #[serde(default)]
    rules: BTreeMap<Verb, Spanned<String>>,
    form: Option<Spanned<Form>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    store: Store,
}

/// Reads one declaration, and says everything that is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Collection, Vec<Fault>> {
    let at = |span: Option<Range<usize>>, what: String| Fault {
        file: file.into(),
        line: span.map(|s| line(text, &s)),
        what,
    };
    let declared: Declared =
        toml::from_str(text).map_err(|error| vec![at(error.span(), with_nearest(error.message()))])?;
    let mut faults = Vec::new();
    for (name, field) in &declared.fields {
        if let Some(what) = name_fault(name).or_else(|| field.get_ref().fault()) {
            faults.push(at(Some(field.span()), format!("fields.{name}: {what}")));
        }
    }
    let fields: BTreeMap<String, Field> =
        declared.fields.into_iter().map(|(name, field)| (name, field.into_inner())).collect();
    for (verb, rule) in &declared.rules {
        if let Err(what) = Rule::parse(rule.get_ref(), *verb, &fields) {
            let verb = format!("{verb:?}").to_lowercase();
            faults.push(at(Some(rule.span()), format!("rules.{verb} is not a rule: {what}")));
        }
    }
    if let Some(form) = &declared.form
        && !is_path(&form.get_ref().redirect)
    {
        faults.push(at(Some(form.span()), "form.redirect has to be a path of the site, such as /thanks.html".into()));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Collection {
        store: declared.collection.store,
        fields,
        rules: declared.rules.into_iter().map(|(verb, rule)| (verb, rule.into_inner())).collect(),
        form: declared.form.map(Spanned::into_inner),
    })
}

/// SECURITY: browsers read `/\` as `//`, which leads to another site.
fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\')
}

fn name_fault(name: &str) -> Option<String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    match name {
        "id" | "created" | "updated" | "version" => Some("every document has this already".into()),
        _ if !plain || name.len() > 64 => {
            Some("a field's name is of A-Z, a-z, 0-9 and _, begins with a letter and has at most 64".into())
        }
        _ => None,
    }
}

/// TOML's own words, with the key that was probably meant.
fn with_nearest(message: &str) -> String {
    let message = message.trim().replace('\n', " ");
    let unknown = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"));
    let Some(name) = unknown.and_then(|rest| rest.split('`').next()) else { return message };
    let nearest = KNOWN
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), *known))
        .filter(|(likeness, known)| *likeness > 0.7 && message.contains(&format!("`{known}`")))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, known)) => format!("{message}; did you mean {known}?"),
        None => message,
    }
}

fn line(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &str = "[collection]\nstore = \"documents\"\n";

    fn fault(rest: &str) -> String {
        parse("api/x.toml", &format!("{HEAD}{rest}")).unwrap_err()[0].to_string()
    }

    #[test]
    fn the_starters_declaration_is_read() {
        let messages = parse("api/messages.toml", include_str!("../../api/messages.toml")).unwrap();
        assert_eq!(messages.fields["message"].max, Some(2000.0));
        assert_eq!(messages.rules[&Verb::Create], "true");
        assert_eq!(messages.form.unwrap().redirect, "/thanks.html");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
        let text = fault("[fields]\nname = { type = \"text\", requird = true }\n");
        assert!(text.starts_with("api/x.toml:4: unknown field `requird`"), "{text}");
        assert!(text.ends_with("did you mean required?"), "{text}");
    }

    #[test]
    fn a_rule_that_does_not_compile_is_named_with_its_line() {
        let text = fault("[fields]\n[rules]\nlist = \"auth.role ==\"\n");
        assert!(text.starts_with("api/x.toml:5: rules.list is not a rule: "), "{text}");
    }

    #[test]
    fn a_reserved_field_is_refused() {
        assert_eq!(
            fault("[fields]\nid = { type = \"text\" }\n"),
            "api/x.toml:4: fields.id: every document has this already"
        );
    }

    #[test]
    fn a_redirect_away_from_the_site_is_refused() {
        for away in ["//elsewhere.example", "https://elsewhere.example", "/\\\\elsewhere.example", "/a\\r\\nb", "a"] {
            assert!(
                fault(&format!("[fields]\n[form]\nredirect = \"{away}\"\n")).contains("a path of the site"),
                "{away}"
            );
        }
    }
}
