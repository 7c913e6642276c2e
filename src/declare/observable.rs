//! Whether the observers of this infrastructure can answer a Then. One that they can't is refused before anything boots.
//!
//! | what is asked | what must be there |
//! |---|---|
//! | rotation, removal from rotation | a HAProxy with a `stats_socket` in front of the servers |
//! | connections that stay open | such a HAProxy |
//! | the virtual IP's holder | a virtual IP that only servers called so may hold |
//! | detection | one of these, the reconciler, or Auto Scaling |
//! | replacements and boots | servers that are booted here, and no inventory's |
//! | what databases hold, agree on or accept | databases |
//!
//! Everything else rests on probes, users' operations, the states of instances or the reconciler's own records, which
//! every scenario has or which is checked elsewhere.

use std::collections::BTreeSet;

use super::check::{called, share_one};
use super::sides::known;
use crate::checker::registered;
use crate::infrastructure::Infrastructure;
use crate::plan::expectation::{Expectation, Interval};
use crate::plan::{Act, Hypothesis, Target};
use crate::selector;
use crate::settings::Settings;

const HAPROXY: &str = "only HAProxy is observed: put a HAProxy in front, with `links:` to those servers, and declare its `stats_socket:` in its role file or in the inventory";
const BOOTS: &str =
    "servers of an inventory are replaced and booted by the site itself, and no observer sees by what or how often";
const NO_BOOTS: &str = "leave it out, or ask what is observed: `redundancy takes …`, `recovery takes …`";
const DATABASES: &str = "declare `databases:` in an infrastructure file, with servers whose role has a `database:`";

/// Whether something can observe what a Then asks for.
///
/// # Errors
/// Which server or role can't be observed, and what is needed.
pub(super) fn observes(
    infrastructure: &Infrastructure,
    settings: &Settings,
    acts: &[Act],
    hypothesis: &Hypothesis,
) -> Result<(), String> {
    let sight = Observability { infrastructure };
    let found = match &hypothesis.expectation {
        Expectation::InRotation { count, role } => sight.rotation(*count, role),
        Expectation::ConnectionsOpen { .. } => sight.connections(),
        Expectation::OneHolder { role, .. } => sight.holder(role),
        Expectation::Interval { interval: Interval::Removal, .. } => sight.removal(acts),
        Expectation::NoDoubleBoot
        | Expectation::NoneConfiguredWithout { .. }
        | Expectation::Replaced { .. }
        | Expectation::Interval { interval: Interval::Replacement, .. }
            if infrastructure.is_attached() =>
        {
            Err((BOOTS.into(), NO_BOOTS.into()))
        }
        Expectation::Interval { interval: Interval::Detection, .. } if infrastructure.is_attached() => {
            sight.removal(acts)
        }
        Expectation::Interval { interval: Interval::Detection, .. }
            if !settings.reconciler.enabled && settings.auto_scaling.replaces.is_empty() =>
        {
            sight.detection(acts)
        }
        Expectation::OneWritable { role, .. } => sight.writable(role),
        Expectation::Agree { role, .. } => sight.agreement(role),
        expectation if expectation.is_of_final_state() || needs_databases(expectation) => sight.content(),
        _ => Ok(()),
    };
    found.map_err(|(why, help)| format!("`{}` can't be observed: {why}\n  help: {help}", hypothesis.step))
}

/// Whether a Then of another crate looks at what the databases held in the end.
fn needs_databases(expectation: &Expectation) -> bool {
    let Expectation::Registered { name, .. } = expectation else { return false };
    registered::named(name).is_some_and(|then| then.needs_databases())
}

/// Why something can't be observed, and what is needed.
type Unseen = (String, String);

struct Observability<'a> {
    infrastructure: &'a Infrastructure,
}

