//! `arqsite plan`: what publish would change.

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
            "estimate": estimate, "expected": expected}));
    } else {
        show(ui, &intent, &plan);
    }
    Ok(())
}
