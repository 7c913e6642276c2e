//! Every default, in this one place. `chimp.toml` in the working directory (or `--config FILE`) overrides any of them,
//! steps override both, and the report says what was used.
//!
//! The defaults are meant for a website on one machine; the reasons stand beside the figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text;
use crate::units::{self, Percent, duration};

mod safeguards;
mod time;

pub use safeguards::{Abort, Group, Limit, Most, Safeguards};
pub use time::{ConfigAgentSettings, TimeSettings};

/// The sections of `chimp.toml`. Unknown keys are refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is sent to the site, by the judge and by the users.
    pub load: LoadSettings,
    /// The request itself and what counts as a good answer.
    pub request: RequestSettings,
    /// What counts as steady and for how long it is watched.
    pub steady: SteadySettings,
    /// The reconciler.
    pub reconciler: ReconcilerSettings,
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
    /// The databases when the load is over.
    pub final_state: FinalStateSettings,
}

/// `[load]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadSettings {
    /// goose users that browse the site. Default 20; 0 sends none.
    pub users: u32,
    /// A user's pause between two pages. Default 100 ms to 300 ms, drawn evenly.
    #[serde(with = "duration")]
    pub pause_min: Duration,
    /// See `pause_min`.
    #[serde(with = "duration")]
    pub pause_max: Duration,
    /// What users do. Default: they browse the pages of `[request]`.
    pub journey: Journey,
    /// Operations a second of all users together, where they do more than browse: their pauses follow from it, and a
    /// site that answers late gets fewer. Default 0: as the pauses say.
    pub operations: f64,
    /// Probe requests a second, open loop. Default 500: an outage is seen to ±2 ms, for 2 % of a core.
    #[serde(deserialize_with = "units::positive")]
    pub rate: f64,
    /// The deadline D: a request that is not answered whole within D of its due time is bad. Default 5 s.
    #[serde(with = "duration::positive")]
    pub deadline: Duration,
    /// Probe requests under way at once; beyond it a due request is recorded as not sent, which is bad.
    /// Default 0: rate × deadline + 100, so that a silent site does not reach it.
    pub in_flight: usize,
}

/// What users do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Journey {
    /// They see pages, one after another.
    #[default]
    Browse,
    /// They sign up, and mostly read.
    Read,
    /// They sign up, and mostly write.
    Write,
    /// They sign up, and read and write alike.
    Mixed,
}

/// `[request]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestSettings {
    /// `http` or `https`. Default `http`.
    pub scheme: Scheme,
    /// A PEM file with the certificate authority that signed the site's certificate; HTTPS only.
    pub ca: Option<PathBuf>,
    /// The path (and query) that the prober asks for. Default `/`.
    pub path: String,
    /// The paths that users browse, in turn. Default: the prober's path alone.
    pub pages: Vec<String>,
    /// Default `GET`.
    pub method: String,
    /// The Host header (and TLS server name). Default: the entry's host name.
    pub host: Option<String>,
    /// More headers; `${NAME}` in a value is taken from the environment, and never written to a bundle.
    pub headers: BTreeMap<String, String>,
    /// A request body.
    pub body: Option<String>,
    /// Whether redirects are followed (up to 5). Default no: a redirect is judged by its own status.
    pub follow_redirects: bool,
    /// Which statuses are good. Default: 200 alone.
    pub good_status: Vec<u16>,
    /// A text that a good body contains. Default: any body, read whole, is good.
    pub body_contains: Option<String>,
}

/// How requests travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    #[default]
    Http,
    /// Over TLS.
    Https,
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

