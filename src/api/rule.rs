//! Rules: CEL expressions that say who may do what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Program, Value};
use serde_json::Value as Json;

use super::auth::Identity;
use super::declare::Verb;
use super::field::{Field, Type};
use super::rule_check::{self, Members};

/// Longest rule, in bytes. It is parsed and judged by functions that call themselves.
const LENGTH: usize = 2000;
/// Deepest brackets in a rule, for the same reason.
const DEPTH: usize = 16;

/// What a document has beside its fields once it is stored.
const STORED: [&str; 3] = ["id", "created", "updated"];
/// What a file has before it is stored.
const FILE: [&str; 3] = ["name", "type", "size"];

/// The functions of CEL; made once, for it costs more than most rules do.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A rule that was compiled.
#[derive(Debug)]
pub struct Rule {
    program: Program,
    /// Fields that are fractions even where they happen to be whole: `doc.price * 2.0`.
    fractions: BTreeSet<String>,
}

/// What a rule may speak of.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub auth: &'a Identity,
    /// The method.
    pub method: &'a str,
    /// The document that is read or deleted, or the fields of the new one.
    pub doc: Json,
}

impl Rule {
    /// Compiles the rule of a verb for documents of these fields; the error says what is wrong.
    pub fn parse(text: &str, verb: Verb, fields: &BTreeMap<String, Field>) -> Result<Self, String> {
        let doc = Members { given: fields.keys().map(String::as_str).collect(), stored: &STORED };
        let fractions = fields.iter().filter(|(_, field)| field.kind == Type::Number);
        Ok(Self { program: compile(text, verb, &doc)?, fractions: fractions.map(|(name, _)| name.clone()).collect() })
    }

    /// Compiles the rule of a verb for files: `doc` has `name`, `type`, `size` and, once it is
    /// stored, `id`.
    pub fn parse_for_files(text: &str, verb: Verb) -> Result<Self, String> {
        let doc = Members { given: FILE.to_vec(), stored: &["id"] };
        Ok(Self { program: compile(text, verb, &doc)?, fractions: BTreeSet::new() })
    }

    /// Whether the answer depends on the document, so that it has to be read first.
    pub fn needs_doc(&self) -> bool {
        self.program.references().has_variable("doc")
    }

    /// Whether it lets the request through. A rule that fails lets nothing through, and is noted.
    pub fn allows(&self, asked: &Asked<'_>) -> bool {
        let mut context = Context::with_env(LANGUAGE.clone());
        let text = |text: &str| Value::String(Arc::new(text.to_owned()));
        let auth = [("role", text(&asked.auth.role)), ("id", text(&asked.auth.id))];
        context.add_variable_from_value("auth", map(auth.into_iter()));
        context.add_variable_from_value("request", map([("method", text(asked.method))].into_iter()));
        context.add_variable_from_value("doc", self.doc(&asked.doc));
        match self.program.execute(&context) {
            Ok(Value::Bool(answer)) => answer,
            Ok(other) => {
                let kind = other.type_of().to_string();
                tracing::warn!(kind, "a rule answered neither true nor false: refused");
                false
            }
            Err(error) => {
                tracing::warn!(error = trouble(&error), "a rule failed: refused");
                false
            }
        }
    }

    fn doc(&self, doc: &Json) -> Value {
        let Json::Object(fields) = doc else { return Value::Null };
        map(fields.iter().map(|(name, value)| match value.as_f64() {
            Some(number) if self.fractions.contains(name) => (name.as_str(), Value::Float(number)),
            _ => (name.as_str(), to_cel(value)),
        }))
    }
}

fn compile(text: &str, verb: Verb, doc: &Members<'_>) -> Result<Program, String> {
    check_shape(text)?;
    let program = Program::compile(text).map_err(|error| error.to_string())?;
    rule_check::check(program.expression(), verb, doc)?;
    Ok(program)
}

fn check_shape(text: &str) -> Result<(), String> {
    let (mut depth, mut deepest) = (0_usize, 0);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    match text.len() > LENGTH || deepest > DEPTH {
        true => Err(format!("it is too long or too deep; {LENGTH} characters and {DEPTH} brackets are the most")),
        false => Ok(()),
    }
}

/// JSON as CEL sees it. Whole numbers are `int`, so that they can be reckoned with: as the `uint`
/// that the library takes from JSON, `doc.age + 1` would be an error.
fn to_cel(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)
        }
        Json::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(fields) => map(fields.iter().map(|(name, value)| (name.as_str(), to_cel(value)))),
    }
}

