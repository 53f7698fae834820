//! How a run is asked to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks a run to start nothing new; running steps finish.
#[derive(Debug, Clone)]
pub struct StopSignal {
    sender: Arc<watch::Sender<bool>>,
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::new()
    }
}

impl StopSignal {
    /// A signal that has not been given.
    pub fn new() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)) }
    }

    /// Gives it.
    pub fn stop(&self) {
        self.sender.send_replace(true);
    }

    /// Whether it was given.
    pub fn is_stopped(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until it is given.
    pub async fn stopped(&self) {
        // The sender lives as long as self.
        let _ = self.sender.subscribe().wait_for(|stopped| *stopped).await;
    }
}
