//! What is there against what should be, by name and type. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use crate::instance::{Instance, InstanceId, PowerState};

/// What should be: the role of each server, by name.
pub(super) type Desired = BTreeMap<String, String>;

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Actual {
    /// As the provider listed them.
    pub instances: Vec<Instance>,
    /// The names that the provider is booting; looked at before it was asked for its list, so that what ended its boot
    /// between the two is in one of them.
    pub booting: BTreeSet<String>,
}

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Declared servers without an instance, and not being booted either; with what there is of each.
    pub missing: Vec<(String, String)>,
    /// Instances that nobody declared, and second ones of a name; with the reason.
    pub surplus: Vec<(InstanceId, String)>,
}

/// Compares. `booted_as` is what is known of the type of each server that exists; `ours` the instance that was booted
/// for a name, where one was: of two of a name, that one stays, else the later one.
pub(super) fn compare(
    desired: &Desired,
    found: &Actual,
    booted_as: &BTreeMap<String, String>,
    ours: &BTreeMap<String, String>,
) -> Differences {
    let mut differences = Differences::default();
    for name in desired.keys() {
        if stands_for(&found.instances, name, ours).is_none() && !found.booting.contains(name) {
            differences.missing.push((name.clone(), last_seen(&found.instances, name)));
        }
    }
    for instance in found.instances.iter().filter(|instance| exists(instance)) {
        let reason = match (desired.get(&instance.name), booted_as.get(&instance.name)) {
            (None, _) => "it is not declared".into(),
            (Some(role), Some(other)) if role != other => format!("it is a {other}, and a {role} is declared"),
            _ if stands_for(&found.instances, &instance.name, ours).is_some_and(|one| one.id != instance.id) => {
                format!("it is a second `{}`", instance.name)
            }
            _ => continue,
        };
        differences.surplus.push((instance.id.clone(), reason));
    }
    differences
}

/// One that lost its power exists: a cloud still lists it, and it may come back.
pub(super) fn exists(instance: &Instance) -> bool {
    instance.state != PowerState::Terminated
}

/// The instance that stands for a server.
pub(super) fn stands_for<'a>(
    instances: &'a [Instance],
    server: &str,
    ours: &BTreeMap<String, String>,
) -> Option<&'a Instance> {
    let mut of_name = instances.iter().filter(|instance| instance.name == server && exists(instance));
    let ours = ours.get(server).and_then(|id| of_name.clone().find(|instance| instance.id.0 == *id));
    ours.or_else(|| of_name.next_back())
}

fn last_seen(instances: &[Instance], server: &str) -> String {
    match instances.iter().rev().find(|instance| instance.name == server) {
        Some(instance) => format!("{} {}: {}", instance.id, instance.state, instance.evidence),
        None => "no such instance".into(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `web-1.2` as an instance of `web-1`.
    pub fn instance(id: &str, state: PowerState) -> Instance {
        let (name, _) = id.rsplit_once('.').unwrap();
        Instance {
            id: InstanceId(id.into()),
            name: name.into(),
            address: [198, 18, 0, 2].into(),
            state,
            evidence: "pid 7".into(),
            first_process: None,
            changed: None,
        }
    }

    fn webservers(names: &[&str]) -> Desired {
        names.iter().map(|name| (name.to_string(), "webserver".to_string())).collect()
    }

    fn compared(desired: &[&str], there: &[(&str, PowerState)], booting: &[&str]) -> Differences {
        let instances = there.iter().map(|(id, state)| instance(id, *state)).collect();
        let booting = booting.iter().map(ToString::to_string).collect();
        compare(&webservers(desired), &Actual { instances, booting }, &BTreeMap::new(), &BTreeMap::new())
    }

    fn missing(differences: &Differences) -> Vec<&str> {
        differences.missing.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn only_what_is_gone_for_good_is_missing() {
        use PowerState::{Frozen, Running, Stopped, Terminated};
        let there = [("web-1.1", Running), ("web-2.1", Stopped), ("web-3.1", Frozen), ("web-4.1", Terminated)];
        let differences = compared(&["web-1", "web-2", "web-3", "web-4", "web-5"], &there, &[]);
        assert_eq!(
            differences.missing,
            [
                ("web-4".to_string(), "web-4.1 terminated: pid 7".to_string()),
                ("web-5".to_string(), "no such instance".to_string())
            ]
        );
        assert_eq!(differences.surplus, []);
    }

    #[test]
    fn what_is_being_booted_is_not_missing() {
        let differences = compared(&["web-1", "web-2"], &[("web-1.1", PowerState::Terminated)], &["web-1"]);
        assert_eq!(missing(&differences), ["web-2"]);
    }

    #[test]
    fn a_replacement_makes_its_predecessor_forgotten() {
        let there = [("web-1.1", PowerState::Terminated), ("web-1.2", PowerState::Running)];
        assert_eq!(compared(&["web-1"], &there, &[]), Differences::default());
    }

    #[test]
    fn what_nobody_declared_and_a_second_of_a_name_are_surplus() {
        let there =
            [("web-1.1", PowerState::Running), ("web-1.2", PowerState::Running), ("old-1.1", PowerState::Stopped)];
        let differences = compared(&["web-1"], &there, &[]);
        let told: Vec<String> = differences.surplus.iter().map(|(id, why)| format!("{id}: {why}")).collect();
        assert_eq!(told, ["web-1.1: it is a second `web-1`", "old-1.1: it is not declared"]);
    }

    #[test]
    fn of_two_the_one_that_was_booted_here_stays() {
        let instances = vec![instance("web-1.1", PowerState::Running), instance("web-1.2", PowerState::Running)];
        let ours = BTreeMap::from([("web-1".to_string(), "web-1.1".to_string())]);
        let found = Actual { instances, booting: BTreeSet::new() };
        let differences = compare(&webservers(&["web-1"]), &found, &BTreeMap::new(), &ours);
        assert_eq!(differences.surplus[0].0.0, "web-1.2");
    }

    #[test]
    fn another_type_is_told() {
        let found = Actual { instances: vec![instance("web-1.1", PowerState::Running)], booting: BTreeSet::new() };
        let booted_as = BTreeMap::from([("web-1".to_string(), "webhaproxy".to_string())]);
        let differences = compare(&webservers(&["web-1"]), &found, &booted_as, &BTreeMap::new());
        assert_eq!(missing(&differences), [""; 0]);
        assert_eq!(differences.surplus[0].1, "it is a webhaproxy, and a webserver is declared");
    }
}
