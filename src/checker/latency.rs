//! `{quantile} stays {duration_bound}` and `{quantile} latency {phase} is {duration_bound}`.
//!
//! "Stays" is judged over a fixed span from t0 (`[steady] stays`, 60 s), so that a slow recovery cannot dilute a
//! failure; without any fault in the plan, over the same span from zero.

use crate::clock::micros;
use crate::history::History;
use crate::measure::latency::known_us;
use crate::measure::phases::{phase_span, stays_span};
use crate::measure::worst::{CountedFrom, WorstSecond, worst_second};
use crate::measure::{Moments, Sample, Span, Timeline};
use crate::units::{Bound, DurationBound, Quantile, trimmed};

use super::availability::still_open;
use super::compare::Measured;
use super::judgement::{Timed, show_us};
use super::{Checker, Judgement};
use crate::plan::Phase;

pub(super) struct LatencyStays {
    pub quantile: Quantile,
    pub bound: DurationBound,
}

pub(super) struct Latency {
    pub quantile: Quantile,
    pub phase: Phase,
    pub bound: DurationBound,
}

impl Checker for LatencyStays {
    fn check(&self, history: &History) -> Judgement {
        let moments = Moments::of(history);
        let invalid = |why: String| Judgement::invalid(self.bound.to_string(), "ms", 0, why);
        let Some(span) = stays_span(history, &moments) else { return invalid("no fault was confirmed".into()) };
        if moments.end_us < span.to_us {
            let watched = show_us(moments.end_us.saturating_sub(span.from_us));
            return invalid(format!("the watch lasted {watched} of the {} it takes", show_us(span.length_us())));
        }
        let sample = Sample::of(history).within(span);
        let since = if history.plan.acts.is_empty() { CountedFrom::Baseline } else { CountedFrom::Onset };
        let worst = worst_second(&sample, span).map(|worst| show_worst(&worst, &sample, span, since));
        let notes: Vec<String> = slower(self.quantile, self.bound, &sample).into_iter().chain(worst).collect();
        judge(self.quantile, self.bound, &sample, Some(notes.join("; ")))
    }
}

impl Checker for Latency {
    fn check(&self, history: &History) -> Judgement {
        match phase_span(&Timeline::of(history), self.phase) {
            Ok(found) => {
                let note = found.open.then(|| still_open(true).trim_start_matches("; ").to_string());
                judge(self.quantile, self.bound, &Sample::of(history).within(found.span), note)
            }
            Err(why) => Judgement::invalid(self.bound.to_string(), "ms", 0, why),
        }
    }
}

fn judge(quantile: Quantile, bound: DurationBound, sample: &Sample<'_>, note: Option<String>) -> Judgement {
    let n = sample.due();
    let known = match known_us(sample, quantile) {
        Ok(known) => known,
        Err(few) => {
            let why = format!("too few samples for {quantile}: {} were due, it takes {}", few.have, few.need);
            return Judgement::invalid(bound.to_string(), "ms", n, why);
        }
    };
    let deadline = sample.deadline_us();
    let (measured, observed) = if known.us >= deadline {
        (Measured::AtLeast(deadline), format!("{quantile} ≥ {}", show_us(deadline)))
    } else {
        (Measured::Known(known), format!("{quantile} {known}"))
    };
    let unknown = format!("the deadline of {} hides how much longer it took", show_us(deadline));
    Timed { bound, measured, n: Some(n), observed, note, unknown, unit: "ms" }.judge()
}

