//! Whose turn it is to change a tier of databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Whose turn it is: a tier is changed by one at a time, but for slaves that are rebuilt side by side. Clones are the
/// same turn; one is over when its guard is dropped.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    taken: Arc<RwLock<()>>,
    greatest: Arc<AtomicU32>,
}

impl Turn {
    /// Waits for a turn of one's own.
    pub(super) async fn alone(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.taken).write_owned().await
    }

    /// A turn of one's own, if it is to be had now.
    pub(super) fn alone_now(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        Arc::clone(&self.taken).try_write_owned().ok()
    }

    /// Waits for a turn beside others of this kind.
    pub(super) async fn beside(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.taken).read_owned().await
    }

    /// A number greater than `heard`, and than any that was given before.
    pub(super) fn number(&self, heard: u32) -> u32 {
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
        let turn = Turn::default();
        assert_eq!([4, 4, 9, 0].map(|heard| turn.clone().number(heard)), [5, 6, 10, 11]);
    }

    #[tokio::test]
    async fn slaves_are_changed_side_by_side_and_nothing_beside_a_master() {
        let turn = Turn::default();
        let (first, second) = (turn.beside().await, turn.beside().await);
        assert!(turn.alone_now().is_none());
        drop((first, second));
        let _alone = turn.alone_now().expect("nobody else has a turn");
        assert!(turn.alone_now().is_none());
    }
}
