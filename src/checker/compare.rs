//! A measured value against a bound, and never more finely than it is known.

use crate::measure::Known;
use crate::units::Bound;

/// What was measured, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measured {
    /// The value, and between which two it truly lies.
    Known(Known),
    /// All that is known is that it is this or more.
    AtLeast(u64),
}

/// Whether a bound was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Kept,
    Broken,
    /// It is kept at one end of what the value may be, and broken at the other.
    TooClose,
    /// What is known of the value is not enough.
    Unknown,
}

/// Compares with a bound in microseconds. The bound is kept if it holds for everything that the value may be, and broken
/// if it holds for nothing of that.
pub(super) fn compare(bound: &Bound<f64>, measured: Measured) -> Comparison {
    match measured {
        Measured::Known(known) if known.low_us == known.high_us => exactly(bound, known.us as f64),
        Measured::Known(known) => between(bound, known.low_us as f64, known.high_us as f64),
        Measured::AtLeast(least) => at_least(bound, least as f64),
    }
}

fn exactly(bound: &Bound<f64>, value: f64) -> Comparison {
    if bound.holds(value) { Comparison::Kept } else { Comparison::Broken }
}

/// The value lies between the two, and is neither.
fn between(bound: &Bound<f64>, low: f64, high: f64) -> Comparison {
    let (kept, broken) = match *bound {
        Bound::Under(limit) | Bound::AtMost(limit) => (high <= limit, low >= limit),
        Bound::Over(limit) | Bound::AtLeast(limit) => (low >= limit, high <= limit),
        Bound::Between(least, most) => (low >= least && high <= most, high <= least || low >= most),
    };
    match (kept, broken) {
        (true, _) => Comparison::Kept,
        (_, true) => Comparison::Broken,
        _ => Comparison::TooClose,
    }
}

/// How far a value is inside (positive) or outside (negative) a bound, in percent of the limit that is nearer.
pub(super) fn margin_pct(bound: &Bound<f64>, value: f64) -> Option<f64> {
    let (room, limit) = match *bound {
        Bound::Under(limit) | Bound::AtMost(limit) => (limit - value, limit),
        Bound::Over(limit) | Bound::AtLeast(limit) => (value - limit, limit),
        Bound::Between(low, high) if value - low < high - value => (value - low, low),
        Bound::Between(_, high) => (high - value, high),
    };
    (limit != 0.0).then(|| room / limit * 100.0)
}

fn at_least(bound: &Bound<f64>, least: f64) -> Comparison {
    match *bound {
        Bound::Under(limit) if least >= limit => Comparison::Broken,
        Bound::AtMost(limit) | Bound::Between(_, limit) if least > limit => Comparison::Broken,
        Bound::Over(limit) if least > limit => Comparison::Kept,
        Bound::AtLeast(limit) if least >= limit => Comparison::Kept,
        _ => Comparison::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bound::{AtLeast, AtMost, Between, Over, Under};
    use Comparison::{Broken, Kept, TooClose, Unknown};

    fn known_to_two(bound: Bound<f64>, value: u64) -> Comparison {
        compare(&bound, Measured::Known(Known::within(value, 2)))
    }

    fn known_as_at_least(bound: Bound<f64>, least: u64) -> Comparison {
        compare(&bound, Measured::AtLeast(least))
    }

    #[test]
    fn a_value_is_inside_or_outside_its_bound() {
        for (bound, inside, outside) in [
            (Under(10.0), 8, 12),
            (AtMost(10.0), 8, 12),
            (Over(10.0), 12, 8),
            (AtLeast(10.0), 12, 8),
            (Between(10.0, 20.0), 15, 23),
            (Between(10.0, 20.0), 12, 7),
        ] {
            assert_eq!(known_to_two(bound, inside), Kept, "{bound} {inside}");
            assert_eq!(known_to_two(bound, outside), Broken, "{bound} {outside}");
        }
    }

    #[test]
    fn nothing_is_told_more_finely_than_it_is_known() {
        for bound in [Under(10.0), AtMost(10.0), Over(10.0), AtLeast(10.0), Between(10.0, 30.0), Between(1.0, 10.0)] {
            assert_eq!(known_to_two(bound, 11), TooClose, "{bound}");
            assert_eq!(known_to_two(bound, 9), TooClose, "{bound}");
        }
        assert_eq!(compare(&AtMost(10.0), Measured::Known(Known::exactly(10))), Kept);
        assert_eq!(known_to_two(Between(10.0, 11.0), 10), TooClose, "broken at both ends, kept between them");
    }

    #[test]
    fn what_is_known_less_well_on_one_side_is_judged_by_that_side() {
        let known = Measured::Known(Known::exactly(100).widened(66, 0));
        assert_eq!(compare(&Under(100.0), known), Kept);
        assert_eq!(compare(&Under(90.0), known), TooClose);
        assert_eq!(compare(&Under(34.0), known), Broken);
        assert_eq!(compare(&Over(34.0), known), Kept);
    }

    #[test]
    fn a_lower_bound_refutes_an_upper_limit_it_has_reached() {
        assert_eq!(known_as_at_least(Under(10.0), 10), Broken);
        assert_eq!(known_as_at_least(Under(10.0), 9), Unknown);
        assert_eq!(known_as_at_least(AtMost(10.0), 11), Broken);
        assert_eq!(known_as_at_least(AtMost(10.0), 10), Unknown);
        assert_eq!(known_as_at_least(Between(5.0, 10.0), 11), Broken);
        assert_eq!(known_as_at_least(Between(5.0, 10.0), 7), Unknown);
    }

    #[test]
    fn a_lower_bound_proves_a_lower_limit_it_exceeds() {
        assert_eq!(known_as_at_least(Over(10.0), 11), Kept);
        assert_eq!(known_as_at_least(Over(10.0), 10), Unknown);
        assert_eq!(known_as_at_least(AtLeast(10.0), 10), Kept);
        assert_eq!(known_as_at_least(AtLeast(10.0), 9), Unknown);
    }

    #[test]
    fn margins_are_positive_inside_and_negative_outside() {
        assert_eq!(margin_pct(&Under(10.0), 4.0), Some(60.0));
        assert_eq!(margin_pct(&AtMost(10.0), 15.0), Some(-50.0));
        assert_eq!(margin_pct(&Over(10.0), 15.0), Some(50.0));
        assert_eq!(margin_pct(&AtLeast(10.0), 5.0), Some(-50.0));
        assert_eq!(margin_pct(&Between(10.0, 20.0), 12.0), Some(20.0));
        assert_eq!(margin_pct(&Between(10.0, 20.0), 18.0), Some(10.0));
        assert_eq!(margin_pct(&Between(10.0, 20.0), 30.0), Some(-50.0));
        assert_eq!(margin_pct(&AtMost(0.0), 1.0), None);
    }
}
