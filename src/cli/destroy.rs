//! `arqsite destroy`: everything taken down, in the right order.

use clap::Args;
use serde_json::json;

use super::intent::{Intent, api_parts, connect};
use super::run::carry_out;
use super::{Common, Failure, project};
use crate::config::PRODUCTION;
use crate::deploy::{Plan, Planned, Verb};
use crate::ui::plan::Shown;
use crate::ui::{self, Ui};

/// Take everything down; data is kept unless told otherwise
#[derive(Args)]
pub struct DestroyArgs {
    /// Stage to take down
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// Answer yes to every question
    #[arg(short, long)]
    yes: bool,
    /// Delete the data too: tables and what is in them
    #[arg(long)]
    delete_data: bool,
}

/// Plans against nothing, asks, and does it.
pub async fn run(ui: &Ui, common: &Common, args: &DestroyArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let config = crate::config::load(&project, &args.stage)?;
    let api = project::api(&project)?.as_ref().map(api_parts);
    let cloud = connect(&config, &args.stage).await?;
    let intent = Intent::to_destroy(cloud, &config, api).await?;
    let plan = intent.plan(args.delete_data).await?;
    if !ui.json() {
        let expected = intent.expected(&plan);
        ui::plan::show(ui, &Shown { expected: Some(&expected), ..Shown::only(&plan) });
    }
    if !plan.is_noop() {
        if !args.yes {
            ui.confirm(question(args.delete_data), "--yes")?;
        }
        let again =
            format!("arqsite destroy --stage {}{}", args.stage, if args.delete_data { " --delete-data" } else { "" });
        carry_out(ui, &project, &intent, &plan, &again).await?;
    }
    if ui.json() {
        let kept = plan.steps.iter().filter(|step| step.verb == Verb::Keep);
        let kept: Vec<_> = kept
            .map(|step| json!({"node": step.node, "kind": step.kind, "name": step.name, "kept_for": step.kept_for}))
            .collect();
        ui.data_json(&json!({"deleted": plan.count(Verb::Delete), "kept": kept}));
        return Ok(());
    }
    ui.status(if plan.is_noop() { "There is nothing to take down" } else { "Everything is taken down" });
    for kept in kept(&plan) {
        ui.status(kept);
    }
    Ok(())
}

fn question(delete_data: bool) -> &'static str {
    if delete_data { "Take everything down, data and all?" } else { "Take everything down, and keep the data?" }
}

/// What stays, and why.
fn kept(plan: &Plan) -> Vec<String> {
    let named =
        |node: &str| plan.get(node).map_or_else(|| node.to_owned(), |step| format!("{} {}", step.kind, step.name));
    let why = |step: &Planned| match &step.kept_for {
        Some(node) => format!("which {} needs", named(node)),
        None => "which holds data; --delete-data deletes it".into(),
    };
    let kept = plan.steps.iter().filter(|step| step.verb == Verb::Keep);
    kept.map(|step| format!("Kept: {} {}, {}", step.kind, step.name, why(step))).collect()
}