/// How many requests were slower than the bound, and how many the quantile allows: `slower than 500 ms: 312 of 30000 =
/// 1.04 % (1 % may be)`.
fn slower(quantile: Quantile, bound: DurationBound, sample: &Sample<'_>) -> Option<String> {
    let Quantile::At(share) = quantile else { return None };
    let (limit, at_it) = match bound {
        Bound::Under(limit) => (limit, true),
        Bound::AtMost(limit) | Bound::Between(_, limit) => (limit, false),
        Bound::Over(_) | Bound::AtLeast(_) => return None,
    };
    let limit_us = micros(limit.0);
    let is_slower = |rank_us: u64| rank_us > limit_us || (at_it && rank_us == limit_us);
    let slower = sample.requests().iter().filter(|request| is_slower(sample.rank_us(request))).count();
    let pct = slower as f64 * 100.0 / sample.due().max(1) as f64;
    let (pct, may_be) = (trimmed(pct, 4), trimmed((1.0 - share) * 100.0, 4));
    Some(format!("slower than {limit}: {slower} of {} = {pct} % ({may_be} % may be)", sample.due()))
}

fn show_worst(worst: &WorstSecond, sample: &Sample<'_>, span: Span, since: CountedFrom) -> String {
    let start_s = (worst.from_us - span.from_us) as f64 / 1e6;
    let p99 = if worst.p99_us >= sample.deadline_us() {
        format!("≥ {}", show_us(sample.deadline_us()))
    } else {
        show_us(worst.p99_us)
    };
    format!("worst second: {}", since.worst_second(start_s, worst.good, worst.due, &p99))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::{Script, Stretch};
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::history::Outcome;
    use crate::units::HumanDuration;
    use std::time::Duration;

    fn ms(limit: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(limit))
    }

    fn stays(script: &Script, quantile: f64, bound: DurationBound) -> Judgement {
        crate::checker::of(&Expectation::LatencyStays { quantile: Quantile::At(quantile), bound })
            .check(&script.history())
    }

    fn during(script: &Script, quantile: Quantile, phase: Phase, bound: DurationBound) -> Judgement {
        crate::checker::of(&Expectation::Latency { quantile, phase, bound }).check(&script.history())
    }

    fn dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1").until(70_000)
    }

    #[test]
    fn a_hundredth_of_the_span_may_be_bad_and_no_more() {
        let forgiven = stays(&dies().bad(6000.0, 6600.0, Outcome::Status(503)), 0.99, Bound::Under(ms(500)));
        assert_eq!(forgiven.verdict, Verdict::Pass);
        assert_eq!((forgiven.n, forgiven.observed.as_str(), forgiven.unit.as_str()), (Some(30_000), "p99 5 ms", "ms"));
        let note = forgiven.reason.expect("a note");
        assert_eq!(
            note,
            "slower than 500 ms: 300 of 30000 = 1 % (1 % may be); worst second: 200 of 500 good, p99 ≥ 5 s, from 0 s after the onset on"
        );
        let refuted = stays(&dies().bad(6000.0, 6602.0, Outcome::Status(503)), 0.99, Bound::Under(ms(500)));
        assert_eq!((refuted.verdict, refuted.observed.as_str()), (Verdict::Fail, "p99 ≥ 5 s"));
        assert_eq!(refuted.value, None);
    }

    #[test]
    fn only_the_fixed_span_from_t0_counts() {
        let elsewhere = dies().slow(1000.0, 6000.0, 600.0).slow(66_000.0, 70_000.0, 600.0);
        let judgement = stays(&elsewhere, 0.99, Bound::Under(ms(500)));
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert!(judgement.margin_pct.is_some_and(|margin| (98.9..99.1).contains(&margin)));
        assert!(judgement.value.is_some_and(|value| (4.9..5.1).contains(&value)));
        assert_eq!(stays(&dies().slow(6000.0, 6700.0, 600.0), 0.99, Bound::Under(ms(500))).verdict, Verdict::Fail);
    }

    #[test]
    fn it_cannot_be_told_from_a_shorter_watch_or_without_a_fault() {
        let short = stays(&dies().until(65_999), 0.99, Bound::Under(ms(500)));
        assert_eq!(short.verdict, Verdict::Invalid);
        assert!(short.reason.expect("a reason").contains("of the 1 min it takes"));
        assert_eq!(stays(&dies().until(66_001), 0.99, Bound::Under(ms(500))).verdict, Verdict::Pass);
        let asked = Script::website(1, 1).asks("dies", crate::plan::Schedule::Once).until(70_000);
        assert_eq!(stays(&asked, 0.99, Bound::Under(ms(500))).verdict, Verdict::Invalid);
        assert_eq!(stays(&Script::website(1, 1).until(61_000), 0.99, Bound::Under(ms(500))).verdict, Verdict::Pass);
    }

    #[test]
    fn a_value_next_to_its_bound_cannot_be_told() {
        let near = |late_ms| {
            let outcome = Some(Outcome::Good);
            dies().stretch(Stretch { from_ms: 6000.0, to_ms: 66_000.0, outcome, latency_ms: 499.0, late_ms })
        };
        assert_eq!(stays(&near(0.0), 0.99, Bound::Under(ms(500))).verdict, Verdict::Pass, "probes are 2 ms apart");
        assert_eq!(stays(&near(2.0), 0.99, Bound::Under(ms(500))).verdict, Verdict::Invalid);
        assert_eq!(stays(&near(2.0), 0.99, Bound::Under(ms(502))).verdict, Verdict::Pass);
        assert_eq!(stays(&near(2.0), 0.99, Bound::Under(ms(496))).verdict, Verdict::Invalid, "4 ms below");
        assert_eq!(stays(&near(2.0), 0.99, Bound::Under(ms(494))).verdict, Verdict::Fail);
        let slower = dies().slow(6000.0, 66_000.0, 4000.0);
        assert_eq!(stays(&slower, 0.99, Bound::Under(ms(4004))).verdict, Verdict::Invalid, "the histogram's bin");
    }

    #[test]
    fn beyond_the_deadline_nothing_can_be_told() {
        let down = dies().bad(6000.0, 66_000.0, Outcome::Timeout);
        assert_eq!(stays(&down, 0.99, Bound::Under(ms(8000))).verdict, Verdict::Invalid);
        assert_eq!(stays(&down, 0.99, Bound::Over(ms(3000))).verdict, Verdict::Pass);
    }

    #[test]
    fn too_few_samples_cannot_be_told() {
        let short = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 7998, "web-1").until(70_000);
        let few = during(&short, Quantile::At(0.99), Phase::Degraded, Bound::Under(ms(500)));
        assert_eq!(few.verdict, Verdict::Invalid);
        assert_eq!(few.reason.as_deref(), Some("too few samples for p99: 999 were due, it takes 1000"));
        assert_eq!(few.n, Some(999));
        assert_eq!(during(&dies(), Quantile::At(0.95), Phase::Degraded, Bound::Under(ms(500))).verdict, Verdict::Pass);
    }

    #[test]
    fn mean_and_maximum_are_of_the_phase() {
        let slow = dies().slow(7000.0, 7002.0, 900.0);
        assert_eq!(during(&slow, Quantile::Maximum, Phase::Degraded, Bound::Over(ms(800))).observed, "maximum 900 ms");
        assert_eq!(during(&slow, Quantile::Mean, Phase::Degraded, Bound::Under(ms(10))).verdict, Verdict::Pass);
        assert_eq!(during(&slow, Quantile::Maximum, Phase::After, Bound::Under(ms(800))).verdict, Verdict::Pass);
        assert_eq!(
            during(&Script::website(1, 1), Quantile::Mean, Phase::After, Bound::Under(ms(1))).verdict,
            Verdict::Invalid
        );
    }

    #[test]
    fn a_request_that_failed_at_once_is_at_least_the_deadline() {
        let refused = dies().bad(7000.0, 7002.0, Outcome::Refused);
        let judgement = during(&refused, Quantile::Maximum, Phase::Degraded, Bound::Over(ms(800)));
        assert_eq!((judgement.observed.as_str(), judgement.value), ("maximum ≥ 5 s", None));
    }
}