/// `[reconciler]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReconcilerSettings {
    /// Whether Ventriloquist runs at all. Default yes.
    pub enabled: bool,
    /// How often it compares. Default 1 s (the paper's: one minute).
    #[serde(with = "duration::positive")]
    pub every: Duration,
    /// How many replacements go side by side. Default 4.
    #[serde(deserialize_with = "units::positive")]
    pub at_once: usize,
    /// What is done about instances that nobody declared, and second ones of a name. Default: left alone.
    pub surplus: Policy,
    /// What is done about instances that run and do not serve. Default: left alone.
    pub unhealthy: Policy,
    /// For how many looks in a row such an instance must not have served. Default 5.
    #[serde(deserialize_with = "units::positive")]
    pub unhealthy_after: u32,
    /// Whether it holds back when much fails at once. Default yes: what failed is left alone for a while, unhealthy
    /// instances are terminated one after another, each when the one before is replaced, and databases are rebuilt one
    /// at a time. Without it everybody is replaced at once, and whatever fails tried again at once.
    pub back_off: bool,
    /// How long a call to the provider or to a server may take; a boot may take a minute, and its declared time. Default
    /// 10 s.
    #[serde(with = "duration::positive")]
    pub call_within: Duration,
    /// How long what failed is left alone after its first failure; twice as long after each further one, less up to
    /// half of it, drawn with the seed. Default 1 s.
    #[serde(with = "duration")]
    pub retry_first: Duration,
    /// The longest that it is left alone. Default 30 s.
    #[serde(with = "duration")]
    pub retry_most: Duration,
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
    /// Whether keepalived runs where a virtual IP is shared. Default yes; without it nobody takes over.
    pub keepalived: bool,
}

/// `[database]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Which masters are written to. Default: the active one, the other stands by.
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

impl Default for LoadSettings {
    fn default() -> Self {
        LoadSettings {
            users: 20,
            pause_min: Duration::from_millis(100),
            pause_max: Duration::from_millis(300),
            journey: Journey::Browse,
            operations: 0.0,
            rate: 500.0,
            deadline: Duration::from_secs(5),
            in_flight: 0,
        }
    }
}

impl Default for RequestSettings {
    fn default() -> Self {
        RequestSettings {
            scheme: Scheme::Http,
            ca: None,
            path: "/".into(),
            pages: Vec::new(),
            method: "GET".into(),
            host: None,
            headers: BTreeMap::new(),
            body: None,
            follow_redirects: false,
            good_status: vec![200],
            body_contains: None,
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

impl Default for ReconcilerSettings {
    fn default() -> Self {
        ReconcilerSettings {
            enabled: true,
            every: Duration::from_secs(1),
            at_once: 4,
            surplus: Policy::Leave,
            unhealthy: Policy::Leave,
            unhealthy_after: 5,
            back_off: true,
            call_within: Duration::from_secs(10),
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(30),
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

impl LoadSettings {
    /// A user's shortest and longest pause: so that all users together come to `operations`, where that is set.
    pub fn pauses(&self) -> (Duration, Duration) {
        if self.journey == Journey::Browse || self.operations <= 0.0 {
            return (self.pause_min, self.pause_max);
        }
        let mean = Duration::from_secs_f64(f64::from(self.users) / self.operations);
        (mean / 2, mean * 3 / 2)
    }

    /// The in-flight limit in force.
    pub fn in_flight_limit(&self) -> usize {
        if self.in_flight > 0 { self.in_flight } else { (self.rate * self.deadline.as_secs_f64()) as usize + 100 }
    }
}

/// A `chimp.toml` that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It could not be read.
    #[error("{}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// It is not what `chimp.toml` is.
    #[error("{}: {detail}", .path.display())]
    Malformed { path: PathBuf, detail: String },
}

impl Settings {
    /// The same, with another `[nemesis] span` where one is given.
    #[must_use]
    pub fn with_span(mut self, span: Option<Duration>) -> Settings {
        self.nemesis.span = span.unwrap_or(self.nemesis.span);
        self
    }

    /// Reads a `chimp.toml`.
    ///
    /// # Errors
    /// Names the file, the line and the key.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let text =
            text::read(path).map_err(|why| SettingsError::Unreadable { path: path.into(), source: why.into() })?;
        let settings: Settings = toml::from_str(&text)
            .map_err(|why| SettingsError::Malformed { path: path.into(), detail: why.to_string() })?;
        Ok(settings)
    }
}

/// What is done about an instance that should not be there, or does not do its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is told, and left to people.
    #[default]
    Leave,
    /// It is terminated; what was declared is missing then, and replaced.
    Terminate,
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
