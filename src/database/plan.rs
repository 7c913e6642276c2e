//! What is to be done about a tier of databases, decided from what was seen of it: pure.
//!
//! The order is not a matter of taste: three others lost writes or raced. A dead master is fenced before anybody is
//! promoted; what only a slave has is salvaged before that too, for afterwards it would contradict what is written
//! meanwhile; a replacement gets its data before it follows, and the survivor follows it last.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use super::status::{Seen, Status};
use crate::infrastructure::Databases;
use crate::infrastructure::databases::Database;

/// One thing to do; each is asserted when it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopologyStep {
    /// Sees that a master can't be written to any more: it is gone, or is made read-only.
    Fence { server: String },
    /// Waits until it has applied all that it received.
    Drain { server: String },
    /// Lets it fetch from another what it lacks, if it lacks anything; it follows nobody then.
    Salvage { server: String, from: String },
    /// Makes it the one that may be written to.
    Promote { server: String },
    /// Gives it the data of another.
    Rebuild { server: String, donor: String },
    /// Lets it go on following whom it followed before it was started again.
    Resume { server: String },
    /// Lets it follow a source, and waits until it has what that has now.
    Follow { server: String, source: String },
    /// Lets a survivor follow the rebuilt master, so that the ring is whole.
    CloseRing { survivor: String, newcomer: String },
    /// Compares the tables of two, row by row.
    Compare { server: String, with: String },
}

/// Why nothing can be done now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// Nobody has the data.
    #[error("there is no donor for `{server}`: {seen}; it stays empty and out of rotation until there is one")]
    NoDonor { server: String, seen: String },
    /// There is data, but nobody to follow yet.
    #[error("`{server}` has no master to follow yet: {seen}")]
    NoMaster { server: String, seen: String },
    /// No master lives that could be promoted.
    #[error("no master runs, so nothing can be written until one is rebuilt: {seen}")]
    NoSuccessor { seen: String },
    /// A master that may still be written to does not answer.
    #[error("`{server}` runs and does not answer, so it may still be written to: {why}")]
    NotFenced { server: String, why: String },
}

/// What is declared, and what was seen of it.
#[derive(Debug, Clone, Copy)]
pub struct Tier<'a> {
    /// What should be.
    pub declared: &'a Databases,
    /// What is, by server.
    pub seen: &'a BTreeMap<String, Seen>,
    /// Where each server is.
    pub at: &'a BTreeMap<String, Ipv4Addr>,
}

