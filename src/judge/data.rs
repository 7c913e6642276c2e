//! The figures of what users wrote and read.

mod work;

use crate::history::{FinalState, History};
use crate::measure::meaning::Deeds;
use crate::measure::quantile::of_values_us;
use crate::measure::reads::{going_back, judged};
use crate::measure::writes::{self, Writes};
use crate::report::record::DataFigures;
use crate::units::Quantile;

/// `None` where users only browsed, and no database was read.
pub(super) fn data_of(history: &History) -> Option<DataFigures> {
    let figures = match Deeds::of(history) {
        Some(deeds) => of_deeds(history, deeds),
        None => work::of(history),
    };
    if figures.is_none() && history.final_state == FinalState::default() {
        return None;
    }
    let settling = history.final_state.settling.as_ref();
    Some(DataFigures {
        databases_agreed_s: settling.and_then(|s| Some((s.agreed_us?.saturating_sub(s.from_us)) as f64 / 1e6)),
        databases_read: history.final_state.contents().map(|(server, _)| server.to_string()).collect(),
        ..figures.unwrap_or_default()
    })
}

/// Where another crate says what operations mean; `None` where there is none.
fn of_deeds(history: &History, deeds: Deeds<'_>) -> Option<DataFigures> {
    history.works.first()?;
    let of_reads = of_reads(history, &deeds);
    let writes = Writes::among(deeds);
    let contents = writes::contents(history).ok();
    let unasked = contents.as_ref().map(|contents| {
        let of = |content| writes::unasked(&writes, content).len() + content.twice.len();
        contents.iter().map(|(_, content)| of(content)).sum::<usize>() as u64
    });
    Some(DataFigures {
        writes_acked: writes.acknowledged.len() as u64,
        writes_lost: contents.as_ref().map(|contents| writes::lost(&writes, contents).len() as u64),
        writes_indeterminate: writes.indeterminate.len() as u64,
        writes_refused: writes.refused.len() as u64,
        writes_not_served: writes.refused.iter().filter(|write| write.work.was_not_served()).count() as u64,
        writes_unasked: unasked,
        ..of_reads
    })
}

fn of_reads(history: &History, deeds: &Deeds<'_>) -> DataFigures {
    let reads = judged(deeds);
    let staleness = |quantile| {
        let values = reads.iter().map(|read| read.stale_us.unwrap_or(0));
        of_values_us(values, quantile).ok().map(|us| us as f64 / 1000.0)
    };
    let stale = || reads.iter().filter(|read| read.stale_us.is_some());
    DataFigures {
        reads_judged: reads.len() as u64,
        reads_stale: stale().count() as u64,
        reads_of_own_stale: stale().filter(|read| read.own).count() as u64,
        reads_going_back: going_back(deeds).0.len() as u64,
        staleness_p99_ms: staleness(Quantile::At(0.99)),
        staleness_max_ms: staleness(Quantile::Maximum),
        ..work::answered(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Ended;
    use crate::history::final_state::Content;
    use crate::history::synthetic::Script;
    use crate::site_plugin::op::What;

    #[test]
    fn who_only_browses_has_no_figures_of_data() {
        assert_eq!(data_of(&Script::website(2, 1).history()), None);
    }

    #[test]
    fn what_was_written_read_and_kept_is_counted() {
        let entries = |seqs: &[u32]| seqs.iter().map(|seq| ("u-1", *seq)).collect();
        let content = |seqs: &[u32]| Content { entries: entries(seqs), ..Content::default() };
        let script = Script::website(2, 1).databases(2).posts("u-1", 1, 2000).posts("u-1", 2, 3000);
        let script = script
            .operation("u-1", What::Post { number: 3 }, 4000, 9000, Ended::Info)
            .operation("u-2", What::Signup { name: "ada".into() }, 4000, 4010, Ended::Fail)
            .operation("u-3", What::Signup { name: "ada".into() }, 4000, 4010, Ended::Fail)
            .sees("u-1", "u-1", &[1], 3110)
            .sees("u-2", "u-1", &[1, 2], 3110);
        let unread = data_of(&script.history()).unwrap();
        assert_eq!((unread.writes_lost, unread.writes_unasked, unread.databases_agreed_s), (None, None, None));
        let mut history = script.holds("db-1", content(&[1, 3])).holds("db-2", content(&[1, 2, 9])).history();
        let answers = [("u-2", "status 409"), ("u-3", "status 503")];
        for (user, detail) in answers {
            let mut of_user = history.works.iter_mut().filter(|work| work.asked()["by"] == user);
            of_user.next().unwrap().detail = Some(detail.into());
        }
        let found = data_of(&history).unwrap();
        assert_eq!((found.writes_acked, found.writes_lost, found.writes_indeterminate), (2, Some(1), 1));
        assert_eq!((found.writes_refused, found.writes_not_served, found.writes_unasked), (2, 1, Some(1)));
        assert_eq!((found.reads_judged, found.reads_stale, found.reads_of_own_stale), (2, 1, 1));
        assert_eq!((found.staleness_max_ms, found.staleness_p99_ms), (Some(100.0), None));
        // The write without an answer took its deadline; the two reads are too few for a quantile.
        assert_eq!((found.writes_p99_ms, found.writes_max_ms), (None, Some(5000.0)));
        assert_eq!((found.reads_p99_ms, found.reads_max_ms.is_some()), (None, true));
        assert_eq!(found.databases_read, ["db-1", "db-2"]);
    }
}
