//! `api/<name>.toml`: a collection, declared.
//!
//! A collection of documents has `[fields]`. One of files has none, and may say what it takes:
//!
//! ```toml
//! [collection]
//! store = "files"
//!
//! [files]
//! types = ["image/*"]    # else images, PDF and plain text
//! max_bytes = 1_000_000  # else 4 MiB, which is the most
//!
//! [rules]                # `doc` has name, type, size and, once it is stored, id
//! create = "auth.role == 'owner'"
//! get    = "doc.type.startsWith('image/')"
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::field::Field;
use super::file_limits::{DeclaredFiles, FileLimits};
use super::rule::Rule;

/// Keys of the tables of a declaration, for "did you mean".
const KNOWN: [&str; 19] = [
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
    "files",
    "types",
    "max_bytes",
];

/// A collection as it is kept in the bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// What it holds, and where that is kept.
    pub store: Store,
    /// What a document holds; none in a collection of files.
    pub fields: BTreeMap<String, Field>,
    /// Who may do what: verb to CEL expression. An absent verb is for nobody.
    pub rules: BTreeMap<Verb, String>,
    /// What a plain form gets back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// What is taken, in a collection of files: the table `[files]`, with the defaults for what it leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FileLimits>,
}

impl Collection {
    /// Compiles a rule of this collection; the error says what is wrong.
    pub fn rule(&self, text: &str, verb: Verb) -> Result<Rule, String> {
        compile(self.store, &self.fields, text, verb)
    }
}

/// What a collection holds, and where that is kept: the key `store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// In the document store: a local file, or DynamoDB.
    Documents,
    /// Small files, each kept whole: a local folder, or S3.
    Files,
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
    fields: Option<Spanned<BTreeMap<String, Spanned<Field>>>>,
    #[serde(default)]
    rules: BTreeMap<Verb, Spanned<String>>,
    form: Option<Spanned<Form>>,
    files: Option<Spanned<DeclaredFiles>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    store: Store,
}

/// Faults as they are found: where, and what.
type Found = Vec<(Range<usize>, String)>;

/// Reads one declaration, and says everything that is wrong with it.
pub fn parse(file: &str, text: &str) -> Result<Collection, Vec<Fault>> {
    let at = |span: Option<Range<usize>>, what: String| Fault {
        file: file.into(),
        line: span.map(|s| line(text, &s)),
        what,
    };
    let declared: Declared =
        toml::from_str(text).map_err(|error| vec![at(error.span(), with_nearest(error.message()))])?;
    let mut found = Found::new();
    let collection = collect(declared, &mut found);
    match found.is_empty() {
        true => Ok(collection),
        false => Err(found.into_iter().map(|(span, what)| at(Some(span), what)).collect()),
    }
}

fn collect(declared: Declared, found: &mut Found) -> Collection {
    let store = declared.collection.store;
    let fields = fields(store, declared.fields, found);
    let files = files(store, declared.files, found);
    for (verb, rule) in &declared.rules {
        if let Err(what) = compile(store, &fields, rule.get_ref(), *verb) {
            let verb = format!("{verb:?}").to_lowercase();
            found.push((rule.span(), format!("rules.{verb} is not a rule: {what}")));
        }
    }
    if let Some(form) = &declared.form
        && !is_path(&form.get_ref().redirect)
    {
        found.push((form.span(), "form.redirect has to be a path of the site, such as /thanks.html".into()));
    }
    let rules = declared.rules.into_iter().map(|(verb, rule)| (verb, rule.into_inner())).collect();
    Collection { store, fields, rules, form: declared.form.map(Spanned::into_inner), files }
}

fn fields(
    store: Store,
    declared: Option<Spanned<BTreeMap<String, Spanned<Field>>>>,
    found: &mut Found,
) -> BTreeMap<String, Field> {
    match (store, declared) {
        (Store::Documents, None) => found.push((0..0, "missing field `fields`".into())),
        (Store::Files, Some(fields)) => {
            let what = "a collection of files has no [fields]: a file has a name, a type and a size";
            found.push((fields.span(), what.into()));
        }
        (Store::Files, None) => {}
        (Store::Documents, Some(fields)) => {
            for (name, field) in fields.get_ref() {
                if let Some(what) = name_fault(name).or_else(|| field.get_ref().fault()) {
                    found.push((field.span(), format!("fields.{name}: {what}")));
                }
            }
            return fields.into_inner().into_iter().map(|(name, field)| (name, field.into_inner())).collect();
        }
    }
    BTreeMap::new()
}

