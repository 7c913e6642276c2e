//! Every default, in this one place. `chimp.toml` in the working directory (or `--config FILE`) overrides any of them,
//! steps override both, and the report says what was used.
//!
//! The defaults are meant for a website on one machine; the reasons stand beside the figures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, Mistakes};
use crate::text;
use crate::units::{self, Percent, duration};

mod admit;
pub(crate) mod auto_scaling;
mod compose;
mod ec2;
mod failover;
pub(crate) mod lines;
mod load;
mod mistakes;
mod observe;
mod openstack;
mod reconciler;
mod safeguards;
mod services;
mod swarm;
mod time;
mod words;

pub use auto_scaling::AutoScalingSettings;
pub use compose::ComposeSettings;
pub use ec2::{Ec2Settings, Ec2VirtualIps};
pub use failover::FailoverSettings;
pub use load::{LoadSettings, RequestSettings, Scheme};
pub use observe::ObserveSettings;
pub(crate) use openstack::line_of_login;
pub use openstack::{HostKeys, LoginSettings, OpenStackProfile, OpenStackSettings};
pub use reconciler::{Policy, ReconcilerSettings};
pub use safeguards::{Abort, Group, Limit, Most, Safeguards};
pub use services::ServiceSettings;
pub use swarm::SwarmSettings;
pub use time::{ConfigAgentKind, ConfigAgentSettings, TimeSettings};

/// The sections of `chimp.toml`. Unknown keys are refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// What is sent to the site, by the judge and by the users.
    pub load: LoadSettings,
    /// The request itself and what counts as a good answer.
    pub request: RequestSettings,
    /// What counts as steady and for how long it is watched.
    pub steady: SteadySettings,
    /// The reconciler.
    pub reconciler: ReconcilerSettings,
    /// Auto Scaling, where it replaces servers.
    #[serde(skip_serializing_if = "AutoScalingSettings::is_default")]
    pub auto_scaling: AutoScalingSettings,
    /// The web tier: HAProxy's health checks and keepalived's VRRP.
    pub balancer: BalancerSettings,
    /// The database tier.
    pub database: DatabaseSettings,
    /// How faults are made.
    pub nemesis: NemesisSettings,
    /// What may not be struck, and when everything stops.
    pub safeguards: Safeguards,
    /// The config agent, which gives servers their roles.
    pub config_agent: ConfigAgentSettings,
    /// How fast declared waits pass.
    pub time: TimeSettings,
    /// When a floating IP is led to another server.
    #[serde(skip_serializing_if = "FailoverSettings::is_default")]
    pub failover: FailoverSettings,
    /// The databases when the load is over.
    pub final_state: FinalStateSettings,
    /// What a Compose file does not say of its services.
    #[serde(skip_serializing_if = "ComposeSettings::is_default")]
    pub compose: ComposeSettings,
    /// What a Swarm does not say of a stack's services, and where the Docker Engines of its nodes answer.
    #[serde(skip_serializing_if = "SwarmSettings::is_default")]
    pub swarm: SwarmSettings,
    /// How EC2's API is asked, and what of it servers are made.
    #[serde(skip_serializing_if = "Ec2Settings::is_default")]
    pub ec2: Ec2Settings,
    /// Where scenarios run.
    pub environment: EnvironmentSettings,
    /// How a site is observed without a fault.
    #[serde(skip_serializing_if = "ObserveSettings::is_default")]
    pub observe: ObserveSettings,
    /// How a cloud's APIs are asked.
    #[serde(skip_serializing_if = "OpenStackSettings::is_default")]
    pub openstack: OpenStackSettings,
}

/// `[environment]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// The environment where `--on` names none. Default: the inventory that the scenarios name, else `local`, the
    /// sandbox of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// `[steady]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SteadySettings {
    /// Availability over a window that counts as steady. Default 99.9 %.
    pub availability: Percent,
    /// How long the baseline before the first fault must be steady. Default 5 s.
    #[serde(with = "duration")]
    pub baseline: Duration,
    /// How long to wait for such a baseline. Default 30 s, then the scenario is `invalid`.
    #[serde(with = "duration")]
    pub baseline_within: Duration,
    /// The window over which recovery is judged. Default 1 s.
    #[serde(with = "duration::positive")]
    pub window: Duration,
    /// How long the site is watched after recovery. Default 10 s.
    #[serde(with = "duration")]
    pub after: Duration,
    /// How long the span is, from t0, over which `p99 stays under …` is judged. Default 60 s.
    #[serde(with = "duration")]
    pub stays: Duration,
    /// When to give up on recovery where no step bounds it. Default 2 min.
    #[serde(with = "duration")]
    pub give_up: Duration,
    /// The prober's scheduler lateness at p99 above which the run is starved, hence invalid. Default 100 ms.
    #[serde(with = "duration")]
    pub lateness: Duration,
}

