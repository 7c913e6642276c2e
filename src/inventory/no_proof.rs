//! Servers that nothing logs in to: neither a password nor a key proves the user.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::path::Path;

use super::Host;
use super::ways::Ways;
use crate::document::DocumentError;
use crate::provider::ssh::{Proof, ssh_agent};

/// What a server has instead of a proof, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NoProof {
    pub what: String,
    pub help: String,
}

impl fmt::Display for NoProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.help)
    }
}

impl Ways {
    /// Those of these servers that nothing logs in to; servers with the same reason make one error, at the first of them.
    pub fn locked_out(&self, servers: &BTreeSet<String>) -> Vec<DocumentError> {
        let holds_none = LazyCell::new(|| self.agent.as_deref().is_some_and(ssh_agent::holds_none));
        let mut alike: BTreeMap<NoProof, Vec<(&String, &Host)>> = BTreeMap::new();
        for (name, host) in self.inventory.hosts.iter().filter(|(name, _)| servers.contains(*name)) {
            if let Err((jump, mut why)) =
                self.way_in(name, host).and_then(|()| self.way_by_agent(name, host, &holds_none))
            {
                why.what = jump.map_or_else(
                    || format!("has {}", why.what),
                    |jump| format!("needs its jump host `{jump}`, which has {}", why.what),
                );
                alike.entry(why).or_default().push((name, host));
            }
        }
        let error = |(NoProof { what, help }, hosts): (NoProof, Vec<(&String, &Host)>)| {
            let names: Vec<String> = hosts.iter().map(|(name, _)| format!("`{name}`")).collect();
            let who = if names.len() == 1 { names.concat() } else { format!("each of {}", names.join(", ")) };
            let line = hosts.iter().map(|(_, host)| host.line).min();
            let detail = format!("nothing logs in there: {who} {what}");
            let file = self.inventory.infrastructure.source.clone();
            DocumentError { file, line, hint: Some(help), ..DocumentError::new(detail) }
        };
        alike.into_iter().map(error).collect()
    }
    /// Whether the SSH agent holds any key, where this server or its jump host needs it.
    fn way_by_agent<'h>(
        &self,
        name: &str,
        host: &'h Host,
        holds_none: &impl Deref<Target = bool>,
    ) -> Result<(), (Option<&'h str>, NoProof)> {
        let needs_agent =
            |server, endpoint| matches!(self.proof(server, endpoint), Ok(Proof::Agent(_))) && **holds_none;
        let empty = || {
            let socket = self.agent.as_deref().unwrap_or(Path::new("")).display();
            let what = format!("no login but the SSH agent at {socket}, which holds no key");
            NoProof { what, help: "add your key to the agent: ssh-add ~/.ssh/id_ed25519".into() }
        };
        if needs_agent(Some(name), &host.ssh) {
            return Err((None, empty()));
        }
        match &host.jump {
            Some(jump) if needs_agent(jump.is_host.then_some(jump.name.as_str()), &jump.endpoint) => {
                Err((Some(jump.name.as_str()), empty()))
            }
            _ => Ok(()),
        }
    }
}
