//! A whole zone is lost: every server in it loses its power.

use super::power_off::PowerOff;
use super::{Fault, FaultTarget, ServerStrike};
use crate::plan::Parameters;

/// `When zone {string} is lost`, `… for {duration}`
///
/// Runs: for every server in the zone what [`loses power`](PowerOff) runs, all at once. Disks are kept, and the
/// reconciler leaves the servers alone, as a zone that is lost can't be booted in. Witness: no process of any of them
/// is left. Heal: power comes back.
pub struct ZoneLost;

impl Fault for ZoneLost {
    fn name(&self) -> &'static str {
        "zone-lost"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["zone {string} is lost{schedule}"]
    }

    fn strikes_zones(&self) -> bool {
        true
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        PowerOff.strike(victim, with)
    }
}
