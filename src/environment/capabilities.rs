//! What an environment can do, and what a plan asks of it. A scenario that asks for more is skipped, with the reason; an environment in which
//! none can run is refused. Both are known before anything is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{ENVIRONMENTS, Kind};
use crate::fault;
use crate::instance::{Ability, PowerOp};
use crate::plan::{Act, Plan, ScenarioPlan, StepText, StrikeOrder};
use crate::settings::auto_scaling;

const SCALE: &str = "replace servers by Auto Scaling";
const SCALED_OTHERWISE: &str = "leave it out, and the reconciler replaces them";

/// What an environment can do, at most: a provider may still refuse one of its servers ([`crate::provider::Provider::can`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Boots the servers that a scenario declares. Where it doesn't, its servers are there already.
    pub boots: bool,
    /// Where it doesn't: whether scenarios run on the servers that are there, and not attacks alone.
    pub attaches: bool,
    /// Runs commands on a server, and with them the agent that holds faults there.
    pub logs_in: bool,
    /// What it does to a server's power from outside.
    pub power: &'static [PowerOp],
    /// Leads floating IPs to servers.
    pub floating_ips: bool,
    /// Replaces servers by its own Auto Scaling.
    pub auto_scaling: bool,
    /// Looks up the names of hosts elsewhere, which are no servers of the scenario, where the load is sent from.
    pub looks_up_names: bool,
}

/// What can't be asked of an environment at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The feature file.
    pub feature: PathBuf,
    /// The scenario's line.
    pub line: usize,
    /// The setting that asks for it, where no step does: the names of its section and its own.
    pub setting: Option<[&'static str; 2]>,
    /// What asks for it, which environment, what would be needed, and which environments have it.
    pub detail: String,
}

impl Capabilities {
    /// Whether it can do this, to some server at least.
    pub fn has(&self, ability: Ability) -> bool {
        match ability {
            Ability::Boot => self.boots,
            Ability::LogIn | Ability::Network => self.logs_in,
            Ability::Power(op) => self.power.contains(&op),
        }
    }
}

/// What in a plan can't be asked of this environment at all: to boot servers, where it never does, and what the settings ask of it for
/// every scenario.
pub fn refusals(kind: &dyn Kind, plan: &Plan) -> Vec<Refusal> {
    plan.scenarios.iter().flat_map(|scenario| of_scenario(kind, scenario)).collect()
}

fn of_scenario(kind: &dyn Kind, scenario: &ScenarioPlan) -> Vec<Refusal> {
    let (name, can) = kind.capabilities_under(&scenario.settings);
    let refusal = |setting, detail| Refusal { feature: scenario.feature.clone(), line: scenario.line, setting, detail };
    let no_servers = !can.boots && !can.attaches;
    let boot = no_servers.then(|| refusal(None, needs(&name, &scenario.name, Ability::Boot)));
    let is_set =
        !can.auto_scaling && !scenario.settings.auto_scaling.replaces.is_empty() && scaled_by(scenario).is_none();
    let scaled = is_set.then(|| {
        let told = beyond(&name, "`auto_scaling.replaces`", SCALE, |can| can.auto_scaling);
        refusal(Some(["auto_scaling", "replaces"]), format!("{told}\n  help: {SCALED_OTHERWISE}"))
    });
    boot.into_iter().chain(scaled).collect()
}

/// The scenarios that this environment can't run, by index, each with the reason: [what it lacks](lacking), else what it says
/// [itself](Kind::unable).
pub fn unable(kind: &dyn Kind, plan: &Plan) -> Vec<(u32, String)> {
    let all: BTreeMap<u32, String> = kind.unable(plan).into_iter().chain(lacking(kind, plan)).collect();
    all.into_iter().collect()
}

/// What of a plan a run would skip, by the index of each scenario, with the reason, as far as that depends on where it is to run. What this machine
/// lacks for the sandbox is said by `chimp doctor`, and when it runs.
pub fn skips(plan: &Plan) -> BTreeMap<u32, String> {
    let Ok(on) = super::on(&plan.environment) else { return BTreeMap::new() };
    match on.kind.name() {
        "local" => lacking(on.kind, plan).into_iter().collect(),
        _ => unable(on.kind, plan).into_iter().collect(),
    }
}

