//! When service came back, and when everything was as before.
//!
//! *First error*: the first bad request that was due or still under way at t0 or later; one that was under way counts
//! from t0.
//!
//! *Service back* (the end of failover): the first good due request after the first error that a whole window with
//! availability at the objective follows. When there was no error between t0 and recovery, service was never out, and it
//! is back at t0.
//!
//! *Recovery*: the start of the first whole window within which availability is at the objective, p99 is at most
//! max(1.5 × baseline, baseline + 25 ms) and redundancy is back throughout, with no repair under way. It is looked for
//! from the end of the last strike (its heal, if it strikes for a while only) and from the moment redundancy came back,
//! and starts there or right after a bad or slow request. What happens after it does not move it: that is a relapse
//! ([`super::relapse`]), and shows in the phase "after" and in downtime.

use crate::history::{History, Request};

use super::moments::Moments;
use super::redundancy::{RedundantSpan, redundant_spans};
use super::sample::Sample;
use super::span::{Observed, Span};
use super::steady::Steadiness;

/// When the site had recovered, in microseconds on the run's clock, as far as is recorded: also of a history that is
/// still being written.
pub fn recovered_at(history: &History) -> Option<u64> {
    let moments = Moments::of(history);
    recovery(history, &moments, &redundant_spans(history, &moments))?.us()
}

/// When the site had recovered; `None` when no fault was confirmed.
pub fn recovery(history: &History, moments: &Moments, whole: &[RedundantSpan]) -> Option<Observed> {
    let t0 = moments.t0_us?;
    let Some(settled) = moments.settled_us() else { return Some(Observed::NotBefore { us: moments.end_us }) };
    Some(normal_from(history, moments, whole, settled.max(t0)))
}

/// When everything was as before again, from a moment on: the first steady window with redundancy.
pub fn normal_from(history: &History, moments: &Moments, whole: &[RedundantSpan], from_us: u64) -> Observed {
    let steadiness = Steadiness::of(history, moments);
    let sample = Sample::of(history);
    let mut lower = moments.end_us;
    for stretch in whole.iter().filter(|stretch| stretch.span.to_us > from_us) {
        let span = Span::new(stretch.span.from_us.max(from_us), stretch.span.to_us);
        match steadiness.first_window(&sample, span) {
            Ok(us) => {
                let within_us = if us == stretch.span.from_us { stretch.within_us } else { 0 };
                return Observed::At { us, within_us };
            }
            Err(earliest) if stretch.span.to_us == moments.end_us => lower = earliest,
            Err(_) => {}
        }
    }
    Observed::NotBefore { us: lower }
}

/// When everything declared was there again after the last strike; `None` when no fault was confirmed.
pub fn redundancy_back(moments: &Moments, whole: &[RedundantSpan]) -> Option<Observed> {
    let t0 = moments.t0_us?;
    let settled = moments.settled_us();
    let back = settled.and_then(|settled| whole.iter().find(|stretch| stretch.span.to_us > settled.max(t0)));
    Some(match (back, settled) {
        (Some(stretch), Some(settled)) => {
            Observed::At { us: stretch.span.from_us.max(settled).max(t0), within_us: stretch.within_us }
        }
        _ => Observed::NotBefore { us: moments.end_us },
    })
}

/// The due moment of the first bad request that was due in the span, or still under way when it began.
pub fn first_bad_us(history: &History, span: Span) -> Option<u64> {
    let sample = Sample::of(history);
    let under_way = Span::new(span.from_us.saturating_sub(sample.deadline_us()), span.to_us);
    let ended = |request: &Request| request.due_us + u64::from(request.latency_us);
    let asked = |request: &Request| request.due_us >= span.from_us || ended(request) > span.from_us;
    let searched = sample.within(under_way).requests().iter();
    searched.filter(|request| asked(request)).find(|request| !sample.is_good(request)).map(|request| request.due_us)
}

