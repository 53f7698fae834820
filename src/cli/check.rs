//! `arqsite check`: everything that can be wrong without AWS.

use clap::Args;
use serde_json::json;

use super::{Common, Failure, project};
use crate::ui::{Ui, bytes, count};

/// Say what is wrong with the project, without AWS
#[derive(Args)]
pub struct CheckArgs {
    /// Stage whose settings are checked
    #[arg(long, default_value = crate::config::PRODUCTION)]
    stage: String,
}

/// Reads the whole project and reports its faults; links that lead nowhere fail the check.
pub fn run(ui: &Ui, common: &Common, args: &CheckArgs) -> Result<(), Failure> {
    let loaded = project::load(&project::open(common)?, &args.stage)?;
    let objects = loaded.release.objects.len();
    let size: u64 = loaded.release.objects.values().map(|object| object.size).sum();
    let faults: Vec<String> = loaded.site.faults.iter().map(ToString::to_string).collect();
    if ui.json() {
        ui.data_json(
            &json!({"paths": loaded.release.paths.len(), "objects": objects, "bytes": size, "faults": faults}),
        );
    } else {
        ui.data(format!(
            "{}, {}, {}",
            count(loaded.release.paths.len(), "path"),
            count(objects, "object"),
            bytes(size)
        ));
        for fault in &faults {
            ui.warning(fault);
        }
    }
    match faults.len() {
        0 => Ok(()),
        n => Err(Failure::yours(format!("{} in the site", count(n, "fault")))),
    }
}
