//! What Whens may say of faults.

use super::world::{Declaration, StepError};
use crate::fault::{self, Parameter};
use crate::plan::{Act, Choice, Parameters, Partition, Schedule, StrikeOrder, Target};

/// A fault as a step names it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Strike {
    /// Its name in the table of faults.
    pub fault: &'static str,
    /// What it needs to be told.
    pub with: Parameters,
    /// Whom.
    pub target: Target,
    /// Which servers are separated from which, for a partition.
    pub partition: Option<Partition>,
}

impl Strike {
    /// A fault that needs no more than its target.
    pub fn of(fault: &'static str, target: Target) -> Strike {
        Strike { fault, with: Parameters::default(), target, partition: None }
    }

    /// The network is cut.
    pub fn partition(target: Target, partition: Partition) -> Strike {
        Strike { partition: Some(partition), ..Strike::of("partition", target) }
    }
}

/// Every server called this.
pub fn every(role: &str) -> Target {
    Target::of(Choice::Every, role, format!("every {role}"))
}

impl Declaration {
    /// A fault, later.
    ///
    /// # Errors
    /// What [`fault::check`] refuses; `the same R` before anybody was struck.
    pub fn strike(&mut self, what: Strike, schedule: Schedule) -> Result<(), StepError> {
        let order = self.order(what, &schedule)?;
        self.act(Act::Strike { order, schedule })
    }

    /// A fault that befalls each server of its target, one after the other, with a wait for recovery after each.
    ///
    /// # Errors
    /// As [`strike`](Self::strike); a fault that nobody recovers from by himself, as it lasts until it is lifted.
    pub fn in_turn(&mut self, what: Strike) -> Result<(), StepError> {
        if !fault::named(what.fault).is_some_and(|fault| fault.passes()) {
            return Err(StepError::refused(
                "after each strike the site must recover by itself, and from this one it does not",
                "say `dies` or `reboots`",
            ));
        }
        let order = self.order(what, &Schedule::Once)?;
        self.act(Act::InTurn { order })
    }

    fn order(&self, what: Strike, schedule: &Schedule) -> Result<StrikeOrder, StepError> {
        let Strike { fault, mut with, target, partition } = what;
        let fault = fault::named(fault).ok_or_else(|| {
            StepError::refused(format!("there is no fault `{fault}`"), "see the table of `anarcho_chimp::fault`")
        })?;
        if target.choice == Choice::Same && !self.strikes() {
            return Err(StepError::refused(
                format!("`{}` was not struck before", target.text),
                "`same` means the servers that the previous strike hit; put that strike first",
            ));
        }
        if fault.accepts().contains(&Parameter::After) && with.after.is_none() {
            with.after = Some(self.settings.nemesis.network_delay);
        }
        let order = StrikeOrder { fault: fault.name().into(), with, target, partition, step: self.step.clone() };
        fits(&order, schedule)?;
        Ok(order)
    }
}

/// Whether an order and its schedule make sense.
pub(super) fn fits(order: &StrikeOrder, schedule: &Schedule) -> Result<(), StepError> {
    let fault = fault::named(&order.fault).expect("it was found when it was ordered");
    fault::check(fault, order, schedule).map_err(|refusal| StepError::refused(refusal.detail, refusal.hint))
}