fn files(store: Store, declared: Option<Spanned<DeclaredFiles>>, found: &mut Found) -> Option<FileLimits> {
    match (store, declared) {
        (Store::Files, None) => Some(FileLimits::default()),
        (Store::Files, Some(files)) => Some(files.into_inner().limits(found)),
        (Store::Documents, None) => None,
        (Store::Documents, Some(files)) => {
            found.push((files.span(), "[files] belongs to a collection with store = \"files\"".into()));
            None
        }
    }
}

fn compile(store: Store, fields: &BTreeMap<String, Field>, text: &str, verb: Verb) -> Result<Rule, String> {
    match store {
        Store::Documents => Rule::parse(text, verb, fields),
        Store::Files => Rule::parse_for_files(text, verb),
    }
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
        // A key that belongs elsewhere is known, and in the message itself.
        .filter(|(likeness, known)| *likeness > 0.7 && *known != name && message.contains(&format!("`{known}`")))
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

    const FILES: &str = "[collection]\nstore = \"files\"\n";

    #[test]
    fn files_are_declared_with_their_types_and_their_size() {
        let photos = parse("api/photos.toml", FILES).unwrap();
        assert_eq!(photos.files, Some(FileLimits::default()));
        let text =
            format!("{FILES}[files]\ntypes = [\"Image/PNG\"]\nmax_bytes = 1000\n[rules]\nget = \"doc.id != ''\"\n");
        let photos = parse("api/photos.toml", &text).unwrap();
        assert_eq!(photos.files, Some(FileLimits { types: vec!["image/png".into()], max_bytes: 1000 }));
        assert!(photos.fields.is_empty() && photos.rule("doc.size < 10", Verb::Create).is_ok());
    }

    #[test]
    fn the_example_above_is_a_declaration() {
        let lines = include_str!("declare.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let example: Vec<&str> = lines.skip_while(|l| *l != " ```toml").skip(1).take_while(|l| *l != " ```").collect();
        let photos = parse("api/photos.toml", &example.join("\n")).unwrap();
        assert_eq!(photos.files.unwrap().max_bytes, 1_000_000);
    }

    #[test]
    fn what_is_wrong_with_files_is_named_with_its_line() {
        for (head, rest, told) in [
            (FILES, "[fields]\n", "3: a collection of files has no [fields]"),
            (FILES, "[files]\nmax_bytes = 4194305\n", "4: files.max_bytes: 4194304 (4 MiB) is the most"),
            (FILES, "[files]\nmax_bytes = 0\n", "4: files.max_bytes: has to be at least 1"),
            (FILES, "[files]\nmax_bytes = -1\n", "4: "),
            (FILES, "[files]\n\ntypes = [\"image/png\",\n\"image\"]\n", "6: files.types: image is not a type"),
            (FILES, "[files]\ntypes = [\"*/*\"]\n", "4: files.types: */* is not a type"),
            (FILES, "[files]\ntypes = [\"multipart/*\"]\n", "4: files.types: multipart/* is how forms are sent"),
            (FILES, "[files]\ntypes = []\n", "4: files.types: nothing is allowed"),
            (FILES, "[rules]\nget = \"doc.nmae == ''\"\n", "4: rules.get is not a rule: doc has no nmae"),
            (FILES, "[rules]\nget = \"doc.created == ''\"\n", "4: rules.get is not a rule: doc has no created"),
            (HEAD, "[fields]\n[files]\n", "4: [files] belongs to a collection with store = \"files\""),
            (HEAD, "", "1: missing field `fields`"),
        ] {
            let fault = parse("api/x.toml", &format!("{head}{rest}")).unwrap_err()[0].to_string();
            assert!(fault.starts_with(&format!("api/x.toml:{told}")), "{rest}: {fault}");
        }
    }

    #[test]
    fn a_misspelt_key_of_files_is_named_with_the_nearest_right_one() {
        for (text, told) in [
            ("[collection]\nstore = \"file\"\n", "did you mean files?"),
            ("[collection]\nstore = \"files\"\n[files]\nmax_byte = 1\n", "did you mean max_bytes?"),
            ("[collection]\nstore = \"files\"\n[files]\ntype = []\n", "did you mean types?"),
            ("[collection]\nstore = \"files\"\n[file]\n", "did you mean files?"),
        ] {
            let fault = parse("api/x.toml", text).unwrap_err()[0].to_string();
            assert!(fault.ends_with(told), "{fault}");
        }
    }
}
