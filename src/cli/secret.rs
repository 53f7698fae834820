//! `arqsite secret`: values that the API may read and nobody else sees.

use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Common, Failure, account, project};
use crate::aws::manage::secretsmanager_secret as secrets;
use crate::config::api::secret_name;
use crate::config::{Config, PRODUCTION};
use crate::ui::Ui;

/// Longest value, in bytes: all of them share one secret.
///
/// Source: Secrets Manager API reference, PutSecretValue: 65,536 bytes.
const LONGEST: usize = 16 * 1024;

/// Keep secrets for the API, in Secrets Manager
#[derive(Args)]
pub struct SecretArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Give a secret its value, from stdin or a prompt and never from the command line
    Set {
        /// Name, one of api.secrets in arq.toml
        name: String,
        /// Stage it is for
        #[arg(long, default_value = PRODUCTION)]
        stage: String,
    },
    /// List the names, and which have a value
    List {
        /// Stage to look at
        #[arg(long, default_value = PRODUCTION)]
        stage: String,
    },
    /// Remove a secret's value
    Rm {
        /// Name
        name: String,
        /// Stage it is removed from
        #[arg(long, default_value = PRODUCTION)]
        stage: String,
    },
}

/// Does what the verb says. No value is ever printed.
pub async fn run(ui: &Ui, common: &Common, args: &SecretArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let (Verb::Set { stage, .. } | Verb::List { stage } | Verb::Rm { stage, .. }) = &args.verb;
    let config = crate::config::load(&project, stage)?;
    match &args.verb {
        Verb::Set { name, .. } => {
            declared(&config, name)?;
            let value = value(ui, name)?;
            let cloud = account::connect(&config, stage).await?;
            secrets::set(&cloud, name, &value).await?;
            ui.status(format!("{name} is set for {stage}."));
        }
        Verb::List { .. } => {
            let cloud = account::connect(&config, stage).await?;
            let set = secrets::names(&cloud).await?;
            list(ui, &config, &set);
        }
        Verb::Rm { name, .. } => {
            let cloud = account::connect(&config, stage).await?;
            if !secrets::remove(&cloud, name).await? {
                return Err(Failure::yours(format!("there is no secret {name} in {stage}")));
            }
            ui.status(format!("{name} is removed from {stage}."));
        }
    }
    Ok(())
}

fn declared(config: &Config, name: &str) -> Result<(), Failure> {
    if !secret_name(name) {
        return Err(
            Failure::yours(format!("\"{name}\" cannot name a secret")).hint("Use 1 to 64 of A-Z, a-z, 0-9, _ and -.")
        );
    }
    if config.api.secrets.iter().any(|known| known == name) {
        return Ok(());
    }
    let with: Vec<_> = config.api.secrets.iter().map(String::as_str).chain([name]).collect();
    Err(Failure::yours(format!("arq.toml does not name the secret {name}"))
        .hint(format!("Add it under [api]: `secrets = {}`, then publish.", json!(with))))
}

fn list(ui: &Ui, config: &Config, set: &[String]) {
    if ui.json() {
        ui.data_json(&json!({"declared": config.api.secrets, "set": set}));
        return;
    }
    for name in &config.api.secrets {
        ui.data(format!("{name:<32} {}", if set.contains(name) { "set" } else { "no value yet" }));
    }
    for name in set.iter().filter(|name| !config.api.secrets.contains(name)) {
        ui.data(format!("{name:<32} set, and not in arq.toml"));
    }
}

/// SECURITY: never from the command line, which every process of the machine can read.
fn value(ui: &Ui, name: &str) -> Result<String, Failure> {
    let mut stdin = std::io::stdin();
    let mut text = String::new();
    let read = if stdin.is_terminal() {
        ui.status(format!("Value of {name}, then Enter (it is shown while you type):"));
        stdin.read_line(&mut text).map(|_| ())
    } else {
        stdin.read_to_string(&mut text).map(|_| ())
    };
    read.map_err(|error| Failure::yours(format!("the value cannot be read: {error}")))?;
    let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    match value.len() {
        0 => Err(Failure::yours("the value is empty").hint("Pipe it in: `pass show x | arqsite secret set NAME`.")),
        length if length > LONGEST => {
            Err(Failure::yours(format!("the value has {length} bytes; {LONGEST} are the most")))
        }
        _ => Ok(value.to_owned()),
    }
}
