//! Migrations: numbered SQL files that are run once each, in order.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Largest number of a migration.
const LARGEST: u32 = 9999;

/// One file of `migrations/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its number, from its name.
    pub number: u32,
    /// Name of the file.
    pub name: String,
    /// SHA-256 of its text, lower-case hex.
    pub checksum: String,
    /// Its text.
    pub sql: String,
}

/// All of them, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrations(Vec<Migration>);

/// Something that is wrong with the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// A name without a number.
    #[error("migrations/{0}: a migration is called like 0001_products.sql: a number, an underscore, a name")]
    Name(String),
    /// Two of one number.
    #[error("migrations/{0} and migrations/{1} have the same number")]
    Twice(String, String),
    /// It manages its own transaction.
    #[error("migrations/{0}:{1}: a migration runs in one transaction; leave out BEGIN, COMMIT and ROLLBACK")]
    Transaction(String, usize),
    /// Nothing in it.
    #[error("migrations/{0} holds no statement")]
    Empty(String),
}

impl Migrations {
    /// From file names and texts; files that do not end in `.sql` are not looked at.
    pub fn of(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, MigrationError> {
        let mut all = Vec::new();
        for (name, sql) in files.into_iter().filter(|(name, _)| name.ends_with(".sql")) {
            all.push(Migration::of(name, sql)?);
        }
        all.sort_by_key(|migration| migration.number);
        if let Some([one, other]) = all.windows(2).find(|pair| pair[0].number == pair[1].number) {
            return Err(MigrationError::Twice(one.name.clone(), other.name.clone()));
        }
        Ok(Self(all))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Migration> {
        self.0.iter()
    }

    /// One hash over names and checksums, lower-case hex.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for migration in &self.0 {
            hash.update(format!("{} {}\n", migration.checksum, migration.name));
        }
        hex(&hash.finalize()[..16])
    }