/// When service was back after what became bad from `from_us` on; at `from_us` itself if nothing did until `until_us`.
pub fn service_back(history: &History, moments: &Moments, from_us: u64, until_us: u64) -> Observed {
    let sample = Sample::of(history);
    let Some(bad_us) = first_bad_us(history, Span::new(from_us, until_us)) else { return Observed::at(from_us) };
    let steadiness = Steadiness::of(history, moments).of_service();
    let rest = Span::new(bad_us, moments.end_us);
    let next_us = sample.within(rest).requests().get(1).map_or(moments.end_us, |request| request.due_us);
    let after_bad = next_us.max(from_us);
    match steadiness.first_window(&sample, Span::new(after_bad, moments.end_us)) {
        Ok(us) => Observed::at(first_good(&sample, us).max(from_us)),
        Err(earliest) => Observed::NotBefore { us: earliest },
    }
}

/// A window that allows a bad request may begin with one: service is back at the first good one.
fn first_good(sample: &Sample<'_>, from_us: u64) -> u64 {
    let rest = sample.within(Span::new(from_us, u64::MAX));
    rest.requests().iter().find(|request| sample.is_good(request)).map_or(from_us, |request| request.due_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::history::{Event, Outcome};
    use crate::measure::timeline::Timeline;
    use crate::plan::Schedule;

    /// Milliseconds of (service back, redundancy, recovery); negative: not before.
    fn told(script: &Script) -> [i64; 3] {
        let timeline = Timeline::of(&script.history());
        [timeline.service, timeline.redundancy, timeline.recovery].map(|reached| match reached.expect("a t0") {
            Observed::At { us, .. } => us as i64 / 1000,
            Observed::NotBefore { us } => -(us as i64) / 1000,
        })
    }

    fn card() -> Script {
        let script = Script::website(4, 2).dies(6000, "lb-1").holders(6015, &[]).holders(6090, &["lb-2"]);
        script.bad(6002.0, 6094.0, Outcome::Timeout).replaced(6500, 7000, 8000, "lb-1")
    }

    #[test]
    fn service_is_back_at_the_first_good_request_and_recovery_waits_for_redundancy() {
        assert_eq!(told(&card()), [6094, 8000, 8000]);
        assert_eq!(recovered_at(&card().history()), Some(8_000_000));
    }

    #[test]
    fn recovery_begins_after_the_last_bad_or_slow_request() {
        assert_eq!(told(&card().bad(8500.0, 8600.0, Outcome::Refused)), [6094, 8000, 8600]);
        assert_eq!(told(&card().slow(8500.0, 8600.0, 300.0)), [6094, 8000, 8600 - 10], "but for the slowest 1 %");
    }

    #[test]
    fn what_breaks_after_a_whole_steady_window_does_not_move_recovery() {
        assert_eq!(told(&card().bad(9000.0, 9100.0, Outcome::Refused)), [6094, 8000, 8000]);
        assert_eq!(told(&card().bad(8998.0, 9100.0, Outcome::Refused)), [6094, 8000, 9100]);
    }

    #[test]
    fn without_a_bad_request_service_was_never_out() {
        let script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        assert_eq!(told(&script), [6000, 8000, 8000]);
        let later = script.bad(9500.0, 9600.0, Outcome::Refused);
        assert_eq!(told(&later), [6000, 8000, 8000], "what is bad after recovery is another matter");
    }

    #[test]
    fn an_outage_that_begins_late_counts_until_its_end() {
        let script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 12_000, "web-1");
        assert_eq!(told(&script.bad(9000.0, 9500.0, Outcome::Refused)), [9500, 12_000, 12_000]);
    }

    #[test]
    fn good_answers_of_less_than_a_window_are_not_service() {
        let flapping = card().bad(6600.0, 7000.0, Outcome::Refused);
        assert_eq!(told(&flapping), [7000, 8000, 8000]);
    }

    #[test]
    fn what_never_comes_back_has_a_lower_bound() {
        let dead = Script::website(2, 1).dies(6000, "lb-1").bad(6002.0, 20_000.0, Outcome::Timeout);
        assert_eq!(told(&dead), [-20_000, -20_000, -20_000]);
        let no_reconciler = Script::website(4, 2).dies(6000, "web-1");
        assert_eq!(told(&no_reconciler), [6000, -20_000, -20_000]);
        let just_back = card().bad(8000.0, 19_500.0, Outcome::Timeout);
        assert_eq!(
            told(&just_back.slow(19_600.0, 19_604.0, 400.0))[2],
            -19_500,
            "steady for less than a window when the watch ended"
        );
    }

    #[test]
    fn redundancy_that_is_lost_before_a_window_is_over_is_no_recovery() {
        let lost = card().view(8500, "lb-1", "web-1", "DOWN").view(9500, "lb-1", "web-1", "UP");
        assert_eq!(told(&lost), [6094, 8000, 9500]);
    }

    #[test]
    fn recovery_comes_after_the_last_strike() {
        let twice = card().dies(10_000, "web-1").replaced(10_500, 11_000, 12_000, "web-1");
        assert_eq!(told(&twice), [6094, 12_000, 12_000]);
    }

    #[test]
    fn recovery_comes_after_the_heal_of_a_strike_for_a_while() {
        let lasts = Schedule::For(std::time::Duration::from_secs(3));
        let script = Script::website(2, 1).strike_unconfirmed(6000, "stalls", &["web-1"], lasts);
        let script = script.confirm(6010, 0, &["web-1"]).state(6500, "web-1", 1, crate::instance::PowerState::Running);
        assert_eq!(told(&script), [6000, -20_000, -20_000]);
        let healed =
            script.event(9000, Event::StrikeHealed { strike: 0, target: "web-1".into(), evidence: String::new() });
        assert_eq!(told(&healed), [6000, 9000, 9000]);
    }

    #[test]
    fn it_is_found_while_the_history_is_still_being_written() {
        let mut history = card().history();
        history.events.retain(|record| record.at_us <= 8_000_000);
        let until = |ms: u64| {
            let mut history = history.clone();
            history.probes.retain(|probe| probe.due_us < ms * 1000);
            recovered_at(&history)
        };
        assert_eq!(until(8000), None);
        assert_eq!(until(8900), None);
        assert_eq!(until(9010), Some(8_000_000));
    }

    #[test]
    fn without_a_confirmed_fault_there_is_nothing_to_recover_from() {
        let timeline = Timeline::of(&Script::website(2, 1).history());
        assert_eq!((timeline.service, timeline.redundancy, timeline.recovery), (None, None, None));
    }

    #[test]
    fn a_recovery_that_hangs_on_a_poll_is_as_exact_as_the_poll() {
        let polled = |script: &Script| {
            let mut history = script.history();
            let replaced = |event: &Event| matches!(event, Event::ReconcilerReplaced { .. });
            let record = history.events.iter_mut().find(|record| replaced(&record.event));
            record.expect("a replacement").resolution_us = 50_000;
            Timeline::of(&history).recovery
        };
        assert_eq!(polled(&card()), Some(Observed::At { us: 8_000_000, within_us: 50_000 }));
        let later = card().bad(8500.0, 8600.0, Outcome::Refused);
        assert_eq!(polled(&later), Some(Observed::At { us: 8_600_000, within_us: 0 }), "the probes tell this one");
    }

    #[test]
    fn a_window_that_allows_bad_requests_does_not_make_one_of_them_the_return_of_service() {
        let mut script = card().bad(6094.0, 6098.0, Outcome::Refused);
        script.settings.steady.availability = crate::units::Percent(90.0);
        assert_eq!(told(&script)[0], 6098);
    }

    #[test]
    fn slow_answers_are_service_but_no_recovery() {
        assert_eq!(told(&card().slow(6094.0, 10_000.0, 300.0)), [6094, 8000, 10_000 - 10]);
    }

    #[test]
    fn redundancy_that_is_lost_for_good_leaves_recovery_open_until_the_end() {
        assert_eq!(told(&card().view(8500, "lb-1", "web-1", "DOWN")), [6094, 8000, -20_000]);
    }
}
