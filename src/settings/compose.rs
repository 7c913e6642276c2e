//! `[compose]`: what a Compose file does not say of its services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words;
use crate::role::StubStatusUrl;

/// `[compose]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComposeSettings {
    /// The project's name. Default: that of the only project of the file.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub project: Option<String>,
    /// Where users enter: a URL. Default: the only TCP port that the project publishes, over HTTP.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub entry: Option<String>,
    /// The service at which they do. Default: the one that publishes that port.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub entry_at: Option<String>,
    /// The services that may be attacked. Default: none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::list")]
    pub attack: Option<Vec<String>>,
    /// By services: what steps call their containers, such as `webserver`. Default: the service's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub words: BTreeMap<String, String>,
    /// By services: the services that they talk to, beside those that they depend on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Vec<String>>,
    /// By services: the path in their containers of the statistics socket of a HAProxy, whose view is observed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub stats_sockets: BTreeMap<String, String>,
    /// By services: the URL of nginx's `stub_status`, as their containers themselves reach it; what it counts is observed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stub_status: BTreeMap<String, StubStatusUrl>,
}

impl ComposeSettings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == ComposeSettings::default()
    }

    /// Every service that is named, with the setting that names it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let attack = self.attack.iter().flatten().map(|service| ("attack", service));
        let entry = self.entry_at.iter().map(|service| ("entry_at", service));
        let words = self.words.keys().map(|service| ("words", service));
        let from = self.links.keys().map(|service| ("links", service));
        let to = self.links.values().flatten().map(|service| ("links", service));
        let sockets = self.stats_sockets.keys().map(|service| ("stats_sockets", service));
        let stub_status = self.stub_status.keys().map(|service| ("stub_status", service));
        attack.chain(entry).chain(words).chain(from).chain(to).chain(sockets).chain(stub_status)
    }
}
