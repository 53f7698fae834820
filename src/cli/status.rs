//! `arqsite status`: what is live, and whether every part is as it should be.

use clap::Args;
use serde_json::json;

use super::intent::{Intent, connect, live};
use super::{Common, Failure, project, publish};
use crate::config::PRODUCTION;
use crate::deploy::{Plan, Planned, Verb};
use crate::ui::{self, Ui};

/// Show what is live, and whether every part is as it should be
#[derive(Args)]
pub struct StatusArgs {
    /// Stage to look at
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
}

/// Looks, and changes nothing.
pub async fn run(ui: &Ui, common: &Common, args: &StatusArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    let cloud = connect(&loaded.config, &args.stage).await?;
    let pointer = live(&cloud).await?.map(|live| live.pointer);
    let intent = Intent::to_publish(cloud, &project, &loaded).await?;
    let plan = intent.plan(false).await?;
    let release = pointer.as_ref().map(|pointer| pointer.live.release.to_string());
    let before = pointer.and_then(|pointer| pointer.previous).map(|slot| slot.release.to_string());
    if ui.json() {
        let parts: Vec<_> = plan
            .steps
            .iter()
            .map(|step| {
                json!({"node": step.node, "kind": step.kind,
            "name": step.name, "state": state(step), "fields": step.fields})
            })
            .collect();
        ui.data_json(&json!({"live": release, "previous": before, "url": publish::url(&plan), "parts": parts}));
        return Ok(());
    }
    match &release {
        Some(release) => ui.data(format!("live      {release}")),
        None => ui.data("live      nothing has been published yet"),
    }
    if let Some(before) = before {
        ui.data(format!("before    {before}"));
    }
    if let Some(url) = publish::url(&plan) {
        ui.data(format!("address   {url}"));
    }
    parts(ui, &plan);
    Ok(())
}

fn parts(ui: &Ui, plan: &Plan) {
    for step in &plan.steps {
        ui.data(format!("{:<9} {:<34} {}", state(step), step.kind, step.name));
        for field in &step.fields {
            ui.data(format!("            {}", ui::plan::field(field)));
        }
    }
    if !plan.is_noop() {
        ui.status("`arqsite publish` brings it to what the project says.");
    }
}

/// One word for a part.
fn state(step: &Planned) -> &'static str {
    match step.verb {
        Verb::Same => "ok",
        Verb::Create => "absent",
        Verb::Update | Verb::Replace => "differs",
        Verb::Delete => "unwanted",
        Verb::Keep => "kept",
    }
}
