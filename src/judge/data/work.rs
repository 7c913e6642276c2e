//! The same of an application whose users work as a workload file says.

use crate::checker;
use crate::history::work::OBSERVER;
use crate::history::{Ended, History};
use crate::measure::models::{counter, queue, reads, set};
use crate::measure::quantile::of_values_us;
use crate::plan::Expectation;
use crate::report::record::DataFigures;
use crate::units::Quantile;
use crate::verdict::Verdict;

/// `None` where nothing is on record.
pub(super) fn of(history: &History) -> Option<DataFigures> {
    let works = history.works.as_slice();
    let by_users = || works.iter().filter(|work| work.process != OBSERVER);
    by_users().next()?;
    let writes = |outcome| by_users().filter(move |work| work.call.is_write() && work.outcome == outcome);
    let (sets, queues, counters) = (set::judge(works), queue::judge(works), counter::judge(works));
    let reads = reads(works);
    let is_stale = |read: &&crate::measure::models::read::Read<'_>| read.stale_us.is_some();
    let staleness = |quantile| {
        let values = reads.iter().map(|read| read.stale_us.unwrap_or(0));
        of_values_us(values, quantile).ok().map(|us| us as f64 / 1000.0)
    };
    let above = counters.outside.iter().filter(|outside| outside.saw > outside.most).count();
    let unasked = sets.unexpected.len() + sets.twice.len() + queues.unexpected.len() + queues.again.len() + above;
    // What another crate's users wrote twice, only its Thens know.
    let is_of_a_file = history.plan.workload.as_ref().is_some_and(|workload| workload.registered_name().is_none());
    Some(DataFigures {
        writes_acked: writes(Ended::Ok).count() as u64,
        writes_lost: lost(history),
        writes_indeterminate: writes(Ended::Info).count() as u64,
        writes_refused: writes(Ended::Fail).count() as u64,
        writes_not_served: writes(Ended::Fail).filter(|work| work.was_not_served()).count() as u64,
        writes_unasked: is_of_a_file.then_some(unasked as u64),
        reads_judged: reads.len() as u64,
        reads_stale: reads.iter().filter(is_stale).count() as u64,
        reads_of_own_stale: reads.iter().filter(|read| read.misses_own == Some(true)).count() as u64,
        reads_going_back: reads.iter().filter(|read| read.goes_back == Some(true)).count() as u64,
        staleness_p99_ms: staleness(Quantile::At(0.99)),
        staleness_max_ms: staleness(Quantile::Maximum),
        ..answered(history)
    })
}

/// As `no acknowledged write is lost` judges it; `None` where it can't be told.
fn lost(history: &History) -> Option<u64> {
    let judgement = checker::of(&Expectation::NoAcknowledgedWriteLost).check(history);
    let is_told = judgement.verdict != Verdict::Invalid;
    judgement.value.filter(|_| is_told).map(|found| found as u64)
}

/// How long users waited for answers, in milliseconds. What may have been applied or not is at least the deadline; a refusal is an answer.
pub(super) fn answered(history: &History) -> DataFigures {
    let deadline_us = history.plan.settings.load.deadline.as_micros() as u64;
    let of = |writes: bool, quantile: Quantile| {
        let asked = history.works.iter().filter(|work| work.process != OBSERVER && work.call.is_write() == writes);
        let waited = asked.map(|work| {
            let waited_us = work.ended_us.saturating_sub(work.invoked_us);
            if work.outcome == Ended::Info { waited_us.max(deadline_us) } else { waited_us }
        });
        of_values_us(waited, quantile).ok().map(|us| us as f64 / 1000.0)
    };
    DataFigures {
        reads_p50_ms: of(false, Quantile::At(0.5)),
        reads_p99_ms: of(false, Quantile::At(0.99)),
        reads_max_ms: of(false, Quantile::Maximum),
        writes_p50_ms: of(true, Quantile::At(0.5)),
        writes_p99_ms: of(true, Quantile::At(0.99)),
        writes_max_ms: of(true, Quantile::Maximum),
        ..DataFigures::default()
    }
}
