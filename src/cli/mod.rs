//! The command line: one file per verb. The only room that sees all others.

mod check;
mod failure;
mod new;
mod project;
mod token;

#[cfg(feature = "publish")]
mod account;
#[cfg(feature = "publish")]
mod cost;
#[cfg(feature = "publish")]
mod destroy;
#[cfg(feature = "publish")]
mod intent;
#[cfg(feature = "publish")]
mod plan;
#[cfg(feature = "publish")]
mod policy;
#[cfg(feature = "publish")]
mod preview;
#[cfg(feature = "publish")]
mod publish;
#[cfg(feature = "publish")]
mod releases;
#[cfg(feature = "publish")]
mod rollback;
#[cfg(feature = "publish")]
mod run;
#[cfg(feature = "publish")]
mod secret;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "publish")]
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use failure::{Failure, Kind};

use crate::ui::Ui;

/// A website and its API: preview them here, publish them to your own AWS account
#[derive(Parser)]
#[command(name = "arqsite", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 something of yours to fix; 2 a wrong command line; \
3 AWS refused or failed, run again to continue; 130 interrupted, run again to continue; 255 a fault of arqsite.";

/// What every verb takes
#[derive(Args, Debug, Clone)]
pub struct Common {
    /// Folder of the project
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Subcommand)]
enum Verb {
    New(new::NewArgs),
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    #[cfg(feature = "publish")]
    Plan(plan::PlanArgs),
    #[cfg(feature = "publish")]
    Publish(publish::PublishArgs),
    #[cfg(feature = "publish")]
    Releases(releases::ReleasesArgs),
    #[cfg(feature = "publish")]
    Rollback(rollback::RollbackArgs),
    #[cfg(feature = "publish")]
    Status(status::StatusArgs),
    #[cfg(feature = "publish")]
    Secret(secret::SecretArgs),
    Token(token::TokenArgs),
    #[cfg(feature = "publish")]
    Cost(cost::CostArgs),
    #[cfg(feature = "publish")]
    Policy(policy::PolicyArgs),
    #[cfg(feature = "publish")]
    Destroy(destroy::DestroyArgs),
}

/// Reads the command line, does what it says, and tells how it went by the exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(cli.common.quiet, cli.common.json);
    let result = match &cli.verb {
        Verb::New(args) => new::run(&ui, &cli.common, args),
        #[cfg(feature = "serve")]
        Verb::Serve(args) => serve::run(&ui, &cli.common, args),
        Verb::Check(args) => check::run(&ui, &cli.common, args),
        #[cfg(feature = "publish")]
        Verb::Plan(args) => account::block_on(plan::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Publish(args) => account::block_on(publish::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Releases(args) => account::block_on(releases::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Rollback(args) => account::block_on(rollback::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Status(args) => account::block_on(status::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Secret(args) => account::block_on(secret::run(&ui, &cli.common, args)),
        #[cfg(feature = "publish")]
        Verb::Cost(args) => cost::run(&ui, &cli.common, args),
        #[cfg(feature = "publish")]
        Verb::Policy(args) => account::block_on(policy::run(&ui, &cli.common, args)),
        Verb::Token(args) => token::run(&ui, &cli.common, args),
        #[cfg(feature = "publish")]
        Verb::Destroy(args) => account::block_on(destroy::run(&ui, &cli.common, args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
