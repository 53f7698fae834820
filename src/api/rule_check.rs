//! What can be known of a rule before anybody asks: whether all that it names exists.
//!
//! A misspelt name would otherwise be found at night: `auth.roel == 'owner'` lets nobody in, and
//! `auth.roel != 'guest'` may be believed to keep somebody out.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, ExecutionError, Program};

use super::declare::Verb;

/// Names of types, which `type(x) == int` speaks of.
const TYPES: [&str; 10] = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];
/// The call behind `a[b]`.
const INDEX: &str = "_[_]";
/// How alike two names are, 0 to 1, when one is probably the other misspelt.
const ALIKE: f64 = 0.7;

/// What `doc` has.
pub struct Members<'a> {
    /// When it is made, and ever after.
    pub given: Vec<&'a str>,
    /// Only once it is stored.
    pub stored: &'a [&'a str],
}

/// Says what a rule names that does not exist.
pub fn check(expression: &IdedExpr, verb: Verb, doc: &Members<'_>) -> Result<(), String> {
    Names::of(verb, doc).visit(expression, &mut Vec::new())
}

/// The variables, and what each of them has.
struct Names<'a>(Vec<(&'static str, Vec<&'a str>)>);

impl<'a> Names<'a> {
    fn of(verb: Verb, doc: &Members<'a>) -> Self {
        let mut variables = vec![("auth", vec!["role", "id"]), ("request", vec!["method"])];
        match verb {
            Verb::List => {}
            Verb::Create => variables.push(("doc", doc.given.clone())),
            Verb::Get | Verb::Delete => variables.push(("doc", [doc.given.as_slice(), doc.stored].concat())),
        }
        Self(variables)
    }

    /// `bound` are the variables of the macros around the expression, as `r` in `exists(r, …)`.
    fn visit<'e>(&self, expression: &'e IdedExpr, bound: &mut Vec<&'e str>) -> Result<(), String> {
        match &expression.expr {
            Expr::Ident(name) => self.variable(name, bound),
            Expr::Select(select) => {
                self.member(&select.operand, &select.field, bound)?;
                self.visit(&select.operand, bound)
            }
            Expr::Call(call) => self.call(call, bound),
            Expr::Comprehension(macro_) => self.comprehension(macro_, bound),
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.visit(element, bound)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr, bound)),
            Expr::Struct(made) => Err(format!("there is no type {}", made.type_name)),
            Expr::Literal(_) | Expr::Unspecified => Ok(()),
        }
    }

    fn entry<'e>(&self, entry: &'e EntryExpr, bound: &mut Vec<&'e str>) -> Result<(), String> {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key, bound)?;
                self.visit(&entry.value, bound)
            }
            EntryExpr::StructField(field) => self.visit(&field.value, bound),
        }
    }

    fn call<'e>(&self, call: &'e CallExpr, bound: &mut Vec<&'e str>) -> Result<(), String> {
        if let (INDEX, [of, at]) = (call.func_name.as_str(), call.args.as_slice())
            && let Expr::Literal(LiteralValue::String(name)) = &at.expr
        {
            self.member(of, name.inner(), bound)?;
        }
        let target = call.target.as_deref();
        target.into_iter().chain(&call.args).try_for_each(|part| self.visit(part, bound))?;
        match exists(&call.func_name, target.is_some()) {
            true => Ok(()),
            false => Err(format!("there is no function {}", call.func_name)),
        }
    }

    fn comprehension<'e>(&self, macro_: &'e ComprehensionExpr, bound: &mut Vec<&'e str>) -> Result<(), String> {
        self.visit(&macro_.iter_range, bound)?;
        self.visit(&macro_.accu_init, bound)?;
        let outside = bound.len();
        bound.extend([macro_.iter_var.as_str(), macro_.accu_var.as_str()]);
        bound.extend(macro_.iter_var2.as_deref());
        let parts = [&macro_.loop_cond, &macro_.loop_step, &macro_.result];
        let result = parts.into_iter().try_for_each(|part| self.visit(part, bound));
        bound.truncate(outside);
        result
    }

    fn variable(&self, name: &str, bound: &[&str]) -> Result<(), String> {
        let known: Vec<&str> = self.0.iter().map(|(variable, _)| *variable).collect();
        // What macros make for themselves begins with "@".
        if name.starts_with('@') || bound.contains(&name) || known.contains(&name) || TYPES.contains(&name) {
            return Ok(());
        }
        if name == "doc" {
            return Err("there is no doc here: a list is allowed or refused as a whole".into());
        }
        Err(format!("there is no {name}; known are {}{}", known.join(", "), nearest(name, &known)))
    }

    fn member(&self, of: &IdedExpr, name: &str, bound: &[&str]) -> Result<(), String> {
        let Expr::Ident(variable) = &of.expr else { return Ok(()) };
        if bound.contains(&variable.as_str()) {
            return Ok(());
        }
        match self.0.iter().find(|(known, _)| known == variable) {
            Some((_, members)) if !members.contains(&name) => {
                let members: Vec<&str> = members.clone();
                Err(format!("{variable} has no {name}; it has {}{}", members.join(", "), nearest(name, &members)))
            }
            _ => Ok(()),
        }
    }
}

