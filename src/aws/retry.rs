//! Patience: what the SDK does not retry, and what takes time, with bounds.
//!
//! The SDK retries throttling and transient failures by itself. What is retried here is what only
//! the caller can know to be passing: a role that is not yet known everywhere, an update that is
//! still under way.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::CallError;

/// First pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Bounds of one wait.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long to go on.
    pub total: Duration,
    /// Longest pause between two tries; pauses grow to it by half.
    pub pause: Duration,
}

impl Patience {
    /// For what is not yet known everywhere: up to two minutes.
    pub const PROPAGATION: Self = Self::new(120, 5);
    /// For what another update is still holding: up to five minutes.
    pub const CONFLICT: Self = Self::new(300, 5);
    /// For a distribution on its way to every edge: up to 90 minutes.
    pub const DISTRIBUTION: Self = Self::new(90 * 60, 15);
    /// For states that last minutes: up to 30.
    pub const STATE: Self = Self::new(30 * 60, 5);

    const fn new(total: u64, pause: u64) -> Self {
        Self { total: Duration::from_secs(total), pause: Duration::from_secs(pause) }
    }

    /// Calls until it succeeds, fails for another reason than `passing` says, or patience ends.
    pub async fn retry<T, F, Fut>(self, passing: impl Fn(&CallError) -> bool, mut call: F) -> Result<T, CallError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, CallError>>,
    {
        let mut rhythm = Rhythm::new(self);
        loop {
            match call().await {
                Err(error) if passing(&error) && rhythm.rest().await => {}
                result => return result,
            }
        }
    }

    /// Looks until `look` has something to give; `None` when patience ends first.
    pub async fn until<T, F, Fut>(self, mut look: F) -> Result<Option<T>, CallError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Option<T>, CallError>>,
    {
        let mut rhythm = Rhythm::new(self);
        loop {
            if let Some(seen) = look().await? {
                return Ok(Some(seen));
            }
            if !rhythm.rest().await {
                return Ok(None);
            }
        }
    }
}

struct Rhythm {
    end: Instant,
    pause: Duration,
    longest: Duration,
}

impl Rhythm {
    fn new(patience: Patience) -> Self {
        Self { end: Instant::now() + patience.total, pause: FIRST_PAUSE.min(patience.pause), longest: patience.pause }
    }

    /// Pauses; `false` when there is no time left.
    async fn rest(&mut self) -> bool {
        if Instant::now() + self.pause > self.end {
            return false;
        }
        sleep(self.pause).await;
        self.pause = self.pause.mul_f32(1.5).min(self.longest);
        true
    }
}
