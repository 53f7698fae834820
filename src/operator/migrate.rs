//! Migrations, run as the owner of the tables.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_postgres::{Client, error::ErrorPosition};

use super::{Doing, TaskError, database, variable};
use crate::aws::content::migrations_bundle::KEY;
use crate::store::migrations::{Migration, Migrations};

/// Number of the advisory lock that keeps two runs apart: the letters "arq".
const LOCK: i64 = 0x61_72_71;
/// Where it is written down which migrations ran.
const TABLE: &str = "create table if not exists arq_migrations (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)";

/// Runs what has not run yet; the answer names it.
pub async fn run() -> Result<Value, TaskError> {
    let migrations = read().await?;
    let mut client = database::connect().await?;
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await.doing("wait for another run")?;
    // The lock ends with the connection, however this ends.
    let applied = apply(&mut client, &migrations).await?;
    Ok(json!({"applied": applied, "hash": migrations.hash()}))
}

async fn read() -> Result<Migrations, TaskError> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let elsewhere = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(elsewhere).build();
    let call = aws_sdk_s3::Client::from_conf(s3).get_object().bucket(variable("ARQ_BUCKET")?).key(KEY);
    let object = call.send().await.doing("read the migrations")?;
    let bytes = object.body.collect().await.doing("read the migrations")?.into_bytes();
    serde_json::from_slice(&bytes).doing("read the migrations")
}

async fn apply(client: &mut Client, migrations: &Migrations) -> Result<Vec<String>, TaskError> {
    client.batch_execute(TABLE).await.doing("look at what has run")?;
    let rows =
        client.query("select number, name, checksum from arq_migrations", &[]).await.doing("look at what has run")?;
    let ran: BTreeMap<i32, (String, String)> = rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let new = left(migrations, &ran).map_err(TaskError::Refused)?;
    let mut applied = Vec::new();
    for migration in new {
        one(client, migration).await?;
        applied.push(migration.name.clone());
    }
    Ok(applied)
}

/// The migrations that have not run, if those that have are still what they were.
fn left<'a>(migrations: &'a Migrations, ran: &BTreeMap<i32, (String, String)>) -> Result<Vec<&'a Migration>, String> {
    let mut new = Vec::new();
    for migration in migrations.iter() {
        match ran.get(&number(migration)) {
            Some((_, checksum)) if *checksum == migration.checksum => {}
            Some((name, _)) => {
                return Err(format!(
                    "migrations/{} was changed after it ran (as {name}); put it back and write a new one",
                    migration.name
                ));
            }
            None => new.push(migration),
        }
    }
    let known = |number: &i32| migrations.iter().any(|migration| self::number(migration) == *number);
    if let Some((_, (name, _))) = ran.iter().find(|(number, _)| !known(number)) {
        return Err(format!("migrations/{name} ran and is no longer there; put it back"));
    }
    if let (Some(first), Some((_, (name, _)))) = (new.first(), ran.iter().next_back())
        && ran.keys().any(|ran| *ran > number(first))
    {
        return Err(format!(
            "migrations/{} comes before {name}, which ran already; give it a later number",
            first.name
        ));
    }
    Ok(new)
}

fn number(migration: &Migration) -> i32 {
    i32::try_from(migration.number).unwrap_or(i32::MAX)
}

/// A migration and its record, in one transaction.
async fn one(client: &mut Client, migration: &Migration) -> Result<(), TaskError> {
    let transaction = client.transaction().await.doing("begin a transaction")?;
    if let Err(error) = transaction.batch_execute(&migration.sql).await {
        return Err(TaskError::Refused(explain(migration, &error)));
    }
    let record = "insert into arq_migrations (number, name, checksum) values ($1, $2, $3)";
    transaction
        .execute(record, &[&number(migration), &migration.name, &migration.checksum])
        .await
        .doing("write down what ran")?;
    transaction.commit().await.doing("commit")
}

/// File, line and PostgreSQL's words.
fn explain(migration: &Migration, error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else { return format!("migrations/{}: {error}", migration.name) };
    let line = match said.position() {
        Some(ErrorPosition::Original(position)) => {
            // Counted in characters, from 1.
            let before = migration.sql.chars().take(usize::try_from(*position).unwrap_or(0).saturating_sub(1));
            format!(":{}", before.filter(|c| *c == '\n').count() + 1)
        }
        _ => String::new(),
    };
    let hint = said.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!(
        "migrations/{}{line}: {} ({}){hint}; the database is as it was before this file",
        migration.name,
        said.message(),
        said.code().code()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(files: &[(&str, &str)]) -> Migrations {
        Migrations::of(files.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()))).unwrap()
    }

    fn ran(migrations: &Migrations) -> BTreeMap<i32, (String, String)> {
        migrations.iter().map(|m| (number(m), (m.name.clone(), m.checksum.clone()))).collect()
    }

    #[test]
    fn only_what_has_not_run_is_left() {
        let all = of(&[("1_a.sql", "select 1"), ("2_b.sql", "select 2")]);
        let first = of(&[("1_a.sql", "select 1")]);
        assert_eq!(left(&all, &ran(&first)).unwrap()[0].name, "2_b.sql");
        assert!(left(&all, &ran(&all)).unwrap().is_empty());
    }

    #[test]
    fn what_ran_may_neither_change_nor_go_nor_be_overtaken() {
        let all = of(&[("1_a.sql", "select 1"), ("3_c.sql", "select 3")]);
        let edited = of(&[("1_a.sql", "select 9"), ("3_c.sql", "select 3")]);
        assert!(left(&edited, &ran(&all)).unwrap_err().contains("1_a.sql was changed after it ran"));
        assert!(
            left(&of(&[("1_a.sql", "select 1")]), &ran(&all)).unwrap_err().contains("3_c.sql ran and is no longer")
        );
        let late = of(&[("1_a.sql", "select 1"), ("2_b.sql", "select 2"), ("3_c.sql", "select 3")]);
        assert!(left(&late, &ran(&all)).unwrap_err().contains("2_b.sql comes before 3_c.sql"));
    }
}
