//! A scenario's moments together: what phases, milestones and intervals are read from.

use crate::history::History;

use super::moments::Moments;
use super::recovery::{first_bad_us, recovery, redundancy_back, service_back};
use super::redundancy::{RedundantSpan, redundant_spans};
use super::relapse::{Relapse, relapses};
use super::span::{Observed, Span};

/// The moments of a scenario, and what was derived from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// As recorded.
    pub moments: Moments,
    /// When everything declared was there.
    pub whole: Vec<RedundantSpan>,
    /// When service was back; `None` when no fault was confirmed.
    pub service: Option<Observed>,
    /// When everything declared was there again; `None` when no fault was confirmed.
    pub redundancy: Option<Observed>,
    /// When the site had recovered; `None` when no fault was confirmed.
    pub recovery: Option<Observed>,
    /// The first error, from t0 on; `None` when there was none, or no fault was confirmed.
    pub first_error_us: Option<u64>,
    /// What happened after recovery.
    pub relapses: Vec<Relapse>,
}

impl Timeline {
    /// Whether any request was bad from t0 until recovery.
    pub fn was_out(&self) -> bool {
        let until_us = self.recovery.and_then(Observed::us).unwrap_or(self.moments.end_us);
        self.first_error_us.is_some_and(|first_us| first_us < until_us)
    }

    /// Whether something declared is missing again, or users are served badly, at the end of what was recorded.
    pub fn is_relapsed(&self) -> bool {
        self.relapses.iter().any(|relapse| relapse.open)
    }

    /// Derives them from a history.
    pub fn of(history: &History) -> Timeline {
        let moments = Moments::of(history);
        let whole = redundant_spans(history, &moments);
        let recovery = recovery(history, &moments, &whole);
        let until = recovery.and_then(Observed::us).unwrap_or(moments.end_us);
        let first_error = |t0: u64| Some(first_bad_us(history, Span::new(t0, moments.end_us))?.max(t0));
        let relapsed = |recovered_us| relapses(history, &moments, &whole, recovered_us);
        Timeline {
            first_error_us: moments.t0_us.and_then(first_error),
            relapses: recovery.and_then(Observed::us).map(relapsed).unwrap_or_default(),
            service: moments.t0_us.map(|t0| service_back(history, &moments, t0, until)),
            redundancy: redundancy_back(&moments, &whole),
            recovery,
            whole,
            moments,
        }
    }
}
