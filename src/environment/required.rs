//! What settings must say for scenarios to run somewhere, as far as nothing has to be asked for it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, unable};
use crate::plan::{Plan, ScenarioPlan};

/// A setting that is missing, or that can't be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrongSetting {
    /// Its name, below those of the tables that it is in.
    pub path: Vec<String>,
    /// What is wrong, beginning with that name; a further line says what to do.
    pub detail: String,
}

impl WrongSetting {
    /// Of a setting in a section.
    pub fn of(section: &str, name: &str, why: &str, help: &str) -> Self {
        WrongSetting {
            path: vec![section.into(), name.into()],
            detail: format!("`{section}.{name}`: {why}\n  help: {help}"),
        }
    }
}

/// Which zones of a cloud stand for those of infrastructures.
#[derive(Clone, Copy)]
pub struct Zones<'s> {
    /// The section of the settings that names them, under `zones`.
    pub section: &'static str,
    /// Those that are named, by the zones that they stand for. Where none is, zones of the same names stand for them.
    pub named: &'s BTreeMap<String, String>,
    /// What one is called in the cloud.
    pub what: &'static str,
    /// Whether one there can be called so.
    pub can_be: fn(&str) -> bool,
}

impl Zones<'_> {
    /// What stands for a zone; `None` where others are named, and none for this one.
    pub fn stands_for<'z>(&'z self, zone: &'z str) -> Option<&'z str> {
        if self.named.is_empty() { Some(zone) } else { self.named.get(zone).map(String::as_str) }
    }

    /// Why no server can be made in a zone, with what to do. `place` is a scenario that has servers there.
    fn why_not(&self, zone: &str, place: &str) -> Option<WrongSetting> {
        let Zones { section, what, .. } = self;
        let wrong = |name: &[&str], why: String, help: String| {
            let path: Vec<String> = [&[*section, "zones"][..], name].concat().into_iter().map(String::from).collect();
            Some(WrongSetting { detail: format!("`{}`: {why}\n  help: {help}", path.join(".")), path })
        };
        match self.stands_for(zone) {
            None => {
                let why = format!("nothing stands for the zone `{zone}`, in which {place} has servers");
                wrong(&[], why, format!("add `{zone} = \"…\"`, with {what}"))
            }
            Some(stands) if !(self.can_be)(stands) && self.named.is_empty() => {
                let why = format!(
                    "nothing stands for the zone `{zone}`, in which {place} has servers, and none there is called `{zone}`"
                );
                wrong(&[], why, format!("write `zones = {{ {zone} = \"…\" }}` under `[{section}]`, with {what}"))
            }
            Some(stands) if !(self.can_be)(stands) => {
                wrong(&[zone], format!("no zone there is called `{stands}`"), format!("name {what}"))
            }
            Some(_) => None,
        }
    }
}

/// The zones in which a scenario has servers.
pub fn zones_of(scenario: &ScenarioPlan) -> BTreeSet<&str> {
    scenario.infrastructure.servers.values().filter_map(|server| server.zone.as_deref()).collect()
}

/// What is wrong in the settings of a plan for those of its scenarios that this environment would run, each thing once.
pub fn wrong_settings(kind: &dyn Kind, plan: &Plan) -> Vec<WrongSetting> {
    let mut scenarios: Vec<&ScenarioPlan> = plan.scenarios.iter().collect();
    if wrong_for(kind, &scenarios).is_empty() {
        // To see what would be skipped may take a look at the machine.
        return Vec::new();
    }
    let skipped: BTreeSet<u32> = unable(kind, plan).into_iter().map(|(index, _)| index).collect();
    scenarios.retain(|scenario| !skipped.contains(&scenario.index));
    wrong_for(kind, &scenarios)
}

fn wrong_for(kind: &dyn Kind, scenarios: &[&ScenarioPlan]) -> Vec<WrongSetting> {
    let mut all: Vec<WrongSetting> = scenarios.iter().flat_map(|scenario| kind.wrong_settings(scenario)).collect();
    all.sort();
    all.dedup();
    let mut seen = BTreeSet::new();
    for scenario in scenarios {
        let Some(zones) = kind.zones(&scenario.settings) else { continue };
        let place = format!("{}:{}", scenario.feature.display(), scenario.line);
        let new = zones_of(scenario).into_iter().filter(|zone| seen.insert(*zone));
        all.extend(new.filter_map(|zone| zones.why_not(zone, &place)));
    }
    all
}

