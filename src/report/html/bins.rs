//! Requests in bins of equal width, for the plots over time.

use crate::history::{Outcome, Request};

/// How a request is counted in a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Good,
    /// A whole answer that is not good: its status or its body.
    WrongAnswer,
    Timeout,
    /// Refused, or the connection broke.
    Refused,
    NotSent,
}

impl Kind {
    /// All, in the order in which they are stacked.
    pub const ALL: [Kind; 5] = [Kind::Good, Kind::WrongAnswer, Kind::Timeout, Kind::Refused, Kind::NotSent];

    fn of(outcome: Outcome) -> Kind {
        match outcome {
            Outcome::Good => Kind::Good,
            Outcome::Status(_) | Outcome::WrongBody => Kind::WrongAnswer,
            Outcome::Timeout => Kind::Timeout,
            Outcome::Refused | Outcome::Broken => Kind::Refused,
            Outcome::NotSent => Kind::NotSent,
        }
    }
}

/// The probes that were due within one stretch of time, or what else is counted there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bin {
    /// Its begin, since zero.
    pub start_s: f64,
    /// Its width.
    pub width_s: f64,
    /// How many of each kind; of probes by [`Kind::ALL`].
    pub counts: [u32; 5],
    /// Sorted; whatever was not good ranks at least as the deadline.
    pub latencies_us: Vec<u32>,
}

impl Bin {
    /// The nearest-rank quantile in milliseconds; `None` for an empty bin.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        let rank = (share * self.latencies_us.len() as f64).ceil().max(1.0) as usize;
        self.latencies_us.get(rank - 1).map(|us| f64::from(*us) / 1e3)
    }

    /// How many were due.
    pub fn due(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// The middle, since zero.
    pub fn middle_s(&self) -> f64 {
        self.start_s + self.width_s / 2.0
    }
}

/// A stretch of time, cut into bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// From and to, since zero.
    pub range_s: (f64, f64),
    pub bin_s: f64,
    pub bins: Vec<Bin>,
}

impl Stretch {
    /// Cuts a stretch of moments in microseconds, each with the place of its kind in [`Bin::counts`].
    pub fn of_moments(moments: &[(u64, usize)], zero_us: u64, range_s: (f64, f64), bin_s: f64) -> Stretch {
        let mut cuts = Cuts::new(zero_us, range_s, bin_s);
        for (at_us, kind) in moments {
            if let Some(bin) = cuts.at(*at_us) {
                bin.counts[*kind] += 1;
            }
        }
        Stretch { range_s, bin_s, bins: cuts.bins }
    }

    /// Cuts a stretch of the probes. `range_s` counts from `zero_us`.
    pub fn cut(probes: &[Request], zero_us: u64, range_s: (f64, f64), bin_s: f64, deadline_ms: f64) -> Stretch {
        Stretch { range_s, bin_s, bins: bins(probes, zero_us, range_s, bin_s, deadline_ms) }
    }
}

/// The narrowest of 1, 2, 5, 10, 20… times `finest_s` that gives at most `most` bins.
pub fn bin_width_s(length_s: f64, finest_s: f64, most: usize) -> f64 {
    let steps = [1.0, 2.0, 5.0];
    (0..30)
        .map(|n: i32| finest_s * steps[n as usize % 3] * 10f64.powi(n / 3))
        .find(|width| length_s / width <= most as f64)
        .unwrap_or(length_s)
}

/// Cut in whole microseconds, so that no moment falls into its neighbour's bin by rounding. What is left of the stretch is
/// a last, shorter bin, or part of the last whole one where it is less than half as wide: a rate over a few milliseconds
/// would be noise.
struct Cuts {
    /// On the clock of what is counted.
    begin_us: u64,
    width_us: u64,
    length_us: u64,
    bins: Vec<Bin>,
}

