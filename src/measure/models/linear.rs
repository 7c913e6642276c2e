//! Whether one register behaves as if each operation happened at once, at some moment between its sending and its answer.
//!
//! The algorithm is Wing and Gong's with Lowe's memory of what was tried, as in Porcupine: take the operations one by one in an order that
//! their times allow; where none can be next, take back the last one. Writes with an unknown end may have happened at any later moment, or never.

use std::collections::HashSet;

/// What an operation does to a register, or saw of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// It is this from now on.
    Write(u32),
    /// It was this; `None`: it had no value yet.
    Read(Option<u32>),
    /// It was the first, and is the second from now on.
    CompareAndSet(u32, u32),
}

/// An operation on a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub touch: Touch,
    /// When it was sent.
    pub invoked_us: u64,
    /// When its answer came; `None`: it is not known whether it happened.
    pub ended_us: Option<u64>,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// There is such an order.
    Linearizable,
    /// There is none. The operation at this place is the first whose answer no order explains.
    Not(usize),
    /// Too many orders would have to be tried.
    Unknown,
}

/// Judges the operations of one register, which has no value at first. At most `steps` are tried.
pub fn judge(spans: &[Span], steps: u64) -> Found {
    let mut order: Vec<usize> = (0..spans.len()).filter(|at| spans[*at].ended_us.is_some()).collect();
    order.sort_by_key(|at| spans[*at].ended_us);
    let prefix = |length: usize| search(&known_by(spans, &order[..length]), steps);
    match prefix(order.len()) {
        Some(true) => return Found::Linearizable,
        None => return Found::Unknown,
        Some(false) => {}
    }
    // What is wrong with a history is wrong with any that goes on from it: the shortest that is wrong ends with the culprit.
    let (mut right, mut wrong) = (0, order.len());
    while right + 1 < wrong {
        let middle = right + (wrong - right) / 2;
        match prefix(middle) {
            Some(true) => right = middle,
            Some(false) => wrong = middle,
            // What was found stands, only its place is less exact.
            None => break,
        }
    }
    Found::Not(order[wrong - 1])
}

/// What is known when the last of these has ended; the others that were sent before may have happened or not.
fn known_by(spans: &[Span], ended: &[usize]) -> Vec<Span> {
    let Some(until_us) = ended.last().and_then(|at| spans[*at].ended_us) else { return Vec::new() };
    let mut known: Vec<Span> = ended.iter().map(|at| spans[*at]).collect();
    let mut is_ended = vec![false; spans.len()];
    ended.iter().for_each(|at| is_ended[*at] = true);
    let used = used(spans);
    for (at, span) in spans.iter().enumerate().filter(|(at, span)| !is_ended[*at] && span.invoked_us <= until_us) {
        let may_matter = match span.touch {
            Touch::Read(_) => false,
            // What nothing else asks for may as well have happened after everything else.
            Touch::Write(value) | Touch::CompareAndSet(_, value) => used.contains(&value),
        };
        if may_matter {
            known.push(Span { ended_us: None, ..spans[at] });
        }
    }
    known
}

/// The values that some operation saw.
fn used(spans: &[Span]) -> HashSet<u32> {
    let seen = |span: &Span| match span.touch {
        Touch::Read(value) => value,
        Touch::CompareAndSet(from, _) => Some(from),
        Touch::Write(_) => None,
    };
    spans.iter().filter_map(seen).collect()
}

/// A doubly linked list of sendings and answers by time. Place 0 is its head.
struct List {
    next: Vec<u32>,
    previous: Vec<u32>,
    /// Of each place, the operation.
    operation: Vec<u32>,
    /// Of a sending, the place of its answer; of an answer, 0.
    answer: Vec<u32>,
}

impl List {
    fn of(spans: &[Span]) -> List {
        // Of one moment, sendings come first, so that two that touch may be in either order.
        let mut moments: Vec<(u64, bool, u32)> = Vec::with_capacity(2 * spans.len());
        for (at, span) in spans.iter().enumerate() {
            moments.push((span.invoked_us, false, at as u32));
            moments.push((span.ended_us.unwrap_or(u64::MAX), true, at as u32));
        }
        moments.sort_unstable();
        let length = moments.len() as u32 + 1;
        let mut list = List {
            next: (1..=length).map(|at| at % length).collect(),
            previous: (0..length).map(|at| (at + length - 1) % length).collect(),
            operation: vec![0; length as usize],
            answer: vec![0; length as usize],
        };
        let mut sending = vec![0; spans.len()];
        for (at, (_, is_answer, operation)) in (1..).zip(moments) {
            list.operation[at] = operation;
            if is_answer {
                list.answer[sending[operation as usize]] = at as u32;
            } else {
                sending[operation as usize] = at;
            }
        }
        list
    }

