//! What breaks: a [`Fault`] turns targets into a [`ServerStrike`], which is pure data — what is done, how it is witnessed,
//! how it heals. Only [`crate::nemesis`] executes strikes.
//!
//! To add a fault: one file with a type that implements [`Fault`] and says its phrases, and one row in [`FAULTS`]. The step language and its
//! documentation follow.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::instance::{Command, PowerOp, PowerState, ServiceSpec};
use crate::plan::Parameters;

mod abilities;
mod bandwidth_limit;
mod cpu_taken;
mod dies;
mod disk_full;
mod disk_taken;
mod gains_delay;
mod hangs;
mod isolated;
mod loses_network;
mod loses_packets;
mod memory_taken;
mod orders;
mod partition;
pub mod phrase;
mod port_blackholed;
mod port_rejected;
mod power_off;
mod power_on;
pub mod process;
mod process_dies;
mod process_restarts;
mod process_stops;
mod reboots;
mod registered;
mod soft_reboots;
mod suspended;
mod zone_lost;

pub use orders::{Refusal, check, missing};
pub use registered::{RegisteredFault, all, named, registered};

/// Every shipped fault, by its name in plans and reports, which is also that of its file; [`all`] has those of other crates, too.
pub const FAULTS: &[&dyn Fault] = &[
    &dies::Dies,
    &power_off::PowerOff,
    &power_on::PowerOn,
    &reboots::Reboots,
    &soft_reboots::SoftReboots,
    &hangs::Hangs,
    &suspended::Suspended,
    &process_dies::ProcessDies,
    &process_stops::ProcessStops,
    &process_restarts::ProcessRestarts,
    &loses_network::LosesNetwork,
    &isolated::Isolated,
    &partition::Partition,
    &port_blackholed::PortBlackholed,
    &port_rejected::PortRejected,
    &gains_delay::GainsDelay,
    &loses_packets::LosesPackets,
    &bandwidth_limit::BandwidthLimit,
    &cpu_taken::CpuTaken,
    &memory_taken::MemoryTaken,
    &disk_taken::DiskTaken,
    &disk_full::DiskFull,
    &zone_lost::ZoneLost,
];

/// A way to break servers.
pub trait Fault: Sync {
    /// Its name in the table, in plans and in reports.
    fn name(&self) -> &'static str;

    /// Which parameters it needs; a plan that lacks one, or has another, is refused.
    fn takes(&self) -> &'static [Parameter] {
        &[]
    }

    /// Which more it accepts.
    fn accepts(&self) -> &'static [Parameter] {
        &[]
    }

    /// What the kernel (or the machine) of a victim must have for it.
    fn needs(&self) -> &'static [Need] {
        &[]
    }

    /// How features say it: cucumber expressions with `{target}`, such as `{target} forget(s) its cache{schedule}`. Of a fault that
    /// strikes zones, `{string}` may name the zone instead. A parameter of a kind that it [`takes`](Self::takes) or
    /// [`accepts`](Self::accepts) fills that field of [`Parameters`]; of two of a kind, the first fills the first of [`Parameter`]'s fields.
    /// What others match is in [`Parameters::said`]. A text may mean one phrase only.
    fn phrases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Looks at [`Parameters::said`] before anything boots. It is empty where the phrase has no such parameter, or no phrase was said.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    fn accept(&self, _said: &[String]) -> Result<(), (String, String)> {
        Ok(())
    }

    /// Whether it is over as soon as it happened, so that it can't be asked to last.
    fn is_instant(&self) -> bool {
        false
    }

    /// Whether it can strike again and again by itself. Not what undoes another fault.
    fn can_recur(&self) -> bool {
        true
    }

    /// Whether it is a fault of whole zones, not of single servers.
    fn strikes_zones(&self) -> bool {
        false
    }

    /// Whether the site recovers from it without its being lifted: its victim is replaced, or comes back by itself.
    fn passes(&self) -> bool {
        false
    }

    /// The largest share of its resource that can be taken, in percent, and why no more can.
    fn most(&self) -> Option<(f64, &'static str)> {
        None
    }

    /// What is done to one server, as data. Pure: no I/O, no chance. `with` has what [`takes`](Self::takes) names.
    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike;
}

/// One server that is about to be struck.
#[derive(Debug, Clone, Copy)]
pub struct FaultTarget<'a> {
    /// Its name.
    pub server: &'a str,
    /// Whom it no longer hears, for faults that separate; else empty.
    pub peers: &'a [Ipv4Addr],
    /// What its role runs, rendered for it; empty where that is not known.
    pub services: &'a [ServiceSpec],
}

/// What a fault can be told, by the field of [`Parameters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `process`, or `random_process`
    Process,
    /// `signal`
    Signal,
    /// `port`
    Port,
    /// `percent`
    Percent,
    /// `delay`
    Delay,
    /// `jitter`
    Jitter,
    /// `bits_per_s`
    Bandwidth,
    /// `after`
    After,
    /// Which servers are separated from which: [`crate::plan::Partition`].
    Partition,
}

