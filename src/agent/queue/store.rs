//! Copies of packets that wait, in pieces of memory that are used again.

/// Where a copy is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(usize);

/// As many copies as there may be at once; memory is taken as they come, and kept.
#[derive(Debug, Default)]
pub(super) struct Store {
    copies: Vec<Vec<u8>>,
    free: Vec<usize>,
}

impl Store {
    /// Keeps a copy.
    pub fn put(&mut self, packet: &[u8]) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.copies.push(Vec::with_capacity(packet.len()));
            self.copies.len() - 1
        });
        self.copies[slot].clear();
        self.copies[slot].extend_from_slice(packet);
        Slot(slot)
    }

    /// Hands a copy out for the last time.
    pub fn take(&mut self, slot: Slot) -> &[u8] {
        self.free.push(slot.0);
        &self.copies[slot.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_what_was_put_and_its_place_is_used_again() {
        let mut store = Store::default();
        let [one, two] = [b"one".as_slice(), b"two, longer"].map(|packet| store.put(packet));
        assert_eq!(store.take(one), b"one");
        assert_eq!(store.put(b"three"), one);
        assert_eq!(store.take(two), b"two, longer");
        assert_eq!(store.take(one), b"three");
        assert_eq!(store.copies.len(), 2);
    }
}