impl Tier<'_> {
    /// What makes writing possible again when the master that was written to is gone; nothing where one is writable.
    ///
    /// # Errors
    /// When no master lives, or one can't be fenced.
    pub fn failover(&self) -> Result<Vec<TopologyStep>, Stuck> {
        if self.active().is_some() {
            return Ok(Vec::new());
        }
        let Some(successor) = self.living(&self.declared.masters).next() else {
            return Err(Stuck::NoSuccessor { seen: self.told() });
        };
        let mut steps = self.fence(successor)?;
        steps.extend(self.salvage(successor));
        steps.push(TopologyStep::Promote { server: successor.into() });
        steps.extend(self.orphans().map(|slave| follow(&slave.server, successor)));
        Ok(steps)
    }

    /// What brings those that live back to what is declared: one that was started again goes on following, one that
    /// follows another meanwhile follows its own source again, and so does the master that is written to; one whose source is
    /// gone follows the master that is written to.
    pub fn maintain_once(&self) -> Vec<TopologyStep> {
        let stopped = |database: &&Database| self.status(&database.server).is_some_and(Status::has_stopped);
        let stopped: Vec<&Database> = self.declared.all().filter(stopped).collect();
        if !stopped.is_empty() {
            let resume = |database: &&Database| self.resumed(database);
            return stopped.iter().filter_map(resume).collect();
        }
        if let Some(active) = self.active() {
            let orphans: Vec<TopologyStep> = self.orphans().map(|slave| follow(&slave.server, active)).collect();
            if !orphans.is_empty() {
                return orphans;
            }
        }
        let astray = |database: &&Database| self.is_astray(database);
        let survivors = self.declared.masters.iter().filter(astray);
        let ring = survivors
            .map(|master| TopologyStep::CloseRing { survivor: master.server.clone(), newcomer: master.source.clone() });
        let slaves = self.declared.slaves.iter().filter(astray).map(|slave| follow(&slave.server, &slave.source));
        ring.chain(slaves).collect()
    }

    /// One that follows another than its own source, though that lives and follows; a survivor after a salvage has
    /// stopped to follow, and is one of them.
    fn is_astray(&self, database: &Database) -> bool {
        let Some(status) = self.status(&database.server) else { return false };
        let source_follows = self.status(&database.source).is_some_and(Status::replicates);
        source_follows && status.follows.is_some() && !self.follows(status, &database.source)
    }

    fn follows(&self, status: &Status, source: &str) -> bool {
        let at = self.at.get(source).map(ToString::to_string);
        status.follows.as_ref().is_some_and(|follows| Some(&follows.source) == at.as_ref())
    }

    /// One that stopped goes on where its source lives; a master that stopped at another, for a salvage, does not.
    fn resumed(&self, database: &Database) -> Option<TopologyStep> {
        let status = self.status(&database.server)?;
        let source = self
            .at
            .iter()
            .find(|(_, at)| status.follows.as_ref().is_some_and(|follows| follows.source == at.to_string()));
        let source = source.map(|(source, _)| source.as_str()).filter(|source| self.lives(source))?;
        let server = database.server.clone();
        match self.declared.is_master(&server) && !self.declared.is_master(source) {
            false => Some(TopologyStep::Resume { server }),
            true if self.status(&database.source).is_some_and(Status::replicates) => {
                Some(TopologyStep::CloseRing { survivor: server, newcomer: database.source.clone() })
            }
            true => None,
        }
    }

    /// What makes a replacement what it is declared to be.
    ///
    /// # Errors
    /// When nobody can give it data, or it has nobody to follow yet.
    pub fn restore(&self, server: &str) -> Result<Vec<TopologyStep>, Stuck> {
        match self.declared.is_master(server) {
            true => self.restore_master(server),
            false => self.restore_slave(server),
        }
    }

    fn restore_master(&self, server: &str) -> Result<Vec<TopologyStep>, Stuck> {
        let Some(survivor) = self.living(&self.declared.masters).find(|master| *master != server) else {
            return self.first_master(server);
        };
        let mut steps = self.failover()?;
        // The new one's binary log will not reach back to where they are now.
        let orphans = self.orphans().filter(|slave| steps.is_empty() && slave.source == server);
        steps.extend(orphans.map(|slave| follow(&slave.server, survivor)).collect::<Vec<_>>());
        let donor = self.donor(server, survivor).unwrap_or(survivor);
        steps.push(rebuild(server, donor));
        steps.push(follow(server, survivor));
        steps.push(TopologyStep::CloseRing { survivor: survivor.into(), newcomer: server.into() });
        steps.extend(self.own_slaves(server).map(|slave| follow(slave, server)));
        steps.push(TopologyStep::Compare { server: server.into(), with: donor.into() });
        Ok(steps)
    }

    /// Both masters are gone: the slave that has most gives its data, once it has what the other has.
    fn first_master(&self, server: &str) -> Result<Vec<TopologyStep>, Stuck> {
        let slaves: Vec<&str> = self.living_slaves().map(|slave| slave.server.as_str()).collect();
        let Some(donor) = slaves.iter().copied().max_by_key(|slave| self.length(slave)) else {
            return Err(Stuck::NoDonor { server: server.into(), seen: self.told() });
        };
        let mut steps = self.fence(server)?;
        steps.extend(slaves.iter().map(|slave| TopologyStep::Drain { server: (*slave).into() }));
        let others = slaves.iter().copied().filter(|slave| *slave != donor);
        steps.extend(others.map(|other| TopologyStep::Salvage { server: donor.into(), from: other.into() }));
        steps.push(rebuild(server, donor));
        // What the new master's binary log begins with, they all have by then.
        let others = slaves.iter().copied().filter(|slave| *slave != donor);
        steps.extend(others.map(|other| TopologyStep::Salvage { server: other.into(), from: donor.into() }));
        steps.push(TopologyStep::Promote { server: server.into() });
        steps.extend(slaves.iter().map(|slave| follow(slave, server)));
        // The master is the one that goes on.
        steps.push(TopologyStep::Compare { server: donor.into(), with: server.into() });
        Ok(steps)
    }

    fn restore_slave(&self, server: &str) -> Result<Vec<TopologyStep>, Stuck> {
        let own = self.declared.of(server).map(|(slave, _)| slave.source.as_str());
        let own = own.filter(|source| self.lives(source));
        let Some(source) = own.or_else(|| self.living(&self.declared.masters).next()) else {
            let (server, seen) = (server.into(), self.told());
            let has_donor = self.living_slaves().next().is_some();
            return Err(if has_donor { Stuck::NoMaster { server, seen } } else { Stuck::NoDonor { server, seen } });
        };
        let donor = self.donor(server, source).unwrap_or(source);
        Ok(vec![
            rebuild(server, donor),
            follow(server, source),
            TopologyStep::Compare { server: server.into(), with: donor.into() },
        ])
    }

    /// Slaves that follow a master that is gone: they follow the other one meanwhile. For seconds they don't know that
    /// it is gone, and say that they replicate.
    fn orphans(&self) -> impl Iterator<Item = &Database> {
        let follows_own = |slave: &Database| {
            self.status(&slave.server).is_some_and(|status| self.follows(status, &slave.source) || !status.replicates())
        };
        self.living_slaves().filter(move |slave| !self.lives(&slave.source) && follows_own(slave))
    }

    /// What there is to salvage for a successor: all that the living slaves have.
    fn salvage(&self, successor: &str) -> Vec<TopologyStep> {
        let slaves: Vec<&Database> = self.living_slaves().collect();
        let drained = slaves.iter().map(|slave| &slave.server).map(String::as_str).chain([successor]);
        let mut steps: Vec<TopologyStep> =
            drained.map(|server| TopologyStep::Drain { server: server.into() }).collect();
        let from = |slave: &&Database| TopologyStep::Salvage { server: successor.into(), from: slave.server.clone() };
        steps.extend(slaves.iter().map(from));
        steps
    }

    /// Every other master that may be written to still.
    fn fence(&self, successor: &str) -> Result<Vec<TopologyStep>, Stuck> {
        let others = self.declared.masters.iter().filter(|master| master.server != successor);
        let fence = |master: &Database| match self.seen.get(&master.server) {
            Some(Seen::Silent(why)) => Err(Stuck::NotFenced { server: master.server.clone(), why: why.clone() }),
            _ => Ok(TopologyStep::Fence { server: master.server.clone() }),
        };
        others.map(fence).collect()
    }

    /// Who gives data: rather a slave, so that the master goes on undisturbed, and rather one of `source`'s own. It must
    /// follow somebody: else what it has may be old.
    fn donor(&self, server: &str, source: &str) -> Option<&str> {
        let follows = |slave: &&Database| self.status(&slave.server).is_some_and(|status| status.replicates());
        let mut slaves: Vec<&Database> =
            self.living_slaves().filter(follows).filter(|slave| slave.server != server).collect();
        slaves.sort_by_key(|slave| slave.source != source);
        slaves.first().map(|slave| slave.server.as_str())
    }

    /// The master that is written to.
    fn active(&self) -> Option<&str> {
        let writable = |server: &&str| self.status(server).is_some_and(|status| status.writable);
        self.living(&self.declared.masters).find(writable)
    }

    fn own_slaves<'s>(&'s self, server: &'s str) -> impl Iterator<Item = &'s str> {
        self.living_slaves().filter(move |slave| slave.source == server).map(|slave| slave.server.as_str())
    }

    fn living_slaves(&self) -> impl Iterator<Item = &Database> {
        self.declared.slaves.iter().filter(|slave| self.lives(&slave.server))
    }

    fn living<'s>(&'s self, among: &'s [Database]) -> impl Iterator<Item = &'s str> {
        among.iter().map(|database| database.server.as_str()).filter(|server| self.lives(server))
    }

    fn lives(&self, server: &str) -> bool {
        self.status(server).is_some()
    }

    fn length(&self, server: &str) -> u64 {
        self.status(server).map_or(0, |status| status.position.length())
    }

    fn status(&self, server: &str) -> Option<&Status> {
        self.seen.get(server).and_then(Seen::status)
    }

    fn told(&self) -> String {
        let told = self.seen.iter().map(|(server, seen)| format!("{server} is {}", seen.told()));
        told.collect::<Vec<_>>().join(", ")
    }
}