fn map<'a>(pairs: impl Iterator<Item = (&'a str, Value)>) -> Value {
    let map: HashMap<Key, Value> = pairs.map(|(name, value)| (Key::from(name), value)).collect();
    Value::Map(Map { map: Arc::new(map) })
}

/// What went wrong, without the values: they are what a visitor sent.
fn trouble(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(_)
        | ExecutionError::NoSuchOverload(_)
        | ExecutionError::UndeclaredReference(_)
        | ExecutionError::InvalidArgumentCount { .. } => error.to_string(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".into(),
        ExecutionError::Overflow(..) => "a number that is too large".into(),
        _ => "a value of the wrong kind".into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn fields() -> BTreeMap<String, Field> {
        let field = |kind: &str| serde_json::from_value(json!({"type": kind})).unwrap();
        [("author", "text"), ("age", "integer"), ("price", "number"), ("open", "boolean")]
            .map(|(name, kind)| (name.to_owned(), field(kind)))
            .into()
    }

    fn allows(rule: &str, role: &str, doc: Json) -> bool {
        let auth = Identity { id: "t1".into(), role: role.into() };
        Rule::parse(rule, Verb::Get, &fields()).unwrap().allows(&Asked { auth: &auth, method: "GET", doc })
    }

    #[test]
    fn a_rule_sees_who_asks_and_what_for() {
        assert!(allows("auth.role == 'owner'", "owner", json!({})));
        assert!(!allows("auth.role == 'owner'", "", json!({})));
        assert!(allows("doc.author == auth.id && request.method == 'GET'", "x", json!({"author": "t1"})));
        assert!(allows("true", "", json!({})));
    }

    #[test]
    fn a_rule_may_use_the_macros_of_cel() {
        assert!(allows("['owner', 'staff'].exists(r, r == auth.role)", "staff", json!({})));
        assert!(!allows("['owner', 'staff'].exists(r, r == auth.role)", "guest", json!({})));
        assert!(allows("has(doc.author) ? doc.author == auth.id : true", "", json!({})));
        assert!(allows("type(doc.author) == string", "", json!({"author": "x"})));
    }

    #[test]
    fn numbers_can_be_reckoned_with() {
        assert!(allows("doc.age + 1 == 19 && doc.age - 20 < 0", "", json!({"age": 18})));
        assert!(allows("doc.price * 2.0 > 5.5 && doc.price == 3", "", json!({"price": 3})));
    }

    #[test]
    fn a_rule_that_fails_or_is_not_a_yes_lets_nothing_through() {
        assert!(!allows("doc.author == 'x'", "owner", json!({})));
        assert!(!allows("1 + 1", "owner", json!({})));
        assert!(!allows("'true'", "owner", json!({})));
        assert!(!allows("doc.age / 0 == 1 || doc.age / -1 == 1", "", json!({"age": i64::MIN})));
        assert!(!allows("'a'.matches(doc.author)", "", json!({"author": "(("})));
    }

    #[test]
    fn what_failed_is_noted_without_what_a_visitor_sent() {
        let rule = Rule::parse("'a'.matches(doc.author)", Verb::Get, &fields()).unwrap();
        let mut context = Context::with_env(LANGUAGE.clone());
        context.add_variable_from_value("doc", rule.doc(&json!({"author": "((secret"})));
        assert!(!trouble(&rule.program.execute(&context).unwrap_err()).contains("secret"));
    }

    #[test]
    fn only_some_rules_need_the_document() {
        let needs = |rule: &str| Rule::parse(rule, Verb::Get, &fields()).unwrap().needs_doc();
        assert!(needs("doc.open") && needs("[1].all(i, doc.age > i)"));
        assert!(!needs("auth.role == 'doc'"));
    }

    #[test]
    fn a_rule_that_is_too_deep_is_refused_before_it_is_parsed() {
        for deep in ["(".repeat(900) + "1" + &")".repeat(900), "[".repeat(1999), "1+".repeat(2000) + "1"] {
            let refused = Rule::parse(&deep, Verb::Get, &fields()).unwrap_err();
            assert!(refused.starts_with("it is too long or too deep"), "{refused}");
        }
        let _ = Rule::parse(&("!".repeat(1990) + "true"), Verb::Get, &fields());
        let _ = Rule::parse(&("-".repeat(1990) + "1 == 1"), Verb::Get, &fields());
        let _ = Rule::parse(&("1+".repeat(990) + "1 == 1"), Verb::Get, &fields());
        let _ = Rule::parse(&("true?".repeat(390) + "1"), Verb::Get, &fields());
        let _ = Rule::parse(&("true?true:".repeat(190) + "true"), Verb::Get, &fields());
        let _ = Rule::parse(&("auth".to_owned() + &".role".repeat(390)), Verb::Get, &fields());
    }
}
