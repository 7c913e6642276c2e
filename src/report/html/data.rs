//! What became of what users wrote and read, as labels and values.

use crate::report::record::DataFigures;
use crate::report::words::{NOTHING, grouped, maybe_seconds};

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
    let millis = |ms: Option<f64>| maybe_seconds(ms.map(|ms| ms / 1e3));
    let both = |median, p99| format!("{} · {}", millis(median), millis(p99));
    let read = if data.databases_read.is_empty() { NOTHING.into() } else { data.databases_read.join(", ") };
    vec![
        row("writes acknowledged", grouped(data.writes_acked), true),
        count("lost", data.writes_lost),
        row("indeterminate", grouped(data.writes_indeterminate), true),
        row("not applied: refused or not served", grouped(data.writes_refused), true),
        row("– not served by the site", grouped(data.writes_not_served), true),
        count("rows that are there twice, or that no user wrote", data.writes_unasked),
        of_reads("stale reads", data.reads_stale),
        of_reads("– of own posts", data.reads_of_own_stale),
        row("reads that showed less than an earlier one", grouped(data.reads_going_back), true),
        row("staleness, p99", millis(data.staleness_p99_ms), true),
        row("staleness, highest", millis(data.staleness_max_ms), true),
        row("reads answered after, median · p99", both(data.reads_p50_ms, data.reads_p99_ms), true),
        row("writes answered after, median · p99", both(data.writes_p50_ms, data.writes_p99_ms), true),
        row("databases agreed after", maybe_seconds(data.databases_agreed_s), true),
        row("databases read at the end", read, !data.databases_read.is_empty()),
    ]
}
