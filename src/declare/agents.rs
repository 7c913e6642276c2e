//! What is done to the agents that keep a site as it should be.

use super::world::{Declaration, StepError};
use crate::plan::{Act, Agent};

impl Declaration {
    /// An agent stops, starts again, or is killed.
    ///
    /// # Errors
    /// One that does not run in this scenario, or that would stop twice, or start though it runs.
    pub fn order_agent(&mut self, act: Act) -> Result<(), StepError> {
        if !self.settings.reconciler.enabled {
            return Err(StepError::refused("the reconciler is off", "leave out `the reconciler is off`"));
        }
        match (&act, self.is_stopped()) {
            (Act::AgentStarts(Agent::Reconciler), false) => {
                Err(StepError::refused("the reconciler runs already", "say `the reconciler stops` before"))
            }
            (Act::AgentStops(Agent::Reconciler) | Act::ReconcilerDies(_), true) => {
                Err(StepError::refused("the reconciler was stopped before", "say `the reconciler starts again` before"))
            }
            _ => self.act(act),
        }
    }

    fn is_stopped(&self) -> bool {
        let last = self.acts.iter().rev().find(|act| matches!(act, Act::AgentStops(_) | Act::AgentStarts(_)));
        matches!(last, Some(Act::AgentStops(Agent::Reconciler)))
    }
}
