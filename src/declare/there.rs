//! A site that is there already, as a step names it.

use std::path::Path;

use crate::environment::{INVENTORY, On, SITE};
use crate::settings::{LoadSettings, Settings};

/// Where a scenario runs, which is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct There {
    /// The environment's name.
    pub environment: &'static str,
    /// What follows it: a file, relative to the working directory, or a URL.
    pub value: String,
    /// The step's line.
    pub line: usize,
}

impl There {
    /// As after `--on`.
    pub fn on(&self) -> String {
        format!("{}={}", self.environment, self.value)
    }

    /// Whether a run in this environment is on it.
    pub fn is(&self, on: &On) -> bool {
        let is_same = || self.environment == INVENTORY && same_file(Path::new(&self.value), Path::new(&on.value));
        on.kind.name() == self.environment && (self.value == on.value || is_same())
    }

    /// Why no servers can be declared beside it, and what to do.
    pub fn refuses_servers(&self) -> (&'static str, &'static str) {
        match self.environment {
            SITE => (
                "nothing is known of the servers of a site but its URL",
                "leave it out, or list the servers in an inventory: `Given the inventory in \"FILE\"`",
            ),
            _ => (
                "the servers of an inventory are there already, as they are",
                "leave it out; zones, tags, links and virtual IPs stand in the inventory's file",
            ),
        }
    }
}

/// Loads a site of which nothing more is known as gently as it is observed, where `chimp.toml` does not say otherwise.
pub(super) fn modestly(settings: &mut Settings) {
    let usual = LoadSettings::default();
    let (load, observe) = (&mut settings.load, &settings.observe);
    if load.rate == usual.rate {
        load.rate = observe.rate;
    }
    if load.users == usual.users {
        load.users = 0;
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
    one == other || whole(one) == whole(other)
}
