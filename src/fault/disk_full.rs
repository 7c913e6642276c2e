//! A server has no disk space left.

use super::{Fault, FaultTarget, ServerStrike};
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When {target} gets a full disk`, `… for {duration}`
///
/// Runs: the victim's agent fills the disk that `/` lies on until no block is free.
/// Witness: the agent finds no free block. Heal: the file is removed.
pub struct DiskFull;

impl Fault for DiskFull {
    fn name(&self) -> &'static str {
        "disk-full"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} get(s) a full disk{schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike::held(victim.server, Effect::Disk { percent: 100.0 })
    }
}
