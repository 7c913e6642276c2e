//! The lock on a tier of databases: who may change which of them replicates from which.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// A tier is changed by one at a time, but for slaves that are rebuilt side by side. Clones are the same lock; it is
/// released when its guard is dropped.
#[derive(Debug, Clone, Default)]
pub struct TopologyLock {
    taken: Arc<RwLock<()>>,
    greatest: Arc<AtomicU32>,
}

impl TopologyLock {
    /// Waits until no other holds it.
    pub(crate) async fn alone(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.taken).write_owned().await
    }

    /// The same, if no other holds it now.
    pub(crate) fn alone_now(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        Arc::clone(&self.taken).try_write_owned().ok()
    }

    /// Waits for it beside others of this kind.
    pub(crate) async fn beside(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.taken).read_owned().await
    }

    /// A number greater than `heard`, and than any that was given before.
    pub(crate) fn number(&self, heard: u32) -> u32 {
        let next = |before: u32| before.max(heard) + 1;
        let before = self.greatest.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |before| Some(next(before)));
        next(before.unwrap_or_else(|before| before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let lock = TopologyLock::default();
        assert_eq!([4, 4, 9, 0].map(|heard| lock.clone().number(heard)), [5, 6, 10, 11]);
    }

    #[tokio::test]
    async fn slaves_are_changed_side_by_side_and_nothing_beside_a_master() {
        let lock = TopologyLock::default();
        let (first, second) = (lock.beside().await, lock.beside().await);
        assert!(lock.alone_now().is_none());
        drop((first, second));
        let _alone = lock.alone_now().expect("no other holds it");
        assert!(lock.alone_now().is_none());
    }
}
