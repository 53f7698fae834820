//! `arqsite publish`: the site and its API, on the customer's own account.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::intent::{Intent, connect};
use super::run::carry_out;
use super::{Common, Failure, project};
use crate::aws::edge::cloudfront_distribution::{Distribution, DistributionOutput};
use crate::config::PRODUCTION;
use crate::deploy::{Plan, Report, Resource};
use crate::ui::plan::Shown;
use crate::ui::{self, Ui, count, duration};

/// Publish the site and its API to the AWS account; safe to interrupt and to repeat
#[derive(Args)]
pub struct PublishArgs {
    /// Stage to publish to: a separate copy of everything
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// Answer yes to every question
    #[arg(short, long)]
    yes: bool,
}

/// Shows a plan and what it costs and takes.
pub fn show(ui: &Ui, intent: &Intent, plan: &Plan) {
    let (estimate, expected) = (intent.estimate(), intent.expected(plan));
    let pages = intent.pages.as_ref();
    let shown = Shown { pages, estimate: Some(&estimate), expected: Some(&expected), ..Shown::only(plan) };
    ui::plan::show(ui, &shown);
}

/// Plans, asks, and does it.
pub async fn run(ui: &Ui, common: &Common, args: &PublishArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    project::warn(ui, &loaded);
    let cloud = connect(&loaded.config, &args.stage).await?;
    ui.faint(format!("Account {}, region {}, stage {}.", cloud.names.account, cloud.names.region, args.stage));
    let intent = Intent::to_publish(cloud, &project, &loaded).await?;
    let plan = intent.plan(false).await?;
    if plan.is_noop() {
        return finish(ui, &intent, &plan, &Report::default(), start, "Nothing to change");
    }
    if !ui.json() {
        show(ui, &intent, &plan);
    }
    if !args.yes {
        ui.confirm("Do this?", "--yes")?;
    }
    let report = carry_out(ui, &project, &intent, &plan, &again(&args.stage)).await?;
    finish(ui, &intent, &plan, &report, start, "Published")
}

fn again(stage: &str) -> String {
    if stage == PRODUCTION { "arqsite publish".into() } else { format!("arqsite publish --stage {stage}") }
}

fn finish(ui: &Ui, intent: &Intent, plan: &Plan, report: &Report, start: Instant, word: &str) -> Result<(), Failure> {
    let url = url(plan);
    let release = intent.cloud.publication()?.id.clone();
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    if ui.json() {
        ui.data_json(&json!({"url": url, "release": release, "steps": report.done, "ms": ms, "pages": intent.pages,
            "waiting": report.waiting, "postponed": report.postponed}));
    } else {
        ui.status(format!("{word} in {}: release {release} is live", duration(ms)));
        ui.data(url.unwrap_or_default());
        waiting(ui, report);
    }
    Ok(())
}

/// What somebody else has to do first.
fn waiting(ui: &Ui, report: &Report) {
    for step in &report.waiting {
        ui.status(format!("Waiting to {}. {}", step.what, step.hint.as_deref().unwrap_or_default()).trim_end());
    }
    if !report.postponed.is_empty() {
        ui.status(format!(
            "{} left for after that; run the same command again then.",
            count(report.postponed.len(), "step")
        ));
    }
}

/// Address of the site, from what the distribution gave.
pub fn url(plan: &Plan) -> Option<String> {
    let output = plan.output("distribution")?;
    let output: DistributionOutput = serde_json::from_value::<<Distribution as Resource>::Output>(output).ok()?;
    Some(format!("https://{}/", output.domain))
}
