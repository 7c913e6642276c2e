//! How many requests were sent on behalf of a part of a run, those that were sent again among them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<AtomicU64>);

impl Tally {
    /// One more was sent.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
