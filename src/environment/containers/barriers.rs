//! Why faults can't be made in a container, though its service was opted in.

use std::collections::BTreeMap;

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
    /// Of whatever is done within it, its network included.
    pub within: Option<String>,
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
        Barriers { anything: None, network, within }
    }

    /// What stands in the way of this.
    pub fn forbid(&self, ability: &Ability) -> Option<&String> {
        let own = match ability {
            Ability::Network => self.network.as_ref(),
            Ability::LogIn => self.within.as_ref(),
            Ability::Boot | Ability::Power(_) => None,
        };
        self.anything.as_ref().or(own)
    }
}
