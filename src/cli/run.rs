//! A plan carried out before the user's eyes.

use uuid::Uuid;

use super::account::stop_on_interrupt;
use super::intent::{Intent, now};
use super::{Failure, Kind};
use crate::aws::content::s3_ledger::S3Lock;
use crate::config::Project;
use crate::deploy::journal::interrupted;
use crate::deploy::lock::RENEW_EVERY;
use crate::deploy::{FileJournal, Journal, Plan, Report, Run, RunFailure, apply};
use crate::ui::{Ui, progress};

/// Node of the bucket in which the ledger lies.
const LEDGER: &str = "site-bucket";

/// Carries out `plan`. `again` is the command that continues when it does not come to its end.
pub async fn carry_out(
    ui: &Ui,
    project: &Project,
    intent: &Intent,
    plan: &Plan,
    again: &str,
) -> Result<Report, Failure> {
    let names = &intent.cloud.names;
    let path = project.data().join("journal").join(format!("{}-{}.jsonl", names.account, names.stage));
    let journal = FileJournal::open(path.clone())
        .map_err(|error| Failure::from_error(Kind::Yours, &error).cause(format!("in {}", path.display())))?;
    for entry in interrupted(&journal.read().unwrap_or_default()) {
        ui.faint(format!("The last run was interrupted during: {} {} ({}).", entry.kind, entry.name, entry.at));
    }
    now()?;
    let clock = || now().map(|now| now.to_string()).unwrap_or_default();
    let (events, receiver) = tokio::sync::mpsc::unbounded_channel();
    let watching = progress::watch(ui, receiver);
    let stop = stop_on_interrupt(&events);
    let id = Uuid::now_v7().to_string();
    let lock = S3Lock::new(intent.cloud.clone(), &intent.ledger, intent.inventory(plan), id.clone());
    let run = Run {
        id,
        clock: &clock,
        journal: &journal,
        events,
        stop,
        lock: Some(&lock),
        lock_after: Some(LEDGER),
        renew_every: RENEW_EVERY,
    };
    let result = apply(plan, &intent.desired, &intent.known, &intent.cloud, &run).await;
    drop(run);
    // The watcher ends with the last event; it cannot fail in a way that matters here.
    let _ = watching.await;
    result.map_err(|failure| explain(failure, again))
}

fn explain(failure: RunFailure, again: &str) -> Failure {
    let in_place = format!("{} of {} steps are done.", failure.report.done.len(), failure.report.planned);
    let kind = Kind::from(failure.blame());
    let mut errors = failure.errors.into_iter();
    let mut explained = match errors.next() {
        Some(error) => Failure::from(error),
        None => Failure::new(Kind::Interrupted, "interrupted"),
    };
    for other in errors {
        let other = Failure::from(other);
        explained = explained.cause(format!("also: {}: {}", other.what, other.causes.join(": ")));
    }
    explained.in_place = Some(in_place);
    if kind != Kind::Bug {
        explained = explained.hint(format!("Run `{again}` again to continue; what is done is not done twice."));
    }
    explained
}
