//! A measured value against a bound, and never more finely than it is known.

use crate::units::Bound;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measured {
    /// The value.
    Exactly(f64),
    /// All that is known is that it is this or more.
    AtLeast(f64),
}

/// Whether a bound was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Kept,
    Broken,
    /// The value and a limit are nearer to each other than the value is known.
    TooClose,
    /// What is known of the value is not enough.
    Unknown,
}

/// Compares; all in one unit.
pub(super) fn compare(bound: &Bound<f64>, measured: Measured, resolution: f64) -> Answer {
    match measured {
        Measured::Exactly(value) if limits(bound).any(|limit| (value - limit).abs() < resolution) => Answer::TooClose,
        Measured::Exactly(value) => {
            if bound.holds(value) {
                Answer::Kept
            } else {
                Answer::Broken
            }
        }
        Measured::AtLeast(least) => at_least(bound, least),
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

fn at_least(bound: &Bound<f64>, least: f64) -> Answer {
    match *bound {
        Bound::Under(limit) if least >= limit => Answer::Broken,
        Bound::AtMost(limit) | Bound::Between(_, limit) if least > limit => Answer::Broken,
        Bound::Over(limit) if least > limit => Answer::Kept,
        Bound::AtLeast(limit) if least >= limit => Answer::Kept,
        _ => Answer::Unknown,
    }
}

fn limits(bound: &Bound<f64>) -> impl Iterator<Item = f64> {
    let (first, second) = match *bound {
        Bound::Under(x) | Bound::Over(x) | Bound::AtLeast(x) | Bound::AtMost(x) => (x, None),
        Bound::Between(low, high) => (low, Some(high)),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Answer::{Broken, Kept, TooClose, Unknown};
    use Bound::{AtLeast, AtMost, Between, Over, Under};

    fn exactly(bound: Bound<f64>, value: f64) -> Answer {
        compare(&bound, Measured::Exactly(value), 2.0)
    }

    fn known_as_at_least(bound: Bound<f64>, least: f64) -> Answer {
        compare(&bound, Measured::AtLeast(least), 2.0)
    }

    #[test]
    fn a_value_is_inside_or_outside_its_bound() {
        for (bound, inside, outside) in [
            (Under(10.0), 8.0, 12.0),
            (AtMost(10.0), 8.0, 12.0),
            (Over(10.0), 12.0, 8.0),
            (AtLeast(10.0), 12.0, 8.0),
            (Between(10.0, 20.0), 15.0, 23.0),
            (Between(10.0, 20.0), 12.0, 7.0),
        ] {
            assert_eq!(exactly(bound, inside), Kept, "{bound} {inside}");
            assert_eq!(exactly(bound, outside), Broken, "{bound} {outside}");
        }
    }

    #[test]
    fn nothing_is_told_more_finely_than_the_resolution() {
        for bound in [Under(10.0), AtMost(10.0), Over(10.0), AtLeast(10.0), Between(10.0, 30.0), Between(1.0, 10.0)] {
            assert_eq!(exactly(bound, 11.9), TooClose, "{bound}");
            assert_eq!(exactly(bound, 8.1), TooClose, "{bound}");
        }
        assert_eq!(compare(&AtMost(10.0), Measured::Exactly(10.0), 0.0), Kept);
    }

    #[test]
    fn a_lower_bound_refutes_an_upper_limit_it_has_reached() {
        assert_eq!(known_as_at_least(Under(10.0), 10.0), Broken);
        assert_eq!(known_as_at_least(Under(10.0), 9.9), Unknown);
        assert_eq!(known_as_at_least(AtMost(10.0), 10.1), Broken);
        assert_eq!(known_as_at_least(AtMost(10.0), 10.0), Unknown);
        assert_eq!(known_as_at_least(Between(5.0, 10.0), 10.1), Broken);
        assert_eq!(known_as_at_least(Between(5.0, 10.0), 7.0), Unknown);
    }

    #[test]
    fn a_lower_bound_proves_a_lower_limit_it_exceeds() {
        assert_eq!(known_as_at_least(Over(10.0), 10.1), Kept);
        assert_eq!(known_as_at_least(Over(10.0), 10.0), Unknown);
        assert_eq!(known_as_at_least(AtLeast(10.0), 10.0), Kept);
        assert_eq!(known_as_at_least(AtLeast(10.0), 9.0), Unknown);
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
