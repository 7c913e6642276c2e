//! What the seconds of one scenario are counted from. It is one moment for all of them, in tables, texts and plots, so that a
//! figure of one can be found in the other.

use super::signed;
use crate::report::record::ScenarioRecord;

/// The onset of the first fault, t0; where none came into force, the start of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Origin {
    /// In seconds since the scenario's zero.
    pub at_s: f64,
    is_onset: bool,
}

impl Origin {
    /// What a scenario's seconds are counted from.
    pub fn of(record: &ScenarioRecord) -> Origin {
        Origin::at(record.milestones.t0_at_s)
    }

    /// See [`of`](Self::of), with t0 in seconds since the scenario's zero.
    pub fn at(t0_at_s: Option<f64>) -> Origin {
        Origin { at_s: t0_at_s.unwrap_or(0.0), is_onset: t0_at_s.is_some() }
    }

    /// For a heading: `seconds since the onset (t0)`.
    pub fn caption(&self) -> &'static str {
        match self.is_onset {
            true => "seconds since the onset (t0)",
            false => "seconds since the start of the baseline",
        }
    }

    /// A moment that is given in seconds since the scenario's zero: `+0.48`, `−5.07`.
    pub fn show(&self, at_s: f64, digits: usize) -> String {
        signed(at_s - self.at_s, digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_counted_from_the_onset_and_without_one_from_the_baselines_start() {
        let (onset, baseline) = (Origin::at(Some(5.07)), Origin::at(None));
        assert_eq!([0.0, 5.07, 5.55].map(|at_s| onset.show(at_s, 2)), ["−5.07", "0.00", "+0.48"]);
        assert_eq!([0.0, 5.55].map(|at_s| baseline.show(at_s, 2)), ["0.00", "+5.55"]);
        assert_ne!(onset.caption(), baseline.caption());
    }
}