/// The keys of `zones` that no scenario of a plan has servers in, with the section that has them.
pub fn unused_zones(kind: &dyn Kind, plan: &Plan) -> Vec<[String; 2]> {
    let Some(zones) = plan.scenarios.first().and_then(|scenario| kind.zones(&scenario.settings)) else {
        return Vec::new();
    };
    let used: BTreeSet<&str> = plan.scenarios.iter().flat_map(zones_of).collect();
    let unused = zones.named.keys().filter(|key| !used.contains(key.as_str()));
    unused.map(|key| [zones.section.into(), key.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::named;
    use crate::history::synthetic::Script;
    use crate::plan::SCHEMA;
    use crate::settings::{OpenStackProfile, Settings};

    /// Scenarios with a webserver in each of these zones.
    fn plan(zones: &[&str], settings: impl Fn(&mut Settings)) -> Plan {
        let scenario = |index| {
            let mut scenario = Script::website(zones.len().max(1), 1).plan();
            let of = scenario.infrastructure.servers.values_mut().filter(|server| server.name.starts_with("web"));
            of.zip(zones).for_each(|(server, zone)| server.zone = Some((*zone).into()));
            settings(&mut scenario.settings);
            ScenarioPlan { index, feature: "any.feature".into(), line: 3, ..scenario }
        };
        Plan { schema: SCHEMA, seed: 7, environment: "any".into(), scenarios: vec![scenario(0), scenario(1)] }
    }

    fn named_zones(zones: &[(&str, &str)]) -> BTreeMap<String, String> {
        zones.iter().map(|(zone, stands)| ((*zone).into(), (*stands).into())).collect()
    }

    /// What is told of scenarios on EC2, with zones of these names standing for theirs.
    fn on_ec2(zones: &[&str], stand: &[(&str, &str)]) -> Vec<String> {
        let plan = plan(zones, |settings| {
            settings.ec2.image = Some("ami-1".into());
            settings.ec2.zones = named_zones(stand);
            settings.ec2.virtual_ips = Some(crate::settings::Ec2VirtualIps::Elastic);
        });
        assert_eq!(unable(named("ec2").unwrap(), &plan), []);
        wrong_settings(named("ec2").unwrap(), &plan).into_iter().map(|wrong| wrong.detail).collect()
    }

    #[test]
    fn an_image_that_ec2_needs_is_missed_once_and_only_for_scenarios_that_would_run() {
        let ec2 = named("ec2").unwrap();
        let wrong = wrong_settings(ec2, &plan(&[], |_| {}));
        let [image] = &wrong[..] else { panic!("{wrong:?}") };
        assert_eq!(image.path, ["ec2", "image"]);
        assert!(image.detail.starts_with("`ec2.image`: it is not set, and EC2 has no image"), "{}", image.detail);
        let mut scaled = plan(&[], |settings| settings.openstack.profile = OpenStackProfile::Rackspace);
        assert_eq!(wrong_settings(named("openstack").unwrap(), &scaled), []);
        let mut shared = crate::infrastructure::VirtualIp { name: "www".into(), holders: vec![], floating_ip: false };
        shared.holders.push("lb-1".into());
        scaled.scenarios.iter_mut().for_each(|one| one.infrastructure.virtual_ips = vec![shared.clone()]);
        assert_eq!(wrong_settings(ec2, &scaled), [], "no VPC delivers to the address, so they are skipped");
    }

    #[test]
    fn groups_of_a_cloud_that_has_none_are_refused() {
        let plan = plan(&[], |settings| {
            settings.openstack.profile = OpenStackProfile::Rackspace;
            settings.openstack.security_groups = Some(vec!["site".into()]);
        });
        let wrong = wrong_settings(named("openstack").unwrap(), &plan);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert_eq!(wrong[0].path, ["openstack", "security_groups"]);
    }

    #[test]
    fn each_zone_in_which_servers_are_needs_one_that_stands_for_it() {
        assert_eq!(on_ec2(&["a", "b"], &[("a", "eu-central-1a"), ("b", "subnet-1")]), [""; 0]);
        assert_eq!(on_ec2(&["eu-central-1a"], &[]), [""; 0], "it stands for itself");
        let nothing = "nothing stands for the zone `b`, in which any.feature:3 has servers";
        let told = on_ec2(&["a", "b"], &[("a", "eu-central-1a")]);
        assert!(told.len() == 1 && told[0].starts_with(&format!("`ec2.zones`: {nothing}\n  help: ")), "{told:?}");
        let told = on_ec2(&["b"], &[]);
        assert!(told.len() == 1 && told[0].contains(&format!("{nothing}, and none there is called `b`")), "{told:?}");
        let told = on_ec2(&["a"], &[("a", "b")]);
        assert!(told.len() == 1 && told[0].starts_with("`ec2.zones.a`: no zone there is called `b`"), "{told:?}");
        assert_eq!(
            wrong_settings(named("openstack").unwrap(), &plan(&["a"], |_| {})),
            [],
            "one may be called so there"
        );
        assert_eq!(wrong_settings(named("local").unwrap(), &plan(&["a"], |_| {})), []);
    }

    #[test]
    fn keys_that_no_scenario_has_servers_in_are_known() {
        let zones = named_zones(&[("a", "nova-1"), ("c", "nova-2")]);
        let plan = plan(&["a"], |settings| settings.openstack.zones = zones.clone());
        assert_eq!(unused_zones(named("openstack").unwrap(), &plan), [["openstack".to_owned(), "c".to_owned()]]);
        assert_eq!(unused_zones(named("ec2").unwrap(), &plan), [[""; 2]; 0].map(|of| of.map(String::from)));
    }
}