impl Cuts {
    fn new(zero_us: u64, range_s: (f64, f64), width_s: f64) -> Cuts {
        let micros = |s: f64| (s * 1e6).round() as u64;
        let (begin_us, width_us) = (micros(range_s.0), micros(width_s).max(1));
        let length_us = micros(range_s.1 - range_s.0);
        let count = ((length_us + width_us / 2) / width_us).max(1);
        let ends_us = |nth: u64| if nth + 1 == count { length_us } else { (nth + 1) * width_us };
        let empty = |nth| Bin {
            start_s: (begin_us + nth * width_us) as f64 / 1e6,
            width_s: (ends_us(nth) - nth * width_us) as f64 / 1e6,
            ..Bin::default()
        };
        Cuts { begin_us: zero_us + begin_us, width_us, length_us, bins: (0..count).map(empty).collect() }
    }

    /// The bin of a moment, if it is within the stretch.
    fn at(&mut self, at_us: u64) -> Option<&mut Bin> {
        let after_us = at_us.checked_sub(self.begin_us).filter(|after_us| *after_us < self.length_us)?;
        let last = self.bins.len() - 1;
        self.bins.get_mut(((after_us / self.width_us) as usize).min(last))
    }
}

fn bins(probes: &[Request], zero_us: u64, range_s: (f64, f64), width_s: f64, deadline_ms: f64) -> Vec<Bin> {
    let mut cuts = Cuts::new(zero_us, range_s, width_s);
    for probe in probes {
        let Some(bin) = cuts.at(probe.due_us) else { continue };
        bin.counts[Kind::of(probe.outcome) as usize] += 1;
        bin.latencies_us.push(ranked_us(probe, deadline_ms));
    }
    cuts.bins.iter_mut().for_each(|bin| bin.latencies_us.sort_unstable());
    cuts.bins
}

fn ranked_us(probe: &Request, deadline_ms: f64) -> u32 {
    let deadline_us = (deadline_ms * 1e3) as u32;
    if probe.outcome.is_good() { probe.latency_us } else { probe.latency_us.max(deadline_us) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_503_ranks_as_the_deadline() {
        let probe = Request { due_us: 0, late_us: 0, latency_us: 300, outcome: Outcome::Status(503) };
        assert_eq!(ranked_us(&probe, 5000.0), 5_000_000);
        assert_eq!(ranked_us(&Request { outcome: Outcome::Good, ..probe }, 5000.0), 300);
    }

    #[test]
    fn the_last_part_of_a_stretch_is_counted_too() {
        let probe = |ms: u64| Request { due_us: ms * 1000, late_us: 0, latency_us: 900, outcome: Outcome::Good };
        let probes: Vec<Request> = (0..2000).map(probe).collect();
        let cut = |end_s| Stretch::cut(&probes, 0, (0.0, end_s), 0.1, 5000.0).bins;
        for end_s in [1.0, 1.02, 1.049, 1.05, 1.083] {
            let bins = cut(end_s);
            let counted: u32 = bins.iter().map(|bin| bin.counts[0]).sum();
            assert_eq!(counted, (end_s * 1000.0_f64).round() as u32, "until {end_s} s");
            let wide: f64 = bins.iter().map(|bin| bin.width_s).sum();
            assert!((wide - end_s).abs() < 1e-9);
        }
        assert_eq!((cut(1.02).len(), cut(1.083).len()), (10, 11));
        assert_eq!(cut(0.03).len(), 1, "a stretch that is shorter than a bin is one");
    }

    #[test]
    fn bins_widen_so_that_a_day_is_no_larger_than_two_minutes() {
        assert_eq!(bin_width_s(75.0, 0.1, 1200), 0.1);
        assert_eq!(bin_width_s(120.0, 0.1, 1200), 0.1);
        assert!((bin_width_s(121.0, 0.1, 1200) - 0.2).abs() < 1e-12);
        assert!(86_400.0 / bin_width_s(86_400.0, 0.1, 1200) <= 1200.0);
    }
}
