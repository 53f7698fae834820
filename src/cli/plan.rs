//! `arqsite plan`: what publish would change.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::intent::{Intent, connect};
use super::publish::show;
use super::{Common, Failure, project};
use crate::config::PRODUCTION;
use crate::ui::Ui;

/// Show what publish would change in the AWS account
#[derive(Args)]
pub struct PlanArgs {
    /// Stage to look at
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// Draw the architecture, and what changes in it, into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    diagram: Option<PathBuf>,
}

/// Looks, and changes nothing.
pub async fn run(ui: &Ui, common: &Common, args: &PlanArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    project::warn(ui, &loaded);
    let intent = Intent::to_publish(connect(&loaded.config, &args.stage).await?, &project, &loaded).await?;
    let plan = intent.plan(false).await?;
    if ui.json() {
        let (estimate, expected) = (intent.estimate(), intent.expected(&plan));
        ui.data_json(&json!({"noop": plan.is_noop(), "steps": plan.steps, "pages": intent.pages,
            "estimate": estimate, "expected": expected, "permissions": intent.actions(&plan),
            "destructive": loaded.migrations.destructive()}));
    } else {
        show(ui, &intent, &plan);
        project::destructive(&loaded).iter().for_each(|statement| ui.data(format!("  loses data: {statement}")));
    }
    if let Some(path) = &args.diagram {
        std::fs::write(path, intent.picture(&plan))
            .map_err(|error| Failure::yours(format!("{} cannot be written: {error}", path.display())))?;
        ui.status(format!("The drawing is in {}.", path.display()));
    }
    Ok(())
}
