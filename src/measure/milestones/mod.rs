//! The moments by which a fault is described: witnessed, noticed, taken out, replaced, back. All are about the first strike's
//! victims, and none comes before t0.
//!
//! | milestone | the moment |
//! |---|---|
//! | witnessed | the first moment at which the fault surely was in force at every victim |
//! | first error | the first bad request that was due, or still under way, at t0 or later |
//! | detected | the first record by the system itself: a check of a victim that fails or a balancer that has it down, another server taking over its virtual IP, the reconciler missing it ([`detection`]) |
//! | removed | no living balancer has a victim in rotation, or another server holds its virtual IP: of the last victim ([`removal`]) |
//! | service back | see [`super::recovery`] |
//! | booted, configured | a victim's instance, or its replacement, runs again, then fulfils its role: of the last victim that needed it ([`replacement`]) |
//! | redundant, normal | see [`super::recovery`] |
//!
//! A milestone that has no moment was not needed, never came although it was watched for, or could not be observed.
//! These are three different things.

pub mod detection;
pub mod removal;
pub mod replacement;
mod sight;

pub use sight::unseen_at_the_end;

use crate::history::{History, Record};
use crate::plan::Interval;

use super::moments::watched;
use super::span::Observed;
use super::timeline::Timeline;

/// What became of a milestone. Times are in microseconds on the run's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Milestone {
    /// It came at `us`; what recorded it may have been this much late.
    At { us: u64, within_us: u64 },
    /// There was no need for it, and why.
    NotNeeded { why: String },
    /// It had not come by `us`, and nothing later was watched; it would have been seen.
    Never { us: u64 },
    /// Nothing could have seen it, and why.
    Unobservable { why: String },
}

/// What a milestone is called, in the order in which they are told of where they have no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Witnessed,
    FirstError,
    Detected,
    Removed,
    ServiceBack,
    Booted,
    Configured,
    Redundant,
    Normal,
}

/// A milestone, and how many of the victims it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneTally {
    /// Its name.
    pub name: Name,
    /// What became of it.
    pub milestone: Milestone,
    /// Of the milestones that each victim has of its own.
    pub of: Option<Of>,
}

/// How many of the victims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of {
    /// To how many it came.
    pub done: usize,
    /// How many victims there were.
    pub total: usize,
}

impl Name {
    /// All of them, in their order.
    pub const ALL: [Name; 9] = [
        Name::Witnessed,
        Name::FirstError,
        Name::Detected,
        Name::Removed,
        Name::ServiceBack,
        Name::Booted,
        Name::Configured,
        Name::Redundant,
        Name::Normal,
    ];

    /// The word that every report uses.
    pub fn word(self) -> &'static str {
        match self {
            Name::Witnessed => "witnessed",
            Name::FirstError => "first error",
            Name::Detected => "detected",
            Name::Removed => "removed",
            Name::ServiceBack => "service back",
            Name::Booted => "booted",
            Name::Configured => "configured",
            Name::Redundant => "redundant",
            Name::Normal => "normal",
        }
    }
}

impl Milestone {
    /// When it came, if it did.
    pub fn us(&self) -> Option<u64> {
        match self {
            Milestone::At { us, .. } => Some(*us),
            _ => None,
        }
    }

    fn not_needed(why: &str) -> Milestone {
        Milestone::NotNeeded { why: why.into() }
    }
}

impl From<Observed> for Milestone {
    fn from(reached: Observed) -> Milestone {
        match reached {
            Observed::At { us, within_us } => Milestone::At { us, within_us },
            Observed::NotBefore { us } => Milestone::Never { us },
        }
    }
}

/// Every milestone of the first strike, by time; those without one at the end. None without a confirmed fault.
pub fn rows(history: &History, timeline: &Timeline) -> Vec<MilestoneTally> {
    if timeline.moments.t0_us.is_none() {
        return Vec::new();
    }
    let mut rows: Vec<MilestoneTally> = Name::ALL.into_iter().map(|name| row(history, timeline, name)).collect();
    rows.sort_by_key(|row| (row.milestone.us().unwrap_or(u64::MAX), row.name));
    rows
}

/// One milestone of the first strike.
pub fn row(history: &History, timeline: &Timeline, name: Name) -> MilestoneTally {
    let moments = &timeline.moments;
    let never = Milestone::Never { us: moments.end_us };
    let at = |us: Option<u64>| us.map(|us| Milestone::At { us, within_us: 0 });
    let (milestone, of) = match name {
        Name::Witnessed => (at(moments.witnessed_us).unwrap_or(never), None),
        Name::FirstError => (at(timeline.first_error_us).unwrap_or(never), None),
        Name::Detected => (detection::detected(history, timeline), None),
        Name::Removed => split(of_victims(timeline, |victim| removal::removed(history, timeline, victim))),
        Name::ServiceBack if !timeline.was_out() => (Milestone::not_needed("service was never out"), None),
        Name::ServiceBack => (timeline.service.map_or(never, Milestone::from), None),
        Name::Booted => split(of_victims(timeline, |victim| replacement::booted(history, timeline, victim))),
        Name::Configured => split(of_victims(timeline, |victim| replacement::configured(history, timeline, victim))),
        Name::Redundant => {
            (sight::or_unseen(history, timeline, timeline.redundancy.map_or(never, Milestone::from)), None)
        }
        Name::Normal => (sight::or_unseen(history, timeline, timeline.recovery.map_or(never, Milestone::from)), None),
    };
    MilestoneTally { name, milestone, of }
}

/// What became of an interval's end. `None` when no fault was confirmed.
pub fn interval_end(history: &History, timeline: &Timeline, interval: Interval) -> Option<MilestoneTally> {
    timeline.moments.t0_us?;
    let name = match interval {
        Interval::Detection => Name::Detected,
        Interval::Removal => Name::Removed,
        Interval::Failover => Name::ServiceBack,
        Interval::Replacement => Name::Configured,
        Interval::Redundancy => Name::Redundant,
        Interval::Recovery => Name::Normal,
    };
    Some(row(history, timeline, name))
}

/// What became of a milestone that each victim has of its own: of the last one that needed it.
fn of_victims(timeline: &Timeline, of: impl Fn(&str) -> Milestone) -> (Milestone, Of) {
    let each: Vec<Milestone> = timeline.moments.victims().iter().map(|victim| of(victim)).collect();
    let total = each.len();
    let done = each.iter().filter(|one| one.us().is_some()).count();
    let worst = each.into_iter().max_by_key(|one| match one {
        Milestone::NotNeeded { .. } => (0, 0),
        Milestone::At { us, .. } => (1, *us),
        Milestone::Never { us } => (2, *us),
        Milestone::Unobservable { .. } => (3, 0),
    });
    (worst.unwrap_or_else(|| Milestone::not_needed("there was no victim")), Of { done, total })
}

fn split((milestone, of): (Milestone, Of)) -> (Milestone, Option<Of>) {
    (milestone, Some(of))
}

fn reached(record: Option<&Record>, timeline: &Timeline) -> Milestone {
    match record {
        Some(record) => Milestone::At { us: record.at_us, within_us: record.resolution_us },
        None => Milestone::Never { us: timeline.moments.end_us },
    }
}

fn since_t0<'a>(history: &'a History, timeline: &Timeline) -> impl Iterator<Item = &'a Record> + use<'a> {
    let t0 = timeline.moments.t0_us.unwrap_or(u64::MAX);
    let events = watched(history);
    events[events.partition_point(|record| record.at_us < t0)..].iter()
}

#[cfg(test)]
mod tests;
