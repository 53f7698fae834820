//! `arqsite publish`: the site and its API, on the customer's own account.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::intent::{Intent, connect, context};
use super::preview::{self, PreviewArgs};
use super::project::{self, Loaded};
use super::run::carry_out;
use super::{Common, Failure};
use crate::aws::Cloud;
use crate::aws::content::release_live::LiveOutput;
use crate::aws::content::s3_ledger;
use crate::aws::edge::cloudfront_distribution::{Distribution, DistributionOutput};
use crate::aws::visit::{Check, Moment, Outcome, Visitor};
use crate::config::PRODUCTION;
use crate::deploy::{Plan, Report, Resource, Verb};
use crate::ui::plan::Shown;
use crate::ui::{self, Ui, count, duration};

/// Of so many requests that the firewall lets one client make in five minutes, one page is asked: a page that
/// an edge learns of late is asked a dozen times before and after.
const REQUESTS: usize = 40;

/// Publish the site and its API to the AWS account; safe to interrupt and to repeat
#[derive(Args)]
pub struct PublishArgs {
    /// Stage to publish to: a separate copy of everything
    #[arg(long, default_value = PRODUCTION)]
    pub(super) stage: String,
    /// Answer yes to every question
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Let migrations that have not run yet drop or empty tables
    #[arg(long)]
    pub(super) allow_destructive: bool,
    /// How many minutes to wait for a domain that others have to lead here; the site is up before
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    pub(super) wait: u64,
    /// Do not ask the release for its pages before it is live and after
    #[arg(long, conflicts_with = "preview")]
    no_check: bool,
    #[command(flatten)]
    pub(super) preview: PreviewArgs,
}

/// Shows a plan and what it costs and takes.
pub fn show(ui: &Ui, intent: &Intent, plan: &Plan) {
    let (estimate, expected) = (intent.estimate(), intent.expected(plan));
    let (pages, actions) = (intent.pages.as_ref(), Some(intent.actions(plan).len()));
    let shown = Shown { plan, pages, estimate: Some(&estimate), expected: Some(&expected), actions };
    ui::plan::show(ui, &shown);
}

/// Plans, asks, and does it.
pub async fn run(ui: &Ui, common: &Common, args: &PublishArgs) -> Result<(), Failure> {
    if args.preview.preview {
        return preview::run(ui, common, args).await;
    }
    let start = Instant::now();
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    project::warn(ui, &loaded);
    let cloud = connect(&loaded.config, &args.stage).await?.with_wait(Duration::from_secs(args.wait * 60));
    ui.faint(format!("Account {}, region {}, stage {}.", cloud.names.account, cloud.names.region, args.stage));
    let intent = Intent::to_publish(cloud, &project, &loaded).await?;
    let intent = if args.no_check { intent } else { checked(intent, &loaded)? };
    let plan = intent.plan(false).await?;
    if plan.is_noop() {
        s3_ledger::forget_dead(&intent.cloud, &intent.ledger).await;
        return finish(ui, &intent, &plan, &Done::default(), start, "Nothing to change");
    }
    if !ui.json() {
        show(ui, &intent, &plan);
    }
    refuse_destruction(&plan, &loaded, args.allow_destructive)?;
    if !args.yes {
        ui.confirm("Do this?", "--yes")?;
    }
    let report = carry_out(ui, &project, &intent, &plan, &again(&args.stage)).await?;
    let unseen = unseen(ui, &intent, &plan, &report).await?;
    let word = if report.done.is_empty() { "Nothing could be changed yet" } else { "Published" };
    finish(ui, &intent, &plan, &Done { report, unseen }, start, word)
}

/// What was done, and what could not be seen of it.
#[derive(Default)]
struct Done {
    report: Report,
    unseen: Vec<String>,
}

/// The same intent, with what is to be asked of the release.
fn checked(mut intent: Intent, loaded: &Loaded) -> Result<Intent, Failure> {
    let security = &loaded.config.security;
    let limit = if security.waf { security.rate_limit as usize / REQUESTS } else { usize::MAX };
    let pages = loaded.config.releases.check.min(limit);
    if pages == 0 {
        return Ok(intent);
    }
    let collections = loaded.bundle.iter().flat_map(|bundle| bundle.collections.keys());
    let routes = collections.map(|name| format!("/api/{name}"));
    let publication = intent.cloud.publication()?;
    let check = Check {
        before: publication.previous.clone(),
        after: publication.release.manifest(),
        routes: std::iter::once("/api/health".to_owned()).chain(routes).collect(),
        pages,
    };
    intent.cloud = Arc::new(Cloud::clone(&intent.cloud).with_check(Some(check)));
    Ok(intent)
}

