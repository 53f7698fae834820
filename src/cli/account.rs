//! What every verb that talks to AWS begins with, and how it is interrupted.

use std::future::Future;

use tokio::sync::mpsc::UnboundedSender;

use super::{Failure, Kind};
use crate::aws::{Cloud, ConnectError};
use crate::config::Config;
use crate::deploy::{Event, StopSignal};

/// Runs a verb to its end.
pub fn block_on(verb: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::from_error(Kind::Bug, &error))?.block_on(verb)
}

/// The account that the AWS configuration names.
pub async fn connect(config: &Config, stage: &str) -> Result<Cloud, Failure> {
    check_stage(stage)?;
    Cloud::connect(&config.site.name, stage, config.aws.region.as_deref()).await.map_err(explain)
}

/// A stage becomes part of resource names.
fn check_stage(stage: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if (1..=12).contains(&stage.len()) && stage.chars().all(plain) {
        return Ok(());
    }
    Err(Failure::yours(format!("\"{stage}\" cannot name a stage"))
        .hint("Use 1 to 12 of a-z and 0-9, such as `preview`."))
}

fn explain(error: ConnectError) -> Failure {
    let (kind, hint) = match &error {
        ConnectError::NoRegion => (Kind::Yours, "Set `region` under [aws] in arq.toml, or the variable AWS_REGION."),
        ConnectError::NoCredentials(_) => (
            Kind::Yours,
            "Sign in with `aws sso login` or `aws configure`, name a profile with AWS_PROFILE, \
             or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ),
        ConnectError::Refused(_) => {
            (Kind::Yours, "Check AWS_PROFILE, the access key and its secret, and whether the sign-in has expired.")
        }
        ConnectError::Unreachable { endpoint: Some(_), .. } => {
            (Kind::Cloud, "AWS_ENDPOINT_URL is set: is something listening there? Unset it to reach AWS itself.")
        }
        ConnectError::Unreachable { endpoint: None, .. } => {
            (Kind::Cloud, "Check the network; `arqsite serve` and `arqsite check` work without it.")
        }
    };
    Failure::from_error(kind, &error).hint(hint)
}

/// The first Ctrl-C lets running steps finish; the second ends the program at once.
pub fn stop_on_interrupt(events: &UnboundedSender<Event>) -> StopSignal {
    let stop = StopSignal::new();
    // Weak: the watcher's end is that nobody can send any more.
    let (signal, events) = (stop.clone(), events.downgrade());
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let text = "Stopping when the running steps are done; press Ctrl-C again to stop at once.";
            let note = Event::Note { node: String::new(), text: text.into() };
            events.upgrade().map(|events| events.send(note));
            signal.stop();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(Kind::Interrupted.exit_code()));
        }
    });
    stop
}
