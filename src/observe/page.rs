//! An observation as people read it on a terminal.

use std::fmt::Write as _;

use super::{Figures, Findings};
use crate::checker::Judgement;
use crate::measure::quantile::needed;
use crate::report::words::{grouped, latency, percent, seconds, verdict_sign, verdict_word};
use crate::units::{Quantile, trimmed};

/// The picture has at most this many columns.
const COLUMNS: usize = 60;
/// From low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Something was bad.
const BAD: char = '×';

/// The figures of `site`, what can't be believed, and the objectives. Ends with a newline.
pub fn page(site: &str, findings: &Findings) -> String {
    let Findings { figures: Some(figures), doubts, judged, .. } = findings else {
        return format!("{site}: it was not observed long enough for a single request\n");
    };
    let mut page = format!(
        "{site} observed for {}, {}/s, deadline {}\n\n",
        seconds(figures.lasted_s),
        trimmed(figures.rate, 1),
        seconds(figures.deadline_ms / 1e3)
    );
    for (name, value) in rows(figures) {
        let _ = writeln!(page, "{name:<15}{value}");
    }
    let _ = writeln!(page, "\n{:<15}{}", "each second", picture(&figures.seconds));
    let _ = writeln!(page, "{:<15}its slowest request, up to {}; {BAD} something was bad", "", slowest(figures));
    for doubt in doubts {
        let _ = writeln!(page, "\nnot to be believed: {doubt}");
    }
    if !judged.is_empty() {
        page.push('\n');
    }
    for one in judged {
        let (verdict, judgement) = (one.judgement.verdict, &one.judgement);
        let _ = write!(
            page,
            "{} {} {}: observed {}{}",
            verdict_sign(verdict),
            verdict_word(verdict).to_uppercase(),
            one.text,
            judgement.observed,
            give_or_take(judgement).unwrap_or_default()
        );
        let _ = writeln!(page, "{}", judgement.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default());
    }
    page
}

fn rows(figures: &Figures) -> Vec<(&'static str, String)> {
    let at = |value: Option<f64>| latency(value, figures.deadline_ms);
    let quantiles = [
        ("median", 0.5, figures.p50_ms),
        ("p95", 0.95, figures.p95_ms),
        ("p99", 0.99, figures.p99_ms),
        ("p99.9", 0.999, figures.p99_9_ms),
    ];
    let known = quantiles.iter().filter(|(.., value)| value.is_some());
    let mut latencies: Vec<String> = known.map(|(name, _, value)| format!("{name} {}", at(*value))).collect();
    latencies.push(format!("slowest {}", slowest(figures)));
    if let Some((name, share, _)) = quantiles.iter().find(|(.., value)| value.is_none()) {
        latencies.push(format!("{name} takes {} requests", grouped(needed(Quantile::At(*share)))));
    }
    let bad: Vec<String> = figures.bad.iter().map(|(what, count)| format!("{} {what}", grouped(*count))).collect();
    let bad = if bad.is_empty() { String::new() } else { format!(": {}", bad.join(", ")) };
    let worst = &figures.worst_second;
    let steady = &figures.steady;
    vec![
        (
            "availability",
            format!(
                "{}, {} of {} good{bad}",
                percent(Some(figures.availability_pct)),
                grouped(figures.good),
                grouped(figures.due)
            ),
        ),
        ("latency", latencies.join(" · ")),
        (
            "worst second",
            format!(
                "{} of {} good, slowest {}, from {} on",
                worst.good,
                worst.due,
                at(Some(worst.max_ms)),
                seconds(worst.from_s)
            ),
        ),
        ("outages", outages(figures)),
        ("noise floor", noise(figures)),
        (
            "steady state",
            format!(
                "availability at least {} % and p99 up to {} in windows of a second: {} of {} were so",
                trimmed(steady.availability_pct, 3),
                latency(Some(steady.p99_limit_ms), figures.deadline_ms),
                steady.windows,
                steady.of
            ),
        ),
    ]
}

/// How exactly a length of time is known, in its unit: ` ± 0.4 ms`.
fn give_or_take(judgement: &Judgement) -> Option<String> {
    let (value, low, high) = (judgement.value?, judgement.low?, judgement.high?);
    let off = (value - low).max(high - value);
    let is_told = low > 0.0 && off > 0.0;
    is_told.then(|| format!(" ± {} {}", trimmed(off, if off < 1.0 { 2 } else { 1 }), judgement.unit))
}

fn slowest(figures: &Figures) -> String {
    latency(Some(figures.max_ms), figures.deadline_ms)
}

fn outages(figures: &Figures) -> String {
    let Some(longest) = figures.outages.iter().max_by(|one, other| one.lasted_ms.total_cmp(&other.lasted_ms)) else {
        return "none".into();
    };
    let open = if longest.open { ", and it had not ended" } else { "" };
    let length = seconds(longest.lasted_ms / 1e3);
    format!("{}, the longest {length} from {} on{open}", figures.outages.len(), seconds(longest.from_s))
}

/// How small an outage could be seen from here.
fn noise(figures: &Figures) -> String {
    let shortest = figures.shortest_outage_ms;
    let longest = figures.outages.iter().map(|outage| outage.lasted_ms).fold(0.0, f64::max);
    let surely = format!("an outage of {} or more is surely seen", seconds(shortest / 1e3));
    match longest > shortest {
        true => format!("{surely}; up to {} can't be told from what happens without a fault", seconds(longest / 1e3)),
        false => surely,
    }
}

/// A column for each second, or for several where there are many.
fn picture(all: &[(f64, bool)]) -> String {
    let top = all.iter().map(|(max_ms, _)| *max_ms).fold(0.0, f64::max);
    let height = |max_ms: f64| {
        let share = if top > 0.0 { max_ms / top } else { 0.0 };
        BARS[((share * BARS.len() as f64).ceil() as usize).clamp(1, BARS.len()) - 1]
    };
    let column = |seconds: &[(f64, bool)]| match seconds.iter().any(|(_, bad)| *bad) {
        true => BAD,
        false => height(seconds.iter().map(|(max_ms, _)| *max_ms).fold(0.0, f64::max)),
    };
    all.chunks(all.len().div_ceil(COLUMNS).max(1)).map(column).collect()
}
