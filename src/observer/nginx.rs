//! What a web server's nginx counts, once a second.

use super::Look;
use super::server::View;
use crate::agent::watch::Sight;
use crate::history::Event;

/// What the nginx of one server says. Each look is recorded: its counts always move, if only by the look itself.
pub(super) struct NginxView {
    server: String,
}

impl NginxView {
    /// Of this server.
    pub fn new(server: &str) -> Self {
        NginxView { server: server.into() }
    }
}

impl View for NginxView {
    fn watches(&self) -> (String, String) {
        ("nginx".into(), self.server.clone())
    }

    fn see(&mut self, look: &mut Look<'_>, sight: &Sight) {
        let Sight::Nginx(status) = sight else { return };
        look.changed(Event::NginxStatus {
            server: self.server.clone(),
            active: status.active,
            accepted: status.accepted,
            handled: status.handled,
            requests: status.requests,
            reading: status.reading,
            writing: status.writing,
            waiting: status.waiting,
        });
    }

    fn lose(&mut self) {}

    fn renew(&mut self) {}
}
