//! The stop condition: when users suffer more than was agreed, everything stops.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::load::{LiveStats, LiveView};
use crate::settings::Abort;
use crate::units::{Percent, show_duration};

/// From one look to the next. The prober's figures are at most a tenth of a second old.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Availability is looked at over the last second: that is what must be borne or not.
const WINDOW: Duration = Duration::from_secs(1);
/// What has been due for longer than this without an answer counts as bad; a hanging site would show nothing until
/// the deadline otherwise.
const OVERDUE_MS: f64 = 1000.0;

/// Waits until the condition has held for its whole time, and says what was seen. Never returns where it does not.
pub async fn reached(condition: Abort, view: LiveView) -> String {
    let mut looks = Looks::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(reason) = looks.look(condition, Instant::now(), view.get()) {
            return reason;
        }
    }
}

/// The last second of looks, and since when the condition holds.
#[derive(Debug, Default)]
struct Looks {
    kept: VecDeque<(Instant, LiveStats)>,
    since: Option<Instant>,
}

impl Looks {
    fn look(&mut self, condition: Abort, now: Instant, stats: LiveStats) -> Option<String> {
        self.kept.push_back((now, stats));
        while self.kept.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            self.kept.pop_front();
        }
        let availability = availability(&self.kept.front()?.1, &stats);
        let held = availability.is_some_and(|availability| condition.availability.holds(availability));
        if !held {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let seen = availability.map_or(0.0, |Percent(seen)| seen);
        (now - since >= condition.lasts).then(|| {
            let lasted = show_duration(condition.lasts);
            format!("availability was {} for {lasted}: {seen:.1} % over the last second", condition.availability)
        })
    }
}

/// Good ÷ ended, over what ended between two looks; what is long overdue counts as ended badly.
fn availability(earlier: &LiveStats, now: &LiveStats) -> Option<Percent> {
    let good = now.good - earlier.good;
    let overdue = if now.oldest_ms >= OVERDUE_MS { now.in_flight } else { 0 };
    let ended = good + (now.bad - earlier.bad) + overdue;
    (ended > 0).then(|| Percent(100.0 * good as f64 / ended as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bound;

    fn condition() -> Abort {
        Abort { availability: Bound::Under(Percent(50.0)), lasts: Duration::from_secs(2) }
    }

    /// Ten looks a second; `bad` says for each tenth of a second whether its 50 requests failed.
    fn looked(bad: impl Fn(usize) -> bool, looks: usize) -> Option<usize> {
        let (start, mut stats, mut kept) = (Instant::now(), LiveStats::default(), Looks::default());
        (0..looks).find(|look| {
            let ended = if bad(*look) { &mut stats.bad } else { &mut stats.good };
            *ended += 50;
            kept.look(condition(), start + LOOK_EVERY * *look as u32, stats).is_some()
        })
    }

    #[test]
    fn it_is_reached_when_it_held_for_its_whole_time_and_not_before() {
        let reached = looked(|look| look >= 20, 100).unwrap();
        // The last second is half bad 0.5 s after 2 s; it must hold for 2 s from there.
        assert!((45..=48).contains(&reached), "{reached}");
    }

    #[test]
    fn a_break_begins_it_anew() {
        assert_eq!(looked(|look| look % 30 >= 12, 300), None);
    }

    #[test]
    fn a_healthy_site_never_reaches_it() {
        assert_eq!(looked(|_| false, 300), None);
    }

    #[test]
    fn a_site_that_hangs_reaches_it_before_any_deadline() {
        let (start, mut kept) = (Instant::now(), Looks::default());
        let reached = (0..100).find(|look| {
            let seconds = *look as f64 / 10.0;
            let stats = LiveStats { in_flight: *look * 50, oldest_ms: seconds * 1000.0, ..LiveStats::default() };
            kept.look(condition(), start + LOOK_EVERY * *look as u32, stats).is_some()
        });
        assert!(reached.is_some_and(|look| look <= 31), "{reached:?}");
    }
}
