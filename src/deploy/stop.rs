//! How a run is asked to end early.

use std::sync::Arc;

use tokio::sync::watch;

/// A wish to stop, shared by all its clones. It cannot be taken back.
#[derive(Debug, Clone)]
pub struct StopSignal(Arc<watch::Sender<bool>>);

impl Default for StopSignal {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl StopSignal {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives it: nothing new is started, what runs is finished.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has been given.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it has been given.
    pub async fn stopped(&self) {
        // The sender cannot be gone: `self` holds it.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_hears_it() {
        let signal = StopSignal::new();
        let other = signal.clone();
        let waiting = tokio::spawn(async move { other.stopped().await });
        assert!(!signal.is_stopped());
        signal.stop();
        assert!(waiting.await.is_ok() && signal.is_stopped());
        signal.stopped().await;
    }
}
