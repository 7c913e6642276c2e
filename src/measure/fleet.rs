//! What the events say of every server at a moment: replayed record by record.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, Record};
use crate::infrastructure::Infrastructure;
use crate::instance::PowerState;
use crate::plan::Agent;

use super::moments::server_of;

/// The servers, the balancers' views and the virtual IPs' holders as last recorded.
#[derive(Debug, Clone)]
pub struct Fleet<'a> {
    servers: BTreeMap<&'a str, ServerState<'a>>,
    /// Which server is behind which, as declared: (client side, server side).
    links: BTreeSet<(&'a str, &'a str)>,
    /// (balancer, backend, server) → whether it is in rotation.
    views: BTreeMap<(&'a str, &'a str, &'a str), Rotation>,
    /// What an observer has lost sight of, and since when at the latest.
    blind: BTreeMap<&'a str, u64>,
    holders: BTreeMap<&'a str, &'a [String]>,
    /// Every declared database, and what it last said of itself; `None` while that is not known.
    databases: BTreeMap<&'a str, Option<DatabaseState>>,
    targets: BTreeMap<u32, &'a [String]>,
    /// Those that are in place nowhere now.
    spares: BTreeSet<&'a str>,
    /// The spares that took a place: a balancer that lives must have them.
    promoted: BTreeSet<&'a str>,
    /// The servers that the reconciler has begun to replace, and has not yet reported replaced.
    repairs: BTreeSet<&'a str>,
    /// The scenario has stopped the reconciler; one that was killed is started again, and goes on.
    reconciler_rests: bool,
}

/// A server by a balancer's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rotation {
    /// It gets new requests.
    In,
    /// It is a backup that would get them if the others were gone.
    Standby,
    /// It gets none.
    Out,
}

/// A database by its own view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DatabaseState {
    writable: bool,
    replicating: bool,
}

/// One server as last recorded.
#[derive(Debug, Clone, Default)]
struct ServerState<'a> {
    instance: Option<&'a str>,
    power: BTreeMap<&'a str, PowerState>,
    ready: BTreeSet<&'a str>,
    /// Struck, and not yet seen down or back since.
    in_doubt: bool,
}

impl ServerState<'_> {
    fn runs(&self) -> bool {
        self.instance.is_some_and(|instance| self.power.get(instance) == Some(&PowerState::Running))
    }

    fn is_ready(&self) -> bool {
        self.instance.is_some_and(|instance| self.ready.contains(instance))
    }
}

/// How a balancer sees a server that it could use.
const USABLE: &[Rotation] = &[Rotation::In, Rotation::Standby];

impl<'a> Fleet<'a> {
    /// Nothing booted yet.
    pub fn new(infrastructure: &'a Infrastructure) -> Self {
        Fleet {
            servers: infrastructure.servers.keys().map(|name| (name.as_str(), ServerState::default())).collect(),
            links: infrastructure.links.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect(),
            views: BTreeMap::new(),
            blind: BTreeMap::new(),
            holders: BTreeMap::new(),
            databases: infrastructure.databases.all().map(|database| (database.server.as_str(), None)).collect(),
            targets: BTreeMap::new(),
            spares: infrastructure.servers.values().filter(|s| s.spare).map(|s| s.name.as_str()).collect(),
            promoted: BTreeSet::new(),
            repairs: BTreeSet::new(),
            reconciler_rests: false,
        }
    }

    /// Whether a record can change anything here: most only say again what is known, many times a second.
    pub fn is_news(&self, record: &Record) -> bool {
        match &record.event {
            Event::Pressure { .. } | Event::NginxStatus { .. } | Event::ContainerChanged { .. } => false,
            Event::Observed { .. } => false,
            Event::BalancerSessions { balancer, .. } => self.blind.contains_key(balancer.as_str()),
            Event::DatabaseView { server, writable, replicating, .. } => {
                let told = Some(DatabaseState { writable: *writable, replicating: *replicating });
                !replicating || self.databases.get(server.as_str()).is_some_and(|known| *known != told)
            }
            _ => true,
        }
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &'a Record) {
        match &record.event {
            Event::InstanceBooted { server, instance, .. } | Event::InstanceFound { server, instance, .. } => {
                self.booted(server, instance);
            }
            Event::InstanceState { server, instance, state, .. } => self.powered(server, instance, *state),
            Event::ServerReady { server, instance } => self.ready(server, instance),
            Event::ReconcilerReplaced { server, instance } => {
                self.ready(server, instance);
                self.repairs.remove(server.as_str());
            }
            Event::AutoScalingReplaced { server, instance } => self.ready(server, instance),
            Event::ReconcilerMissing { server, .. } | Event::ReconcilerBoots { server } => {
                self.repairs.insert(server);
            }
            Event::AgentStopped { agent: Agent::Reconciler } => self.reconciler_rests = true,
            Event::AgentStarted { agent: Agent::Reconciler } => self.reconciler_rests = false,
            Event::StrikeResolved { strike, targets, .. } => {
                self.targets.insert(*strike, targets);
            }
            Event::InjectionStarted { strike } => self.doubt(*strike),
            Event::StrikeHealed { target, .. } | Event::ProcessBack { target, .. } => self.is_back(target),
            Event::BalancerView { balancer, backend, server, up, standby, .. } => {
                let rotation = match (up, standby) {
                    (true, _) => Rotation::In,
                    (false, true) => Rotation::Standby,
                    (false, false) => Rotation::Out,
                };
                self.viewed((balancer, backend, server), rotation);
            }
            Event::BalancerSessions { balancer, .. } => {
                self.blind.remove(balancer.as_str());
            }
            Event::VirtualIpHolders { name, holders } => {
                self.holders.insert(name, holders);
                self.blind.remove(name.as_str());
            }
            Event::SparePromoted { spare, instead_of } => self.swapped(spare, instead_of),
            Event::DatabaseView { server, writable, replicating, .. } => {
                self.told(server, DatabaseState { writable: *writable, replicating: *replicating });
            }
            Event::ObserverBlind { of, .. } => self.lost_sight(of, record.at_us.saturating_sub(record.resolution_us)),
            Event::ObserverSees { of, .. } => {
                self.blind.remove(of.as_str());
            }
            _ => {}
        }
    }

