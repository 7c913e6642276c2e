//! Why faults can't be made in a container, though its service was opted in.

use std::collections::{BTreeMap, BTreeSet};

use super::names::server_name;
use crate::docker::Project;
use crate::docker::project::Service;
use crate::instance::Ability;

/// What stands in the way, in words, each with what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::environment) struct Barriers {
    /// Of all that can be done to it.
    pub anything: Option<String>,
    /// Of faults of its network.
    pub network: Option<String>,
    /// Of whatever is done within it.
    pub within: Option<String>,
    /// That it runs on another machine, so that only its daemon can do something to it.
    pub elsewhere: Option<String>,
}

impl Barriers {
    /// Of every container that shares its network or its processes, by the server's name.
    pub fn of(project: &Project) -> BTreeMap<String, Barriers> {
        let each = |(name, service): (&String, &Service)| -> Vec<(String, Barriers)> {
            let barriers = Barriers::shared(service);
            let barred = service.numbers.iter().filter(|_| barriers != Barriers::default());
            barred.map(|number| (server_name(name, *number), barriers.clone())).collect()
        };
        project.services.iter().flat_map(each).collect()
    }

    fn shared(service: &Service) -> Barriers {
        let network = service.borrowed_network.as_ref().map(|network| {
            format!(
                "it has {network}, so a fault of its network would be one of others, too\n  help: give its service a network of its own"
            )
        });
        let within = service.borrowed_processes.as_ref().map(|processes| {
            format!(
                "it has {processes}, so a fault in it could hit others, too\n  help: leave out `pid:` of its service"
            )
        });
        Barriers { anything: None, network, within, elsewhere: None }
    }

    /// What stands in the way of all this. A switch of power is seen from outside, so that of one elsewhere only the look whether it is clean
    /// is left out.
    pub fn forbid(&self, abilities: &BTreeSet<Ability>) -> Option<&String> {
        let is_switched = abilities.iter().any(|ability| matches!(ability, Ability::Power(_)));
        let entered = || self.elsewhere.as_ref().filter(|_| !is_switched);
        let own = |ability: &Ability| match ability {
            Ability::Network => self.network.as_ref().or_else(entered),
            Ability::LogIn => self.within.as_ref().or_else(entered),
            Ability::Boot | Ability::Power(_) => None,
        };
        self.anything.as_ref().or_else(|| abilities.iter().find_map(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::PowerOp;

    #[test]
    fn one_elsewhere_is_switched_and_not_entered() {
        let barriers = Barriers { elsewhere: Some("far".into()), ..Barriers::default() };
        let why = |abilities: &[Ability]| barriers.forbid(&abilities.iter().copied().collect()).map(String::as_str);
        assert_eq!(why(&[Ability::LogIn, Ability::Power(PowerOp::Terminate)]), None);
        assert_eq!(why(&[Ability::LogIn]), Some("far"));
        assert_eq!(why(&[Ability::LogIn, Ability::Network]), Some("far"));
        let unnamed = Barriers { anything: Some("unnamed".into()), ..barriers.clone() };
        assert_eq!(unnamed.forbid(&[Ability::Power(PowerOp::Freeze)].into()).map(String::as_str), Some("unnamed"));
    }
}
