//! What can happen, as data. One line of `events.ndjson` is one [`Record`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::declared::DeclaredDelay;
use super::plausible;
use crate::instance::{ContainerChange, PowerState};
use crate::plan::Agent;
use crate::plan::reconciler_step::ReconcilerStep;

/// Something that happened, with its time and how exactly the time is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Microseconds since the run's epoch.
    #[serde(deserialize_with = "plausible::us")]
    pub at_us: u64,
    /// The scenario it belongs to, by index.
    pub scenario: u32,
    /// The time is known to this many microseconds: what was observed by polling happened at most this much earlier.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "plausible::us")]
    pub resolution_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// When the effect of a strike came into force at a victim, as an interval in microseconds on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onset {
    /// The last moment at which the effect surely was not in force.
    #[serde(deserialize_with = "plausible::us")]
    pub not_before_us: u64,
    /// The first moment at which it surely was: the witness saw it. Before `not_before_us` only where the stamps of a
    /// victim contradict each other.
    #[serde(deserialize_with = "plausible::us")]
    pub by_us: u64,
}

impl Onset {
    /// How long the interval is, in microseconds; 0 where its ends contradict each other.
    pub fn length_us(self) -> u64 {
        self.by_us.saturating_sub(self.not_before_us)
    }

    /// What both leave possible: a second look may know more exactly. Where they contradict each other, this one stands.
    pub fn narrowed(self, other: Onset) -> Onset {
        let both =
            Onset { not_before_us: self.not_before_us.max(other.not_before_us), by_us: self.by_us.min(other.by_us) };
        if both.not_before_us <= both.by_us { both } else { self }
    }
}

