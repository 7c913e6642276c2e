//! Amazon's EC2: instances are run for each scenario, at addresses of a VPC, and terminated after it.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | the account as an environment: the places of scenarios, what was made |
//! | [`resolved`] | what settings name, found in the account before anything is made |
//! | [`compute`] | instances that EC2 lists, and what it is asked for to switch their power |
//! | [`groups`] | the security groups of a run's own |
//! | [`elastic`] | the Elastic IPs of floating IPs, and to which server each leads |
//! | [`scaling`] | the Auto Scaling groups of servers that Auto Scaling replaces |
//! | [`maker`] | how an instance of a scenario is made, and at which network interface |

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::account::Account;
use self::compute::Compute;
use super::cloud::{self, Api};
use super::reopen::{store, stored};
use super::{
    Access, Capabilities, Down, EnterError, Kind, ReopenError, Reopened, Runs, Sweep, Work, WrongSetting, Zones,
};
use crate::ec2::{self, sweep, tags};
use crate::journal::Place;
use crate::plan::{Plan, ScenarioPlan};
use crate::settings::{Ec2Settings, Ec2VirtualIps, Settings};

mod account;
mod compute;
mod elastic;
mod groups;
mod maker;
mod resolved;
mod scaling;

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
        Capabilities {
            boots: true,
            attaches: false,
            logs_in: true,
            power: Compute::POWER,
            floating_ips: true,
            auto_scaling: true,
            looks_up_names: true,
        }
    }

    fn leads_entry(&self, settings: &Settings) -> bool {
        settings.ec2.virtual_ips == Some(Ec2VirtualIps::Elastic)
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
    fn down(&self, _: &str, _: &Access, _: &Settings, _: bool) -> Result<Down, ReopenError> {
        Err(ReopenError::WhichRuns { environment: self.name() })
    }

    fn sweep(&self, value: &str, runs: &Runs, settings: &Settings, dry_run: bool) -> Result<Sweep, ReopenError> {
        let per_minute = settings.ec2.requests_per_minute;
        cloud::block_on(async {
            let api = ec2::open(value, per_minute).await.map_err(compute::unopened)?;
            sweep::sweep(&api, runs, dry_run).await.map_err(|why| compute::between(&api, &why).into())
        })
    }

    fn unable(&self, plan: &Plan) -> Vec<(u32, String)> {
        plan.scenarios.iter().filter_map(|scenario| Some((scenario.index, not_delivered(scenario)?))).collect()
    }

    fn wrong_settings(&self, scenario: &ScenarioPlan) -> Vec<WrongSetting> {
        let missing = WrongSetting::of("ec2", "image", resolved::NO_IMAGE, resolved::WHICH_IMAGE);
        if scenario.settings.ec2.image.is_none() { vec![missing] } else { Vec::new() }
    }

    fn zones<'s>(&self, settings: &'s Settings) -> Option<Zones<'s>> {
        let what = "an availability zone such as `eu-central-1a`, or a subnet by its id";
        Some(Zones { section: "ec2", named: &settings.ec2.zones, what, can_be: is_zone })
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        cloud::enter(Account::open(value, plan), work)
    }
}

/// Whether an availability zone or a subnet can be called so: a zone's name begins with its region's, such as `eu-central-1a`.
fn is_zone(name: &str) -> bool {
    name.contains('-')
}

/// Why an address that a scenario's servers share is reached by none, if there is one. A VPC delivers by its own tables, and not to an
/// address that a server announces by itself, as keepalived does.
fn not_delivered(scenario: &ScenarioPlan) -> Option<String> {
    let site = &scenario.infrastructure;
    let ip = site.virtual_ips.iter().find(|ip| !ip.floating_ip)?;
    if !scenario.settings.balancer.keepalived {
        return Some(format!(
            "no virtual IP daemon runs in it, and on EC2 no daemon ever moves the address `{}`: run it in another environment",
            ip.name
        ));
    }
    let instead = match ip.name == site.entry.host {
        true => {
            "set `virtual_ips = \"elastic\"` under `[ec2]` in `chimp.toml`, and the failover leads an Elastic IP to one of them"
        }
        false => "run it in another environment, as an Elastic IP leads in from outside, and not from server to server",
    };
    Some(format!(
        "its servers share the address `{}`, which keepalived announces by ARP, and no VPC of EC2 delivers to such an address: {instead}",
        ip.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::{DeclareOptions, declare};

    /// A plan on EC2, as it is printed, and why its scenario can't run there.
    fn planned(steps: &str, virtual_ips: Option<Ec2VirtualIps>) -> (String, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.feature");
        let acts = "When the highest-degree node dies\n    Then recovery < 8 min";
        std::fs::write(&path, format!("Feature: F\n  Scenario: S\n    {steps}\n    {acts}\n")).unwrap();
        let image = Some("ami-1".into());
        let settings =
            Settings { ec2: Ec2Settings { virtual_ips, image, ..Ec2Settings::default() }, ..Settings::default() };
        let environment = Some("ec2".to_owned());
        let plan =
            declare(&DeclareOptions { paths: vec![path], settings, environment, ..DeclareOptions::default() }).unwrap();
        let why = Ec2.unable(&plan).pop().map(|(_, why)| why);
        (crate::report::plan::plan(&plan, "0"), why)
    }

    #[test]
    fn where_servers_share_an_address_an_elastic_ip_stands_in_for_keepalived_or_the_setting_is_named() {
        let card = "Given 4 webservers behind haproxy";
        let (told, why) = planned(card, Some(Ec2VirtualIps::Elastic));
        assert!(told.contains("www: shared by lb-1, lb-2, a floating IP that the failover moves"), "{told}");
        assert!(told.contains("setting  balancer.keepalived = false (default true)"), "{told}");
        assert_eq!(why, None);
        let (told, why) = planned(card, None);
        assert!(!told.contains("floating IP") && !told.contains("balancer.keepalived"), "{told}");
        assert!(why.unwrap().contains("set `virtual_ips = \"elastic\"` under `[ec2]` in `chimp.toml`"));
    }

    #[test]
    fn what_no_failover_may_take_over_runs_elsewhere() {
        let steps = "Given 4 webservers behind haproxy\n    And no virtual IP daemon runs";
        for virtual_ips in [None, Some(Ec2VirtualIps::Elastic)] {
            let (told, why) = planned(steps, virtual_ips);
            assert!(
                !told.contains("floating IP") && why.unwrap().starts_with("no virtual IP daemon runs in it"),
                "{told}"
            );
        }
    }
}
