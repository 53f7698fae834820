//! `arqsite publish --preview`: a release that is seen by those who have the link.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::intent::{Intent, connect, context};
use super::project::{self, Loaded};
use super::publish::{self, PublishArgs};
use super::run::carry_out;
use super::{Common, Failure, Kind};
use crate::aws::content::release_preview;
use crate::aws::content::s3_ledger::S3Lock;
use crate::aws::edge::cloudfront_function;
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::{stack, visit};
use crate::deploy::lock::Lock;
use crate::deploy::{Plan, Planned, Report, Resource, StepError, Verb};
use crate::release::preview::{self, Kind as Token};
use crate::release::{ReleaseId, edge};
use crate::ui::plan::Shown;
use crate::ui::{self, Ui, count, duration};

/// How long a link is good for, unless something else is said.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest that a link may be good for.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);
/// The password, where it shall not be seen by other processes.
const PASSWORD: &str = "ARQ_PREVIEW_PASSWORD";
/// Longest password, in bytes.
const PASSWORD_BYTES: usize = 128;
/// What brings a preview where there is an older edge function.
const PUBLISH_FIRST: &str = "Run `arqsite publish` first: it brings the edge function that previews need.";

/// What a preview takes besides what a publish takes.
#[derive(Args)]
pub struct PreviewArgs {
    /// Make nothing live: print a link by which the release is seen before
    #[arg(long)]
    pub preview: bool,
    /// How long the link is good for: 30m, 12h, 7d; 90 days at most [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = lifetime, requires = "preview")]
    expires: Option<Duration>,
    /// Ask whoever opens the link for this password; without a value it is taken from ARQ_PREVIEW_PASSWORD or
    /// asked for, so that other processes do not see it
    #[arg(long, num_args = 0..=1, default_missing_value = "", requires = "preview")]
    password: Option<String>,
}

/// `30m`, `12h`, `7d`.
fn lifetime(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or_default();
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("say a number of minutes, hours or days, such as 30m, 12h or 7d".into()),
    };
    let number: u64 = number.parse().map_err(|_| "say a whole number before the unit, such as 7d".to_owned())?;
    match Duration::from_secs(number.saturating_mul(seconds)) {
        Duration::ZERO => Err("a link has to be good for a minute at least".into()),
        life if life > LONGEST => Err("a link can be good for 90 days at most".into()),
        life => Ok(life),
    }
}

/// Makes what is missing, and prints the link.
pub async fn run(ui: &Ui, common: &Common, args: &PublishArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    project::warn(ui, &loaded);
    let password = password(args.preview.password.as_deref())?;
    let cloud = connect(&loaded.config, &args.stage).await?.with_wait(Duration::from_secs(args.wait * 60));
    ui.faint(format!("Account {}, region {}, stage {}.", cloud.names.account, cloud.names.region, args.stage));
    let whole = Intent::to_preview(cloud, &project, &loaded).await?;
    let all = whole.plan(false).await?;
    let was_live = whole.live.is_some();
    // Where nothing is live, everything is made, and nobody sees it without the link.
    let (intent, part, hidden) = if was_live {
        require_function(&whole).await?;
        let part = whole.only(&stack::UNSEEN);
        let plan = part.plan(false).await?;
        (part, Some(plan), hidden(&all))
    } else {
        publish::refuse_destruction(&all, &loaded, args.allow_destructive)?;
        (whole, None, Vec::new())
    };
    let plan = part.as_ref().unwrap_or(&all);
    let (release, end) = (intent.cloud.publication()?.id.clone(), end(args)?);
    // What somebody has a link to stays.
    let known = intent.ledger.past().previews.iter().any(|it| it.release == release && it.until >= end.as_second());
    intent.cloud.publication()?.remember(|past| past.preview(&release, end.as_second()));
    let report = match plan.is_noop() {
        true if known => Report::default(),
        true => note(&intent).await?,
        false => make(ui, args, &project, &intent, plan).await?,
    };
    let token = token(&intent, plan, &release, end, password.as_deref()).await?;
    let told =
        Told { release, link: link(&all, &report, was_live, &token)?, end, password: password.is_some(), hidden };
    tell(ui, &told, &loaded, &all, &report, start);
    Ok(())
}

/// Says what is made, asks, and makes it.
async fn make(
    ui: &Ui,
    args: &PublishArgs,
    project: &crate::config::Project,
    intent: &Intent,
    plan: &Plan,
) -> Result<Report, Failure> {
    if !ui.json() {
        let expected = intent.expected(plan);
        let shown = Shown { pages: intent.pages.as_ref(), expected: Some(&expected), ..Shown::only(plan) };
        ui::plan::tell(ui, &shown);
    }
    if !args.yes {
        ui.confirm("Do this, and make nothing live?", "--yes")?;
    }
    carry_out(ui, project, intent, plan, &format!("{} --preview", publish::again(&args.stage))).await
}

/// Writes down that there is a link, where nothing else is to be done.
async fn note(intent: &Intent) -> Result<Report, Failure> {
    let run = Uuid::now_v7().to_string();
    let lock = S3Lock::new(
        intent.cloud.clone(),
        &intent.ledger,
        intent.ledger.ledger.clone().unwrap_or_default().inventory,
        run,
    );
    lock.take().await.map_err(StepError::from)?;
    lock.release().await;
    Ok(Report::default())
}

