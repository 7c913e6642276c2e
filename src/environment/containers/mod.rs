//! Containers as servers that are there already, whatever runs them: Compose or Swarm.
//!
//! What the two have in common stands here: which servers there are and what they are called ([`adopt`], [`names`]), their
//! states and switches ([`provider`], [`fleet`]), what ends their faults ([`lease`]), what they print ([`follow`]), and what is left in them ([`sweep`]). It knows no label of either: who
//! lists the containers, says which server each stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use adopt::Services;
use barriers::Barriers;

use super::{Closed, Ended, ReopenError, Reopened};
use crate::docker::{Container, DockerError};
use crate::document::DocumentError;
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, PowerOp};
use crate::journal::Place;
use crate::load;
use crate::provider::{Provider, ProviderError};
use crate::render::Addresses;

/// Their addresses are in networks of Docker's.
const ONE_HOST: u8 = 32;

pub(in crate::environment) mod adopt;
pub(in crate::environment) mod barriers;
mod fleet;
pub(in crate::environment) mod follow;
pub(in crate::environment) mod lease;
pub(in crate::environment) mod names;
pub(in crate::environment) mod provider;
pub(in crate::environment) mod sweep;

/// What differs in words between the places that containers are in, and what can be done to their power.
pub(in crate::environment) struct Terms {
    /// The environment's name, which is that of its section in `chimp.toml`.
    pub name: &'static str,
    /// What the containers are together.
    pub noun: &'static str,
    /// The same with its kind: `Compose project`.
    pub whole: &'static str,
    /// The Given that takes them all as they are.
    pub given: &'static str,
    /// What to do where there is no container.
    pub empty: &'static str,
    /// What is said in place of booting one.
    pub boot: &'static str,
    /// What a container can be switched to.
    pub power: &'static [PowerOp],
    /// What to do in place of anything else.
    pub otherwise: &'static str,
    /// Whether a container that has ended is never started again.
    pub ends_for_good: bool,
}

impl Terms {
    /// How the service of a server is opted in; of several, how theirs are. `place`: the file or the stack.
    pub fn opt_in(&self, place: &str, server: &str) -> String {
        let service = server.rsplit_once('-').map(|(service, _)| service).filter(|service| !service.contains(' '));
        let service = service.unwrap_or("SERVICE");
        let named = format!("`attack = [\"{service}\"]`, beside those that are there");
        let settings = match Path::new("chimp.toml").is_file() {
            true => "chimp.toml",
            false => "chimp.toml, which this folder does not have, or of the file that `--config` names",
        };
        format!("write its service under `[{}]` of {settings}, for {place}: {named}", self.name)
    }
}

/// An attack's and a heal's view of containers: only services that were opted in are chosen from. `shown`: the file or the stack, for people.
pub(in crate::environment) fn reopened(
    services: &Services<'_>,
    shown: &str,
    place: Place,
    addresses: BTreeMap<String, Ipv4Addr>,
    provider: Arc<dyn Provider>,
) -> Reopened {
    let (mut infrastructure, allowed) = (services.servers_alone(), services.allowed());
    let why = |server: &String| {
        (server.clone(), format!("it was not opted in\n  help: {}", services.terms.opt_in(shown, server)))
    };
    let closed: Closed = infrastructure.servers.keys().filter(|name| !allowed.contains(*name)).map(why).collect();
    infrastructure.servers.retain(|name, _| allowed.contains(name));
    infrastructure.links.retain(|(from, to)| allowed.contains(from) && allowed.contains(to));
    Reopened {
        place,
        whereabouts: format!("the {} {}", services.terms.whole, services.project.name),
        addresses: addresses.into_iter().map(|(name, address)| (name, address.to_string())).collect(),
        provider,
        infrastructure,
        ended: Ended::new(),
        closed,
    }
}

/// What stands in the way of all this at these servers, in words.
pub(in crate::environment) fn lacking(
    barriers: &BTreeMap<String, Barriers>,
    servers: &[String],
    abilities: &BTreeSet<Ability>,
) -> Vec<String> {
    let why = |server: &String| Some(format!("{server}: {}", barriers.get(server)?.forbid(abilities)?));
    servers.iter().filter_map(why).collect()
}

/// Why faults in containers can't be made by this user.
pub(in crate::environment) fn locked_out(victims: &BTreeSet<String>) -> Vec<DocumentError> {
    if victims.is_empty() || nix::unistd::geteuid().is_root() {
        return Vec::new();
    }
    let detail = "containers are entered for faults, which needs root on this machine";
    vec![DocumentError::new(detail).with_hint("run it as root")]
}

/// The address of a container, where it has one.
pub(in crate::environment) fn address_of(container: &Container) -> Option<Ipv4Addr> {
    container.addresses().into_iter().next()
}

/// Why Docker could not be asked, with what to do apart.
pub(in crate::environment) fn described(why: DockerError) -> DocumentError {
    let text = why.to_string();
    let (detail, hint) = text.split_once("\n  help: ").unwrap_or((&text, ""));
    let error = DocumentError::new(detail);
    let error = if hint.is_empty() { error } else { error.with_hint(hint) };
    if matches!(why, DockerError::OtherName { .. }) { error.of_setting(&["compose", "project"]) } else { error }
}

pub(in crate::environment) fn unasked(why: DockerError) -> ReopenError {
    ReopenError::Provider(ProviderError::Between(why.into()))
}

/// Blocks, on this very thread: no other may be started before a scenario is entered.
pub(in crate::environment) fn ask<T>(question: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread needs nothing but memory").block_on(question)
}

/// Where servers are, for a scenario; one whose address is not known is nowhere.
pub(in crate::environment) fn placed(there: &Infrastructure, known: &BTreeMap<String, Ipv4Addr>) -> Addresses {
    let address = |name: &String| (name.clone(), known.get(name).copied().unwrap_or(Ipv4Addr::UNSPECIFIED));
    Addresses {
        servers: there.servers.keys().map(address).collect(),
        virtual_ips: BTreeMap::new(),
        prefix: ONE_HOST,
        aliases: BTreeMap::new(),
    }
}

/// The address of the entry, looked up.
pub(in crate::environment) async fn entry_of(there: &Infrastructure) -> Result<Option<IpAddr>, ProviderError> {
    let Some(url) = &there.entry.url else { return Ok(None) };
    let found = load::Site::at(url).await;
    found.map(|site| Some(site.address)).map_err(|why| ProviderError::Between(format!("the entry {why}").into()))
}
