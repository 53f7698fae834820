//! The operator's functions: what the owner, or a runbook, does to the site by itself.
//!
//! The same package as the API, as functions of their own, so that the one visitors reach can
//! neither move the pointer nor alter tables. The `operator` moves the pointer, closes and opens
//! the site and changes the origin secret; it runs outside the site's network, since CloudFront
//! is reached over the internet. The `migrator` runs inside, next to the database, and does that
//! alone.

mod database;
mod maintenance;
mod migrate;
mod rollback;
mod rotate;

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::content::s3_ledger;
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::{Cloud, Cx};
use crate::deploy::{Context, Outputs, Resource};

/// Value of `ARQ_ROLE` of the function that moves the pointer.
pub const OPERATOR: &str = "operator";
/// Value of `ARQ_ROLE` of the function that alters tables.
pub const MIGRATOR: &str = "migrator";

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Task {
    /// Make an earlier release live again.
    Rollback {
        /// Which; empty for the one before the live one.
        #[serde(default)]
        release: String,
    },
    /// Ask visitors to come back later, or let them in again.
    Maintenance {
        /// Whether the site is closed.
        on: bool,
    },
    /// Change the origin secret: first `send`, and `forget` the old one when every edge has it.
    Rotate {
        /// Which half.
        step: rotate::Step,
    },
    /// Run the migrations that have not run yet.
    Migrate,
}

/// Why a task was not done. Its text is what Lambda and the runbook show.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It cannot be done as things are.
    #[error("{0}")]
    Refused(String),
    /// AWS or the database failed.
    #[error("{doing}: {why}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The error and its causes.
        why: String,
    },
}

impl From<TaskError> for Diagnostic {
    fn from(error: TaskError) -> Self {
        let kind = match error {
            TaskError::Refused(_) => "Refused",
            TaskError::Failed { .. } => "Failed",
        };
        Self { error_type: kind.into(), error_message: error.to_string() }
    }
}

/// Adds what was being done to any error.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, TaskError>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, TaskError> {
        self.map_err(|error| {
            let error = error.into();
            let mut why = error.to_string();
            let mut next = error.source();
            while let Some(cause) = next {
                why = format!("{why}: {cause}");
                next = cause.source();
            }
            TaskError::Failed { doing, why }
        })
    }
}

/// Takes tasks until Lambda ends the process.
pub async fn serve(role: &str) -> Result<(), lambda_runtime::Error> {
    let role: Arc<str> = role.into();
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let role = role.clone();
        async move {
            // Not boxed: the type's name is what Lambda calls the error.
            let task = serde_json::from_value(event.payload);
            let task: Task = task.map_err(|error| TaskError::Refused(format!("that is no task: {error}")))?;
            carry_out(&role, task).await
        }
    }))
    .await
}

async fn carry_out(role: &str, task: Task) -> Result<Value, TaskError> {
    match (role, task) {
        (OPERATOR, Task::Rollback { release }) => rollback::run(&Site::open().await?.at_rest().await?, &release).await,
        (OPERATOR, Task::Maintenance { on }) => maintenance::run(&Site::open().await?.at_rest().await?, on).await,
        (OPERATOR, Task::Rotate { step }) => rotate::run(&Site::open().await?.at_rest().await?, step).await,
        (MIGRATOR, Task::Migrate) => migrate::run().await,
        (role, _) => Err(TaskError::Refused(format!("the function {role} does not do that"))),
    }
}

/// The site in its account, and the store that holds its pointer.
struct Site {
    cx: Cx,
    store: String,
}

impl Site {
    async fn open() -> Result<Self, TaskError> {
        let cloud = Cloud::connect(&variable("ARQ_SITE")?, &variable("ARQ_STAGE")?, None).await;
        let cloud = cloud.doing("reach the account")?;
        let (events, _) = tokio::sync::mpsc::unbounded_channel();
        let cx: Cx = Context::new(Arc::new(cloud), "operator", Outputs::default(), events);
        let store = KeyValueStore::ready(cx.cloud.names.part("edge"));
        let found = Resource::find(&store, &cx).await.doing("look at the edge store")?;
        let found = found.ok_or_else(|| TaskError::Refused("nothing has been published yet".into()))?;
        Ok(Self { cx, store: found.output.arn })
    }

    /// Refuses while a publish is under way, which would not know of a pointer that moves.
    async fn at_rest(self) -> Result<Self, TaskError> {
        let seen = s3_ledger::read(&self.cx.cloud).await.doing("look whether a publish is under way")?;
        let holder = seen.ledger.and_then(|ledger| ledger.holder).filter(|holder| !s3_ledger::is_dead(holder));
        match holder {
            Some(holder) => Err(TaskError::Refused(format!(
                "a publish is under way: {} on {} since {}; try again when it is over",
                holder.owner, holder.host, holder.since
            ))),
            None => Ok(self),
        }
    }
}

fn variable(name: &'static str) -> Result<String, TaskError> {
    std::env::var(name).map_err(|_| TaskError::Refused(format!("the variable {name} is not set")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_are_read_as_the_runbooks_write_them() {
        let task = |value| serde_json::from_value::<Task>(value).unwrap();
        assert_eq!(task(json!({"do": "rollback"})), Task::Rollback { release: String::new() });
        assert_eq!(task(json!({"do": "maintenance", "on": true})), Task::Maintenance { on: true });
        assert_eq!(task(json!({"do": "rotate", "step": "send"})), Task::Rotate { step: rotate::Step::Send });
        assert_eq!(task(json!({"do": "migrate"})), Task::Migrate);
    }
}
