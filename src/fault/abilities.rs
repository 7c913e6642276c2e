//! What a strike asks of its victim's provider, its heal included: whoever plans it can ask beforehand.

use std::collections::BTreeSet;

use super::{Action, ServerStrike, Witness};
use crate::instance::{Ability, PowerState};

impl ServerStrike {
    /// Everything that must be possible for it to strike, to be witnessed and to heal. Whoever attacks a server that runs
    /// logs in to it, to see that it is clean.
    pub fn abilities(&self) -> BTreeSet<Ability> {
        let heals = self.heal.as_ref();
        let actions = [Some(&self.inject), self.then.as_ref(), heals.map(|heal| &heal.action)].into_iter().flatten();
        let looks_outside = self.before == Witness::State(PowerState::Stopped);
        let log_in = (!looks_outside).then_some(Ability::LogIn);
        actions.filter_map(ability).chain(log_in).collect()
    }
}

fn ability(action: &Action) -> Option<Ability> {
    match action {
        Action::Power(op) => Some(Ability::Power(*op)),
        Action::Hold(effect) if effect.is_of_the_network() => Some(Ability::Network),
        Action::Exec(_) | Action::Hold(_) | Action::Release => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{FAULTS, FaultTarget, named};
    use crate::instance::PowerOp::*;
    use crate::plan::Parameters;

    fn of(fault: &str) -> Vec<Ability> {
        let target = FaultTarget { server: "web-1", peers: &[], services: &[] };
        named(fault).unwrap().strike(&target, &Parameters::default()).abilities().into_iter().collect()
    }

    #[test]
    fn what_heals_a_fault_is_asked_for_with_it() {
        use Ability::{LogIn, Power};
        assert_eq!(of("hangs"), [LogIn, Power(Freeze), Power(Thaw)]);
        assert_eq!(of("suspended"), [LogIn, Power(Suspend), Power(Resume)]);
        assert_eq!(of("soft-reboots"), [LogIn, Power(SoftReboot)]);
        assert_eq!(of("power-off"), [LogIn, Power(Stop), Power(Start)]);
        assert_eq!(of("zone-lost"), of("power-off"));
        assert_eq!(of("reboots"), [LogIn, Power(Stop), Power(Start)]);
        assert_eq!(of("dies"), [LogIn, Power(Terminate)]);
        assert_eq!(of("power-on"), [Power(Start)]);
        assert_eq!(of("isolated"), [LogIn, Power(Isolate), Power(Rejoin)]);
    }

    #[test]
    fn every_other_fault_needs_to_log_in_and_nothing_more() {
        let switch =
            ["hangs", "suspended", "power-off", "zone-lost", "reboots", "soft-reboots", "dies", "power-on", "isolated"];
        for fault in FAULTS.iter().filter(|fault| !switch.contains(&fault.name())) {
            let other = of(fault.name()).into_iter().filter(|ability| *ability != Ability::Network).collect::<Vec<_>>();
            assert_eq!(other, [Ability::LogIn], "{}", fault.name());
        }
    }

    #[test]
    fn what_an_agent_does_to_the_network_is_told_from_the_rest() {
        for (fault, is_of_it) in [
            ("loses-network", true),
            ("gains-delay", true),
            ("port-rejected", true),
            ("cpu-taken", false),
            ("dies", false),
        ] {
            assert_eq!(of(fault).contains(&Ability::Network), is_of_it, "{fault}");
        }
    }
}
