//! A database's own view of itself: its sidecar's `/status`, asked every 100 ms.

use super::Look;
use super::server::View;
use crate::agent::watch::Sight;
use crate::history::Event;

/// What one database said of itself last.
pub(super) struct DatabaseView {
    server: String,
    known: Option<(bool, bool, Option<u64>)>,
}

impl DatabaseView {
    pub fn new(server: &str) -> Self {
        DatabaseView { server: server.into(), known: None }
    }
}

impl View for DatabaseView {
    fn watches(&self) -> (String, String) {
        ("database".into(), self.server.clone())
    }

    fn see(&mut self, look: &mut Look<'_>, sight: &Sight) {
        let Sight::Database(status) = sight else { return };
        let view = status.view();
        if self.known.replace(view) != Some(view) {
            look.changed(Event::DatabaseView {
                server: self.server.clone(),
                writable: status.writable,
                gtid: status.gtid.clone(),
                replicating: status.replicating,
                lag_ms: status.lag_s.map(|lag| lag as f64 * 1000.0),
            });
        }
    }

    /// Whatever it says next is news.
    fn lose(&mut self) {
        self.known = None;
    }

    fn renew(&mut self) {
        self.known = None;
    }
}
