//! What happened to a site that had recovered: every stretch after recovery in which something declared was missing
//! again, or in which users were served badly.

use std::collections::BTreeSet;

use crate::history::History;

use super::downtime::Downtime;
use super::fleet::Fleet;
use super::moments::{Moments, watched};
use super::redundancy::RedundantSpan;
use super::sample::Sample;
use super::span::Span;

/// A stretch after recovery in which the site was not as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relapse {
    /// From when until when; one that was still going on ends with the watch.
    pub span: Span,
    /// It was still going on when the watch ended.
    pub open: bool,
    /// What was missing, in words: `db-2 is missing`, `requests failed`.
    pub what: String,
}

/// Every relapse after `recovered_us`, in the order of their starts.
pub fn relapses(history: &History, moments: &Moments, whole: &[RedundantSpan], recovered_us: u64) -> Vec<Relapse> {
    let rest = Span::new(recovered_us, moments.end_us);
    let mut relapses = name_missing(history, gaps(whole, rest));
    let downtime = Downtime::of(&Sample::of(history), rest);
    let last = downtime.windows.len();
    relapses.extend(downtime.windows.iter().enumerate().map(|(nth, span)| Relapse {
        span: *span,
        open: downtime.open && nth + 1 == last,
        what: "requests failed".into(),
    }));
    relapses.sort_by_key(|relapse| relapse.span.from_us);
    relapses
}

/// The stretches between those with everything there.
fn gaps(whole: &[RedundantSpan], rest: Span) -> Vec<Relapse> {
    let mut from_us = rest.from_us;
    let mut gaps = Vec::new();
    let mut gap = |from_us: u64, to_us: u64, open: bool| {
        let span = Span::new(from_us, to_us);
        if !span.is_empty() {
            gaps.push(Relapse { span, open, what: String::new() });
        }
    };
    for stretch in whole.iter().map(|whole| whole.span).filter(|span| span.to_us > rest.from_us) {
        gap(from_us, stretch.from_us, false);
        from_us = stretch.to_us;
    }
    gap(from_us, rest.to_us, true);
    gaps
}

/// Names what was missing in each gap, and begins it with that; a gap in which something only could not be seen is none.
fn name_missing(history: &History, gaps: Vec<Relapse>) -> Vec<Relapse> {
    let mut fleet = Fleet::new(&history.plan.infrastructure);
    let mut records = watched(history).iter().peekable();
    let mut named = Vec::new();
    for mut gap in gaps {
        let mut missing = BTreeSet::new();
        while let Some(record) = records.next_if(|record| record.at_us < gap.span.to_us) {
            fleet.apply(record);
            let is_last = records.peek().is_none_or(|next| next.at_us > record.at_us);
            if record.at_us >= gap.span.from_us && is_last {
                let now = fleet.missing();
                if missing.is_empty() && !now.is_empty() {
                    gap.span.from_us = record.at_us;
                }
                missing.extend(now);
            }
        }
        if !missing.is_empty() {
            named.push(Relapse { what: what(&missing), ..gap });
        }
    }
    named
}

fn what(missing: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = missing.iter().copied().collect();
    match names.as_slice() {
        [one] => format!("{one} is missing"),
        several => format!("{} are missing", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;
    use crate::instance::PowerState;
    use crate::measure::timeline::Timeline;

    fn found(script: &Script) -> Vec<(u64, u64, bool, String)> {
        let timeline = Timeline::of(&script.history());
        let told = |r: Relapse| (r.span.from_us / 1000, r.span.to_us / 1000, r.open, r.what);
        timeline.relapses.into_iter().map(told).collect()
    }

    fn recovered() -> Script {
        Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1")
    }

    #[test]
    fn a_site_that_stays_as_it_was_has_none() {
        assert_eq!(found(&recovered()), []);
        assert_eq!(found(&Script::website(2, 1)), []);
        assert_eq!(found(&Script::website(4, 2).dies(6000, "web-1")), [], "it never recovered");
    }

    #[test]
    fn a_server_that_falls_back_after_recovery_is_one() {
        let back = recovered().view(12_000, "lb-1", "web-1", "DOWN").view(13_000, "lb-1", "web-1", "UP");
        assert_eq!(found(&back), [(12_000, 13_000, false, "web-1 is missing".into())]);
        let gone = recovered().state(15_000, "web-2", 1, PowerState::Terminated);
        assert_eq!(found(&gone), [(15_000, 20_000, true, "web-2 is missing".into())]);
    }

    #[test]
    fn what_only_could_not_be_seen_did_not_relapse() {
        let blind = recovered().blind(12_000, "haproxy", "lb-1").sees_again(13_000, "haproxy", "lb-1");
        assert_eq!(found(&blind), []);
        let down = blind.view(12_500, "lb-2", "web-1", "DOWN").view(12_600, "lb-2", "web-1", "UP");
        assert_eq!(found(&down), [(12_500, 13_000, false, "web-1 is missing".into())]);
    }

    #[test]
    fn an_outage_after_recovery_is_one() {
        let script = recovered().bad(15_000.0, 15_500.0, Outcome::Refused);
        assert_eq!(found(&script), [(15_000, 15_500, false, "requests failed".into())]);
    }
}
