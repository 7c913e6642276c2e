//! A length of time with how exactly it is known, and how it is written.

use std::fmt;
use std::time::Duration;

use crate::units::show_duration;

/// A length of time that was measured, and between which two it truly lies. In microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// It is longer than this, or is this.
    pub low_us: u64,
    /// What was measured.
    pub us: u64,
    /// It is shorter than this, or is this.
    pub high_us: u64,
}

impl Known {
    /// Both of its ends are known to the same resolution: from one due request to another.
    pub fn within(us: u64, resolution_us: u64) -> Known {
        Known { low_us: us.saturating_sub(resolution_us), us, high_us: us.saturating_add(resolution_us) }
    }

    /// It is what was measured.
    pub fn exactly(us: u64) -> Known {
        Known { low_us: us, us, high_us: us }
    }

    /// Known less exactly, by so much on each side.
    pub fn widened(self, below_us: u64, above_us: u64) -> Known {
        Known { low_us: self.low_us.saturating_sub(below_us), high_us: self.high_us.saturating_add(above_us), ..self }
    }
}

impl fmt::Display for Known {
    /// One rule everywhere: what can't be told from nothing is written as the most that it can be (`≤ 31 ms`), everything
    /// else as what was measured (`84 ms`); nothing at all is `0 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |us| show_duration(Duration::from_micros(us));
        if self.us > 0 && self.low_us == 0 {
            write!(f, "≤ {}", show(self.high_us))
        } else {
            f.write_str(&show(self.us))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_from_nothing_is_written_as_the_most_it_can_be() {
        assert_eq!(Known::within(12_000, 19_000).to_string(), "≤ 31 ms");
        assert_eq!(Known::within(19_000, 19_000).to_string(), "≤ 38 ms");
        assert_eq!(Known::within(84_000, 19_000).to_string(), "84 ms");
        assert_eq!(Known::within(0, 19_000).to_string(), "0 ms");
        assert_eq!(Known::exactly(12).to_string(), "12 µs");
    }

    #[test]
    fn an_uncertain_end_widens_it_on_its_side() {
        let known = Known::within(100, 10).widened(50, 5);
        assert_eq!((known.low_us, known.us, known.high_us), (40, 100, 115));
        assert_eq!(Known::exactly(10).widened(50, 0).low_us, 0);
    }
}