/// What could not be seen of the release through the edge. Of a first one nothing was, and it is asked now.
async fn unseen(ui: &Ui, intent: &Intent, plan: &Plan, report: &Report) -> Result<Vec<String>, Failure> {
    let done = |node: &str| report.done.iter().any(|step| step.node == node);
    let (Some(check), true) = (&intent.cloud.check, done("release-live")) else { return Ok(Vec::new()) };
    if intent.live.is_some() {
        let output = plan.output("release-live").map(serde_json::from_value::<LiveOutput>);
        return Ok(output.and_then(Result::ok).unwrap_or_default().unseen);
    }
    let left = report.waiting.iter().map(|step| &step.node).chain(report.postponed.iter().map(|step| &step.node));
    let Some(domain) = host(plan).filter(|_| !left.into_iter().any(|node| node == "distribution-deployed")) else {
        return Ok(vec!["the release was not checked: not every edge has the distribution yet".into()]);
    };
    ui.faint("Asking the edge for some of the pages.");
    let (visitor, cx) = (Visitor::new(&domain, None), context(&intent.cloud));
    match check.ask(&cx, &visitor, Moment::After).await {
        Outcome::Wrong(fault) => {
            let release = &intent.cloud.publication()?.id;
            let state = "It is live all the same: there is no release before it.";
            let mut failure = Failure::from(fault.error(&visitor, release, state));
            failure.in_place = Some(format!("The site is at https://{domain}/."));
            Err(failure)
        }
        outcome => Ok(outcome.unseen(&visitor, Moment::After).into_iter().collect()),
    }
}

/// A migration that can lose data runs only when that is said.
pub fn refuse_destruction(plan: &Plan, loaded: &Loaded, allowed: bool) -> Result<(), Failure> {
    let runs = plan.get("migrations-applied").is_some_and(|step| step.verb.changes());
    let statements = project::destructive(loaded);
    if allowed || !runs || statements.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::yours("a migration can lose data");
    failure.causes = statements;
    Err(failure
        .hint("If that is meant, publish with --allow-destructive. Migrations that ran already are not run again."))
}

/// The command that continues.
pub fn again(stage: &str) -> String {
    if stage == PRODUCTION { "arqsite publish".into() } else { format!("arqsite publish --stage {stage}") }
}

fn finish(ui: &Ui, intent: &Intent, plan: &Plan, done: &Done, start: Instant, word: &str) -> Result<(), Failure> {
    let Done { report, unseen } = done;
    let release = intent.cloud.publication()?.id.clone();
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (url, domain) = (url(plan), domain(plan, report));
    unseen.iter().for_each(|what| ui.warning(what));
    let address = domain.clone().or_else(|| url.clone());
    if ui.json() {
        ui.data_json(&json!({"url": address, "distribution": url, "release": release, "steps": report.done, "ms": ms,
            "pages": intent.pages, "waiting": report.waiting, "postponed": report.postponed,
            "unchecked": unseen}));
    } else {
        ui.status(format!("{word} in {}: release {release} is live", duration(ms)));
        ui.data(address.unwrap_or_default());
        waiting(ui, report);
    }
    Ok(())
}

/// Address on the domain, once its records lead here.
pub fn domain(plan: &Plan, report: &Report) -> Option<String> {
    let waiting = report.waiting.iter().map(|step| &step.node).chain(report.postponed.iter().map(|step| &step.node));
    let named = plan.steps.iter().find(|step| step.node == "distribution-domain")?;
    let left = waiting.into_iter().any(|node| node == "distribution-domain" || node.starts_with("records-"));
    if left || matches!(named.verb, Verb::Delete) {
        return None;
    }
    let certificate = plan.steps.iter().find(|step| step.node == "certificate")?;
    // `example.com (1a2b3c4d)`: the certificate's name begins with the domain.
    Some(format!("https://{}/", certificate.name.split(' ').next()?))
}

/// What somebody else has to do first.
pub fn waiting(ui: &Ui, report: &Report) {
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
    Some(format!("https://{}/", host(plan)?))
}

/// Host name of the distribution.
fn host(plan: &Plan) -> Option<String> {
    let output = plan.output("distribution")?;
    let output: DistributionOutput = serde_json::from_value::<<Distribution as Resource>::Output>(output).ok()?;
    Some(output.domain)
}
