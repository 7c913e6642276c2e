//! What an environment can do, and what a plan asks of it: whatever it can't do is refused before anything is touched.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{ENVIRONMENTS, Kind};
use crate::fault;
use crate::instance::{Ability, PowerOp};
use crate::plan::{Act, Plan, ScenarioPlan, StrikeOrder};
use crate::settings::auto_scaling;

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
}

/// A step or a scenario that an environment can't carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The feature file.
    pub feature: PathBuf,
    /// The step's line, or the scenario's.
    pub line: usize,
    /// Which step, which environment, what would be needed, and which environments have it.
    pub detail: String,
}

impl Capabilities {
    /// Whether it can do this, to some server at least.
    pub fn has(&self, ability: Ability) -> bool {
        match ability {
            Ability::Boot => self.boots,
            Ability::LogIn => self.logs_in,
            Ability::Power(op) => self.power.contains(&op),
        }
    }
}

/// Everything in a plan that this environment can't carry out.
pub fn refusals(kind: &dyn Kind, plan: &Plan) -> Vec<Refusal> {
    plan.scenarios.iter().flat_map(|scenario| of_scenario(kind, scenario)).collect()
}

fn of_scenario(kind: &dyn Kind, scenario: &ScenarioPlan) -> Vec<Refusal> {
    let (name, can) = kind.capabilities_under(&scenario.settings);
    let refusal = |line, what: &str, ability| Refusal {
        feature: scenario.feature.clone(),
        line,
        detail: needs(&name, what, ability),
    };
    let no_servers = !can.boots && !can.attaches;
    let boot = no_servers.then(|| refusal(scenario.line, &scenario.name, Ability::Boot));
    let orders = scenario.acts.iter().flat_map(Act::orders);
    let strikes = orders.filter_map(|order| {
        let lacking = abilities_of(order).into_iter().find(|ability| !can.has(*ability))?;
        Some(refusal(order.step.line, &order.step.text, lacking))
    });
    let floating = scenario.infrastructure.virtual_ips.iter().find(|ip| ip.floating_ip && !can.floating_ips);
    let floating = floating.map(|ip| Refusal {
        feature: scenario.feature.clone(),
        line: scenario.line,
        detail: unable(&name, &format!("floating IP {}", ip.name), "lead floating IPs", |can| can.floating_ips),
    });
    boot.into_iter().chain(floating).chain(scaled(scenario, &name, &can)).chain(strikes).collect()
}

/// That a scenario leaves servers to Auto Scaling where there is none, at the step that says so.
fn scaled(scenario: &ScenarioPlan, name: &str, can: &Capabilities) -> Option<Refusal> {
    if can.auto_scaling || scenario.settings.auto_scaling.replaces.is_empty() {
        return None;
    }
    let step = scenario.steps.iter().find(|step| step.text.starts_with(auto_scaling::STEP));
    let (line, what) = match step {
        Some(step) => (step.line, step.text.as_str()),
        None => (scenario.line, "replaces = … under [auto_scaling] in the settings"),
    };
    let detail = unable(name, what, "replace servers by Auto Scaling", |can| can.auto_scaling);
    let detail = format!("{detail}; or leave it out, and the reconciler replaces them");
    Some(Refusal { feature: scenario.feature.clone(), line, detail })
}

/// What a strike asks of its victim's environment, its heal included.
pub fn abilities_of(order: &StrikeOrder) -> BTreeSet<Ability> {
    let target = fault::FaultTarget { server: "any", peers: &[], services: &[] };
    fault::named(&order.fault).map(|fault| fault.strike(&target, &order.with).abilities()).unwrap_or_default()
}

/// That what a step or a scenario asks for is beyond an environment, in words: what is needed, and where that is.
pub fn needs(environment: &str, what: &str, ability: Ability) -> String {
    let needed = match ability {
        Ability::Boot => "boot servers".into(),
        Ability::LogIn => "run commands on a server".into(),
        Ability::Power(op) => format!("{} a server", op.word()),
    };
    let told = unable(environment, what, &needed, |can| can.has(ability));
    match ability {
        Ability::Power(PowerOp::Isolate) => {
            format!("{told}; or say `loses network`, which iptables does on the server")
        }
        _ => told,
    }
}

