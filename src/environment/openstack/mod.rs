//! An OpenStack cloud: servers are made through Nova for each scenario, at addresses of Neutron, and terminated after it.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | the cloud as an environment: who logs in, the places of scenarios, what was made |
//! | [`attacked`], [`opted_in`] | where an attack finds servers; those of them that may be struck, as a provider |
//! | [`outside`] | a server that nothing says how to log in to |
//! | [`resolved`] | what settings name, found in the cloud before anything is made |
//! | [`nova`] | servers that Nova lists, and what it is asked for to switch their power |
//! | [`floating`] | the floating IPs, and to which server each leads |
//! | [`maker`], [`ports`] | how a server of a scenario is made; where it is plugged in |
//! | [`network`], [`groups`] | how a server is isolated from the network; the security groups that a run makes for itself |
//! | [`marks`] | by what a run's things are found again |

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::account::Account;
use self::attacked::Attacked;
use self::nova::Nova;
use super::cloud::{self, Api};
use super::reopen::{store, stored};
use super::{
    Access, Capabilities, Down, EnterError, Kind, ReopenError, Reopened, Runs, Sweep, Work, WrongSetting, Zones,
};
use crate::instance::PowerOp;
use crate::journal::Place;
use crate::openstack::error::CloudError;
use crate::openstack::mark::Mark;
use crate::openstack::{servers, sweep};
use crate::plan::{Plan, ScenarioPlan};
use crate::settings::{OpenStackSettings, Settings};

mod account;
mod attacked;
mod floating;
mod groups;
mod maker;
mod marks;
mod network;
mod nova;
mod opted_in;
mod outside;
mod ports;
mod resolved;

#[cfg(test)]
mod isolation_tests;

pub use nova::run_if_asked;

/// What it does without Neutron's security groups.
const POWER_OF_NOVA: &[PowerOp] = &[
    PowerOp::Terminate,
    PowerOp::Stop,
    PowerOp::Start,
    PowerOp::SoftReboot,
    PowerOp::Freeze,
    PowerOp::Thaw,
    PowerOp::Suspend,
    PowerOp::Resume,
];

/// The kind.
pub struct OpenStack;

/// What a journal and an attack's plan store.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    /// The servers that a run made.
    Run { cloud: String, run: String },
    /// Servers that are there already, and may be attacked.
    Attacked(Box<Attacked>),
}

impl OpenStack {
    fn place(cloud: &str, run: &str) -> Place {
        let run = Stored::Run { cloud: cloud.into(), run: run.into() };
        store(&OpenStack, &run).expect("texts can be stored")
    }

    /// The place of an attack in this cloud, with these settings out of this file.
    ///
    /// # Errors
    /// When the path can't be stored.
    pub fn attacked(cloud: &str, settings: OpenStackSettings, file: Option<PathBuf>) -> Result<Place, ReopenError> {
        let attacked = Attacked { cloud: cloud.into(), settings, file, servers: None, mark: None };
        store(&OpenStack, &Stored::Attacked(Box::new(attacked)))
    }

    /// The servers were the run's own, and only their removal is left to do: it undoes whatever was done to them.
    fn reopen_run(cloud: &str, run: &str) -> Result<Reopened, ReopenError> {
        let left = cloud::block_on(async {
            let asked = async {
                let client = account::log_in(cloud, OpenStackSettings::default().requests_per_minute).await?;
                servers::of_run(&client, &Mark::new(run)).await
            };
            Ok(asked.await.map_err(refused)?.len())
        })?;
        let help = "servers of your own are attacked once they carry the tag `chimp:attack`";
        Err(cloud::left_of(&named(cloud), run, left, help))
    }
}

/// As `--on` names it.
fn named(cloud: &str) -> String {
    if cloud.is_empty() { OpenStack.name().into() } else { format!("{}={cloud}", OpenStack.name()) }
}

fn refused(why: CloudError) -> ReopenError {
    match why {
        CloudError::Described(why) => why.into(),
        why => nova::between(why).into(),
    }
}

impl Kind for OpenStack {
    fn name(&self) -> &'static str {
        "openstack"
    }

    fn takes(&self) -> Option<&'static str> {
        Some("CLOUD")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: true,
            attaches: false,
            logs_in: true,
            power: Nova::POWER,
            floating_ips: true,
            auto_scaling: false,
            looks_up_names: true,
        }
    }

    fn capabilities_under(&self, settings: &Settings) -> (String, Capabilities) {
        if settings.openstack.profile.is_full() {
            return (self.name().into(), self.capabilities());
        }
        let can = Capabilities { power: POWER_OF_NOVA, floating_ips: false, ..self.capabilities() };
        (format!("{} with the profile rackspace", self.name()), can)
    }

    fn wrong_settings(&self, scenario: &ScenarioPlan) -> Vec<WrongSetting> {
        let settings = &scenario.settings.openstack;
        let has_none = !settings.profile.is_full() && settings.security_groups.is_some();
        let wrong = WrongSetting::of(
            "openstack",
            "security_groups",
            "a cloud of the profile `rackspace` has no security groups",
            "leave out `security_groups`, or `profile`",
        );
        if has_none { vec![wrong] } else { Vec::new() }
    }

    fn zones<'s>(&self, settings: &'s Settings) -> Option<Zones<'s>> {
        let (named, what) = (&settings.openstack.zones, "an availability zone of the cloud");
        Some(Zones { section: "openstack", named, what, can_be: |_| true })
    }

    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError> {
        match stored(self, value)? {
            Stored::Run { cloud, run } => OpenStack::reopen_run(&cloud, &run),
            Stored::Attacked(attacked) => attacked.open(passwords),
        }
    }

    /// Runs of others may be under way in the project, so it must be said which are meant.
    fn down(&self, _: &str, _: &Access, _: &Settings, _: bool) -> Result<Down, ReopenError> {
        Err(ReopenError::WhichRuns { environment: self.name() })
    }

    fn sweep(&self, value: &str, runs: &Runs, settings: &Settings, dry_run: bool) -> Result<Sweep, ReopenError> {
        cloud::block_on(async {
            let swept = async {
                let client = account::log_in(value, settings.openstack.requests_per_minute).await?;
                sweep::sweep(&client, runs, dry_run).await
            };
            swept.await.map_err(refused)
        })
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        cloud::enter(Account::open(value, plan), work)
    }
}