/// The scenarios that ask for what this environment does not have, by index, each with the first step that does, what would be needed, and
/// where that is.
pub fn lacking(kind: &dyn Kind, plan: &Plan) -> Vec<(u32, String)> {
    plan.scenarios.iter().filter_map(|scenario| Some((scenario.index, lacks(kind, scenario)?))).collect()
}

fn lacks(kind: &dyn Kind, scenario: &ScenarioPlan) -> Option<String> {
    let (name, can) = kind.capabilities_under(&scenario.settings);
    let floats = scenario.infrastructure.virtual_ips.iter().find(|ip| ip.floating_ip && !can.floating_ips);
    if let Some(ip) = floats {
        let what = format!("the floating IP `{}`", ip.name);
        return Some(beyond(&name, &what, "lead floating IPs", |can| can.floating_ips));
    }
    let scaled =
        scaled_by(scenario).filter(|_| !can.auto_scaling && !scenario.settings.auto_scaling.replaces.is_empty());
    if let Some(step) = scaled {
        let told = beyond(&name, &quoted(step), SCALE, |can| can.auto_scaling);
        return Some(format!("{told}; {SCALED_OTHERWISE}"));
    }
    scenario.acts.iter().flat_map(Act::orders).find_map(|order| {
        let ability = abilities_of(order).into_iter().find(|ability| !can.has(*ability))?;
        let told = beyond(&name, &quoted(&order.step), &words(ability), |can| can.has(ability));
        Some(match ability {
            Ability::Power(PowerOp::Isolate) => {
                format!("{told}; `loses network` does with iptables on the server")
            }
            _ => match kind.instead(ability) {
                Some(instead) => format!("{told}; {instead}"),
                None => told,
            },
        })
    })
}

/// The step that leaves servers to Auto Scaling.
fn scaled_by(scenario: &ScenarioPlan) -> Option<&StepText> {
    scenario.steps.iter().find(|step| step.text.starts_with(auto_scaling::STEP))
}

fn quoted(step: &StepText) -> String {
    format!("`{}` (line {})", step.text, step.line)
}

/// What a strike asks of its victim's environment, its heal included.
pub fn abilities_of(order: &StrikeOrder) -> BTreeSet<Ability> {
    let target = fault::FaultTarget { server: "any", peers: &[], services: &[] };
    fault::named(&order.fault).map(|fault| fault.strike(&target, &order.with).abilities()).unwrap_or_default()
}

/// That what a scenario asks for is beyond an environment, in words: what is needed, and where that is.
pub fn needs(environment: &str, what: &str, ability: Ability) -> String {
    let told = lacked(environment, &format!("`{what}`"), &words(ability));
    format!("{told}\n  help: environments that can: {}", able(|can| can.has(ability)).join(", "))
}

fn words(ability: Ability) -> String {
    match ability {
        Ability::Boot => "boot servers".into(),
        Ability::LogIn => "run commands on a server".into(),
        Ability::Network => "change a server's network".into(),
        Ability::Power(op) => format!("{} a server", op.verb()),
    }
}

fn lacked(environment: &str, what: &str, needed: &str) -> String {
    format!("{what} needs an environment that can {needed}, and `{environment}` can't")
}

fn beyond(environment: &str, what: &str, needed: &str, has: impl Fn(&Capabilities) -> bool) -> String {
    format!("{}; {} can", lacked(environment, what, needed), able(has).join(", "))
}

