//! What a workload found about an application's data, by the definitions of Jepsen's checkers. Pure functions of what is on record.

pub mod counter;
mod linear;
pub mod queue;
pub mod read;
pub mod register;
pub mod set;

use crate::history::Work;

/// Every read of a set or of a register that a workload's users made, beside what had been acknowledged before it was sent.
pub fn reads(works: &[Work]) -> Vec<read::Read<'_>> {
    let mut reads = set::reads(works);
    reads.extend(register::reads(works));
    reads
}
