//! Which servers held an address, from looks that were made at each of them on their own.
//!
//! No two servers are looked at in the same moment. Between the look that saw an address and the look that no longer did,
//! it is not known whether the server held it. So a state of all is settled only for moments at which each of them is
//! known: changes whose intervals overlap become one. And it is settled only as far as all of them have been seen: what
//! one server did not report yet may have come first.

/// What became known of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// Which server.
    pub candidate: usize,
    /// The last moment, in microseconds, at which it surely had not changed.
    pub since_us: u64,
    /// When the look began that saw it, and when it ended.
    pub at_us: (u64, u64),
    /// Whether it holds the address; `None`: from here on that is not known.
    pub holds: Option<bool>,
}

/// A state of all servers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// By when it surely was so.
    pub at_us: u64,
    /// The last moment at which it surely was not.
    pub since_us: u64,
    /// Those that hold the address; `None` while that is not known of some.
    pub holders: Option<Vec<usize>>,
}

/// The servers that may hold one address.
pub(super) struct Holders {
    /// As of the last change of each, settled or not.
    latest: Vec<Option<bool>>,
    settled: Vec<Option<bool>>,
    /// The end of the last look that was settled.
    settled_us: u64,
    pending: Vec<Change>,
}

impl Holders {
    /// Nothing is known yet.
    pub fn new(candidates: usize) -> Holders {
        let unknown = vec![None; candidates];
        Holders { latest: unknown.clone(), settled: unknown, settled_us: 0, pending: Vec::new() }
    }

    /// Takes in what became known; what is known already is no change.
    pub fn add(&mut self, change: Change) {
        if std::mem::replace(&mut self.latest[change.candidate], change.holds) != change.holds {
            self.pending.push(change);
        }
    }

    /// The states of all until a moment up to which all have been seen, in their order.
    pub fn settle(&mut self, to_us: u64) -> Vec<Settled> {
        self.pending.sort_by_key(|change| change.at_us.0);
        let ready = self.pending.partition_point(|change| change.at_us.0 <= to_us);
        let mut ready = self.pending.drain(..ready).collect::<Vec<_>>().into_iter().peekable();
        let mut states = Vec::new();
        while let Some(first) = ready.next() {
            let mut state = (first.since_us, first.at_us.1);
            self.settled[first.candidate] = first.holds;
            // Unless this one was over before the next began, they may have come in either order.
            let mut latest_us = first.at_us.0;
            while let Some(next) = ready.next_if(|next| next.since_us < latest_us) {
                self.settled[next.candidate] = next.holds;
                latest_us = next.at_us.0;
                state = (state.0.min(next.since_us), state.1.max(next.at_us.1));
            }
            self.settled_us = self.settled_us.max(state.1);
            states.push(Settled { at_us: self.settled_us, since_us: state.0, holders: self.holders() });
        }
        states
    }

    fn holders(&self) -> Option<Vec<usize>> {
        let known: Option<Vec<bool>> = self.settled.iter().copied().collect();
        Some(known?.into_iter().enumerate().filter(|(_, holds)| *holds).map(|(candidate, _)| candidate).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(candidate: usize, since_us: u64, at_us: u64, holds: Option<bool>) -> Change {
        Change { candidate, since_us, at_us: (at_us, at_us + 1), holds }
    }

    /// Two servers of which the first held the address at 1.
    fn held() -> Holders {
        let mut holders = Holders::new(2);
        holders.add(change(0, 0, 1, Some(true)));
        holders.add(change(1, 0, 1, Some(false)));
        assert_eq!(holders.settle(10), [Settled { at_us: 2, since_us: 0, holders: Some(vec![0]) }]);
        holders
    }

    #[test]
    fn an_address_that_changes_hands_between_two_looks_was_never_seen_at_both_nor_at_none() {
        let mut holders = held();
        // Released at 104, taken at 106; looked at in any order.
        holders.add(change(0, 100, 110, Some(false)));
        holders.add(change(1, 97, 107, Some(true)));
        assert_eq!(holders.settle(120), [Settled { at_us: 111, since_us: 97, holders: Some(vec![1]) }]);
    }

    #[test]
    fn a_while_with_no_holder_and_one_with_two_are_states_of_their_own() {
        let mut holders = held();
        holders.add(change(0, 100, 110, Some(false)));
        holders.add(change(1, 290, 300, Some(true)));
        holders.add(change(0, 400, 410, Some(true)));
        let states: Vec<_> = holders.settle(500).into_iter().map(|state| state.holders.unwrap()).collect();
        assert_eq!(states, [vec![], vec![1], vec![0, 1]]);
    }

    #[test]
    fn nothing_is_settled_beyond_what_all_have_reported() {
        let mut holders = held();
        holders.add(change(1, 290, 300, Some(true)));
        assert_eq!(holders.settle(120), [], "the first was seen until 120 only: it may have let go before");
        holders.add(change(0, 100, 110, Some(false)));
        let states = holders.settle(300);
        assert_eq!(states.iter().map(|state| state.at_us).collect::<Vec<_>>(), [111, 301]);
    }

    #[test]
    fn while_one_is_unknown_so_is_the_whole() {
        let mut holders = held();
        holders.add(change(0, 50, 50, None));
        holders.add(change(1, 290, 300, Some(true)));
        let states = holders.settle(1000);
        assert!(states.iter().all(|state| state.holders.is_none()), "{states:?}");
        holders.add(change(0, 900, 905, Some(false)));
        assert_eq!(holders.settle(1000), [Settled { at_us: 906, since_us: 900, holders: Some(vec![1]) }]);
    }

    #[test]
    fn the_same_again_is_no_change() {
        let mut holders = held();
        holders.add(change(0, 50, 60, Some(true)));
        assert_eq!(holders.settle(1000), []);
    }
}