    /// Whether a server's own instance runs (neither stopped nor frozen).
    pub fn runs(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(ServerState::runs)
    }

    /// Whether a server was struck and nothing has told since whether it is down or back.
    pub fn is_in_doubt(&self, server: &str) -> bool {
        self.servers.get(server).is_some_and(|state| state.in_doubt)
    }

    /// Whether the reconciler has begun a repair that it has not reported done.
    pub fn is_under_repair(&self) -> bool {
        !self.repairs.is_empty() && !self.reconciler_rests
    }

    /// Since when something that a record is about could not be seen; `None` if it could.
    pub fn blind_since(&self, record: &Record) -> Option<u64> {
        let of = match &record.event {
            Event::ObserverSees { of, .. } => of,
            Event::BalancerView { balancer, .. } | Event::BalancerSessions { balancer, .. } => balancer,
            Event::DatabaseView { server, .. } => server,
            Event::VirtualIpHolders { name, .. } => name,
            _ => return None,
        };
        self.blind.get(of.as_str()).copied()
    }

    /// The balancers that ever told their view.
    pub fn balancers(&self) -> BTreeSet<&'a str> {
        self.views.keys().map(|(balancer, _, _)| *balancer).collect()
    }

    /// Those of them that run, and whose view can be seen.
    pub fn living_balancers(&self) -> BTreeSet<&'a str> {
        self.balancers().into_iter().filter(|name| self.runs(name) && !self.blind.contains_key(name)).collect()
    }

    /// Whether every living balancer before a server has it in rotation. `None` when none lives, or none ever knew it.
    pub fn in_rotation(&self, server: &str) -> Option<bool> {
        let living = self.living_balancers_of(server);
        let known = self.views.keys().any(|(_, _, viewed)| *viewed == server);
        (known && !living.is_empty()).then(|| living.iter().all(|by| self.all_views(by, server, &[Rotation::In])))
    }

    /// Whether no living balancer has a server in rotation, or standing by as a backup. `None` as for
    /// [`in_rotation`](Self::in_rotation).
    pub fn out_of_rotation(&self, server: &str) -> Option<bool> {
        self.in_rotation(server)?;
        Some(!self.living_balancers_of(server).iter().any(|by| self.all_views(by, server, USABLE)))
    }

    /// Whether every living balancer before a server has it in rotation, or standing by as a backup. `None` as for
    /// [`in_rotation`](Self::in_rotation).
    fn is_usable(&self, server: &str) -> Option<bool> {
        self.in_rotation(server)?;
        Some(self.living_balancers_of(server).iter().all(|by| self.all_views(by, server, USABLE)))
    }

    /// Those before it, and those that ever had it: a server that a spare stands in for is before nobody any more.
    fn living_balancers_of(&self, server: &str) -> BTreeSet<&'a str> {
        let had = |balancer: &str| self.views.keys().any(|(by, _, of)| *by == balancer && *of == server);
        let mut living = self.living_balancers();
        living.retain(|balancer| self.links.contains(&(*balancer, server)) || had(balancer));
        living
    }

    /// Who holds a virtual IP, as last recorded.
    pub fn holders(&self, virtual_ip: &str) -> Option<&'a [String]> {
        self.holders.get(virtual_ip).copied()
    }

    /// Whether everything declared is there: booted, ready, in rotation wherever there is one, or a backup that stands
    /// by (but for spares), every virtual IP with exactly one holder, every database replicating and one of them writable, and no repair under way.
    /// A balancer, a virtual IP or a database that cannot be seen counts as missing.
    pub fn is_redundant(&self) -> bool {
        self.servers.iter().all(|(name, state)| self.is_there(name, state))
            && self.living_balancers() == self.balancers()
            && self.holders.iter().all(|(name, holders)| holders.len() == 1 && !self.blind.contains_key(name))
            && self.databases_are_whole()
            && !self.is_under_repair()
    }

    fn is_there(&self, name: &str, state: &ServerState<'_>) -> bool {
        let in_place = || match self.is_usable(name) {
            _ if self.spares.contains(name) => true,
            None => !self.promoted.contains(name) || self.balancers().is_empty(),
            Some(is_usable) => is_usable,
        };
        state.runs() && state.is_ready() && !state.in_doubt && in_place()
    }

    /// The servers that are not there or under repair, the databases that do not replicate, the virtual IPs without
    /// exactly one holder; but not what only can't be seen.
    pub fn missing(&self) -> BTreeSet<&'a str> {
        let servers = self.servers.iter().filter(|(name, state)| !self.is_there(name, state)).map(|(name, _)| *name);
        let stopped = |state: &Option<DatabaseState>| state.is_some_and(|state| !state.replicating);
        let databases = self.databases.iter().filter(|(_, state)| stopped(state)).map(|(name, _)| *name);
        let seen = |name: &&str| !self.blind.contains_key(name);
        let addresses = self.holders.iter().filter(|(_, holders)| holders.len() != 1).map(|(name, _)| *name);
        let under_repair = self.repairs.iter().copied().filter(|_| !self.reconciler_rests);
        servers.chain(databases).chain(addresses.filter(seen)).chain(under_repair).collect()
    }

    fn databases_are_whole(&self) -> bool {
        let all = || self.databases.values();
        let replicates = |state: &Option<DatabaseState>| state.is_some_and(|state| state.replicating);
        let writable = |state: &Option<DatabaseState>| state.is_some_and(|state| state.writable);
        self.databases.is_empty() || (all().all(replicates) && all().any(writable))
    }

    /// Whether a balancer knows a server, and each of its backends sees it so.
    fn all_views(&self, balancer: &str, server: &str, wanted: &[Rotation]) -> bool {
        let mut views = self.views.iter().filter(|((by, _, of), _)| *by == balancer && *of == server).peekable();
        views.peek().is_some() && views.all(|(_, rotation)| wanted.contains(rotation))
    }

    fn booted(&mut self, server: &'a str, instance: &'a str) {
        let state = self.servers.entry(server).or_default();
        state.instance = Some(instance);
        state.power.entry(instance).or_insert(PowerState::Running);
        state.in_doubt = false;
        self.forget(server);
    }

    /// What a database said of itself no longer counts.
    fn forget(&mut self, server: &'a str) {
        if let Some(state) = self.databases.get_mut(server) {
            *state = None;
        }
    }

    fn told(&mut self, server: &'a str, told: DatabaseState) {
        if let Some(state) = self.databases.get_mut(server) {
            *state = Some(told);
        }
        // One that says that all is well may say so for the last time.
        if !told.replicating
            && let Some(state) = self.servers.get_mut(server)
        {
            state.in_doubt = false;
        }
    }

    fn powered(&mut self, server: &'a str, instance: &'a str, power: PowerState) {
        let state = self.servers.entry(server).or_default();
        state.power.insert(instance, power);
        if *state.instance.get_or_insert(instance) == instance {
            state.in_doubt = false;
        }
    }

    fn ready(&mut self, server: &'a str, instance: &'a str) {
        let state = self.servers.entry(server).or_default();
        state.ready.insert(instance);
        state.in_doubt = false;
    }

    fn is_back(&mut self, target: &'a str) {
        self.servers.entry(server_of(target)).or_default().in_doubt = false;
    }

    fn doubt(&mut self, strike: u32) {
        for target in self.targets.get(&strike).copied().unwrap_or_default() {
            self.servers.entry(server_of(target)).or_default().in_doubt = true;
        }
    }

    fn viewed(&mut self, (balancer, backend, server): (&'a str, &'a str, &'a str), rotation: Rotation) {
        self.views.insert((balancer, backend, server), rotation);
        self.blind.remove(balancer);
        if rotation == Rotation::Out
            && let Some(state) = self.servers.get_mut(server)
        {
            state.in_doubt = false;
        }
    }

    fn swapped(&mut self, spare: &'a str, instead_of: &'a str) {
        self.spares.remove(spare);
        self.promoted.insert(spare);
        self.spares.insert(instead_of);
        self.promoted.remove(instead_of);
        let other = |name: &'a str| match name {
            name if name == spare => instead_of,
            name if name == instead_of => spare,
            name => name,
        };
        self.links = self.links.iter().map(|(from, to)| (other(from), other(to))).collect();
    }

    fn lost_sight(&mut self, of: &'a str, since_us: u64) {
        self.blind.entry(of).or_insert(since_us);
        self.forget(of);
        if (self.balancers().contains(of) || self.databases.contains_key(of))
            && let Some(state) = self.servers.get_mut(of)
        {
            state.in_doubt = false;
        }
    }
}
