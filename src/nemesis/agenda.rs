//! What is still to come, by time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::Strike;
use crate::plan::StrikeOrder;

/// Something the nemesis will do at its time.
#[derive(Debug, Clone)]
pub(super) enum Job {
    /// Strike again.
    Strike { order: Box<StrikeOrder>, heal_after: Option<Duration> },
    /// Undo a strike.
    Heal { number: u32, strikes: Vec<Strike> },
}

/// Jobs in the order of their times; those of one time in the order they were noted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    jobs: BTreeMap<(Instant, u64), Job>,
    noted: u64,
}

impl Agenda {
    /// Takes the next job that is due by `deadline`.
    pub fn next_before(&mut self, deadline: Instant) -> Option<(Instant, Job)> {
        let entry = self.jobs.first_entry()?;
        let at = entry.key().0;
        (at <= deadline).then(|| (at, entry.remove()))
    }

    /// Notes a strike at `start` and each `interval` after it, while less than `total` has passed. What heals is
    /// healed before the next one.
    pub fn repeat(&mut self, order: &StrikeOrder, start: Instant, interval: Duration, total: Duration) {
        let mut after = Duration::ZERO;
        while after < total {
            let heal_after = Some(interval.min(total - after).mul_f64(HEALED_FOR));
            self.note(start + after, Job::Strike { order: Box::new(order.clone()), heal_after });
            after += interval;
        }
    }

    /// Notes the heal of a strike.
    pub fn heal(&mut self, number: u32, strikes: Vec<Strike>, at: Instant) {
        self.note(at, Job::Heal { number, strikes });
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    fn note(&mut self, at: Instant, job: Job) {
        self.jobs.insert((at, self.noted), job);
        self.noted += 1;
    }
}

/// A repeated fault lasts half of its interval: broken and whole take turns.
const HEALED_FOR: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Choice, Parameters, StepText, Target};

    fn order() -> StrikeOrder {
        let target =
            Target { choice: Choice::Every, role: "node".into(), zone: None, tag: None, text: "every node".into() };
        let step = StepText { keyword: "When".into(), text: "every node hangs".into(), line: 1 };
        StrikeOrder { fault: "hangs".into(), with: Parameters::default(), target, cut: None, step }
    }

    #[test]
    fn every_5_s_for_20_s_strikes_four_times() {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        agenda.repeat(&order(), start, Duration::from_secs(5), Duration::from_secs(20));
        let end = start + Duration::from_secs(60);
        let times: Vec<u64> =
            std::iter::from_fn(|| agenda.next_before(end)).map(|(at, _)| (at - start).as_secs()).collect();
        assert_eq!(times, [0, 5, 10, 15]);
    }

    #[test]
    fn jobs_come_by_time_and_not_before_they_are_due() {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        agenda.heal(1, Vec::new(), start + Duration::from_secs(9));
        agenda.heal(0, Vec::new(), start + Duration::from_secs(3));
        assert!(agenda.next_before(start + Duration::from_secs(2)).is_none());
        let (_, first) = agenda.next_before(start + Duration::from_secs(9)).unwrap();
        assert!(matches!(first, Job::Heal { number: 0, .. }));
        assert!(!agenda.is_empty());
    }
}
