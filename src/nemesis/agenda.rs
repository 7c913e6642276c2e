//! What is still to come, by time.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::draw::{Draw, Purpose};
use crate::plan::{Choice, StrikeOrder};

/// Something the nemesis will do at its time.
#[derive(Debug, Clone)]
pub(super) enum Job {
    /// Strike.
    Strike {
        /// What and whom.
        order: Box<StrikeOrder>,
        /// It is healed this long after.
        heal_after: Option<Duration>,
        /// Nobody foresaw it, so it spares whoever is struck already.
        by_chance: bool,
    },
    /// Look whether processes that a strike killed run again.
    LookBack(u32),
    /// The time over which strikes were to come is over: until then the site is watched, also after the last strike.
    Over,
}

/// Jobs in the order of their times; those of one time in the order they were noted.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    jobs: BTreeMap<(Instant, u64), Job>,
    noted: u64,
    /// How many schedules were drawn so far.
    schedules: u64,
}

impl Agenda {
    /// Takes the next job that is due by `deadline`.
    pub fn next_before(&mut self, deadline: Instant) -> Option<(Instant, Job)> {
        let entry = self.jobs.first_entry()?;
        let at = entry.key().0;
        (at <= deadline).then(|| (at, entry.remove()))
    }

    /// Notes a job.
    pub fn note(&mut self, at: Instant, job: Job) {
        self.jobs.insert((at, self.noted), job);
        self.noted += 1;
    }

    /// Notes a strike at `start` and each `interval` after it, while less than `total` has passed. What heals is
    /// healed before the next one.
    pub fn repeat(&mut self, order: &StrikeOrder, start: Instant, interval: Duration, total: Duration) {
        let by_chance = matches!(order.target.choice, Choice::Random(_) | Choice::Share(_));
        let mut after = Duration::ZERO;
        while after < total {
            let heal_after = Some(interval.min(total - after).mul_f64(HEALED_FOR));
            self.note(start + after, Job::Strike { order: Box::new(order.clone()), heal_after, by_chance });
            after += interval;
        }
    }

    /// Notes strikes at the moments of a Poisson process, each with one of the orders, as probable as its share. Moments
    /// and orders are drawn separately. What heals is healed after half of the mean time between strikes.
    pub fn at_random(&mut self, orders: &[StrikeOrder], shares: &[f64], start: Instant, chance: Chance) {
        let generator = |purpose| chance.draw.for_purpose(purpose, self.schedules);
        let (mut of_moments, mut of_faults) = (generator(Purpose::Moments), generator(Purpose::Faults));
        self.schedules += 1;
        for after in moments(&mut of_moments, chance.mean, chance.total) {
            let order = Box::new(orders[drawn(&mut of_faults, shares)].clone());
            let heal_after = Some(chance.mean.mul_f64(HEALED_FOR));
            self.note(start + after, Job::Strike { order, heal_after, by_chance: true });
        }
        self.note(start + chance.total, Job::Over);
    }

    /// Whether nothing is to come but looks, which alone are no reason to go on.
    pub fn is_empty(&self) -> bool {
        self.jobs.values().all(|job| matches!(job, Job::LookBack(_)))
    }

    /// Forgets strikes that are still to come.
    pub fn clear(&mut self) {
        self.jobs.clear();
    }
}

/// How random moments are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance {
    /// The mean time between strikes.
    pub mean: Duration,
    /// For how long there are strikes.
    pub total: Duration,
    /// What moments and faults are drawn with.
    pub draw: Draw,
}

/// A place in the list of shares, which make 1 together.
fn drawn(rng: &mut StdRng, shares: &[f64]) -> usize {
    let mut left: f64 = rng.random();
    let falls = |share: &f64| {
        left -= share;
        left < 0.0
    };
    shares.iter().position(falls).unwrap_or(shares.len() - 1)
}

/// The moments of a Poisson process, from its begin: exponential times between them, the first one at least: a
/// schedule without any strike would test nothing.
fn moments(rng: &mut StdRng, mean: Duration, total: Duration) -> Vec<Duration> {
    let mut after = Duration::ZERO;
    let mut moments = Vec::new();
    loop {
        let uniform: f64 = rng.random();
        after += mean.mul_f64(-(1.0 - uniform).ln());
        if after >= total {
            break;
        }
        moments.push(after);
    }
    if moments.is_empty() {
        moments.push(total.mul_f64(rng.random()));
    }
    moments
}