fn follow(server: &str, source: &str) -> TopologyStep {
    TopologyStep::Follow { server: server.into(), source: source.into() }
}

fn rebuild(server: &str, donor: &str) -> TopologyStep {
    TopologyStep::Rebuild { server: server.into(), donor: donor.into() }
}

impl TopologyStep {
    /// The server that it changes.
    pub fn server(&self) -> &str {
        match self {
            TopologyStep::Fence { server }
            | TopologyStep::Drain { server }
            | TopologyStep::Salvage { server, .. }
            | TopologyStep::Promote { server }
            | TopologyStep::Rebuild { server, .. }
            | TopologyStep::Resume { server }
            | TopologyStep::Follow { server, .. }
            | TopologyStep::CloseRing { survivor: server, .. }
            | TopologyStep::Compare { server, .. } => server,
        }
    }

    /// One word for it.
    pub fn name(&self) -> &'static str {
        match self {
            TopologyStep::Fence { .. } => "fence",
            TopologyStep::Drain { .. } => "drain",
            TopologyStep::Salvage { .. } => "salvage",
            TopologyStep::Promote { .. } => "promote",
            TopologyStep::Rebuild { .. } => "rebuild",
            TopologyStep::Resume { .. } => "resume",
            TopologyStep::Follow { .. } => "follow",
            TopologyStep::CloseRing { .. } => "close-ring",
            TopologyStep::Compare { .. } => "compare",
        }
    }
}

impl fmt::Display for TopologyStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopologyStep::Fence { server } => write!(f, "fence {server}"),
            TopologyStep::Drain { server } => write!(f, "drain {server}"),
            TopologyStep::Salvage { server, from } => write!(f, "salvage from {from} into {server}"),
            TopologyStep::Promote { server } => write!(f, "promote {server}"),
            TopologyStep::Rebuild { server, donor } => write!(f, "rebuild {server} from {donor}"),
            TopologyStep::Resume { server } => write!(f, "let {server} go on following"),
            TopologyStep::Follow { server, source } => write!(f, "let {server} follow {source}"),
            TopologyStep::CloseRing { survivor, newcomer } => {
                write!(f, "close the ring: {survivor} follows {newcomer}")
            }
            TopologyStep::Compare { server, with } => write!(f, "compare {server} with {with}"),
        }
    }
}