/// `[balancer]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BalancerSettings {
    /// HAProxy's `inter`. Default 2 s, as the paper.
    #[serde(with = "duration::positive")]
    pub check_every: Duration,
    /// HAProxy's `fall`. Default 3, as the paper.
    #[serde(deserialize_with = "units::positive")]
    pub check_misses: u32,
    /// VRRP version 3 advertisement interval. Default 50 ms: a takeover within about 0.2 s.
    #[serde(with = "duration::positive")]
    pub advert: Duration,
    /// Whether keepalived runs where a virtual IP is shared. Default yes; without it no server takes over. Where the environment leads each
    /// such address, it does not run.
    pub keepalived: bool,
}

/// `[database]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Which masters are written to. Default: the active one, the other stands by.
    #[serde(deserialize_with = "words::one_of")]
    pub write: WriteTo,
    /// Whether a master waits until another database has each write. Default no.
    pub semi_sync: bool,
    /// How often the reconciler looks after those that live: whether one is written to, and the others follow. Default
    /// 1 s, however seldom it compares.
    #[serde(with = "duration::positive")]
    pub look_every: Duration,
}

/// Which masters are written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteTo {
    /// One; the other takes over.
    #[default]
    Active,
    /// Both in turn, as in the paper: two writes of one row at once end differently on each, without an error.
    RoundRobin,
}

/// `[nemesis]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NemesisSettings {
    /// How long after it was asked for a server loses its network. Default 5 s, as the paper: the session ends first.
    #[serde(with = "duration")]
    pub network_delay: Duration,
    /// How long random faults strike where a step leaves it to the run. Default 10 min; `--span 2h` changes it.
    #[serde(with = "duration::positive")]
    pub span: Duration,
    /// How long a fault outlives the last sign of life of the harness; it is renewed three times as often. Default
    /// 30 s.
    #[serde(with = "duration::positive")]
    pub lease: Duration,
}

/// `[final_state]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinalStateSettings {
    /// How long to wait for all living databases to have the same position. Default 20 s; longer where a step bounds it.
    #[serde(with = "duration")]
    pub agree_within: Duration,
    /// For how long their positions must stand still: what a server of the site still had under way is in by then.
    /// Default 2 s.
    #[serde(with = "duration")]
    pub still_for: Duration,
}

impl Default for FinalStateSettings {
    fn default() -> Self {
        FinalStateSettings { agree_within: Duration::from_secs(20), still_for: Duration::from_secs(2) }
    }
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        DatabaseSettings { write: WriteTo::default(), semi_sync: false, look_every: Duration::from_secs(1) }
    }
}

impl Default for NemesisSettings {
    fn default() -> Self {
        NemesisSettings {
            network_delay: Duration::from_secs(5),
            span: Duration::from_secs(600),
            lease: Duration::from_secs(30),
        }
    }
}

impl Default for SteadySettings {
    fn default() -> Self {
        SteadySettings {
            availability: Percent(99.9),
            baseline: Duration::from_secs(5),
            baseline_within: Duration::from_secs(30),
            window: Duration::from_secs(1),
            after: Duration::from_secs(10),
            stays: Duration::from_secs(60),
            give_up: Duration::from_secs(120),
            lateness: Duration::from_millis(100),
        }
    }
}

impl Default for BalancerSettings {
    fn default() -> Self {
        BalancerSettings {
            check_every: Duration::from_secs(2),
            check_misses: 3,
            advert: Duration::from_millis(50),
            keepalived: true,
        }
    }
}

/// A `chimp.toml` that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It could not be read.
    #[error("{}: can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// It is not what `chimp.toml` is.
    #[error(transparent)]
    Malformed(Mistakes),
}

impl Settings {
    /// The same, with another `[nemesis] span` where one is given.
    #[must_use]
    pub(crate) fn with_span(mut self, span: Option<Duration>) -> Settings {
        self.nemesis.span = span.unwrap_or(self.nemesis.span);
        self
    }

    /// Reads a `chimp.toml`.
    ///
    /// # Errors
    /// All mistakes, each with file, line and key.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let text =
            text::read(path).map_err(|why| SettingsError::Unreadable { path: path.into(), source: why.into() })?;
        mistakes::read(&text).map_err(|Mistakes(all)| {
            let named = |mistake| DocumentError { file: Some(path.into()), ..mistake };
            let named = Mistakes::none(all.into_iter().map(named).collect());
            SettingsError::Malformed(named.expect_err("there is one"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_states_the_defaults() {
        let documented = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/chimp.toml");
        assert_eq!(Settings::read(Path::new(documented)).unwrap(), Settings::default());
    }

    #[test]
    fn what_can_not_be_nothing_is_refused_with_its_line() {
        for (text, why) in [
            ("[reconciler]\nat_once = 0\n", "0 is too little; expected more than zero"),
            ("[reconciler]\nevery = \"0s\"\n", "no time at all; expected more, for example \"1s\""),
            ("[reconciler]\nunhealthy_after = 0\n", "0 is too little"),
            ("[load]\nrate = 0.0\n", "0 is too little"),
            ("[steady]\nwindow = \"0s\"\n", "no time at all"),
            ("[time]\nfaster = 0\n", "time can't run 0 times faster"),
        ] {
            let told = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(told.contains("line 2") && told.contains(why), "{told}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let why = toml::from_str::<Settings>("[load]\nuser = 3\n").unwrap_err().to_string();
        assert!(why.contains("line 2") && why.contains("unknown field `user`"), "{why}");
    }
}
