//! `[load]` and `[request]`: what is sent to the site, and what counts as a good answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words;
use crate::units::{self, duration};

/// `[load]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadSettings {
    /// Users: goose users that browse the site, unless they work with a workload. Default 20; 0 sends none.
    pub users: u32,
    /// A user's pause between two pages. Default 100 ms to 300 ms, drawn evenly.
    #[serde(with = "duration")]
    pub pause_min: Duration,
    /// See `pause_min`.
    #[serde(with = "duration")]
    pub pause_max: Duration,
    /// Operations a second of all users together, where they work with a workload: their pauses follow from it, and a
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

/// `[request]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestSettings {
    /// `http` or `https`. Default `http`.
    #[serde(deserialize_with = "words::one_of")]
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

impl Default for LoadSettings {
    fn default() -> Self {
        LoadSettings {
            users: 20,
            pause_min: Duration::from_millis(100),
            pause_max: Duration::from_millis(300),
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

impl LoadSettings {
    /// The shortest and longest pause of a user who works with a workload: so that all users together come to `operations`, where that is set.
    pub fn pauses_at_work(&self) -> (Duration, Duration) {
        if self.operations <= 0.0 {
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
