//! `arqsite token`: who may call the API, besides anybody.

use clap::{Args, Subcommand};
use jiff::{Span, Timestamp};
use serde_json::json;

use super::{Common, Failure, Kind, project};
use crate::api::tokens::{self, Token};
use crate::store::{Documents, StoreError};
use crate::ui::Ui;

/// Make, list and revoke the API's tokens; only a hash of each is kept
#[derive(Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
    /// Stage on the AWS account, such as `production`; without it, the local preview
    #[cfg(feature = "publish")]
    #[arg(long, global = true)]
    stage: Option<String>,
}

#[derive(Subcommand)]
enum TokenVerb {
    /// Make a token and print it, once
    New {
        /// Role that the rules of the API see
        #[arg(long, default_value = "owner")]
        role: String,
        /// What the token is for
        #[arg(long, default_value = "")]
        name: String,
        /// Days after which it ends; without it, never
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
        expires: Option<u32>,
    },
    /// List the tokens, without what could be used
    List,
    /// Revoke a token
    Rm {
        /// Its id, as the list shows it
        id: String,
    },
}

/// Does it, in the local data or on the account.
pub fn run(ui: &Ui, common: &Common, args: &TokenArgs) -> Result<(), Failure> {
    #[cfg(feature = "publish")]
    if let Some(stage) = &args.stage {
        return super::account::block_on(async {
            let documents = on_account(common, stage).await?;
            act(ui, &documents, &args.verb).await
        });
    }
    let documents = project::local_tokens(&project::open(common)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::from_error(Kind::Bug, &error))?.block_on(act(ui, &documents, &args.verb))
}

#[cfg(feature = "publish")]
async fn on_account(common: &Common, stage: &str) -> Result<impl Documents, Failure> {
    let config = crate::config::load(&project::open_own(common)?, stage)?;
    let cloud = super::account::connect(&config, stage).await?;
    Ok(crate::store::aws::DynamoStore::new(cloud.dynamodb.clone(), cloud.names.prefix()))
}

async fn act(ui: &Ui, documents: &dyn Documents, verb: &TokenVerb) -> Result<(), Failure> {
    match verb {
        TokenVerb::New { role, name, expires } => new(ui, documents, role, name, *expires).await,
        TokenVerb::List => list(ui, documents).await,
        TokenVerb::Rm { id } => match tokens::remove(documents, id).await.map_err(explain)? {
            true => {
                ui.status(format!("Revoked: {id} is refused within half a minute"));
                Ok(())
            }
            false => Err(Failure::yours(format!("there is no token {id}")).hint("`arqsite token list` shows them.")),
        },
    }
}

async fn new(ui: &Ui, documents: &dyn Documents, role: &str, name: &str, days: Option<u32>) -> Result<(), Failure> {
    if role.is_empty() || !role.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(
            Failure::yours(format!("\"{role}\" is no role")).hint("Use letters, digits, - and _, such as owner.")
        );
    }
    let now = Timestamp::now();
    let expires = days.map(|days| now.checked_add(Span::new().hours(i64::from(days) * 24))).transpose();
    let expires = expires.map_err(|error| Failure::from_error(Kind::Yours, &error))?;
    let (token, text) = tokens::create(documents, name, role, expires, now).await.map_err(explain)?;
    if ui.json() {
        ui.data_json(&json!({"token": text, "id": token.id, "role": token.role, "expires": token.expires}));
    } else {
        ui.status("This is the only time it is shown:");
        ui.data(text);
    }
    Ok(())
}

async fn list(ui: &Ui, documents: &dyn Documents) -> Result<(), Failure> {
    let all = tokens::list(documents).await.map_err(explain)?;
    if ui.json() {
        ui.data_json(&all);
        return Ok(());
    }
    if all.is_empty() {
        ui.status("There are no tokens");
    }
    for Token { id, name, role, created, expires, .. } in all {
        let ends = expires.map_or_else(String::new, |at| format!("  until {at}"));
        ui.data(format!("{id}  {role}  {created}{ends}  {name}"));
    }
    Ok(())
}

fn explain(error: StoreError) -> Failure {
    let kind =
        if matches!(error, StoreError::Failed { .. } | StoreError::Busy { .. }) { Kind::Cloud } else { Kind::Yours };
    Failure::from_error(kind, &error)
}
