//! How well outages are measured on the way from here to a site: some are planted in a [proxy](super::proxy) of this machine, and what was
//! measured is held against what was planted.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Clock;
use crate::history::{Recorder, Request, Source};
use crate::load::{LoadError, PreparedRequest, Prober, ProberConfig};
use crate::measure::downtime::{Downtime, GOOD_FOR_US, GOOD_IN_A_ROW};
use crate::measure::{Sample, Span};
use crate::units::{show_duration, trimmed};

use super::proxy::Proxy;

/// How long the planted outages last, in milliseconds.
pub const PLANTED_MS: [u64; 7] = [50, 100, 200, 500, 1000, 2000, 5000];
/// What is calibrated.
pub struct Calibration {
    /// What is sent to the site.
    pub request: PreparedRequest,
    /// Where the site is.
    pub site: SocketAddr,
    /// Requests a second.
    pub rate: f64,
    /// The deadline of each.
    pub deadline: Duration,
    /// How often each length is planted.
    pub times: usize,
}

/// What was measured of outages of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// How long they were to last, in milliseconds.
    pub planted_ms: u64,
    /// How many were seen, of how many.
    pub seen: usize,
    pub of: usize,
    /// How much longer than planted they were measured, in milliseconds: the mean of those that were seen, and how far the furthest lies
    /// from it. `null` where none was seen.
    pub bias_ms: Option<f64>,
    pub within_ms: Option<f64>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// By length.
    pub points: Vec<Point>,
    /// Outages that were measured and not planted.
    pub unplanted: usize,
    /// The shortest of the planted lengths from which on every outage was seen, in milliseconds; `null` where not even the longest was.
    pub always_seen_from_ms: Option<u64>,
}

impl Calibration {
    /// Between two outages so much time passes that the first is over for certain.
    fn pause(&self) -> Duration {
        let in_a_row = Duration::from_secs_f64((GOOD_IN_A_ROW + 2) as f64 / self.rate);
        in_a_row.max(Duration::from_micros(GOOD_FOR_US)) + Duration::from_millis(300)
    }

    /// How many outages are planted.
    pub fn count(&self) -> usize {
        PLANTED_MS.len() * self.times
    }

    /// How long it takes.
    pub fn lasts(&self) -> Duration {
        let planted: u64 = PLANTED_MS.iter().sum();
        (Duration::from_millis(planted) + self.pause() * PLANTED_MS.len() as u32) * self.times as u32 + self.pause()
    }

    /// Plants them all, and calls `live` before each with how many are behind it. Ends early, with `None`, when `interrupted` is ready.
    ///
    /// # Errors
    /// When the proxy or the prober can't be started, or the prober died.
    pub async fn run(
        &self,
        mut live: impl FnMut(usize),
        interrupted: impl Future<Output = &'static str>,
    ) -> Result<Option<Calibrated>, LoadError> {
        let (recorder, memory) = Recorder::memory(Clock::start());
        let started = Proxy::start(self.site, recorder.clock()).await;
        let proxy = started.map_err(|source| LoadError::System { action: "starting the proxy", source })?;
        let config = ProberConfig {
            request: self.request.clone().by_way_of(proxy.address()),
            rate: self.rate,
            deadline: self.deadline,
            in_flight: (self.rate * self.deadline.as_secs_f64()) as usize + 100,
        };
        let prober = Prober::start(config, recorder)?;
        let all = async {
            let mut planted = Vec::new();
            for ms in PLANTED_MS.repeat(self.times) {
                tokio::time::sleep(self.pause()).await;
                live(planted.len());
                planted.push((ms, proxy.outage(Duration::from_millis(ms)).await));
            }
            tokio::time::sleep(self.pause()).await;
            planted
        };
        let planted = tokio::select! {
            planted = all => Some(planted),
            _ = interrupted => None,
        };
        prober.stop().await?;
        let probes = memory.requests(Source::Prober);
        Ok(planted.map(|planted| calibrated(&planted, &probes, self.deadline)))
    }
}

