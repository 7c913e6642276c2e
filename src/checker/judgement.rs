//! Writing a judgement down.

use std::time::Duration;

use crate::history::History;
use crate::measure::Known;
use crate::units::{DurationBound, show_duration};

use super::Judgement;
use super::compare::{Comparison, Measured, compare, margin_pct};
use crate::verdict::Verdict;

impl Judgement {
    /// It could not be told, for this reason.
    pub(super) fn invalid(expected: String, unit: &str, n: u64, reason: impl Into<String>) -> Judgement {
        let (n, reason) = ((n > 0).then_some(n), Some(reason.into()));
        Judgement { n, reason, ..Judgement::blank(Verdict::Invalid, expected, unit) }
    }

    /// Nothing but a verdict, to be filled in.
    pub(super) fn blank(verdict: Verdict, expected: String, unit: &str) -> Judgement {
        Judgement {
            verdict,
            expected,
            observed: "unobserved".into(),
            value: None,
            low: None,
            high: None,
            unit: unit.into(),
            margin_pct: None,
            budget_used_pct: None,
            n: None,
            reason: None,
        }
    }

    /// What passed could not be told where an observer that it rests on was blind, for this reason. What failed was seen.
    pub(super) fn unless_unseen(self, unseen: Option<String>) -> Judgement {
        match unseen {
            Some(why) if self.verdict == Verdict::Pass => Judgement::invalid(self.expected, &self.unit, 0, why),
            _ => self,
        }
    }

    /// Nothing may have been `found` among `n`; the reason names the first few.
    pub fn none_of(unit: &str, found: &[String], n: u64, named: usize) -> Judgement {
        let more = found.len().saturating_sub(named);
        let mut reason = found.iter().take(named).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            reason.push_str(&format!("; and {more} more"));
        }
        let verdict = Verdict::of(found.is_empty());
        Judgement {
            observed: found.len().to_string(),
            value: Some(found.len() as f64),
            n: Some(n),
            reason: (!found.is_empty()).then_some(reason),
            ..Judgement::blank(verdict, "0".into(), unit)
        }
    }
}

/// A duration that was measured and is to be judged.
pub(super) struct Timed {
    /// What it is compared with.
    pub bound: DurationBound,
    /// How long it was, and how finely that is known.
    pub measured: Measured,
    /// How many samples were judged; `None` where one event is.
    pub n: Option<u64>,
    /// As a reader wants it.
    pub observed: String,
    /// A note, whatever the verdict.
    pub note: Option<String>,
    /// Why nothing can be told when all that is known is that it is longer.
    pub unknown: String,
    /// `ms` or `s`.
    pub unit: &'static str,
}

impl Timed {
    /// Judges it: it passes if its bound holds for everything that it may truly be, fails if it holds for nothing of
    /// that, and can't be told otherwise.
    pub fn judge(self) -> Judgement {
        let bound = self.bound.map(|limit| limit.0.as_secs_f64() * 1e6);
        let known = match self.measured {
            // Nothing bad at all is none, however far apart the probes were.
            Measured::Known(known) if known.us == 0 && bound.largest() == 0.0 => Some(Known::exactly(0)),
            Measured::Known(known) => Some(known),
            Measured::AtLeast(_) => None,
        };
        let (verdict, why) = match compare(&bound, known.map_or(self.measured, Measured::Known)) {
            Comparison::Kept => (Verdict::Pass, None),
            Comparison::Broken => (Verdict::Fail, None),
            Comparison::TooClose => (Verdict::Invalid, known.map(too_close)),
            Comparison::Unknown => (Verdict::Invalid, Some(self.unknown)),
        };
        let per_unit = if self.unit == "s" { 1e6 } else { 1e3 };
        let shown = |us: fn(&Known) -> u64| known.as_ref().map(|known| us(known) as f64 / per_unit);
        Judgement {
            verdict,
            expected: self.bound.to_string(),
            observed: self.observed,
            value: shown(|known| known.us),
            low: shown(|known| known.low_us),
            high: shown(|known| known.high_us),
            unit: self.unit.into(),
            margin_pct: known.and_then(|known| margin_pct(&bound, known.us as f64)),
            budget_used_pct: None,
            n: self.n,
            reason: joined(why, self.note),
        }
    }
}

/// Microseconds as a reader wants them.
pub(super) fn show_us(us: u64) -> String {
    show_duration(Duration::from_micros(us))
}

/// A duration in model time, with the measured one where they differ.
pub(super) fn show_modelled(modelled: Known, measured: Known) -> String {
    if modelled.us == measured.us {
        return measured.to_string();
    }
    format!("{modelled} in model time ({measured} measured)")
}

/// The same duration in model time. Where waits were put back, an error of their ends was too.
pub(super) fn in_model_time(history: &History, measured: Known, modelled_us: u64) -> Known {
    if modelled_us == measured.us {
        return measured;
    }
    let faster = u64::from(history.plan.settings.time.faster);
    let (below, above) = (measured.us - measured.low_us, measured.high_us - measured.us);
    Known::exactly(modelled_us).widened(below * faster, above * faster)
}

/// A reason and a note in one line.
pub(super) fn joined(reason: Option<String>, note: Option<String>) -> Option<String> {
    let parts: Vec<String> = reason.into_iter().chain(note).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn too_close(known: Known) -> String {
    let (low, high) = (show_us(known.low_us), show_us(known.high_us));
    format!("it is only known to lie between {low} and {high}, and its bound does so too")
}