impl Parameter {
    /// A value that makes sense, as a field of JSON; `None` where it is not said so.
    pub fn example(self) -> Option<&'static str> {
        match self {
            Parameter::Process => Some(r#""process": "nginx""#),
            Parameter::Signal => Some(r#""signal": "TERM""#),
            Parameter::Port => Some(r#""port": 80"#),
            Parameter::Percent => Some(r#""percent": 20"#),
            Parameter::Delay => Some(r#""delay": "100ms""#),
            Parameter::Jitter => Some(r#""jitter": "20ms""#),
            Parameter::Bandwidth => Some(r#""bits_per_s": 1000000"#),
            Parameter::After => Some(r#""after": "5s""#),
            Parameter::Partition => None,
        }
    }
}

/// One planned hit on one server: inject, witness, heal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerStrike {
    /// Whom it hits.
    pub server: String,
    /// What must be true of the victim before, or there is nothing to break.
    pub before: Witness,
    /// What is done.
    pub inject: Action,
    /// What must be true of the victim for the fault to count; the moment it is first seen is t0.
    pub witness: Witness,
    /// What is done as soon as the fault is confirmed (a reboot starts again by itself).
    pub then: Option<Action>,
    /// How it is undone; `None` for what is for good.
    pub heal: Option<Heal>,
}

/// How a strike is undone, and how that is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heal {
    /// What is done; idempotent.
    pub action: Action,
    /// What must be true of the victim afterwards.
    pub witness: Witness,
}

/// One thing done to a victim, with where it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// At the provider: the power, or the network.
    Power(PowerOp),
    /// In the instance, over SSH; the exit status is not believed, the witness is.
    Exec(Command),
    /// An agent in the instance holds this effect, under a lease.
    Hold(Effect),
    /// The agent lets go of it.
    Release,
}

/// What is measured at a victim, or on the wire to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The instance is in this state, by its processes.
    State(PowerState),
    /// Processes of this name run in the instance.
    ProcessRuns(String),
    /// No process of this name runs in the instance.
    NoProcess(String),
    /// Other processes of this name run than before the strike.
    ProcessRestarted(String),
    /// It runs since another boot than before the strike.
    Rebooted,
    /// An agent in the instance sees that the effect is, or is not, in force.
    InForce(bool),
    /// A new TCP connection to the instance's SSH port comes about, or does not.
    Reachable(bool),
}

impl ServerStrike {
    /// Whether it cuts the way that its own heal would come by.
    pub fn cuts_its_own_path(&self) -> bool {
        matches!(&self.inject, Action::Hold(effect) if effect.cuts_its_own_path())
    }

    /// Whether what is said to its victim meanwhile may come late or not at all.
    pub fn impairs_its_own_path(&self) -> bool {
        matches!(&self.inject, Action::Hold(effect) if effect.impairs_its_own_path())
    }

    /// What must still be done once it has struck, and how that is seen: its heal, or the second half of what is over
    /// in a moment.
    pub fn undoing(&self) -> Option<(&Action, &Witness)> {
        match (&self.heal, &self.then) {
            (Some(heal), _) => Some((&heal.action, &heal.witness)),
            (None, Some(then)) => Some((then, &self.before)),
            (None, None) => None,
        }
    }

    /// How long after it was injected it begins.
    pub fn waits(&self) -> Duration {
        match &self.inject {
            Action::Hold(effect) => effect.made_after(),
            _ => Duration::ZERO,
        }
    }

    /// How long its witness is asked before the answer is no: from the end of injecting on.
    pub fn witness_within(&self) -> Duration {
        WITNESS_WITHIN + self.waits()
    }

    /// A strike whose effect an agent holds: not in force before, in force after, and not again once it is healed.
    pub fn held(server: &str, effect: Effect) -> ServerStrike {
        let cuts = effect.cuts_its_own_path();
        let seen = |struck: bool| if cuts { Witness::Reachable(!struck) } else { Witness::InForce(struck) };
        ServerStrike {
            server: server.into(),
            before: seen(false),
            inject: Action::Hold(effect),
            witness: seen(true),
            then: None,
            heal: Some(Heal { action: Action::Release, witness: Witness::InForce(false) }),
        }
    }
}

/// How long a witness is asked once the fault should be there: far longer than any injection takes.
pub const WITNESS_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Percent;

    fn target() -> FaultTarget<'static> {
        const PEER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 9);
        FaultTarget { server: "web-1", peers: &[PEER], services: &[] }
    }

    fn parameters() -> Parameters {
        Parameters {
            process: Some("nginx".into()),
            random_process: false,
            signal: Some("TERM".into()),
            port: Some(80),
            percent: Some(Percent(30.0)),
            delay: Some(Duration::from_millis(100)),
            jitter: Some(Duration::from_millis(10)),
            bits_per_s: Some(1_000_000),
            after: Some(Duration::from_millis(500)),
            said: Vec::new(),
        }
    }

    #[test]
    fn names_are_unique_and_found() {
        for fault in FAULTS {
            assert_eq!(named(fault.name()).map(|found| found.name()), Some(fault.name()));
            assert_eq!(FAULTS.iter().filter(|other| other.name() == fault.name()).count(), 1);
        }
    }

    #[test]
    fn a_strike_never_witnesses_what_was_true_before() {
        for fault in FAULTS {
            let strike = fault.strike(&target(), &parameters());
            assert_ne!(strike.before, strike.witness, "{} would confirm itself", fault.name());
        }
    }

    #[test]
    fn a_fault_that_begins_later_is_witnessed_later() {
        let within = |name: &str| named(name).unwrap().strike(&target(), &parameters()).witness_within();
        assert_eq!(within("loses-network"), WITNESS_WITHIN + Duration::from_millis(500));
        assert_eq!(within("dies"), WITNESS_WITHIN);
    }

    #[test]
    fn every_strike_as_data() {
        let strikes: Vec<_> =
            FAULTS.iter().map(|fault| (fault.name(), fault.strike(&target(), &parameters()))).collect();
        insta::assert_json_snapshot!(strikes);
    }
}
