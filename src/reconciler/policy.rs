//! What is done about what should not be there, or does not do its work.

use std::collections::{BTreeMap, BTreeSet};

use crate::instance::{Instance, InstanceId, PowerState};

/// Counts how often in a row each instance was seen not to do its work.
#[derive(Debug, Default)]
pub(super) struct Health {
    failed: BTreeMap<InstanceId, u32>,
}

impl Health {
    /// Takes in one look, in which `ill` were seen, with what was seen; returns those that were ill for at least
    /// `looks` looks in a row now.
    pub fn look(&mut self, ill: Vec<(InstanceId, String)>, looks: u32) -> Vec<(InstanceId, String)> {
        let still: BTreeSet<InstanceId> = ill.iter().map(|(id, _)| id.clone()).collect();
        self.failed.retain(|id, _| still.contains(id));
        let counted = ill.into_iter().filter(|(id, _)| {
            let times = self.failed.entry(id.clone()).or_insert(0);
            *times += 1;
            *times >= looks
        });
        counted.collect()
    }
}

/// Why an instance does not do its work, as far as its provider can tell.
pub(super) fn stands_still(instance: &Instance) -> Option<String> {
    let stands_still = matches!(instance.state, PowerState::Frozen | PowerState::Stopped);
    stands_still.then(|| format!("{}: {}", instance.state, instance.evidence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconciler::compare::tests::instance;

    fn looks(health: &mut Health, ill: &[&str]) -> Vec<String> {
        let ill = ill.iter().map(|id| (InstanceId(id.to_string()), "frozen".to_string())).collect();
        health.look(ill, 3).into_iter().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn who_is_off_or_frozen_does_not_do_its_work() {
        let state = |state| stands_still(&instance("web-1.1", state));
        assert_eq!(state(PowerState::Frozen).unwrap().split(':').next(), Some("frozen"));
        assert_eq!(state(PowerState::Stopped).unwrap().split(':').next(), Some("stopped"));
        assert_eq!(state(PowerState::Running), None, "whether it serves is asked of itself");
        assert_eq!(state(PowerState::Terminated), None, "it is missing");
    }

    #[test]
    fn only_who_is_ill_for_long_enough_in_a_row_counts() {
        let mut health = Health::default();
        assert_eq!(looks(&mut health, &["web-1.1"]), [""; 0]);
        assert_eq!(looks(&mut health, &["web-1.1", "web-2.1"]), [""; 0]);
        assert_eq!(looks(&mut health, &["web-2.1"]), [""; 0], "web-1 was well again");
        assert_eq!(looks(&mut health, &["web-1.1", "web-2.1"]), ["web-2.1"]);
        assert_eq!(looks(&mut health, &["web-1.1", "web-2.1"]), ["web-2.1"], "until somebody does something");
        assert_eq!(looks(&mut health, &["web-1.1", "web-2.1"]), ["web-1.1", "web-2.1"]);
    }
}