/// A repeated fault lasts half of its interval: broken and whole take turns.
const HEALED_FOR: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Parameters, StepText, Target};

    fn order(fault: &str) -> StrikeOrder {
        let target =
            Target { choice: Choice::Every, role: "node".into(), zone: None, tag: None, text: "every node".into() };
        let step = StepText { keyword: "When".into(), text: format!("every node {fault}"), line: 1 };
        StrikeOrder { fault: fault.into(), with: Parameters::default(), target, partition: None, step }
    }

    fn times(agenda: &mut Agenda, start: Instant) -> Vec<Duration> {
        let end = start + Duration::from_secs(100_000);
        std::iter::from_fn(|| agenda.next_before(end)).map(|(at, _)| at - start).collect()
    }

    #[test]
    fn every_5_s_for_20_s_strikes_four_times() {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        agenda.repeat(&order("hangs"), start, Duration::from_secs(5), Duration::from_secs(20));
        assert_eq!(times(&mut agenda, start), [0, 5, 10, 15].map(Duration::from_secs));
    }

    #[test]
    fn jobs_come_by_time_and_not_before_they_are_due() {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        agenda.note(start + Duration::from_secs(9), Job::Over);
        agenda.note(start + Duration::from_secs(3), Job::LookBack(0));
        assert!(agenda.next_before(start + Duration::from_secs(2)).is_none());
        let (_, first) = agenda.next_before(start + Duration::from_secs(9)).unwrap();
        assert!(matches!(first, Job::LookBack(0)));
        assert!(!agenda.is_empty());
    }

    #[test]
    fn looks_alone_are_nothing_to_come() {
        let mut agenda = Agenda::default();
        agenda.note(Instant::now(), Job::LookBack(0));
        assert!(agenda.is_empty());
    }

    fn drawn(seed: u64, mean_s: u64, total_s: u64) -> Vec<Duration> {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        let draw = Draw::of(seed);
        let chance = Chance { mean: Duration::from_secs(mean_s), total: Duration::from_secs(total_s), draw };
        agenda.at_random(&[order("hangs"), order("dies")], &[0.25, 0.75], start, chance);
        let mut times = times(&mut agenda, start);
        assert_eq!(times.pop(), Some(Duration::from_secs(total_s)), "the end comes last");
        times
    }

    #[test]
    fn random_moments_are_the_seed_s_and_within_their_time() {
        assert_eq!(drawn(3, 10, 600), drawn(3, 10, 600));
        assert_ne!(drawn(3, 10, 600), drawn(4, 10, 600));
        assert!(drawn(3, 10, 600).iter().all(|after| *after < Duration::from_secs(600)));
    }

    #[test]
    fn two_schedules_of_a_scenario_have_their_own_moments() {
        let (mut agenda, start) = (Agenda::default(), Instant::now());
        let chance = Chance { mean: Duration::from_secs(1), total: Duration::from_secs(60), draw: Draw::of(3) };
        agenda.at_random(&[order("hangs")], &[1.0], start, chance);
        let first = times(&mut agenda, start);
        agenda.at_random(&[order("hangs")], &[1.0], start, chance);
        assert_ne!(first, times(&mut agenda, start));
    }

    /// How long until the first strike, in quarters of equal probability, against which of four servers it hits: 16
    /// fields with 100 scenarios each. The sum of squares is chi-square with 9 degrees of freedom: above 40 by chance
    /// once in 100,000 such tests; these seeds are fixed.
    #[test]
    fn when_a_strike_comes_says_nothing_about_what_it_hits() {
        let mut fields = [[0_u32; 4]; 4];
        for seed in 0..1_600 {
            let first = drawn(seed, 10, 200)[0].as_secs_f64();
            let quarter = ((1.0 - (-first / 10.0).exp()) * 4.0) as usize;
            let victim = Draw::of(seed).for_purpose(Purpose::Targets, 0).random_range(0..4);
            fields[quarter.min(3)][victim] += 1;
        }
        let strays: f64 = fields.iter().flatten().map(|n| (f64::from(*n) - 100.0).powi(2) / 100.0).sum();
        assert!(strays < 40.0, "{strays:.1}: {fields:?}");
    }

    #[test]
    fn the_mean_time_between_strikes_is_the_one_asked_for() {
        let count = drawn(3, 10, 50_000).len() as f64;
        assert!((4_700.0..5_300.0).contains(&count), "{count} strikes in 5,000 mean times: four deviations are 283");
    }

    #[test]
    fn each_is_drawn_as_often_as_its_share() {
        let mut rng = Draw::of(1).for_purpose(Purpose::Faults, 0);
        let seconds = (0..10_000).filter(|_| super::drawn(&mut rng, &[0.25, 0.75]) == 1).count();
        assert!((7_300..7_700).contains(&seconds), "{seconds}: four deviations are 173");
    }

    #[test]
    fn at_least_one_strike_comes_however_rare_they_are() {
        assert!((0..50).all(|seed| drawn(seed, 1_000, 10).len() == 1));
    }
}
