//! How available the site was over a long run, and how sure that figure is.
//!
//! Requests of one outage fail together, so they are no independent samples: an interval from their number alone would
//! be far too narrow. The run is cut into blocks that are long beside an outage, whole blocks are drawn again and again
//! with replacement, and the interval holds the middle 95 % of what comes out (block bootstrap, percentile method;
//! Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, chapters 5 and 8). Same run, same seed: same
//! interval.

use std::collections::BTreeMap;

use rand::RngExt;

use crate::draw::{Draw, Purpose};
use crate::history::History;

use super::sample::Sample;
use super::span::Span;
use super::timeline::Timeline;

/// A block is this long: longer than the outages of a site that heals itself, so that blocks are nearly independent.
const BLOCK_US: u64 = 10_000_000;
/// With fewer blocks than this nothing is said of how sure the figure is.
const BLOCKS_MIN: usize = 20;
/// How often the run is drawn anew; 2,000 is usual for a 95 % interval.
const DRAWS: usize = 2_000;
/// What lies outside the interval on each side.
const TAIL: f64 = 0.025;

/// Availability from t0 until the watch ended, with a 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uptime {
    /// Good ÷ due, in percent.
    pub pct: f64,
    /// The interval's lower end, in percent.
    pub low_pct: f64,
    /// Its upper end, in percent.
    pub high_pct: f64,
    /// How many blocks of 10 s it rests on.
    pub blocks: usize,
}

impl Uptime {
    /// Of a run that was struck and watched for at least 20 blocks; `None` of a shorter one.
    pub fn of(history: &History, timeline: &Timeline) -> Option<Uptime> {
        let watched = Span::new(timeline.moments.t0_us?, timeline.moments.end_us);
        let blocks = blocks(&Sample::of(history), watched);
        (blocks.len() >= BLOCKS_MIN).then(|| of_blocks(&blocks, history.plan.seed))
    }
}

/// What was due and good in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    due: u64,
    good: u64,
}

/// The whole blocks of a span; what is left at its end belongs to the last one.
fn blocks(sample: &Sample<'_>, watched: Span) -> Vec<Block> {
    let Some(last) = (watched.length_us() / BLOCK_US).checked_sub(1) else { return Vec::new() };
    // Only blocks in which something was due: a watch may be far longer than its requests.
    let mut blocks: BTreeMap<u64, Block> = BTreeMap::new();
    let within = sample.within(watched);
    for request in within.requests() {
        let index = request.due_us.saturating_sub(watched.from_us) / BLOCK_US;
        let block = blocks.entry(index.min(last)).or_insert(Block { due: 0, good: 0 });
        block.due += 1;
        block.good += u64::from(within.is_good(request));
    }
    blocks.into_values().collect()
}

fn of_blocks(blocks: &[Block], seed: u64) -> Uptime {
    let mut rng = Draw::of(seed).for_purpose(Purpose::Resampling, 0);
    let mut drawn: Vec<f64> =
        (0..DRAWS).map(|_| share((0..blocks.len()).map(|_| blocks[rng.random_range(0..blocks.len())]))).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[((DRAWS - 1) as f64 * share).round() as usize];
    Uptime { pct: share(blocks.iter().copied()), low_pct: at(TAIL), high_pct: at(1.0 - TAIL), blocks: blocks.len() }
}

/// Good ÷ due of some blocks together, in percent.
fn share(blocks: impl Iterator<Item = Block>) -> f64 {
    let (due, good) = blocks.fold((0, 0), |(due, good), block| (due + block.due, good + block.good));
    100.0 * good as f64 / due as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;

    /// lb-1 dies at 6 s; the watch ends at `until_s`.
    fn run(until_s: u64) -> Script {
        Script::website(4, 2).until(until_s * 1000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1")
    }

    fn uptime(script: &Script) -> Option<Uptime> {
        let history = script.history();
        Uptime::of(&history, &Timeline::of(&history))
    }

    #[test]
    fn a_run_without_a_bad_request_was_up_for_sure() {
        let all = uptime(&run(300)).expect("long enough");
        assert_eq!((all.pct, all.low_pct, all.high_pct, all.blocks), (100.0, 100.0, 100.0, 29));
    }

    #[test]
    fn the_figure_is_good_over_due_and_lies_within_its_interval() {
        let one = uptime(&run(306).bad(100_000.0, 103_000.0, Outcome::Refused)).expect("long enough");
        let expected = 100.0 * (1.0 - 3.0 / 299.99);
        assert!((one.pct - expected).abs() < 0.01, "{one:?}");
        assert!(one.low_pct < one.pct && one.pct <= one.high_pct, "{one:?}");
        assert_eq!(one.high_pct, 100.0, "a run like it may well have had no outage");
    }

    #[test]
    fn one_long_outage_says_less_than_many_short_ones_of_the_same_sum() {
        let long = uptime(&run(306).bad(100_000.0, 109_000.0, Outcome::Refused)).expect("long enough");
        let many = (0..18).fold(run(306), |run, k| {
            let from = 20_000.0 + 15_000.0 * f64::from(k);
            run.bad(from, from + 500.0, Outcome::Refused)
        });
        let many = uptime(&many).expect("long enough");
        assert!((long.pct - many.pct).abs() < 0.05, "{long:?} {many:?}");
        assert!(long.high_pct - long.low_pct > 2.0 * (many.high_pct - many.low_pct), "{long:?} {many:?}");
    }

    #[test]
    fn it_is_the_same_each_time_and_hangs_on_the_seed_alone() {
        let script = run(306).bad(100_000.0, 109_000.0, Outcome::Refused);
        assert_eq!(uptime(&script), uptime(&script));
    }

    #[test]
    fn of_a_short_run_or_one_without_a_fault_nothing_is_said() {
        assert_eq!(uptime(&run(200)), None);
        assert_eq!(uptime(&Script::website(4, 2).until(300_000)), None);
    }

    #[test]
    fn a_watch_that_is_far_longer_than_its_requests_takes_no_longer() {
        let history = run(306).history();
        let sample = Sample::of(&history);
        let found = |to_us| blocks(&sample, Span::new(6_000_000, to_us));
        assert_eq!(found(u64::MAX), found(400_000_000));
    }
}
