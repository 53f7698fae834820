//! `arqsite policy`: what a deployer's credentials have to allow.

use clap::Args;

use super::{Common, Failure, project};
use crate::aws::Names;
use crate::aws::policy;
use crate::cli::account;
use crate::config::PRODUCTION;
use crate::ui::{Ui, count};

/// Print the IAM policy that publishing needs, from the calls that are compiled in
#[derive(Args)]
pub struct PolicyArgs {
    /// Stage that is published to
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// The account's id, 12 digits; without it the account is asked
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Print a JSON array of policies that each fit a managed policy
    #[arg(long)]
    parts: bool,
}

/// Prints it; asks AWS for nothing but who it is, and not even that with `--account`.
pub async fn run(ui: &Ui, common: &Common, args: &PolicyArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let config = crate::config::load(&project, &args.stage)?;
    let names = match &args.account {
        Some(id) if id.len() == 12 && id.chars().all(|c| c.is_ascii_digit()) => {
            let region = config.aws.region.clone().or_else(|| std::env::var("AWS_REGION").ok());
            Names::new(&config.site.name, &args.stage, id, &region.unwrap_or_else(|| "*".into()))
        }
        Some(id) => return Err(Failure::yours(format!("\"{id}\" is no account; an account's id has 12 digits"))),
        None => account::connect(&config, &args.stage).await?.names,
    };
    let document = policy::document(&names);
    let parts = policy::parts(&document);
    if args.parts {
        ui.data(serde_json::to_string_pretty(&parts).unwrap_or_default());
    } else {
        ui.data(serde_json::to_string_pretty(&document).unwrap_or_default());
        ui.status(format!(
            "{} in {} statements. A managed policy takes {} characters: --parts cuts it into {}.",
            count(policy::actions().len(), "action"),
            document["Statement"].as_array().map_or(0, Vec::len),
            policy::MANAGED,
            parts.len()
        ));
    }
    Ok(())
}
