//! A read, beside what its reader knew and what had been acknowledged before it was sent.

use crate::history::Work;

/// A read of a register or of a set.
#[derive(Debug, PartialEq, Eq)]
pub struct Read<'a> {
    /// The read.
    pub read: &'a Work,
    /// How long ago the oldest of what it does not show had been acknowledged: of a register a newer value, of a set a value that is missing;
    /// `None`: it shows all.
    pub stale_us: Option<u64>,
    /// Whether it does not show what the reader itself had written before; `None`: the reader had written nothing.
    pub misses_own: Option<bool>,
    /// Whether it shows less, or something older, than the reader had seen before; `None`: the reader had seen nothing.
    pub goes_back: Option<bool>,
}
