//! What a person sees while a site is observed: a bar on a terminal; elsewhere a line after two seconds, and one every five seconds.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::console::complain;
use crate::load::LiveStats;
use crate::report::words::{grouped, latency};

/// When a log gets the first figures: within the five seconds that are promised, also on a busy machine.
const FIRST_LINE_S: u64 = 2;
/// How often it gets a line then.
const LINE_EVERY_S: u64 = 5;

/// Shows how an observation goes, on standard error.
pub struct Live {
    bar: Option<ProgressBar>,
    lasts: Duration,
    deadline: Duration,
}

impl Live {
    /// Of one that lasts so long, with this deadline for each request.
    pub fn new(lasts: Duration, deadline: Duration) -> Live {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{wide_bar} {pos}/{len} s  {msg}").expect("the template is a constant");
            ProgressBar::new(lasts.as_secs()).with_style(style)
        });
        Live { bar, lasts, deadline }
    }

    /// So much time has passed.
    pub fn show(&self, passed: Duration, stats: LiveStats) {
        let passed_s = passed.as_secs();
        let line = self.line(stats);
        match &self.bar {
            Some(bar) => {
                bar.set_position(passed_s);
                bar.set_message(line);
            }
            None if passed_s == FIRST_LINE_S || (passed_s > 0 && passed_s.is_multiple_of(LINE_EVERY_S)) => {
                complain!("{passed_s} of {} s: {line}", self.lasts.as_secs());
            }
            None => {}
        }
    }

    /// Ends the bar.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, stats: LiveStats) -> String {
        let answered = stats.good + stats.bad;
        let slowest = latency(Some(stats.p99_ms), self.deadline.as_secs_f64() * 1e3);
        let waits = match stats.oldest_ms {
            oldest if oldest >= 1000.0 => format!(" · no answer for {}", latency(Some(oldest), 0.0)),
            _ => String::new(),
        };
        format!("{} of {} good · slowest of the last second {slowest}{waits}", grouped(stats.good), grouped(answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_hangs_shows_before_its_deadline() {
        let live = Live::new(Duration::from_secs(60), Duration::from_secs(5));
        let stats = LiveStats { due: 30, good: 20, bad: 2, in_flight: 8, p99_ms: 12.0, ..LiveStats::default() };
        assert_eq!(live.line(stats), "20 of 22 good · slowest of the last second 12 ms");
        let hangs = LiveStats { oldest_ms: 1500.0, p99_ms: 5000.0, ..stats };
        assert_eq!(live.line(hangs), "20 of 22 good · slowest of the last second ≥ 5 s · no answer for 1.5 s");
    }
}
