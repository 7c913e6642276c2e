//! What a look would do, told without doing it.

use super::Failure;
use super::life::Reconciler;
use super::spare::{self, Promotion, stand_in};
use crate::instance::Ability;
use crate::settings::Policy;

/// What a look would do.
#[derive(Debug, Default)]
pub struct Intentions {
    /// In words, a line for each; none, where everything is as declared.
    pub lines: Vec<String>,
    /// Whether the provider can't do some of it.
    pub impossible: bool,
}

impl Reconciler {
    /// What a look would find to do; does nothing.
    ///
    /// # Errors
    /// When the provider does not list.
    pub async fn plan(&self) -> Result<Intentions, Failure> {
        let found = self.list().await?;
        let differences = self.differences(&found);
        let mut promotions = self.context.store.now().promotions;
        let mut intentions = Intentions::default();
        let Intentions { lines, impossible } = &mut intentions;
        for (server, seen) in &differences.missing {
            let placed = spare::placed(&self.context.declared.infrastructure, &promotions);
            if let Some(spare) = stand_in(&placed, server, |name| self.can_stand_in(name, &found)) {
                lines.push(format!("promote {}, a spare, to the place of {server}", spare.name));
                promotions.push(Promotion { spare: spare.name.clone(), instead_of: server.clone() });
            }
            let can = self.context.declared.provider.can(server, &[Ability::Boot].into());
            *impossible |= can.is_err();
            let but = can.err().map_or_else(String::new, |why| format!(", but can't: {why}"));
            lines.push(format!("boot {server}, a {}: it is missing ({seen}){but}", placed.servers[server].role));
        }
        let verb = match self.settings().surplus {
            Policy::Leave => "leave",
            Policy::Terminate => "terminate",
        };
        lines.extend(differences.surplus.iter().map(|(id, why)| format!("{verb} {id}: {why}")));
        Ok(intentions)
    }
}
