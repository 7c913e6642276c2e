//! What became of what users wrote and read, as labels and values.

use crate::report::record::DataFigures;
use crate::report::words::{grouped, maybe_seconds};

/// A figure; `good` is false where it speaks against the site.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DataRow {
    pub name: &'static str,
    pub value: String,
    pub good: bool,
}

/// The rows of the table.
pub fn rows(data: &DataFigures) -> Vec<DataRow> {
    let row = |name, value, good| DataRow { name, value, good };
    let count = |name, count: Option<u64>| row(name, count.map_or("unknown".into(), grouped), count.unwrap_or(0) == 0);
    let of_reads = |name, count| row(name, format!("{} of {}", grouped(count), grouped(data.reads_judged)), true);
    let mut rows = vec![
        row("writes acknowledged", grouped(data.writes_acked), true),
        count("lost", data.writes_lost),
        row("indeterminate", grouped(data.writes_indeterminate), true),
        row("not applied: refused or not served", grouped(data.writes_refused), true),
        row("– not served by the site", grouped(data.writes_not_served), true),
        count("there twice, or written by no user", data.writes_unasked),
        of_reads("stale reads", data.reads_stale),
        of_reads("– of what the reader had written", data.reads_of_own_stale),
        row("reads that showed less than an earlier one", grouped(data.reads_going_back), true),
        row("staleness, p99", or_maximum(data.staleness_p99_ms, data.staleness_max_ms), true),
        row("staleness, highest", millis(data.staleness_max_ms), true),
        row("reads answered after, median · p99", both(data.reads_p50_ms, data.reads_p99_ms, data.reads_max_ms), true),
        row(
            "writes answered after, median · p99",
            both(data.writes_p50_ms, data.writes_p99_ms, data.writes_max_ms),
            true,
        ),
    ];
    // The data of an application of one's own is read by its interface.
    if !data.databases_read.is_empty() || data.databases_agreed_s.is_some() || data.writes_lost.is_none() {
        let read = data.databases_read.join(", ");
        rows.push(row("databases agreed after", maybe_seconds(data.databases_agreed_s), true));
        rows.push(row("databases read at the end", read, !data.databases_read.is_empty()));
    }
    rows
}

fn millis(ms: Option<f64>) -> String {
    maybe_seconds(ms.map(|ms| ms / 1e3))
}

/// A p99, or the maximum where there are too few values for one; a dash where there are none at all.
fn or_maximum(p99: Option<f64>, maximum: Option<f64>) -> String {
    match (p99, maximum) {
        (None, Some(_)) => format!("{} (maximum; too few for p99)", millis(maximum)),
        _ => millis(p99),
    }
}

/// A median and a p99; the maximum alone where there are too few values for either.
fn both(median: Option<f64>, p99: Option<f64>, maximum: Option<f64>) -> String {
    match (median, maximum) {
        (None, Some(_)) => format!("{} (maximum; too few for a quantile)", millis(maximum)),
        _ => format!("{} · {}", millis(median), or_maximum(p99, maximum)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::words::NOTHING;

    fn value(data: &DataFigures, name: &str) -> String {
        rows(data).into_iter().find(|row| row.name == name).expect("a row").value
    }

    #[test]
    fn a_quantile_of_too_few_values_shows_the_maximum_and_says_so() {
        let few = DataFigures {
            staleness_max_ms: Some(660.0),
            reads_p50_ms: Some(3.0),
            reads_max_ms: Some(44.0),
            writes_max_ms: Some(97.0),
            ..DataFigures::default()
        };
        assert_eq!(value(&few, "staleness, p99"), "660 ms (maximum; too few for p99)");
        assert_eq!(value(&few, "reads answered after, median · p99"), "3 ms · 44 ms (maximum; too few for p99)");
        assert_eq!(value(&few, "writes answered after, median · p99"), "97 ms (maximum; too few for a quantile)");
        let enough = DataFigures { staleness_p99_ms: Some(7.0), ..few };
        assert_eq!(value(&enough, "staleness, p99"), "7 ms");
    }

    #[test]
    fn no_value_at_all_is_a_dash() {
        let nothing = DataFigures::default();
        assert_eq!(value(&nothing, "staleness, p99"), NOTHING);
        assert_eq!(value(&nothing, "writes answered after, median · p99"), format!("{NOTHING} · {NOTHING}"));
    }
}