/// What can happen in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Provisioning began.
    ScenarioStarted { attempt: u32 },
    /// An attempt ended without a verdict that may stand, so another follows.
    AttemptDiscarded { headline: String },
    /// The scenario was not run, and why.
    ScenarioSkipped { reason: String },
    /// A server was booted (by the first provisioning or by the reconciler).
    InstanceBooted { server: String, instance: String, address: String },
    /// A server was there already when the scenario began.
    InstanceFound { server: String, instance: String, address: String },
    /// A server fulfils its role's readiness.
    ServerReady { server: String, instance: String },
    /// Every server was ready and the entry answered for the first time, this long after provisioning began.
    SiteReady {
        #[serde(deserialize_with = "plausible::ms")]
        took_ms: f64,
    },
    /// The prober began: `rate` requests a second, judged with this deadline.
    ProbingStarted {
        #[serde(deserialize_with = "plausible::rate")]
        rate: f64,
        #[serde(deserialize_with = "plausible::ms")]
        deadline_ms: f64,
    },
    /// The last of the users has come: the first request of each has ended, well or not.
    UsersStarted { users: u32 },
    /// The users' process ended by itself, which it should not.
    UsersLost { detail: String },
    /// The baseline was steady from `from_us` until now: faults may begin.
    BaselineSteady {
        #[serde(deserialize_with = "plausible::us")]
        from_us: u64,
    },
    /// No steady baseline came in time.
    BaselineUnsteady { reason: String },
    /// A strike was resolved to its targets; random ties are explained in `why`.
    StrikeResolved { strike: u32, fault: String, step: String, line: usize, targets: Vec<String>, why: String },
    /// The nemesis begins to inject: from here on the effect may be in force.
    InjectionStarted { strike: u32 },
    /// The witness confirmed the fault at a victim. The record's time is when the harness heard of it; `onset` is when
    /// the effect came into force. `alive_us` is the last moment after the call at which a process on the victim surely ran, or
    /// its kernel answered, where that is known.
    FaultConfirmed {
        strike: u32,
        target: String,
        onset: Onset,
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "plausible::optional_us")]
        alive_us: Option<u64>,
        evidence: String,
    },
    /// The witness did not confirm, so nothing can be concluded.
    FaultNotConfirmed { strike: u32, target: String, evidence: String },
    /// Injecting failed for a reason of the harness, not of the site.
    InjectionFailed { strike: u32, detail: String },
    /// The effect of a strike on one victim is over, confirmed by observation: it was healed, ended by itself at its
    /// planned end, or ended with its victim. The record's time is the first moment at which it surely was over, and its
    /// resolution reaches back to the last at which it surely was not: the harness may have heard of it later.
    StrikeHealed { strike: u32, target: String, evidence: String },
    /// A process that a strike killed or restarted runs again; somebody else started it.
    ProcessBack { strike: u32, target: String, evidence: String },
    /// The lease of a fault could not be renewed: it may end before its time.
    LeaseNotRenewed { strike: u32, target: String, detail: String },
    /// A fault was over before it was to be healed: its witness no longer saw it.
    FaultLapsed { strike: u32, target: String, evidence: String },
    /// A strike was not carried out, since a safeguard forbids it now.
    StrikeHeldBack { strike: u32, detail: String },
    /// A stop condition ended the run.
    Aborted { reason: String },
    /// A heal did not take.
    HealFailed { strike: u32, detail: String },
    /// The state of an instance changed, as the instance observer measured it.
    InstanceState { server: String, instance: String, state: PowerState, evidence: String },
    /// Docker reported something of the container that stands for a server. `container` is the start of its id. The record's time is
    /// that of the report: what is reported had happened already.
    ContainerChanged {
        server: String,
        container: String,
        #[serde(flatten)]
        change: ContainerChange,
    },
    /// A balancer's own view of one of its servers changed (HAProxy's `show stat`).
    /// `status` is HAProxy's word (`UP`, `UP 2/3`, `DOWN`), `check` its last check's (`L7OK`, `L4TOUT`).
    /// `up`: it is in rotation, which means that it gets new requests. `standby`: it does not, but it is a backup that
    /// would get them if the others were gone.
    BalancerView {
        balancer: String,
        backend: String,
        server: String,
        status: String,
        check: String,
        up: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        standby: bool,
    },
    /// How many client connections a balancer's frontends hold now (HAProxy's `scur`), once a second.
    BalancerSessions {
        balancer: String,
        #[serde(deserialize_with = "plausible::count")]
        current: u64,
    },
    /// What a server's nginx counts (`stub_status`), once a second. Connections that are accepted and handled, and requests, are since
    /// nginx started; the others are open now.
    NginxStatus {
        server: String,
        active: u64,
        accepted: u64,
        handled: u64,
        requests: u64,
        reading: u64,
        writing: u64,
        waiting: u64,
    },
    /// The holders of a virtual IP changed. None: nobody has it. More than one: split brain.
    VirtualIpHolders { name: String, holders: Vec<String> },
    /// The failover has the provider lead a floating IP to another server.
    FloatingIpAsked { name: String, from: String, to: String, why: String },
    /// The provider says that it leads there.
    FloatingIpLed { name: String, to: String },
    /// The failover could not have a floating IP led elsewhere; it will try again.
    FloatingIpFailed { name: String, detail: String },
    /// An observer lost sight of what it watches, or has it again. `servers`: those that it could not look at, where that is
    /// not what it watches itself.
    ObserverBlind {
        observer: String,
        of: String,
        detail: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        servers: Vec<String>,
    },
    /// See `ObserverBlind`.
    ObserverSees { observer: String, of: String },
    /// The reconciler found a server missing.
    ReconcilerMissing { server: String, found: String },
    /// The reconciler asked the provider for a boot.
    ReconcilerBoots { server: String },
    /// The reconciler wrote changed configuration (hosts files, the balancers').
    ReconcilerRefreshed { server: String, files: Vec<String> },
    /// A replacement is ready: its role is configured and it serves.
    ReconcilerReplaced { server: String, instance: String },
    /// Auto Scaling does something to a server, or has done it. `status` is its own word: `InProgress`, `Successful`, `Failed`.
    AutoScalingActivity { server: String, description: String, detail: String, status: String },
    /// A replacement that Auto Scaling launched serves.
    AutoScalingReplaced { server: String, instance: String },
    /// Auto Scaling could not be asked, or what it launched does not serve.
    AutoScalingFailed { server: String, detail: String },
    /// Something the reconciler tried failed; it will try again.
    ReconcilerFailed { server: String, detail: String },
    /// A wait begins that the scenario declares for a server: `declared_ms` long, of which time that runs faster leaves
    /// `waited_ms`. A wait for a tick (of the reconciler, of the config agent) is recorded at the tick, with the time
    /// of the tick before as its begin: what of it was really waited for is for whoever measures to say.
    DeclaredWait {
        part: DeclaredDelay,
        server: String,
        #[serde(deserialize_with = "plausible::ms")]
        declared_ms: f64,
        #[serde(deserialize_with = "plausible::ms")]
        waited_ms: f64,
    },
    /// A run of the config agent changed something on a server: files written, commands run, services started.
    ConfigAgentChanged { server: String, what: Vec<String> },
    /// A run of the config agent on a server failed; it will try again at its next.
    ConfigAgentFailed { server: String, detail: String },
    /// The reconciler takes one of its eight steps.
    ReconcilerStep { server: String, step: ReconcilerStep, detail: String },
    /// The reconciler terminates an instance that is surplus or unhealthy, as declared.
    ReconcilerTerminates { server: String, instance: String, why: String },
    /// A spare takes a missing server's place, and that one is the spare from now on.
    SparePromoted { spare: String, instead_of: String },
    /// An agent was stopped by the scenario.
    AgentStopped { agent: Agent },
    /// An agent was started again.
    AgentStarted { agent: Agent },
    /// An agent was killed at one of its steps.
    AgentKilled { agent: Agent, step: String },
    /// Something was done to a database, and is so now; `wait`: it can't be done yet, and why.
    DatabaseStep { server: String, step: String, detail: String },
    /// What a database says of itself changed. `gtid` is where it is in the stream of changes, when that was seen.
    DatabaseView { server: String, writable: bool, gtid: String, replicating: bool, lag_ms: Option<f64> },
    /// Service and redundancy are back and steady (found live; the verdict derives it again).
    Recovered,
    /// The watch gave up waiting for recovery.
    RecoveryGivenUp { reason: String },
    /// CPU pressure of the machine over the last ten seconds, where the kernel tells (PSI, `some avg10`).
    Pressure { cpu_some_pct: f64 },
    /// What an observer of another crate saw: its name, what it watches, and any value.
    Observed { observer: String, of: String, value: serde_json::Value },
    /// The recorder could not keep up and dropped this many.
    RecorderDropped {
        #[serde(deserialize_with = "plausible::count")]
        events: u64,
    },
    /// The harness failed: provisioning, a tool, itself.
    HarnessFailed { stage: String, detail: String },
    /// Something of the scenario could not be removed.
    LeftBehind { detail: String },
    /// So many requests were sent to the API of a cloud for the scenario, those that took its servers down among them.
    CloudRequests { count: u64 },
    /// The run was interrupted.
    Interrupted { signal: String },
    /// The watch is over; nothing after this counts.
    WatchEnded,
}

impl Record {
    /// When, since the run's epoch.
    pub fn at(&self) -> Duration {
        Duration::from_micros(self.at_us)
    }
}