/// The environments in which scenarios run and that have something.
fn able(has: impl Fn(&Capabilities) -> bool) -> Vec<String> {
    let runs_scenarios = |can: &Capabilities| can.boots || can.attaches;
    let able = ENVIRONMENTS.iter().map(|kind| (kind.name(), kind.capabilities()));
    able.filter(|(_, can)| runs_scenarios(can) && has(can)).map(|(name, _)| format!("`{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::environment::{Access, Down, ReopenError, Reopened, named};
    use crate::history::synthetic::Script;
    use crate::infrastructure::VirtualIp;
    use crate::plan::{SCHEMA, Schedule};
    use crate::settings::{OpenStackProfile, Settings};

    /// An environment that keeps servers running and allows no login.
    struct Sealed;

    impl Kind for Sealed {
        fn name(&self) -> &'static str {
            "sealed"
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities {
                boots: true,
                attaches: false,
                logs_in: false,
                power: &[PowerOp::Stop, PowerOp::Start],
                floating_ips: false,
                auto_scaling: false,
                looks_up_names: true,
            }
        }

        fn reopen(&self, _: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
            Err(ReopenError::Gone { detail: "sealed".into(), help: "" })
        }

        fn down(&self, _: &str, _: &Access, _: &Settings, _: bool) -> Result<Down, ReopenError> {
            Ok(Down::Nothing("sealed"))
        }
    }

    fn plan(faults: &[&str]) -> Plan {
        let mut scenario = Script::website(2, 1).plan();
        let orders = Script::website(2, 1).strike(1000, "power-on", &["web-1"]).plan().acts;
        let Some(Act::Strike { order, .. }) = orders.into_iter().next() else { panic!("the script strikes") };
        let act = |(line, fault): (usize, &&str)| {
            let step = StepText { keyword: "When".into(), text: format!("web-1 {fault}"), line: line + 10 };
            let order = StrikeOrder { fault: (*fault).into(), step, ..order.clone() };
            Act::Strike { order, schedule: Schedule::Once }
        };
        scenario.acts = faults.iter().enumerate().map(act).collect();
        Plan { schema: SCHEMA, seed: 7, environment: "any".into(), scenarios: vec![scenario] }
    }

    /// Why the only scenario of a plan would be skipped there.
    fn skipped(kind: &dyn Kind, plan: &Plan) -> Option<String> {
        assert_eq!(refusals(kind, plan), []);
        lacking(kind, plan).pop().map(|(index, why)| {
            assert_eq!(index, plan.scenarios[0].index);
            why
        })
    }

    #[test]
    fn a_scenario_with_a_strike_that_can_t_be_made_or_healed_is_skipped_with_its_line_and_what_is_needed() {
        assert_eq!(
            skipped(&Sealed, &plan(&["power-on"])),
            None,
            "what only switches the power on needs no more than that"
        );
        assert_eq!(
            skipped(&Sealed, &plan(&["power-on", "hangs", "dies"])).unwrap(),
            "`web-1 hangs` (line 11) needs an environment that can run commands on a server, and `sealed` can't; \
             `local`, `inventory`, `compose`, `swarm`, `openstack`, `ec2` can",
            "a testbed runs no scenario"
        );
    }

    #[test]
    fn a_scenario_that_freezes_servers_is_skipped_on_ec2_and_others_are_not() {
        let (ec2, mut both) = (named("ec2").unwrap(), plan(&["hangs"]));
        both.scenarios.push(ScenarioPlan { index: 1, ..plan(&["dies"]).scenarios.remove(0) });
        assert_eq!(refusals(ec2, &both), []);
        let [(0, why)] = &lacking(ec2, &both)[..] else { panic!("{:?}", lacking(ec2, &both)) };
        let told = "`web-1 hangs` (line 10) needs an environment that can freeze a server, and `ec2` can't; \
                    `local`, `inventory`, `compose`, `swarm`, `openstack` can";
        assert_eq!(why, told);
    }

    #[test]
    fn ec2_suspends_no_server_and_reboots_one_gracefully() {
        let ec2 = named("ec2").unwrap();
        let told = "`web-1 suspended` (line 10) needs an environment that can suspend a server, and `ec2` can't; \
                    `local`, `inventory`, `openstack` can";
        assert_eq!(skipped(ec2, &plan(&["suspended"])).unwrap(), told);
        assert_eq!(skipped(ec2, &plan(&["soft-reboots"])), None);
    }

    #[test]
    fn a_scenario_is_refused_where_only_attacks_are_made() {
        let refused = refusals(named("testbed").unwrap(), &plan(&["hangs"]));
        let [refused] = refused.as_slice() else { panic!("{refused:?}") };
        assert!(refused.detail.contains("can boot servers"), "{}", refused.detail);
        assert!(refused.detail.ends_with("environments that can: `local`, `openstack`, `ec2`"), "{}", refused.detail);
        assert_eq!(skipped(named("inventory").unwrap(), &plan(&["hangs"])), None);
    }

    #[test]
    fn a_floating_ip_is_skipped_where_no_cloud_leads_it() {
        let mut plan = plan(&[]);
        let floating = VirtualIp { name: "www".into(), holders: vec!["lb-1".into()], floating_ip: true };
        plan.scenarios[0].infrastructure.virtual_ips = vec![floating];
        let needs = "the floating IP `www` needs an environment that can lead floating IPs, and `sealed` can't; \
                     `local`, `openstack`, `ec2` can";
        assert_eq!(skipped(&Sealed, &plan).unwrap(), needs);
        assert_eq!(skipped(named("openstack").unwrap(), &plan), None);
    }

    #[test]
    fn auto_scaling_is_skipped_with_its_line_where_there_is_none_and_refused_where_the_settings_ask_for_it() {
        let mut plan = plan(&[]);
        let step = |text: &str, line| StepText { keyword: "Given".into(), text: text.into(), line };
        let scaled = step("Auto Scaling replaces the webservers", 4);
        plan.scenarios[0].steps = vec![step("2 webservers", 3), scaled];
        assert_eq!(skipped(&Sealed, &plan), None, "nothing is left to it");
        plan.scenarios[0].settings.auto_scaling.replace("webserver");
        let needs = "`Auto Scaling replaces the webservers` (line 4) needs an environment that can replace servers by Auto \
                     Scaling, and `sealed` can't; `ec2` can; leave it out, and the reconciler replaces them";
        assert_eq!(skipped(&Sealed, &plan).unwrap(), needs);
        assert_eq!(skipped(named("ec2").unwrap(), &plan), None);
        plan.scenarios[0].steps.pop();
        let [refused] = &refusals(&Sealed, &plan)[..] else { panic!("it is refused once") };
        assert_eq!(refused.setting, Some(["auto_scaling", "replaces"]));
        assert!(refused.detail.starts_with("`auto_scaling.replaces` needs an environment"), "{}", refused.detail);
    }

    #[test]
    fn a_cloud_without_neutrons_parts_isolates_no_server_and_leads_no_floating_ip() {
        let openstack = named("openstack").unwrap();
        let mut isolated = plan(&["dies", "isolated"]);
        isolated.scenarios[0].settings.openstack.profile = OpenStackProfile::Rackspace;
        let mut floating = plan(&["dies"]);
        floating.scenarios[0].settings.openstack.profile = OpenStackProfile::Rackspace;
        let ip = VirtualIp { name: "www".into(), holders: vec!["lb-1".into()], floating_ip: true };
        floating.scenarios[0].infrastructure.virtual_ips = vec![ip];
        let cannot = "and `openstack with the profile rackspace` can't";
        let why = skipped(openstack, &floating).unwrap();
        assert!(why.contains("lead floating IPs") && why.contains(cannot), "{why}");
        let why = skipped(openstack, &isolated).unwrap();
        assert!(why.contains("`web-1 isolated` (line 11)") && why.contains(cannot), "{why}");
        assert!(why.ends_with("`loses network` does with iptables on the server"), "{why}");
    }

    #[test]
    fn the_sandbox_of_this_machine_can_do_all_that_a_fault_asks_for() {
        let all: Vec<&str> = fault::FAULTS.iter().map(|fault| fault.name()).collect();
        assert_eq!(skipped(named("local").unwrap(), &plan(&all)), None);
    }
}
