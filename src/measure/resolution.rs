//! How finely times are known: nothing finer is asserted.

use crate::history::{History, Outcome};

use super::moments::Moments;
use super::sample::{Sample, spacing_us};
use super::span::Span;

/// The longer of the probes' spacing and their lateness at p99, in microseconds.
pub fn resolution_us(history: &History) -> u64 {
    spacing_us(history).max(lateness_p99_us(history).unwrap_or(0))
}

/// How much later than due the probes were really sent, at p99, from zero until the watch's end, in microseconds.
/// `None` when none was sent.
pub fn lateness_p99_us(history: &History) -> Option<u64> {
    let moments = Moments::of(history);
    let span = Span::new(moments.zero_us.unwrap_or(0), moments.end_us);
    let sample = Sample::of(history).within(span);
    let sent = sample.requests().iter().filter(|request| request.outcome != Outcome::NotSent);
    let mut late: Vec<u32> = sent.map(|request| request.late_us).collect();
    let rank = (late.len() * 99).div_ceil(100);
    let (_, late, _) = late.select_nth_unstable(rank.checked_sub(1)?);
    Some(u64::from(*late))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::{Script, Stretch};

    fn late(share_ms: f64, late_ms: f64) -> Script {
        let outcome = Some(Outcome::Good);
        let to_ms = 1000.0 + share_ms;
        Script::website(1, 1).until(11_000).stretch(Stretch {
            from_ms: 1000.0,
            to_ms,
            outcome,
            latency_ms: 9.0,
            late_ms,
        })
    }

    #[test]
    fn the_probes_spacing_is_the_least_resolution() {
        assert_eq!(resolution_us(&Script::website(1, 1).history()), 2000);
    }

    #[test]
    fn late_probes_coarsen_it_once_they_are_more_than_one_in_a_hundred() {
        assert_eq!(lateness_p99_us(&late(100.0, 7.0).history()), Some(0), "50 of 5,000 are 1 %");
        assert_eq!(lateness_p99_us(&late(102.0, 7.0).history()), Some(7000));
        assert_eq!(resolution_us(&late(102.0, 7.0).history()), 7000);
        assert_eq!(resolution_us(&late(102.0, 1.0).history()), 2000);
    }

    #[test]
    fn what_was_never_sent_was_not_late() {
        let mut script = Script::website(1, 1);
        script.probes.push(Stretch {
            from_ms: 0.0,
            to_ms: 1e9,
            outcome: Some(Outcome::NotSent),
            latency_ms: 0.0,
            late_ms: 9.0,
        });
        assert_eq!(lateness_p99_us(&script.history()), None);
        assert_eq!(resolution_us(&script.history()), 2000);
    }

    #[test]
    fn the_rank_of_p99_is_rounded_up() {
        assert_eq!(lateness_p99_us(&late(102.0, 7.0).until(11_002).history()), Some(7000), "51 of 5,001 are over 1 %");
    }
}
