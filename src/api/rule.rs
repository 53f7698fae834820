//! Rules: CEL expressions that say who may do what.

use cel::{Context, Program, Value};
use serde_json::json;

use super::auth::Identity;

/// A rule that was compiled.
#[derive(Debug)]
pub struct Rule(Program);

/// What a rule may speak of.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub auth: &'a Identity,
    /// The method.
    pub method: &'a str,
    /// The document that is read or deleted, or the fields of the new one.
    pub doc: serde_json::Value,
}

impl Rule {
    /// Compiles an expression; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let program = Program::compile(text).map_err(|error| error.to_string())?;
        let unknown: Vec<String> = program
            .references()
            .variables()
            .into_iter()
            .filter(|name| !["auth", "request", "doc"].contains(name))
            .map(str::to_owned)
            .collect();
        match unknown.first() {
            Some(name) => Err(format!("it speaks of {name}; known are auth, request and doc")),
            None => Ok(Self(program)),
        }
    }

    /// Whether it lets the request through. A rule that fails lets nothing through.
    pub fn allows(&self, asked: &Asked<'_>) -> bool {
        let mut context = Context::default();
        let added = context.add_variable("auth", json!({"role": asked.auth.role, "id": asked.auth.id})).is_ok()
            && context.add_variable("request", json!({"method": asked.method})).is_ok()
            && context.add_variable("doc", &asked.doc).is_ok();
        added && matches!(self.0.execute(&context), Ok(Value::Bool(true)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn allows(rule: &str, role: &str, doc: serde_json::Value) -> bool {
        let auth = Identity { id: "t1".into(), role: role.into() };
        Rule::parse(rule).unwrap().allows(&Asked { auth: &auth, method: "GET", doc })
    }

    #[test]
    fn a_rule_sees_who_asks_and_what_for() {
        assert!(allows("auth.role == 'owner'", "owner", json!({})));
        assert!(!allows("auth.role == 'owner'", "", json!({})));
        assert!(allows("doc.author == auth.id && request.method == 'GET'", "x", json!({"author": "t1"})));
        assert!(allows("true", "", json!({})));
    }

    #[test]
    fn a_rule_that_fails_or_is_not_a_yes_lets_nothing_through() {
        assert!(!allows("doc.absent == 'x'", "owner", json!({})));
        assert!(!allows("1 + 1", "owner", json!({})));
        assert!(!allows("'true'", "owner", json!({})));
    }

    #[test]
    fn what_is_not_a_rule_is_said() {
        assert!(Rule::parse("auth.role ==").is_err());
        assert_eq!(Rule::parse("user.role == 'x'").unwrap_err(), "it speaks of user; known are auth, request and doc");
    }
}
