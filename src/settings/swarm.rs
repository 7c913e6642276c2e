//! `[swarm]`: what a Swarm does not say of a stack's services, and where the Docker Engines of its nodes answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ServiceSettings, words};
use crate::role::StubStatusUrl;

/// `[swarm]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwarmSettings {
    /// By host names of nodes: where their Docker Engines answer, `unix:///run/node-2.sock`. Default: only the manager's own node is known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub nodes: BTreeMap<String, String>,
    /// Where users enter: a URL. Default: the only TCP port that the stack publishes, over HTTP.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub entry: Option<String>,
    /// The service at which they do. Default: the one that publishes that port.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub entry_at: Option<String>,
    /// The services that may be attacked, without the stack's name. Default: none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::list")]
    pub attack: Option<Vec<String>>,
    /// By services: what steps call their tasks, such as `webserver`. Default: the service's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub words: BTreeMap<String, String>,
    /// By services: the services that they talk to. Default: none, as a Swarm knows of none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, Vec<String>>,
    /// By services: the path in their containers of the statistics socket of a HAProxy, whose view is observed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub stats_sockets: BTreeMap<String, String>,
    /// By services: the URL of nginx's `stub_status`, as their containers themselves reach it; what it counts is observed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stub_status: BTreeMap<String, StubStatusUrl>,
}

impl SwarmSettings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == SwarmSettings::default()
    }

    /// What it says of services.
    pub fn services(&self) -> ServiceSettings<'_> {
        ServiceSettings {
            section: "swarm",
            entry: self.entry.as_deref(),
            entry_at: self.entry_at.as_ref(),
            attack: self.attack.as_deref().unwrap_or_default(),
            words: &self.words,
            links: &self.links,
            stats_sockets: &self.stats_sockets,
            stub_status: &self.stub_status,
        }
    }
}