/// The edge function in place has to know previews, and how this version packs a release.
async fn require_function(intent: &Intent) -> Result<(), Failure> {
    let text = cloudfront_function::text(&context(&intent.cloud), &intent.cloud.names.part("edge")).await?;
    if text.is_some_and(|text| edge::has_these_rules(&text)) {
        return Ok(());
    }
    Err(Failure::yours("the edge function in place is of another version of arqsite, and may not show this preview")
        .hint(PUBLISH_FIRST))
}

/// What a publish would change besides the release, for people.
fn hidden(all: &Plan) -> Vec<String> {
    let content = |step: &&Planned| step.kind.starts_with("release.") || step.kind.starts_with("migrations.");
    let steps = all.steps.iter().filter(|step| step.verb.changes() && !step.waits).filter(|step| !content(step));
    steps
        .map(|step| match step.node.as_str() {
            "edge-function" => "security headers and host names".into(),
            _ => format!("{} {}", step.kind, step.name),
        })
        .collect()
}

async fn token(
    intent: &Intent,
    plan: &Plan,
    release: &ReleaseId,
    end: Timestamp,
    password: Option<&str>,
) -> Result<String, Failure> {
    let store = plan.output("edge-store").map(serde_json::from_value::<<KeyValueStore as Resource>::Output>);
    let Some(Ok(store)) = store else {
        return Err(Failure::new(Kind::Bug, "the edge store gave nothing"));
    };
    let kind = password.map_or(Token::Open, Token::Password);
    Ok(release_preview::token(&context(&intent.cloud), &store.arn, release, end.as_second(), kind).await?)
}

/// When the link ends. Counted from this moment, also where SOURCE_DATE_EPOCH names another: the edge
/// compares it with its clock.
fn end(args: &PublishArgs) -> Result<Timestamp, Failure> {
    let life = i64::try_from(args.preview.expires.unwrap_or(LIFE).as_secs()).unwrap_or_default();
    Timestamp::from_second(Timestamp::now().as_second() + life).map_err(|error| Failure::from_error(Kind::Bug, &error))
}

/// The link, on the domain where that leads here.
fn link(all: &Plan, report: &Report, was_live: bool, token: &str) -> Result<String, Failure> {
    let on_domain = |step: &&Planned| step.node == "distribution-domain" || step.node.starts_with("records-");
    let settled = !was_live || all.steps.iter().filter(on_domain).all(|step| step.verb == Verb::Same);
    let domain = settled.then(|| publish::domain(all, report)).flatten();
    let base = visit::endpoint().map(|endpoint| endpoint + "/").or(domain).or_else(|| publish::url(all));
    let base = base.ok_or_else(|| Failure::new(Kind::Cloud, "there is no distribution yet").hint(PUBLISH_FIRST))?;
    Ok(format!("{base}?{}={token}", preview::FIELD))
}

struct Told {
    release: ReleaseId,
    link: String,
    end: Timestamp,
    password: bool,
    hidden: Vec<String>,
}

fn tell(ui: &Ui, told: &Told, loaded: &Loaded, all: &Plan, report: &Report, start: Instant) {
    if !told.hidden.is_empty() {
        let parts = count(told.hidden.len(), "part");
        ui.warning(format!(
            "the preview does not show {parts} that a publish would change: {}",
            told.hidden.join(", ")
        ));
    }
    let migrates = all.get("migrations-applied").is_some_and(|step| step.verb.changes());
    if migrates && !loaded.migrations.is_empty() && report.done.iter().all(|step| step.node != "migrations-applied") {
        ui.warning(
            "there are new migrations, and a preview does not run them: its API works with the live data and schema",
        );
    }
    let Told { release, link, end, password, hidden } = told;
    if ui.json() {
        ui.data_json(&json!({"link": link, "release": release, "expires": end.to_string(), "password": password,
            "not_shown": hidden, "waiting": report.waiting}));
        return;
    }
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    ui.status(format!("Ready in {}: release {release} is seen by this link only, until {end}.", duration(ms)));
    let asked = if *password { "It asks for the password; the user name does not matter. " } else { "" };
    ui.status(format!("{asked}Search engines are kept off. Every edge knows it within a minute."));
    ui.data(link);
    publish::waiting(ui, report);
}

/// The password that was given, is in the environment, or is typed.
fn password(given: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let from_environment = || std::env::var(PASSWORD).ok().filter(|password| !password.is_empty());
    let password = match Some(given.to_owned()).filter(|given| !given.is_empty()).or_else(from_environment) {
        Some(password) => password,
        None => typed()?,
    };
    match password.len() {
        0 => Err(Failure::yours("the password is empty")),
        length if length > PASSWORD_BYTES => {
            Err(Failure::yours(format!("the password has {length} bytes; {PASSWORD_BYTES} are the most")))
        }
        _ => Ok(Some(password)),
    }
}

fn typed() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::yours("the password cannot be asked for: stdin is no terminal")
            .hint(format!("Set it in the variable {PASSWORD}, or give it after --password.")));
    }
    let terminal = console::Term::stderr();
    let read = terminal.write_str("Password of the preview: ").and_then(|()| terminal.read_secure_line());
    read.map_err(|error| Failure::yours(format!("the password cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_life_is_minutes_hours_or_days_up_to_ninety() {
        assert_eq!(lifetime("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(lifetime("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(lifetime("90d"), Ok(LONGEST));
        for wrong in ["", "d", "1s", "0m", "91d", "7 d", "-1d", "99999999999999999999d", "18446744073709551615d", "é"]
        {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_empty_and_not_too_long() {
        assert_eq!(password(None).unwrap(), None);
        assert_eq!(password(Some("pão")).unwrap().as_deref(), Some("pão"));
        assert!(password(Some(&"x".repeat(PASSWORD_BYTES + 1))).is_err());
    }
}
