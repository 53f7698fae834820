//! `arqsite status`: what is live, and whether every part is as it should be.

use clap::Args;
use serde_json::json;

use super::intent::{Intent, connect, live};
use super::{Common, Failure, project, publish};
use crate::aws::content::s3_ledger;
use crate::config::PRODUCTION;
use crate::deploy::lock::Holder;
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
    let (publishing, domain) = (publishing(&intent), loaded.config.site.domain.as_deref());
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
        ui.data_json(&json!({"live": release, "previous": before, "url": publish::url(&plan),
            "publishing": publishing, "parts": parts}));
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
    if let Some(domain) = domain {
        ui.data(format!("domain    {domain} ({})", domain_state(&plan)));
    }
    if let Some(holder) = &publishing {
        ui.data(format!("running   a publish by {} on {} since {}", holder.owner, holder.host, holder.since));
    }
    parts(ui, &plan);
    Ok(())
}

/// Who is publishing at this moment.
fn publishing(intent: &Intent) -> Option<Holder> {
    let holder = intent.ledger.ledger.as_ref()?.holder.clone()?;
    (!s3_ledger::is_dead(&holder)).then_some(holder)
}

/// How far the domain is on its way here.
fn domain_state(plan: &Plan) -> &'static str {
    let ready = |node: &str| plan.get(node).is_none_or(|step| step.verb == Verb::Same);
    let records = plan.steps.iter().filter(|step| step.node.starts_with("records-"));
    match () {
        () if plan.get("certificate").is_none_or(|step| step.verb == Verb::Create) => "not begun",
        () if !ready("certificate-issued") => {
            "waiting for the certificate: the domain's DNS does not lead here yet; `arqsite publish` says what to set"
        }
        () if !ready("distribution-domain") || !records.into_iter().all(|step| step.verb == Verb::Same) => {
            "the certificate is there; `arqsite publish` finishes it"
        }
        () if !ready("domain-deployed") => "on its way to every edge",
        () => "live",
    }
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
