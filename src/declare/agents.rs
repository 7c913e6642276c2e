//! What is done to the agents that keep a site as it should be.

use super::world::{Declaration, StepError};
use crate::plan::{Act, Agent};

impl Declaration {
    /// An agent stops, starts again, or is killed.
    ///
    /// # Errors
    /// One that does not run in this scenario, or that would stop twice, or start though it runs.
    pub fn order_agent(&mut self, act: Act) -> Result<(), StepError> {
        let agent = match act {
            Act::AgentStops(agent) | Act::AgentStarts(agent) => agent,
            _ => Agent::Reconciler,
        };
        self.is_there(agent)?;
        match (&act, self.is_stopped(agent)) {
            (Act::AgentStarts(_), false) => {
                Err(StepError::refused(format!("the {agent} runs already"), format!("say `the {agent} stops` before")))
            }
            (Act::AgentStops(_) | Act::ReconcilerDies(_), true) => {
                let hint = format!("say `the {agent} starts again` before");
                Err(StepError::refused(format!("the {agent} was stopped before"), hint))
            }
            _ => {
                self.shaped.push(self.step.clone());
                self.act(act)
            }
        }
    }

    fn is_there(&self, agent: Agent) -> Result<(), StepError> {
        match agent {
            Agent::Reconciler if !self.settings.reconciler.enabled => {
                Err(StepError::refused("the reconciler is off", "leave out `the reconciler is off`"))
            }
            Agent::ConfigAgent if !self.settings.config_agent.enabled => {
                let hint = "start with `Given the config agent runs every 1 min`";
                Err(StepError::refused("there is no config agent here", hint))
            }
            Agent::Failover if !self.has_floating_ip() => {
                let hint = "declare one in an infrastructure file: `virtual_ips: [{ name: www, floating_ip: true, holders: [lb] }]`";
                Err(StepError::refused("there is no failover here: no floating IP is declared", hint))
            }
            _ => Ok(()),
        }
    }

    /// A draft that can't be built has another mistake.
    fn has_floating_ip(&self) -> bool {
        self.draft.clone().build().map_or(true, |built| built.virtual_ips.iter().any(|ip| ip.floating_ip))
    }

    fn is_stopped(&self, agent: Agent) -> bool {
        let about = |act: &&Act| matches!(act, Act::AgentStops(of) | Act::AgentStarts(of) if *of == agent);
        matches!(self.acts.iter().rev().find(about), Some(Act::AgentStops(_)))
    }
}
