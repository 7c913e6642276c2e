//! Keystone's catalogue: where a service of the cloud is, by its type, region and interface.

use std::collections::BTreeSet;

use reqwest::Url;
use serde::Deserialize;

use super::clouds::Interface;
use crate::document::error::one_of;

/// The services of a cloud.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Catalogue(Vec<Entry>);

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct Endpoint {
    interface: String,
    region: Option<String>,
    url: String,
}

/// Why a service has no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Absent {
    /// No service is in that region.
    #[error("the cloud has no region `{region}`")]
    Region { region: String, hint: String },
    /// None is named, and there are several.
    #[error("the cloud has several regions, and none is named")]
    WhichRegion { hint: String },
    /// No service of this type.
    #[error("the cloud's catalogue has no service of the type `{service}`")]
    Service { service: &'static str, hint: String },
    /// It is not there.
    #[error("the service `{service}` has no {interface} address in the region `{region}`")]
    Address { service: &'static str, interface: &'static str, region: String },
    /// What stands there is none.
    #[error("the address of the service `{service}` is not a URL: {url}")]
    Malformed { service: &'static str, url: String },
}

impl Catalogue {
    /// The region that services are asked in: the named one, or the only one.
    ///
    /// # Errors
    /// There is no such region, or there are several.
    pub(super) fn region(&self, named: Option<&str>) -> Result<String, Absent> {
        let all: BTreeSet<&str> =
            self.0.iter().flat_map(|entry| &entry.endpoints).filter_map(|found| found.region.as_deref()).collect();
        match (named, all.len()) {
            (Some(named), _) if all.contains(named) => Ok(named.into()),
            (Some(named), _) => Err(Absent::Region { region: named.into(), hint: one_of(named, "regions", all) }),
            (None, 0 | 1) => Ok(all.first().copied().unwrap_or_default().into()),
            (None, _) => Err(Absent::WhichRegion { hint: one_of("", "regions", all) }),
        }
    }

    /// The address of a service, without a slash at its end.
    ///
    /// # Errors
    /// The service is not there, or not in that region, or not by that interface.
    pub(super) fn address(&self, service: &'static str, region: &str, interface: Interface) -> Result<Url, Absent> {
        let mut of_type =
            self.0.iter().filter(|entry| entry.kind == service).flat_map(|entry| &entry.endpoints).peekable();
        if of_type.peek().is_none() {
            let all: BTreeSet<&str> = self.0.iter().map(|entry| entry.kind.as_str()).collect();
            return Err(Absent::Service { service, hint: one_of(service, "types", all) });
        }
        let is_there = |found: &&Endpoint| {
            found.interface == interface.name() && (found.region.as_deref().unwrap_or_default() == region)
        };
        let absent = || Absent::Address { service, interface: interface.name(), region: region.into() };
        let found = of_type.find(is_there).ok_or_else(absent)?;
        let url = Url::parse(found.url.trim_end_matches('/')).ok().filter(Url::has_host);
        url.ok_or_else(|| Absent::Malformed { service, url: found.url.clone() })
    }
}

/// The address `below` another one.
pub(super) fn below(address: &Url, path: &str) -> Url {
    let mut url = address.clone();
    url.set_path(&format!("{}/{path}", address.path().trim_end_matches('/')));
    url
}

/// The address of an API of this version, such as `v2.0`, which its catalogue entry may or may not have.
pub(super) fn versioned(address: &Url, version: &str) -> Url {
    let has_it = address.path_segments().is_some_and(|mut parts| parts.any(|part| part == version));
    if has_it { address.clone() } else { below(address, version) }
}
