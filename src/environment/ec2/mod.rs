//! Amazon's EC2: instances are run for each scenario, at addresses of a VPC, and terminated after it.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | the account as an environment: the places of scenarios, what was made |
//! | [`resolved`] | what settings name, found in the account before anything is made |
//! | [`compute`] | instances that EC2 lists, and what it is asked for to switch their power |
//! | [`groups`] | the security groups of a run's own |
//! | [`maker`] | how an instance of a scenario is made, and at which network interface |

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::account::Account;
use self::compute::Compute;
use super::cloud::{self, Api};
use super::reopen::{store, stored};
use super::{Access, Capabilities, Down, Kind, ReopenError, Reopened, Runs, Sweep, Work};
use crate::ec2::{self, sweep, tags};
use crate::journal::Place;
use crate::plan::Plan;
use crate::settings::{Ec2Settings, Settings};

mod account;
mod compute;
mod groups;
mod maker;
mod resolved;

pub use compute::run_if_asked;

/// The kind.
pub struct Ec2;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The profile; empty: the account that the variables `AWS_*` mean.
    profile: String,
    /// The run that made the servers.
    run: String,
}

impl Ec2 {
    fn place(profile: &str, run: &str) -> Place {
        store(&Ec2, &Stored { profile: profile.into(), run: run.into() }).expect("texts can be stored")
    }
}

impl Kind for Ec2 {
    fn name(&self) -> &'static str {
        "ec2"
    }

    fn takes(&self) -> Option<&'static str> {
        Some("PROFILE")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { boots: true, attaches: false, logs_in: true, power: Compute::POWER, floating_ips: false }
    }

    /// The servers were the run's own, and only their removal is left to do: it undoes whatever was done to them.
    fn reopen(&self, value: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { profile, run } = stored(self, value)?;
        let left = cloud::block_on(async {
            let api =
                ec2::open(&profile, Ec2Settings::default().requests_per_minute).await.map_err(compute::unopened)?;
            let all = api.instances(tags::RUN, Some(&run)).await;
            let all = all.map_err(|why| compute::between(&api, &why))?;
            Ok(all.into_iter().filter(|instance| instance.state != "terminated").count())
        })?;
        let on = if profile.is_empty() { self.name().to_string() } else { format!("{}={profile}", self.name()) };
        Err(cloud::left_of(&on, &run, left, "servers of your own are attacked by `--on inventory=FILE`"))
    }

    /// Runs of others may be under way in the account, so it must be said which are meant.
    fn down(&self, _: &str, _: &Access, _: bool) -> Result<Down, ReopenError> {
        Err(ReopenError::WhichRuns { environment: self.name() })
    }

    fn sweep(&self, value: &str, runs: &Runs, settings: &Settings, dry_run: bool) -> Result<Sweep, ReopenError> {
        let per_minute = settings.ec2.requests_per_minute;
        cloud::block_on(async {
            let api = ec2::open(value, per_minute).await.map_err(compute::unopened)?;
            sweep::sweep(&api, runs, dry_run).await.map_err(|why| compute::between(&api, &why).into())
        })
    }

    /// A VPC delivers by its own tables: an address that a server announces by itself, as keepalived does, is reached by none.
    fn unable(&self, plan: &Plan) -> Vec<(u32, String)> {
        let shared = plan.scenarios.iter().filter_map(|scenario| {
            let ip = scenario.infrastructure.virtual_ips.first()?;
            let why = format!(
                "its servers share the address `{}`, which keepalived announces by ARP, and no VPC of EC2 delivers to such an address: say \
                 `behind a load balancer`, or run it in another environment",
                ip.name
            );
            Some((scenario.index, why))
        });
        shared.collect()
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, String> {
        cloud::enter(Account::open(value, plan), work)
    }
}