    fn take_out(&mut self, place: u32) {
        let (previous, next) = (self.previous[place as usize], self.next[place as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    fn put_back(&mut self, place: u32) {
        let (previous, next) = (self.previous[place as usize], self.next[place as usize]);
        self.next[previous as usize] = place;
        self.previous[next as usize] = place;
    }
}

/// Which operations have been taken, as a number of those that all have been and the bits of the rest: what was tried is
/// remembered by it, so it must stay small in a long history.
#[derive(Default)]
struct Taken {
    words: Vec<u64>,
    /// All words below are full.
    full: usize,
}

impl Taken {
    fn of(length: usize) -> Taken {
        Taken { words: vec![0; length.div_ceil(64)], full: 0 }
    }

    fn take(&mut self, at: u32) {
        self.words[at as usize / 64] |= 1 << (at % 64);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    fn give_back(&mut self, at: u32) {
        self.words[at as usize / 64] &= !(1 << (at % 64));
        self.full = self.full.min(at as usize / 64);
    }

    fn key(&self, last: u32) -> (u32, Box<[u64]>) {
        let mut rest = &self.words[self.full..self.words.len().min(last as usize / 64 + 1).max(self.full)];
        while let Some((0, shorter)) = rest.split_last() {
            rest = shorter;
        }
        (self.full as u32, rest.into())
    }
}

/// Whether there is an order; `None` where that took too many steps.
fn search(spans: &[Span], steps: u64) -> Option<bool> {
    let mut spans = spans.to_vec();
    // Neighbours in time are neighbours in the bits.
    spans.sort_by_key(|span| span.invoked_us);
    let mut list = List::of(&spans);
    let mut to_take = spans.iter().filter(|span| span.ended_us.is_some()).count();
    let (mut state, mut taken, mut last) = (None, Taken::of(spans.len()), 0);
    let mut tried: HashSet<(u32, Box<[u64]>, Option<u32>)> = HashSet::new();
    let mut path: Vec<(u32, Option<u32>)> = Vec::new();
    let mut place = list.next[0];
    let mut left = steps;
    while to_take > 0 {
        left = left.checked_sub(1)?;
        let answer = list.answer[place as usize];
        if answer == 0 {
            // An answer is next, and its operation could not be taken: the one before must not have been.
            let Some((back, before)) = path.pop() else { return Some(false) };
            let operation = list.operation[back as usize];
            state = before;
            taken.give_back(operation);
            to_take += usize::from(spans[operation as usize].ended_us.is_some());
            list.put_back(list.answer[back as usize]);
            list.put_back(back);
            place = list.next[back as usize];
            continue;
        }
        let operation = list.operation[place as usize];
        if let Some(after) = step(state, spans[operation as usize].touch) {
            taken.take(operation);
            last = last.max(operation);
            let (full, rest) = taken.key(last);
            if tried.insert((full, rest, after)) {
                path.push((place, state));
                state = after;
                to_take -= usize::from(spans[operation as usize].ended_us.is_some());
                list.take_out(place);
                list.take_out(answer);
                place = list.next[0];
                continue;
            }
            taken.give_back(operation);
        }
        place = list.next[place as usize];
    }
    Some(true)
}

/// The register's value after an operation; `None`: it can't have happened now.
fn step(value: Option<u32>, touch: Touch) -> Option<Option<u32>> {
    match touch {
        Touch::Write(new) => Some(Some(new)),
        Touch::Read(saw) => (saw == value).then_some(value),
        Touch::CompareAndSet(from, to) => (value == Some(from)).then_some(Some(to)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(touch: Touch, invoked_us: u64, ended_us: impl Into<Option<u64>>) -> Span {
        Span { touch, invoked_us, ended_us: ended_us.into() }
    }

    const MANY: u64 = 1_000_000;

    #[test]
    fn reads_of_a_value_that_was_overwritten_are_found() {
        let mut spans = vec![
            span(Touch::Read(None), 0, 1),
            span(Touch::Write(1), 2, 10),
            span(Touch::Read(Some(1)), 4, 5),
            span(Touch::Write(2), 11, 20),
            span(Touch::Read(Some(1)), 12, 13),
            span(Touch::CompareAndSet(2, 3), 21, 22),
            span(Touch::Read(Some(3)), 23, 24),
        ];
        assert_eq!(judge(&spans, MANY), Found::Linearizable);
        spans.push(span(Touch::Read(Some(2)), 25, 26));
        assert_eq!(judge(&spans, MANY), Found::Not(7));
        spans.push(span(Touch::Read(Some(1)), 1, 3));
        assert_eq!(judge(&spans, MANY), Found::Not(7), "the first that shows it is named");
        spans.push(span(Touch::Read(Some(9)), 1, 2));
        assert_eq!(judge(&spans, MANY), Found::Not(9));
    }

    #[test]
    fn a_write_of_unknown_end_may_have_happened_later_or_never() {
        let write = span(Touch::Write(1), 0, None);
        let reads = |values: &[Option<u32>]| -> Vec<Span> {
            let each = (1..).zip(values).map(|(at, value)| span(Touch::Read(*value), 10 * at, 10 * at + 1));
            [write].into_iter().chain(each).collect()
        };
        for values in [&[None, None][..], &[None, Some(1)], &[Some(1), Some(1)]] {
            assert_eq!(judge(&reads(values), MANY), Found::Linearizable, "{values:?}");
        }
        assert_eq!(judge(&reads(&[Some(1), None]), MANY), Found::Not(2));
    }

    #[test]
    fn what_would_take_too_long_is_not_guessed() {
        let writes = (1..40).map(|value| span(Touch::Write(value), 0, 1_000));
        let reads = (1..40).rev().map(|value| span(Touch::Read(Some(value)), 0, 1_000));
        let spans: Vec<Span> = writes.chain(reads).chain([span(Touch::Read(Some(1)), 2_000, 2_001)]).collect();
        assert_eq!(judge(&spans, 20), Found::Unknown);
    }

    fn random() -> impl Strategy<Value = Span> {
        let touch = prop_oneof![
            (1_u32..4).prop_map(Touch::Write),
            proptest::option::of(1_u32..4).prop_map(Touch::Read),
            (1_u32..4, 1_u32..4).prop_map(|(from, to)| Touch::CompareAndSet(from, to)),
        ];
        let ends = prop_oneof![4 => (0_u64..12).prop_map(Some), 1 => Just(None)];
        (touch, 0_u64..20, ends).prop_map(|(touch, at, took)| span(touch, at, took.map(|took| at + took)))
    }

    /// Every choice of what happened, in every order.
    fn brute_force(spans: &[Span]) -> bool {
        fn go(spans: &[Span], taken: &mut Vec<bool>, value: Option<u32>) -> bool {
            if spans.iter().zip(&*taken).all(|(span, taken)| *taken || span.ended_us.is_none()) {
                return true;
            }
            for at in 0..spans.len() {
                let earlier = |(other, taken): (&Span, &bool)| {
                    !*taken && other.ended_us.is_some_and(|ended_us| ended_us < spans[at].invoked_us)
                };
                if taken[at] || spans.iter().zip(&*taken).any(earlier) {
                    continue;
                }
                if let Some(after) = step(value, spans[at].touch) {
                    taken[at] = true;
                    if go(spans, taken, after) {
                        return true;
                    }
                    taken[at] = false;
                }
            }
            false
        }
        go(spans, &mut vec![false; spans.len()], None)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn it_finds_what_trying_every_order_finds(spans in proptest::collection::vec(random(), 0..7)) {
            let found = judge(&spans, MANY);
            prop_assert_eq!(found == Found::Linearizable, brute_force(&spans), "{:?}", found);
            if let Found::Not(culprit) = found {
                // Without what came after the culprit's answer it is wrong, too; without the culprit it is right.
                let until_us = spans[culprit].ended_us.unwrap();
                let cut = |keep: &dyn Fn(usize, &Span) -> bool| -> Vec<Span> {
                    let known = |(at, span): (usize, &Span)| match span.ended_us {
                        Some(ended_us) if ended_us > until_us || !keep(at, span) => Span { ended_us: None, ..*span },
                        _ => *span,
                    };
                    let sent = spans.iter().enumerate().filter(|(_, span)| span.invoked_us <= until_us);
                    sent.map(known).filter(|span| !(span.ended_us.is_none() && matches!(span.touch, Touch::Read(_)))).collect()
                };
                prop_assert!(!brute_force(&cut(&|_, _| true)));
                prop_assert!(brute_force(&cut(&|at, span| at != culprit && span.ended_us < Some(until_us))));
            }
        }
    }
}