    /// As one JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts and numbers do not fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Statements that can lose data, as `name:line: statement`.
    pub fn destructive(&self) -> Vec<String> {
        let of = |migration: &Migration| -> Vec<String> {
            let statements = statements(&migration.sql).into_iter().filter(|statement| statement.loses_data());
            statements.map(|s| format!("{}:{}: {}", migration.name, s.line, s.shown())).collect()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl Migration {
    fn of(name: String, sql: String) -> Result<Self, MigrationError> {
        let number = name.split_once('_').and_then(|(number, _)| number.parse().ok());
        let Some(number) = number.filter(|number| (1..=LARGEST).contains(number)) else {
            return Err(MigrationError::Name(name));
        };
        let statements = statements(&sql);
        if statements.is_empty() {
            return Err(MigrationError::Empty(name));
        }
        if let Some(own) = statements.iter().find(|statement| statement.is_transaction()) {
            return Err(MigrationError::Transaction(name, own.line));
        }
        let checksum = hex(&Sha256::digest(&sql));
        Ok(Self { number, name, checksum, sql })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A statement with its comments left out, and its strings emptied.
struct Statement {
    line: usize,
    text: String,
}

impl Statement {
    fn words(&self) -> Vec<String> {
        self.text.split_whitespace().map(str::to_ascii_uppercase).collect()
    }

    fn is_transaction(&self) -> bool {
        let words = self.words();
        let first = words.first().map(String::as_str).unwrap_or_default();
        ["BEGIN", "COMMIT", "ROLLBACK", "END", "ABORT"].contains(&first)
            || (first == "START" && words.get(1).is_some_and(|word| word == "TRANSACTION"))
    }

    fn loses_data(&self) -> bool {
        let words = self.words();
        let has = |word: &str| words.iter().any(|w| w == word);
        match words.first().map(String::as_str) {
            Some("TRUNCATE" | "DELETE") => true,
            Some("DROP") => ["TABLE", "SCHEMA", "DATABASE", "TYPE", "DOMAIN", "SEQUENCE", "OWNED", "MATERIALIZED"]
                .contains(&words.get(1).map(String::as_str).unwrap_or_default()),
            Some("ALTER") => has("DROP") || (has("TABLE") && has("TYPE")),
            Some("UPDATE") => !has("WHERE"),
            _ => false,
        }
    }

    fn shown(&self) -> String {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= 80 { text } else { format!("{}…", text.chars().take(79).collect::<String>()) }
    }
}

/// The statements of a text. Comments, strings, quoted names and dollar quotes are seen as such.
fn statements(sql: &str) -> Vec<Statement> {
    let mut all = Vec::new();
    let (mut text, mut line, mut start) = (String::new(), 1, 1);
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skipped = skipped(rest);
        let taken = &rest[..skipped.max(c.len_utf8())];
        match c {
            _ if skipped > 0 && (rest.starts_with("--") || rest.starts_with("/*")) => text.push(' '),
            _ if skipped > 0 => text.push_str(if c == '"' { taken } else { "''" }),
            ';' => {
                all.push(Statement { line: start, text: std::mem::take(&mut text) });
            }
            c => {
                if text.trim().is_empty() && !c.is_whitespace() {
                    start = line;
                }
                text.push(c);
            }
        }
        line += taken.matches('\n').count();
        rest = &rest[taken.len()..];
    }
    all.push(Statement { line: start, text });
    all.retain(|statement| !statement.text.trim().is_empty());
    all
}

/// Bytes of the comment or quoted text that `rest` begins with; 0 when it begins with neither.
fn skipped(rest: &str) -> usize {
    let upto = |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("--") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return upto(2, "*/");
    }
    if let Some(quote) = rest.chars().next().filter(|c| *c == '\'' || *c == '"') {
        return upto(1, &quote.to_string());
    }
    let tag = rest.strip_prefix('$').and_then(|after| Some(&after[..after.find('$')?]));
    match tag {
        Some(tag)
            if tag.chars().all(|c| c.is_alphanumeric() || c == '_') && !tag.starts_with(|c: char| c.is_numeric()) =>
        {
            let quote = format!("${tag}$");
            upto(quote.len(), &quote)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(files: &[(&str, &str)]) -> Result<Migrations, MigrationError> {
        Migrations::of(files.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())))
    }

    #[test]
    fn they_come_in_the_order_of_their_numbers() {
        let all = of(&[("0010_b.sql", "select 1"), ("0002_a.sql", "select 1;"), (".gitkeep", "")]).unwrap();
        assert_eq!(all.iter().map(|m| m.number).collect::<Vec<_>>(), [2, 10]);
        assert_eq!(serde_json::from_slice::<Migrations>(&all.to_json()).unwrap(), all);
    }

    #[test]
    fn wrong_files_are_named() {
        let errors = [
            (of(&[("first.sql", "select 1")]), "migrations/first.sql: a migration is called like"),
            (
                of(&[("1_a.sql", "select 1"), ("01_b.sql", "select 1")]),
                "migrations/1_a.sql and migrations/01_b.sql have",
            ),
            (of(&[("1_a.sql", "select 1;\n\nbegin;\n")]), "migrations/1_a.sql:3: a migration runs in one transaction"),
            (of(&[("1_a.sql", "-- nothing yet\n")]), "migrations/1_a.sql holds no statement"),
        ];
        for (result, expected) in errors {
            let text = result.unwrap_err().to_string();
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn statements_that_lose_data_are_named_with_their_lines() {
        let sql = "create table a (x text default 'drop table b;');\n-- drop table c;\ndrop table d;\n\
                   do $$ begin delete from e; end $$;\nalter table f drop column g;\n/* ; */ update h set i = 1;\n\
                   update j set k = 1 where l;\n";
        let found = of(&[("1_a.sql", sql)]).unwrap().destructive();
        assert_eq!(
            found,
            ["1_a.sql:3: drop table d", "1_a.sql:5: alter table f drop column g", "1_a.sql:6: update h set i = 1"]
        );
    }

    #[test]
    fn a_change_of_any_file_changes_the_hash() {
        let one = of(&[("1_a.sql", "select 1")]).unwrap();
        assert_ne!(one.hash(), of(&[("1_a.sql", "select 2")]).unwrap().hash());
        assert_ne!(one.hash(), of(&[("1_b.sql", "select 1")]).unwrap().hash());
    }
}