impl Calibrated {
    /// As people read it on a terminal. Ends with a newline.
    pub fn page(&self, site: &str, rate: f64) -> String {
        let mut page = format!("{site} by way of a proxy of this machine, {} requests a second\n\n", trimmed(rate, 1));
        page.push_str("planted   seen     measured longer by\n");
        for point in &self.points {
            let length = show_duration(Duration::from_millis(point.planted_ms));
            let off = match (point.bias_ms, point.within_ms) {
                (Some(bias), Some(within)) => format!("{} ± {} ms", trimmed(bias, 0), trimmed(within, 0)),
                _ => "—".into(),
            };
            let _ = writeln!(page, "{length:<10}{:<9}{off}", format!("{} of {}", point.seen, point.of));
        }
        let _ = match self.always_seen_from_ms {
            Some(ms) => {
                writeln!(page, "\nevery outage of {} or more was seen", show_duration(Duration::from_millis(ms)))
            }
            None => writeln!(page, "\nnot every outage was seen, however long: nothing of this path can be judged"),
        };
        if self.unplanted > 0 {
            let _ = writeln!(
                page,
                "{} more outages were measured that were not planted: the site or the way to it fails by itself",
                self.unplanted
            );
        }
        page
    }
}

/// Holds what was measured against what was planted.
fn calibrated(planted: &[(u64, Span)], probes: &[Request], deadline: Duration) -> Calibrated {
    let deadline_us = crate::clock::micros(deadline);
    let end_us = probes.last().map_or(0, |probe| probe.due_us + 1);
    let measured = Downtime::of(&Sample::new(probes, deadline_us), Span::new(0, end_us)).windows;
    // The requests that were under way when it began were due before.
    let belongs = |window: &Span, planted: &Span| window.from_us < planted.to_us && planted.from_us < window.to_us;
    let off_ms = |planted: &Span| {
        let mut of_it =
            measured.iter().filter(|window| belongs(window, planted)).map(|window| window.length_us()).peekable();
        of_it.peek()?;
        Some((of_it.sum::<u64>() as f64 - planted.length_us() as f64) / 1e3)
    };
    let points: Vec<Point> = PLANTED_MS.iter().map(|ms| point(*ms, planted, off_ms)).collect();
    let never_missed = points.iter().rev().take_while(|point| point.seen == point.of);
    let always_seen_from_ms = never_missed.last().map(|point| point.planted_ms);
    let unplanted =
        measured.iter().filter(|window| !planted.iter().any(|(_, planted)| belongs(window, planted))).count();
    Calibrated { points, unplanted, always_seen_from_ms }
}

fn point(ms: u64, planted: &[(u64, Span)], off_ms: impl Fn(&Span) -> Option<f64>) -> Point {
    let of_length: Vec<&Span> = planted.iter().filter(|(length, _)| *length == ms).map(|(_, span)| span).collect();
    let off: Vec<f64> = of_length.iter().filter_map(|span| off_ms(span)).collect();
    let bias = (!off.is_empty()).then(|| off.iter().sum::<f64>() / off.len() as f64);
    let within = bias.map(|bias| off.iter().map(|one| (one - bias).abs()).fold(0.0, f64::max));
    Point { planted_ms: ms, seen: off.len(), of: of_length.len(), bias_ms: bias, within_ms: within }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    /// A probe every 10 ms, bad where it was due within one of these (ms).
    fn probes(bad: &[(u64, u64)]) -> Vec<Request> {
        let outcome = |ms| match bad.iter().any(|(from, to)| (*from..*to).contains(&ms)) {
            true => Outcome::Broken,
            false => Outcome::Good,
        };
        let one = |ms| Request { due_us: ms * 1000, late_us: 0, latency_us: 900, outcome: outcome(ms) };
        (0..20_000).step_by(10).map(one).collect()
    }

    fn planted(ms: u64, from_ms: u64) -> (u64, Span) {
        (ms, Span::new(from_ms * 1000, (from_ms + ms) * 1000))
    }

    #[test]
    fn what_was_measured_is_held_against_what_was_planted() {
        let planted = [planted(50, 1005), planted(100, 3005), planted(100, 5005), planted(1000, 8005)];
        // The first was missed; the others were measured 5 and 15 ms too long, and as they were.
        let probes = probes(&[(3000, 3105), (5000, 5115), (8010, 9005), (12_000, 12_050)]);
        let found = calibrated(&planted, &probes, Duration::from_secs(5));
        let of = |ms| found.points.iter().find(|point| point.planted_ms == ms).unwrap().clone();
        assert_eq!((of(50).seen, of(50).of, of(50).bias_ms), (0, 1, None));
        assert_eq!((of(100).seen, of(100).bias_ms, of(100).within_ms), (2, Some(15.0), Some(5.0)));
        assert_eq!((of(1000).seen, of(1000).bias_ms), (1, Some(0.0)));
        assert_eq!((found.unplanted, found.always_seen_from_ms), (1, Some(100)));
    }
}
