//! What the probes of an observation say of a site.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::micros;
use crate::history::{History, Outcome};
use crate::measure::downtime::Downtime;
use crate::measure::quantile::{plain_us, quantiles_us};
use crate::measure::resolution::lateness_p99_us;
use crate::measure::sample::spacing_us;
use crate::measure::steady::{Steadiness, p99_limit_us};
use crate::measure::worst::worst_second;
use crate::measure::{Moments, Sample, Span};
use crate::units::Quantile;

/// The shares of the quantiles that are shown.
pub const SHARES: [f64; 4] = [0.5, 0.95, 0.99, 0.999];

/// All figures; times in milliseconds, or in seconds since the first request was due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How long the site was observed, in seconds.
    pub lasted_s: f64,
    /// Requests a second.
    pub rate: f64,
    /// From its due time on, a request that is not answered whole within this is bad.
    pub deadline_ms: f64,
    /// Requests that were due, and the good ones among them.
    pub due: u64,
    pub good: u64,
    /// Good ÷ due, in percent.
    pub availability_pct: f64,
    /// What became of those that were not good: `refused`, `status 503`, …; how many of each.
    pub bad: BTreeMap<String, u64>,
    /// Latencies at the median, p95, p99 and p99.9; `null` where fewer than ten requests lie beyond.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p99_9_ms: Option<f64>,
    /// The slowest; what was not good counts with the deadline or more.
    pub max_ms: f64,
    /// The second with the most bad requests, and of those the slowest.
    pub worst_second: Second,
    /// Outages, each from its first bad request on.
    pub outages: Vec<Outage>,
    /// The shortest outage that at least one request surely falls into.
    pub shortest_outage_ms: f64,
    /// How late the prober sent, at p99.
    pub late_p99_ms: f64,
    /// What a steady state would be here.
    pub steady: Steady,
    /// For the picture: the slowest latency of each second, and whether something in it was bad.
    #[serde(skip)]
    pub seconds: Vec<(f64, bool)>,
}

/// One second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Second {
    /// When it began.
    pub from_s: f64,
    pub due: u64,
    pub good: u64,
    /// Its slowest request.
    pub max_ms: f64,
}

/// One outage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outage {
    /// When its first bad request was due.
    pub from_s: f64,
    /// Until the first of the good requests that ended it; known to the time between two requests.
    pub lasted_ms: f64,
    /// It had not ended when the observation did.
    pub open: bool,
}

/// What a steady state would be, and how often it was there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Steady {
    /// `[steady] availability`.
    pub availability_pct: f64,
    /// The highest p99 that counts as steady beside the one that was seen.
    pub p99_limit_ms: f64,
    /// Windows of `[steady] window` that were steady, and all of them.
    pub windows: u64,
    pub of: u64,
}

impl Figures {
    /// Of a recorded observation; `None` without a request.
    pub fn of(history: &History) -> Option<Figures> {
        let moments = Moments::of(history);
        let span = Span::new(moments.zero_us?, moments.end_us);
        let sample = Sample::of(history).within(span);
        let worst = worst_second(&sample, span)?;
        let ms = |us: u64| us as f64 / 1e3;
        let since = |us: u64| (us - span.from_us) as f64 / 1e6;
        let max_ms = |from_us: u64| {
            let second = sample.within(Span::new(from_us, from_us + 1_000_000));
            plain_us(&second, Quantile::Maximum).map_or(0.0, ms)
        };
        let [p50, p95, p99, p99_9] = quantiles_us(&sample, SHARES);
        let late_us = lateness_p99_us(history).unwrap_or(0);
        Some(Figures {
            lasted_s: span.length_us() as f64 / 1e6,
            rate: history.plan.settings.load.rate,
            deadline_ms: ms(sample.deadline_us()),
            due: sample.due(),
            good: sample.good(),
            availability_pct: sample.availability()?.0,
            bad: bad(&sample),
            p50_ms: p50.map(ms),
            p95_ms: p95.map(ms),
            p99_ms: p99.map(ms),
            p99_9_ms: p99_9.map(ms),
            max_ms: ms(plain_us(&sample, Quantile::Maximum)?),
            worst_second: Second {
                from_s: since(worst.from_us),
                due: worst.due,
                good: worst.good,
                max_ms: max_ms(worst.from_us),
            },
            outages: outages(&sample, span),
            shortest_outage_ms: ms(spacing_us(history) + late_us),
            late_p99_ms: ms(late_us),
            steady: steady(history, &sample, span)?,
            seconds: seconds(&sample, span),
        })
    }
}

fn bad(sample: &Sample<'_>) -> BTreeMap<String, u64> {
    let mut bad = BTreeMap::new();
    for request in sample.requests().iter().filter(|request| !sample.is_good(request)) {
        let what = match request.outcome {
            Outcome::Good | Outcome::Timeout => "not answered in time".to_string(),
            Outcome::Status(status) => format!("status {status}"),
            Outcome::Refused => "refused".into(),
            Outcome::WrongBody => "wrong body".into(),
            Outcome::NotSent => "not sent".into(),
            other => format!("{other:?}").to_lowercase(),
        };
        *bad.entry(what).or_default() += 1;
    }
    bad
}

fn outages(sample: &Sample<'_>, span: Span) -> Vec<Outage> {
    let downtime = Downtime::of(sample, span);
    let last = downtime.windows.len();
    let outage = |(nth, window): (usize, &Span)| Outage {
        from_s: (window.from_us - span.from_us) as f64 / 1e6,
        lasted_ms: window.length_us() as f64 / 1e3,
        open: downtime.open && nth + 1 == last,
    };
    downtime.windows.iter().enumerate().map(outage).collect()
}

fn steady(history: &History, sample: &Sample<'_>, span: Span) -> Option<Steady> {
    let settings = &history.plan.settings.steady;
    let limit_us = p99_limit_us(plain_us(sample, Quantile::At(0.99))?);
    let steadiness = Steadiness {
        availability_pct: settings.availability.0,
        p99_limit_us: Some(limit_us),
        window_us: micros(settings.window),
        spacing_us: spacing_us(history),
    };
    let of = span.length_us() / steadiness.window_us;
    let window = |nth: &u64| {
        let from_us = span.from_us + nth * steadiness.window_us;
        steadiness.holds(&sample.within(Span::new(from_us, from_us + steadiness.window_us)))
    };
    let windows = (0..of).filter(window).count() as u64;
    let p99_limit_ms = limit_us as f64 / 1e3;
    Some(Steady { availability_pct: settings.availability.0, p99_limit_ms, windows, of })
}

fn seconds(sample: &Sample<'_>, span: Span) -> Vec<(f64, bool)> {
    let all = (0..span.length_us().div_ceil(1_000_000)).map(|nth| {
        let from_us = span.from_us + nth * 1_000_000;
        sample.within(Span::new(from_us, from_us + 1_000_000))
    });
    all.filter_map(|second| Some((plain_us(&second, Quantile::Maximum)? as f64 / 1e3, second.good() < second.due())))
        .collect()
}