/// Whether CEL has such a function. It does not list them, but says when it is asked for another.
fn exists(name: &str, member: bool) -> bool {
    let operator = !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.starts_with('_');
    if operator {
        return true;
    }
    let call = if member { format!("''.{name}()") } else { format!("{name}()") };
    let result = Program::compile(&call).map(|program| program.execute(&Context::default()));
    !matches!(result, Ok(Err(ExecutionError::UndeclaredReference(_))))
}

fn nearest(name: &str, known: &[&str]) -> String {
    let alike = known.iter().map(|known| (strsim::jaro_winkler(name, known), known));
    match alike.filter(|(likeness, _)| *likeness > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, known)) => format!("; did you mean {known}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::rule::Rule;
    use super::*;

    fn fault(rule: &str, verb: Verb) -> String {
        let fields = [("author".to_owned(), serde_json::from_str(r#"{"type":"text"}"#).unwrap())].into();
        Rule::parse(rule, verb, &fields).err().unwrap_or_default()
    }

    #[test]
    fn a_name_that_does_not_exist_is_a_fault_with_the_nearest_right_one() {
        assert_eq!(fault("user.role == 'x'", Verb::List), "there is no user; known are auth, request");
        assert_eq!(fault("auth.roel == 'x'", Verb::List), "auth has no roel; it has role, id; did you mean role?");
        assert_eq!(
            fault("doc['autor'] == auth.id", Verb::Create),
            "doc has no autor; it has author; did you mean author?"
        );
        assert_eq!(fault("has(doc.nothing)", Verb::Create), "doc has no nothing; it has author");
        assert_eq!(fault("auth.role.startWith('o')", Verb::List), "there is no function startWith");
        assert_eq!(fault("len(auth.role) > 1", Verb::List), "there is no function len");
    }

    #[test]
    fn a_verb_without_a_document_has_none_and_a_new_one_has_no_id() {
        assert!(fault("doc.author == auth.id", Verb::List).starts_with("there is no doc here"));
        assert_eq!(fault("doc.id == auth.id", Verb::Get), "");
        assert!(fault("doc.id == auth.id", Verb::Create).starts_with("doc has no id"));
    }

    #[test]
    fn what_cel_has_is_no_fault() {
        for rule in [
            "auth.role in ['a', 'b']",
            "['a'].exists(r, r == auth.role) && ['a'].all(auth, auth != '') && [[1]].map(x, x[0]) == [1]",
            "size(doc.author) > 3 && doc.author.size() > 3 && doc.author.startsWith('x')",
            "doc.author.contains('a') || doc.author.endsWith('b') || doc.author.matches('^c+$')",
            "int('1') == 1 && double('1') == 1.0 && string(1) == '1' && uint(1) == 1u && type(1) == int",
            "{'a': 1}.a == 1 && dyn(1) == 1 && bytes('a') == b'a'",
            "true ? !false : -1 < 0",
        ] {
            assert_eq!(fault(rule, Verb::Get), "", "{rule}");
        }
    }
}
