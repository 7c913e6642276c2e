//! What `[compose]` and `[swarm]` both say of services, each under its own name.

use std::collections::BTreeMap;

use crate::role::StubStatusUrl;

/// What a section says of services whose containers are servers.
#[derive(Debug, Clone, Copy)]
pub struct ServiceSettings<'s> {
    /// The section: `compose`.
    pub section: &'static str,
    /// Where users enter: a URL.
    pub entry: Option<&'s str>,
    /// The service at which they do.
    pub entry_at: Option<&'s String>,
    /// The services that may be attacked.
    pub attack: &'s [String],
    /// By services: what steps call their containers.
    pub words: &'s BTreeMap<String, String>,
    /// By services: the services that they talk to, beside those that are known.
    pub links: &'s BTreeMap<String, Vec<String>>,
    /// By services: the path in their containers of the statistics socket of a HAProxy.
    pub stats_sockets: &'s BTreeMap<String, String>,
    /// By services: the URL of nginx's `stub_status`, as their containers themselves reach it.
    pub stub_status: &'s BTreeMap<String, StubStatusUrl>,
}

impl<'s> ServiceSettings<'s> {
    /// Every service that is named, with the setting that names it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &'s String)> + use<'s> {
        let attack = self.attack.iter().map(|service| ("attack", service));
        let entry = self.entry_at.into_iter().map(|service| ("entry_at", service));
        let words = self.words.keys().map(|service| ("words", service));
        let from = self.links.keys().map(|service| ("links", service));
        let to = self.links.values().flatten().map(|service| ("links", service));
        let sockets = self.stats_sockets.keys().map(|service| ("stats_sockets", service));
        let stub_status = self.stub_status.keys().map(|service| ("stub_status", service));
        attack.chain(entry).chain(words).chain(from).chain(to).chain(sockets).chain(stub_status)
    }
}