impl Observability<'_> {
    fn rotation(&self, count: usize, role: &str) -> Result<(), Unseen> {
        let servers = self.called(role);
        let (seen, unseen): (Vec<&str>, Vec<&str>) =
            servers.iter().map(String::as_str).partition(|server| self.is_balanced(server) || self.is_spare(server));
        match unseen.as_slice() {
            [] => Ok(()),
            _ if !seen.is_empty() && count <= seen.len() => Ok(()),
            _ => Err((self.without_balancer(&unseen), HAPROXY.into())),
        }
    }

    fn removal(&self, acts: &[Act]) -> Result<(), Unseen> {
        let victims = self.victims(acts);
        let seen = |server: &&str| self.is_balanced(server) || self.may_hold(server) || self.is_spare(server);
        let victims: Vec<&str> = victims.iter().map(String::as_str).collect();
        if victims.is_empty() || victims.iter().any(seen) {
            return Ok(());
        }
        Err((self.without_balancer(&victims), HAPROXY.into()))
    }

    fn detection(&self, acts: &[Act]) -> Result<(), Unseen> {
        let why = |(why, help): Unseen| {
            (format!("{why}, and the reconciler is off"), format!("{help}; or let the reconciler run"))
        };
        self.removal(acts).map_err(why)
    }

    fn connections(&self) -> Result<(), Unseen> {
        if self.infrastructure.servers.keys().any(|server| self.is_watched(server)) {
            return Ok(());
        }
        Err(("no server has statistics that count its sessions".into(), HAPROXY.into()))
    }

    fn holder(&self, role: &str) -> Result<(), Unseen> {
        let called: BTreeSet<String> = self.called(role).into_iter().collect();
        let shared = &self.infrastructure.virtual_ips;
        if shared.iter().any(|ip| ip.holders.iter().all(|holder| called.contains(holder))) {
            return Ok(());
        }
        Err(match shared.first() {
            None => (format!("no {role} can hold a virtual IP: none is declared"), share_one(self.infrastructure)),
            Some(ip) => (
                format!("no {role} can hold a virtual IP: {} is shared by {}", ip.name, ip.holders.join(", ")),
                "ask it of the role that shares the virtual IP".into(),
            ),
        })
    }

    fn writable(&self, role: &str) -> Result<(), Unseen> {
        let others: Vec<String> =
            self.called(role).into_iter().filter(|server| !self.infrastructure.databases.has(server)).collect();
        if others.is_empty() {
            return Ok(());
        }
        Err((
            format!("{} can't report whether they are writable: they are not databases", others.join(", ")),
            DATABASES.into(),
        ))
    }

    fn agreement(&self, role: &str) -> Result<(), Unseen> {
        let databases = self.called(role).iter().filter(|server| self.infrastructure.databases.has(server)).count();
        if databases > 1 {
            return Ok(());
        }
        Err((format!("{databases} of the {role} servers are databases, and 2 are needed to agree"), DATABASES.into()))
    }

    fn content(&self) -> Result<(), Unseen> {
        if self.infrastructure.databases.is_empty() {
            return Err(("no databases are declared whose content could be read".into(), DATABASES.into()));
        }
        Ok(())
    }

    /// The servers of a role; that there are some is checked before.
    fn called(&self, role: &str) -> Vec<String> {
        called(self.infrastructure, role).into_iter().flatten().map(|server| server.name.clone()).collect()
    }

    /// All servers that may be struck.
    fn victims(&self, acts: &[Act]) -> BTreeSet<String> {
        let orders = acts.iter().flat_map(Act::orders);
        orders.flat_map(|order| self.may_be(&order.target)).collect()
    }

    fn may_be(&self, target: &Target) -> Vec<String> {
        let any = || selector::candidates(target, self.infrastructure).into_iter().map(|server| server.name.clone());
        known(self.infrastructure, target).unwrap_or_else(|| any().collect())
    }

    /// Whether the statistics of a server are read.
    fn is_watched(&self, server: &str) -> bool {
        let role =
            self.infrastructure.servers.get(server).and_then(|server| self.infrastructure.roles.get(&server.role));
        role.is_some_and(|role| role.stats_socket.is_some())
    }

    /// Whether a balancer that is watched sends requests to a server.
    fn is_balanced(&self, server: &str) -> bool {
        self.balancers(server).any(|balancer| self.is_watched(balancer))
    }

    fn balancers<'s>(&'s self, server: &'s str) -> impl Iterator<Item = &'s str> {
        self.infrastructure.links.iter().filter(move |(_, to)| to == server).map(|(from, _)| from.as_str())
    }

    fn may_hold(&self, server: &str) -> bool {
        self.infrastructure.virtual_ips.iter().any(|ip| ip.holders.iter().any(|holder| holder == server))
    }

    /// A spare is in rotation once it took a place.
    fn is_spare(&self, server: &str) -> bool {
        self.infrastructure.servers.get(server).is_some_and(|server| server.spare)
    }

    /// Why the rotation of these servers can't be seen.
    fn without_balancer(&self, servers: &[&str]) -> String {
        let before: BTreeSet<&str> = servers.iter().flat_map(|server| self.balancers(server)).collect();
        let servers = servers.join(", ");
        if before.is_empty() {
            return format!("no load balancer stands in front of {servers}");
        }
        let role = |server: &&str| format!("{server} (role `{}`)", self.infrastructure.servers[*server].role);
        let before: Vec<String> = before.iter().map(role).collect();
        format!("{} in front of {servers} has no statistics that can be read", before.join(" and "))
    }
}
