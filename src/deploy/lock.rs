//! One run at a time: a lock with an owner and an end, so that a dead run holds it only so long.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::error::{Blame, StepError};

/// Between two renewals, unless told otherwise.
pub const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Renewals in a row that may fail before the lock counts as lost. A lock has to hold for longer
/// than this many intervals.
const MAY_FAIL: usize = 3;

/// What keeps a second run from changing the account at the same time.
///
/// It knows the run it is taken for, and what was live when that run's plan was made.
#[async_trait::async_trait]
pub trait Lock: Send + Sync {
    /// Takes it for this run. A lock whose time is over is taken over.
    async fn take(&self) -> Result<(), LockError>;

    /// Puts its end further off. May be dropped at any await and called again, so a lost answer
    /// has to be told from a lost lock.
    async fn renew(&self) -> Result<(), LockError>;

    /// Gives it back, if it is still this run's. What cannot be given back ends by itself.
    async fn release(&self);
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Who runs it, as the cloud or the system names them.
    pub owner: String,
    /// On which machine.
    pub host: String,
    /// Which process of that machine, in words of the lock's own; empty when that is not known.
    #[serde(default)]
    pub process: String,
    /// When it was taken, RFC 3339.
    pub since: String,
    /// When it may be taken over, RFC 3339.
    pub expires: String,
    /// Id of the run.
    pub run: String,
}

/// Why a lock could not be taken or kept.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error(
        "another publish is under way: {} on {} since {}; it is taken over after {} if that run is dead",
        .0.owner, .0.host, .0.since, .0.expires
    )]
    Held(Holder),
    /// It is no longer this run's.
    #[error("this run has lost its lock: another may have taken it over")]
    Lost,
    /// What was planned is not what is.
    #[error("somebody published since this plan was made")]
    Moved,
    /// The cloud refused or failed.
    #[error(transparent)]
    Cloud(#[from] StepError),
}

impl From<LockError> for StepError {
    fn from(error: LockError) -> Self {
        let doing = match error {
            LockError::Cloud(error) => return error,
            LockError::Lost => "go on",
            LockError::Held(_) | LockError::Moved => "begin",
        };
        Self { doing: doing.into(), blame: Blame::Held, hint: None, source: Some(error.into()) }
    }
}

/// A lock that this run has.
pub(super) struct Held<'a> {
    lock: &'a dyn Lock,
    renew_every: Duration,
    /// Nothing is renewed from then on.
    gone: &'a AtomicBool,
}

impl<'a> Held<'a> {
    /// `gone` says when the place in which the lock lies is taken away by this run itself.
    pub(super) async fn take(
        lock: &'a dyn Lock,
        renew_every: Duration,
        gone: &'a AtomicBool,
    ) -> Result<Self, StepError> {
        lock.take().await?;
        // The timer does not know an interval of nothing.
        Ok(Self { lock, renew_every: renew_every.max(Duration::from_millis(1)), gone })
    }

    /// Does `work` while the lock is renewed. When it is lost, `lost` is set, by which the work has
    /// to begin nothing new; it is waited for all the same. The lock is given back at the end.
    pub(super) async fn during<T>(self, lost: &AtomicBool, work: impl Future<Output = T>) -> (T, Option<StepError>) {
        tokio::pin!(work);
        let (done, error) = tokio::select! {
            // What is done is done, though the lock is lost at the same moment.
            biased;
            done = &mut work => (done, None),
            error = self.renewing() => {
                lost.store(true, Ordering::SeqCst);
                (work.await, Some(error))
            }
        };
        self.lock.release().await;
        (done, error)
    }

    /// Ends only when the lock is lost.
    async fn renewing(&self) -> StepError {
        let mut timer = interval(self.renew_every);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once.
        timer.tick().await;
        let mut failed = 0;
        loop {
            timer.tick().await;
            let renewed = self.renew().await;
            // Whoever takes the place away takes the lock away with it.
            if self.gone.load(Ordering::SeqCst) {
                return pending().await;
            }
            match renewed {
                Ok(()) => failed = 0,
                Err(Some(LockError::Cloud(_)) | None) if failed + 1 < MAY_FAIL => failed += 1,
                Err(error) => return error.unwrap_or(LockError::Lost).into(),
            }
        }
    }

    /// `None` is no answer in time.
    async fn renew(&self) -> Result<(), Option<LockError>> {
        if self.gone.load(Ordering::SeqCst) {
            return Ok(());
        }
        timeout(self.renew_every, self.lock.renew()).await.map_err(|_| None)?.map_err(Some)
    }
}
