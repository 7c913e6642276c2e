//! The word that a run is to end before its scenarios are done.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by all scenarios of a run.
#[derive(Debug, Clone)]
pub struct Ends {
    said: Arc<watch::Sender<bool>>,
}

impl Default for Ends {
    fn default() -> Self {
        Ends { said: Arc::new(watch::Sender::new(false)) }
    }
}

impl Ends {
    /// The run is to end now.
    pub fn end(&self) {
        self.said.send_replace(true);
    }

    /// Whether it is to end now.
    pub fn is_now(&self) -> bool {
        *self.said.borrow()
    }

    /// Returns when the run is to end.
    pub async fn now(&self) {
        // It ends with the last sender, and this is one.
        let _ = self.said.subscribe().wait_for(|ends| *ends).await;
    }
}
