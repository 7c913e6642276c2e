//! A scenario's moments together: what phases, milestones and intervals are read from.

use crate::history::History;

use super::moments::Moments;
use super::recovery::{recovery, redundancy_back, service_back};
use super::redundancy::{Whole, whole_spans};
use super::span::Reached;

/// The moments of a scenario, and what was derived from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// As recorded.
    pub moments: Moments,
    /// When everything declared was there.
    pub whole: Vec<Whole>,
    /// When service was back; `None` when no fault was confirmed.
    pub service: Option<Reached>,
    /// When everything declared was there again; `None` when no fault was confirmed.
    pub redundancy: Option<Reached>,
    /// When the site had recovered; `None` when no fault was confirmed.
    pub recovery: Option<Reached>,
}

impl Timeline {
    /// Derives them from a history.
    pub fn of(history: &History) -> Timeline {
        let moments = Moments::of(history);
        let whole = whole_spans(history, &moments);
        let recovery = recovery(history, &moments, &whole);
        let until = recovery.and_then(Reached::us).unwrap_or(moments.end_us);
        Timeline {
            service: moments.t0_us.map(|t0| service_back(history, &moments, t0, until)),
            redundancy: redundancy_back(&moments, &whole),
            recovery,
            whole,
            moments,
        }
    }
}
