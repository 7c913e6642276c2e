//! `total downtime is {duration_bound}` and `the longest outage is {duration_bound}`: from zero to the watch's end, in
//! model time.

use crate::history::History;
use crate::measure::downtime::Downtime;
use crate::measure::phases::phase_span;
use crate::measure::resolution::resolution_us;
use crate::measure::{Known, ModelTime, Sample, Timeline};
use crate::units::DurationBound;

use super::compare::Measured;
use super::judgement::{Timed, in_model_time, show_modelled, show_us};
use super::{Checker, Judgement};
use crate::plan::Phase;

pub(super) struct TotalDowntime {
    pub bound: DurationBound,
}

pub(super) struct LongestOutage {
    pub bound: DurationBound,
}

impl Checker for TotalDowntime {
    fn check(&self, history: &History) -> Judgement {
        judge(history, self.bound, |outages, open| (outages.iter().sum(), open))
    }
}

impl Checker for LongestOutage {
    fn check(&self, history: &History) -> Judgement {
        judge(history, self.bound, |outages, open| {
            let (last, longest) = (outages.last().copied(), outages.iter().copied().max());
            (longest.unwrap_or(0), open && last == longest)
        })
    }
}

/// `measure` is given the lengths of all outages, in microseconds, and whether the last was still going on.
fn judge(history: &History, bound: DurationBound, measure: impl Fn(&[u64], bool) -> (u64, bool)) -> Judgement {
    let found = match phase_span(&Timeline::of(history), Phase::Throughout) {
        Ok(found) => found,
        Err(why) => return Judgement::invalid(bound.to_string(), "s", 0, why),
    };
    let sample = Sample::of(history).within(found.span);
    if sample.due() == 0 {
        return Judgement::invalid(bound.to_string(), "s", 0, "no request was due");
    }
    let downtime = Downtime::of(&sample, found.span);
    let lengths: Vec<u64> = downtime.windows.iter().map(|window| window.length_us()).collect();
    let (took_us, _) = measure(&lengths, downtime.open);
    let model = ModelTime::of(history);
    let (us, lasts) = measure(&model.outages_us(history, &downtime), downtime.open);
    let (at_most_us, _) = measure(&model.outages_at_most_us(history, &downtime), downtime.open);
    let took = Known::within(took_us, resolution_us(history));
    let known = in_model_time(history, took, us).widened(0, at_most_us - us);
    let (measured, observed) = if lasts {
        let shown = show_modelled(Known::exactly(us), Known::exactly(took_us));
        (Measured::AtLeast(us), format!("≥ {shown} (still down when the watch ended)"))
    } else {
        (Measured::Known(known), show_modelled(known, took))
    };
    Timed {
        bound,
        measured,
        n: Some(sample.due()),
        observed,
        note: Some(note(&downtime)),
        unknown: "the site was still down when the watch ended".into(),
        unit: "s",
    }
    .judge()
}

fn note(downtime: &Downtime) -> String {
    let gap = show_us(downtime.longest_gap_us);
    match downtime.windows.len() {
        0 => "no request was bad".into(),
        1 => format!("1 outage; longest time between good answers {gap}"),
        outages => format!("{outages} outages; longest time between good answers {gap}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::history::Outcome;
    use crate::units::{Bound, HumanDuration};
    use std::time::Duration;

    fn ms(limit: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(limit))
    }

    fn total(script: &Script, bound: DurationBound) -> Judgement {
        crate::checker::of(&Expectation::TotalDowntime { bound }).check(&script.history())
    }

    fn longest(script: &Script, bound: DurationBound) -> Judgement {
        crate::checker::of(&Expectation::LongestOutage { bound }).check(&script.history())
    }

    fn two_outages() -> Script {
        let script = Script::website(2, 1).bad(7000.0, 7100.0, Outcome::Refused);
        script.bad(9000.0, 9300.0, Outcome::Timeout)
    }

    #[test]
    fn the_total_is_of_all_outages_and_the_longest_of_one() {
        let sum = total(&two_outages(), Bound::Under(ms(410)));
        assert_eq!((sum.verdict, sum.observed.as_str(), sum.value), (Verdict::Pass, "400 ms", Some(0.4)));
        assert_eq!(sum.reason.as_deref(), Some("2 outages; longest time between good answers 302 ms"));
        assert_eq!(total(&two_outages(), Bound::Under(ms(390))).verdict, Verdict::Fail);
        assert_eq!(total(&two_outages(), Bound::Under(ms(401))).verdict, Verdict::Invalid, "2 ms is all that is known");
        let one = longest(&two_outages(), Bound::Over(ms(290)));
        assert_eq!((one.verdict, one.observed.as_str(), one.unit.as_str()), (Verdict::Pass, "300 ms", "s"));
        assert_eq!(longest(&two_outages(), Bound::AtMost(ms(290))).verdict, Verdict::Fail);
    }

    #[test]
    fn an_outage_that_lasts_is_a_lower_bound() {
        let down =
            Script::website(2, 1).bad(7000.0, 7100.0, Outcome::Refused).bad(15_000.0, 20_000.0, Outcome::Timeout);
        assert_eq!(longest(&down, Bound::Under(ms(6000))).verdict, Verdict::Invalid);
        assert_eq!(longest(&down, Bound::Under(ms(4000))).verdict, Verdict::Fail);
        assert_eq!(longest(&down, Bound::Over(ms(4000))).verdict, Verdict::Pass);
        assert_eq!(total(&down, Bound::Under(ms(6000))).verdict, Verdict::Invalid);
        assert_eq!(total(&down, Bound::Under(ms(6000))).observed, "≥ 5.1 s (still down when the watch ended)");
        let longer_before =
            Script::website(2, 1).bad(7000.0, 9000.0, Outcome::Refused).bad(19_000.0, 20_000.0, Outcome::Broken);
        assert_eq!(longest(&longer_before, Bound::Under(ms(3000))).verdict, Verdict::Pass);
    }

    #[test]
    fn no_downtime_at_all_is_none() {
        let none = total(&Script::website(2, 1), Bound::AtMost(ms(0)));
        assert_eq!((none.verdict, none.reason.as_deref()), (Verdict::Pass, Some("no request was bad")));
        assert_eq!(
            total(&Script::website(2, 1), Bound::AtMost(ms(1))).verdict,
            Verdict::Invalid,
            "finer than the probes"
        );
        assert_eq!(total(&two_outages(), Bound::AtMost(ms(0))).verdict, Verdict::Fail);
    }

    #[test]
    fn without_probes_or_a_zero_nothing_can_be_told() {
        let mut history = Script::website(2, 1).history();
        history.probes.clear();
        let checker = TotalDowntime { bound: Bound::Under(ms(100)) };
        assert_eq!(checker.check(&history).verdict, Verdict::Invalid);
        assert_eq!(checker.check(&history).reason.as_deref(), Some("no request was due"));
        history.events.truncate(1);
        assert_eq!(checker.check(&history).verdict, Verdict::Invalid);
    }
}