fn unable(environment: &str, what: &str, needed: &str, has: impl Fn(&Capabilities) -> bool) -> String {
    let able = ENVIRONMENTS.iter().filter(|kind| has(&kind.capabilities()));
    let able: Vec<String> = able.map(|kind| format!("`{}`", kind.name())).collect();
    format!(
        "`{what}` needs an environment that can {needed}, and `{environment}` can't\n  help: environments that can: {}",
        able.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::environment::{Access, Down, ReopenError, Reopened, named};
    use crate::history::synthetic::Script;
    use crate::infrastructure::VirtualIp;
    use crate::plan::{SCHEMA, Schedule, StepText};
    use crate::settings::OpenStackProfile;

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
            }
        }

        fn reopen(&self, _: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
            Err(ReopenError::Gone { detail: "sealed".into(), help: "" })
        }

        fn down(&self, _: &str, _: &Access, _: bool) -> Result<Down, ReopenError> {
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

    #[test]
    fn a_strike_that_an_environment_can_t_make_or_heal_is_refused_with_its_line_and_what_is_needed() {
        let refused = refusals(&Sealed, &plan(&["power-on", "hangs", "dies"]));
        let lines: Vec<usize> = refused.iter().map(|refusal| refusal.line).collect();
        assert_eq!(lines, [11, 12], "what only switches the power on needs no more than that");
        assert_eq!(
            refused[0].detail,
            "`web-1 hangs` needs an environment that can run commands on a server, and `sealed` can't\n  \
             help: environments that can: `local`, `testbed`, `inventory`, `openstack`, `ec2`"
        );
    }

    #[test]
    fn a_scenario_is_refused_where_only_attacks_are_made() {
        let refused = refusals(named("testbed").unwrap(), &plan(&["hangs"]));
        let [refused] = refused.as_slice() else { panic!("{refused:?}") };
        assert!(refused.detail.contains("can boot servers"), "{}", refused.detail);
        assert!(refused.detail.ends_with("environments that can: `local`, `openstack`, `ec2`"), "{}", refused.detail);
        assert_eq!(refusals(named("inventory").unwrap(), &plan(&["hangs"])), []);
    }

    #[test]
    fn a_floating_ip_is_refused_where_no_cloud_leads_it() {
        let mut plan = plan(&[]);
        let floating = VirtualIp { name: "www".into(), holders: vec!["lb-1".into()], floating_ip: true };
        plan.scenarios[0].infrastructure.virtual_ips = vec![floating];
        let [refused] = &refusals(&Sealed, &plan)[..] else { panic!("it is refused once") };
        let needs = "`floating IP www` needs an environment that can lead floating IPs, and `sealed` can't";
        assert!(refused.detail.starts_with(needs), "{}", refused.detail);
        assert_eq!(refusals(named("openstack").unwrap(), &plan), []);
    }

    #[test]
    fn auto_scaling_is_refused_with_its_line_where_there_is_none() {
        let mut plan = plan(&[]);
        let step = |text: &str, line| StepText { keyword: "Given".into(), text: text.into(), line };
        plan.scenarios[0].steps = vec![step("2 webservers", 3), step("Auto Scaling replaces the webservers", 4)];
        assert_eq!(refusals(&Sealed, &plan), [], "nothing is left to it");
        plan.scenarios[0].settings.auto_scaling.replace("webserver");
        let [refused] = &refusals(&Sealed, &plan)[..] else { panic!("it is refused once") };
        assert_eq!(refused.line, 4);
        let needs = "`Auto Scaling replaces the webservers` needs an environment that can replace servers by Auto Scaling, \
                     and `sealed` can't\n  help: environments that can: `ec2`; or leave it out";
        assert!(refused.detail.starts_with(needs), "{}", refused.detail);
        assert_eq!(refusals(named("ec2").unwrap(), &plan), []);
    }

    #[test]
    fn a_cloud_without_neutrons_parts_isolates_no_server_and_leads_no_floating_ip() {
        let openstack = named("openstack").unwrap();
        let mut plan = plan(&["dies", "isolated"]);
        plan.scenarios[0].settings.openstack.profile = OpenStackProfile::Rackspace;
        let floating = VirtualIp { name: "www".into(), holders: vec!["lb-1".into()], floating_ip: true };
        plan.scenarios[0].infrastructure.virtual_ips = vec![floating];
        let refused: Vec<String> = refusals(openstack, &plan).into_iter().map(|refusal| refusal.detail).collect();
        let [floating, isolated] = &refused[..] else { panic!("{refused:?}") };
        let cannot = "and `openstack with the profile rackspace` can't";
        assert!(floating.contains("lead floating IPs") && floating.contains(cannot), "{floating}");
        let instead = "or say `loses network`, which iptables does on the server";
        assert!(isolated.contains("isolate a server") && isolated.contains(cannot), "{isolated}");
        assert!(isolated.ends_with(instead), "{isolated}");
    }

    #[test]
    fn the_sandbox_of_this_machine_can_do_all_that_a_fault_asks_for() {
        let all: Vec<&str> = fault::FAULTS.iter().map(|fault| fault.name()).collect();
        assert_eq!(refusals(named("local").unwrap(), &plan(&all)), []);
    }
}
