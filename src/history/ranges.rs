//! Sets of sequence numbers, as compact as their gaps allow: a user's posts are 1 to 120 but for 7.

use serde::{Deserialize, Serialize};

/// A set of numbers as closed ranges, ascending, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u32, u32)>")]
pub struct Ranges(Vec<(u32, u32)>);

/// More numbers than this are damage: one user who posted ten times a second for a day has fewer. A few bytes of a
/// range can stand for billions, which no judge could go through.
const MOST: u64 = 1_000_000;

impl TryFrom<Vec<(u32, u32)>> for Ranges {
    type Error = String;

    /// # Errors
    /// In words: ranges that are empty, out of order or touch, or that hold more than a million numbers.
    fn try_from(ranges: Vec<(u32, u32)>) -> Result<Self, String> {
        if ranges.iter().any(|(from, to)| from > to)
            || ranges.windows(2).any(|two| two[0].1.saturating_add(1) >= two[1].0)
        {
            return Err("expected ranges [from, to] in ascending order, with a gap between two".into());
        }
        let ranges = Ranges(ranges);
        if ranges.len() > MOST {
            return Err(format!("ranges of {} numbers; expected at most {MOST}", ranges.len()));
        }
        Ok(ranges)
    }
}

impl Ranges {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers it holds.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|(from, to)| u64::from(to - from) + 1).sum()
    }

    /// The lowest number.
    pub fn lowest(&self) -> Option<u32> {
        self.0.first().map(|(from, _)| *from)
    }

    /// Whether it holds this number.
    pub fn contains(&self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < number);
        self.0.get(at).is_some_and(|(from, _)| *from <= number)
    }

    /// Every number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|&(from, to)| from..=to)
    }

    /// Adds a number; whether it was new.
    pub fn insert(&mut self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < number);
        if self.0.get(at).is_some_and(|(from, _)| *from <= number) {
            return false;
        }
        let follows = at > 0 && self.0[at - 1].1 + 1 == number;
        let precedes = self.0.get(at).is_some_and(|(from, _)| number + 1 == *from);
        match (follows, precedes) {
            (true, true) => self.0[at - 1].1 = self.0.remove(at).1,
            (true, false) => self.0[at - 1].1 = number,
            (false, true) => self.0[at].0 = number,
            (false, false) => self.0.insert(at, (number, number)),
        }
        true
    }

    /// Whatever of this the other one does not hold.
    pub fn without(&self, other: &Ranges) -> Ranges {
        let (mut left, mut others) = (Vec::new(), other.0.iter().peekable());
        for &(mut from, to) in &self.0 {
            while let Some(&&(taken_from, taken_to)) = others.peek() {
                if taken_to < from {
                    others.next();
                    continue;
                }
                if taken_from > to {
                    break;
                }
                if from < taken_from {
                    left.push((from, taken_from - 1));
                }
                if taken_to >= to {
                    from = u32::MAX;
                    break;
                }
                from = taken_to + 1;
                others.next();
            }
            if from <= to {
                left.push((from, to));
            }
        }
        Ranges(left)
    }

    /// Takes a number out; whether it was there.
    pub fn remove(&mut self, number: u32) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < number);
        let Some(&(from, to)) = self.0.get(at).filter(|(from, _)| *from <= number) else { return false };
        let below = (from < number).then(|| (from, number - 1));
        let above = (number < to).then(|| (number + 1, to));
        self.0.splice(at..=at, below.into_iter().chain(above));
        true
    }
}

impl FromIterator<u32> for Ranges {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut ranges = Ranges::default();
        for number in numbers {
            ranges.insert(number);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_set_can_be_is_refused() {
        let read = |json: &str| serde_json::from_str::<Ranges>(json).map_err(|why| why.to_string());
        let ranges: Ranges = [1, 2, 4].into_iter().collect();
        assert_eq!(serde_json::to_string(&ranges).unwrap(), "[[1,2],[4,4]]");
        assert_eq!(read("[[1,2],[4,4]]"), Ok(ranges));
        for damaged in ["[[3,2]]", "[[4,4],[1,2]]", "[[1,2],[3,4]]", "[[1,4],[2,3]]"] {
            assert!(read(damaged).unwrap_err().contains("ascending order"), "{damaged}");
        }
        assert!(read("[[1,4000000000]]").unwrap_err().contains("4000000000 numbers; expected at most 1000000"));
    }

    #[test]
    fn neighbours_are_one_range_and_a_gap_makes_two() {
        let mut ranges: Ranges = [3, 1, 2, 5].into_iter().collect();
        assert_eq!(ranges.0, [(1, 3), (5, 5)]);
        assert!(ranges.insert(4) && !ranges.insert(4));
        assert_eq!((ranges.0.as_slice(), ranges.len(), ranges.lowest()), (&[(1, 5)][..], 5, Some(1)));
        assert!(ranges.remove(3) && !ranges.remove(3));
        assert_eq!(ranges.0, [(1, 2), (4, 5)]);
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(steps in proptest::collection::vec((any::<bool>(), 0u32..40), 0..80)) {
            let (mut ranges, mut plain) = (Ranges::default(), BTreeSet::new());
            for (add, number) in steps {
                let changed = if add { plain.insert(number) } else { plain.remove(&number) };
                prop_assert_eq!(if add { ranges.insert(number) } else { ranges.remove(number) }, changed);
            }
            prop_assert!((0..41).all(|number| ranges.contains(number) == plain.contains(&number)));
            prop_assert_eq!(ranges.iter().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            let other: Ranges = (0..40).filter(|number| number % 3 == 0 || *number > 30).collect();
            let left: Vec<u32> = plain.iter().copied().filter(|number| !other.contains(*number)).collect();
            prop_assert_eq!(ranges.without(&other).iter().collect::<Vec<_>>(), left);
            prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{:?}", ranges);
        }
    }
}
