//! Writing a judgement down.

use std::time::Duration;

use crate::units::{DurationBound, show_duration};

use super::compare::{Answer, Measured, compare, margin_pct};
use super::{Judgement, Verdict};

impl Judgement {
    /// It could not be told, for this reason.
    pub(super) fn invalid(expected: String, unit: &str, n: u64, reason: impl Into<String>) -> Judgement {
        Judgement {
            verdict: Verdict::Invalid,
            expected,
            observed: "unobserved".into(),
            value: None,
            unit: unit.into(),
            margin_pct: None,
            n,
            reason: Some(reason.into()),
        }
    }
}

impl Judgement {
    /// Nothing may have been `found` among `n`; the reason names the first few.
    pub(super) fn none_of(unit: &str, found: &[String], n: u64, named: usize) -> Judgement {
        let more = found.len().saturating_sub(named);
        let mut reason = found.iter().take(named).cloned().collect::<Vec<_>>().join("; ");
        if more > 0 {
            reason.push_str(&format!("; and {more} more"));
        }
        Judgement {
            verdict: if found.is_empty() { Verdict::Pass } else { Verdict::Fail },
            expected: "0".into(),
            observed: found.len().to_string(),
            value: Some(found.len() as f64),
            unit: unit.into(),
            margin_pct: None,
            n,
            reason: (!found.is_empty()).then_some(reason),
        }
    }
}

/// A duration that was measured and is to be judged.
pub(super) struct Timed {
    /// What it is compared with.
    pub bound: DurationBound,
    /// In microseconds.
    pub measured: Measured,
    /// How finely it is known, in microseconds.
    pub resolution_us: u64,
    /// How many samples it rests on.
    pub n: u64,
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
    /// Judges it.
    pub fn judge(self) -> Judgement {
        let bound = self.bound.map(|limit| limit.0.as_secs_f64() * 1e6);
        let resolution = self.resolution_us as f64;
        let value = match self.measured {
            Measured::Exactly(value) => Some(value),
            Measured::AtLeast(_) => None,
        };
        // Nothing bad at all is none, however far apart the probes were.
        let exact_nothing = value == Some(0.0) && bound.largest() == 0.0;
        let (verdict, why) = match compare(&bound, self.measured, if exact_nothing { 0.0 } else { resolution }) {
            Answer::Kept => (Verdict::Pass, None),
            Answer::Broken => (Verdict::Fail, None),
            Answer::TooClose => (Verdict::Invalid, Some(too_close(self.resolution_us))),
            Answer::Unknown => (Verdict::Invalid, Some(self.unknown)),
        };
        let per_unit = if self.unit == "s" { 1e6 } else { 1e3 };
        Judgement {
            verdict,
            expected: self.bound.to_string(),
            observed: self.observed,
            value: value.map(|value| value / per_unit),
            unit: self.unit.into(),
            margin_pct: value.and_then(|value| margin_pct(&bound, value)),
            n: self.n,
            reason: joined(why, self.note),
        }
    }
}

/// Microseconds as a reader wants them.
pub(super) fn show_us(us: u64) -> String {
    show_duration(Duration::from_micros(us))
}

/// A reason and a note in one line.
pub(super) fn joined(reason: Option<String>, note: Option<String>) -> Option<String> {
    let parts: Vec<String> = reason.into_iter().chain(note).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn too_close(resolution_us: u64) -> String {
    format!("within the resolution of {}: the value and its bound cannot be told apart", show_us(resolution_us))
}
