//! Bounds that no run could keep, whatever it measures: alone, or beside another one of the same scenario.

use std::time::Duration;

use super::error::{Problem, ProblemKind};
use super::listing::Listed;
use crate::plan::Hypothesis;
use crate::plan::expectation::{Expectation, Interval, Phase};
use crate::units::{Bound, DurationBound, Percent, Quantile, show_duration};

/// Nothing is measured finer.
const FINEST: Duration = Duration::from_micros(1);

/// What a bound speaks of.
#[derive(Debug, PartialEq)]
enum Subject {
    Availability(Phase),
    Latency(Quantile, Option<Phase>),
    TotalDowntime,
    LongestOutage,
    Interval(Interval),
}

/// The hypotheses that can't be true, each once.
pub(super) fn impossible(listed: &Listed<'_>, hypotheses: &[Hypothesis]) -> Vec<Problem> {
    let alone = hypotheses.iter().map(|one| (one.line, alone(&one.expectation)));
    let together = hypotheses.iter().enumerate().map(|(at, one)| (one.line, beside(one, &hypotheses[..at])));
    let problem =
        |(line, why): (usize, Option<String>)| Some(Problem::at(&listed.file.path, line, ProblemKind::Meaning, why?));
    alone.chain(together).filter_map(problem).collect()
}

fn alone(expectation: &Expectation) -> Option<String> {
    match expectation {
        Expectation::Availability { bound, .. } => never(bound),
        Expectation::EachStrike { bound } | Expectation::Staleness { bound, .. } => too_fine(bound),
        other => too_fine(&of_time(other)?.1),
    }
}

fn never(bound: &Bound<Percent>) -> Option<String> {
    let is_never = matches!(bound, Bound::Over(Percent(limit)) if *limit >= 100.0)
        || matches!(bound, Bound::Under(Percent(limit)) if *limit <= 0.0);
    is_never.then(|| {
        format!("availability can never be {bound}\n  help: it is from 0% to 100%: say for example `at least 99.9%`")
    })
}

fn too_fine(bound: &DurationBound) -> Option<String> {
    let is_too_fine = match bound {
        Bound::Under(limit) => limit.0 < FINEST,
        Bound::AtMost(limit) => !limit.0.is_zero() && limit.0 < FINEST,
        Bound::Over(_) | Bound::AtLeast(_) | Bound::Between(..) => false,
    };
    is_too_fine.then(|| {
        format!(
            "nothing is measured finer than {}, so this could not be judged\n  help: say a longer time",
            show_duration(FINEST)
        )
    })
}

/// The earlier hypothesis of the same subject that leaves this one no value.
fn beside(one: &Hypothesis, before: &[Hypothesis]) -> Option<String> {
    let (subject, low, high) = range(&one.expectation)?;
    let contradicts = |other: &&Hypothesis| {
        range(&other.expectation)
            .is_some_and(|(of, other_low, other_high)| of == subject && low.max(other_low) > high.min(other_high))
    };
    before.iter().find(contradicts).map(|other| {
        format!(
            "`{}` contradicts `{}` in line {}: no value keeps both\n  help: leave one of them out",
            one.step, other.step, other.line
        )
    })
}

/// What is bounded, and the least and the largest value that keep the bound.
fn range(expectation: &Expectation) -> Option<(Subject, f64, f64)> {
    let (subject, bound) = match expectation {
        Expectation::Availability { phase, bound } => (Subject::Availability(*phase), bound.map(|share| share.0)),
        other => of_time(other).map(|(subject, bound)| (subject, bound.map(|limit| limit.0.as_secs_f64())))?,
    };
    let (low, high) = match bound {
        Bound::Under(limit) | Bound::AtMost(limit) => (0.0, limit),
        Bound::Over(limit) | Bound::AtLeast(limit) => (limit, f64::INFINITY),
        Bound::Between(low, high) => (low, high),
    };
    Some((subject, low, high))
}

fn of_time(expectation: &Expectation) -> Option<(Subject, DurationBound)> {
    match expectation {
        Expectation::LatencyStays { quantile, bound } => Some((Subject::Latency(*quantile, None), *bound)),
        Expectation::Latency { quantile, phase, bound } => Some((Subject::Latency(*quantile, Some(*phase)), *bound)),
        Expectation::TotalDowntime { bound } => Some((Subject::TotalDowntime, *bound)),
        Expectation::LongestOutage { bound } => Some((Subject::LongestOutage, *bound)),
        Expectation::Interval { interval, bound } => Some((Subject::Interval(*interval), *bound)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::HumanDuration;

    fn recovery(line: usize, bound: Bound<Duration>) -> Hypothesis {
        let expectation = Expectation::Interval { interval: Interval::Recovery, bound: bound.map(HumanDuration) };
        Hypothesis { step: format!("recovery {line}"), line, expectation }
    }

    #[test]
    fn what_no_value_keeps_is_no_bound() {
        assert!(never(&Bound::Over(Percent(100.0))).is_some() && never(&Bound::Under(Percent(0.0))).is_some());
        assert!(never(&Bound::AtLeast(Percent(100.0))).is_none() && never(&Bound::AtMost(Percent(0.0))).is_none());
        let told = |bound: Bound<u64>| too_fine(&bound.map(|ns| HumanDuration(Duration::from_nanos(ns)))).is_some();
        assert!(told(Bound::Under(100)) && told(Bound::Under(0)) && told(Bound::AtMost(1)));
        assert!(!told(Bound::AtMost(0)), "no outage at all");
        assert!(!told(Bound::Under(1000)) && !told(Bound::Over(0)));
    }

    #[test]
    fn two_bounds_that_leave_no_value_contradict_each_other_and_others_do_not() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let first = recovery(7, Bound::Under(minutes(8)));
        let why = beside(&recovery(8, Bound::Over(minutes(9))), std::slice::from_ref(&first)).unwrap();
        assert!(why.starts_with("`recovery 8` contradicts `recovery 7` in line 7"), "{why}");
        assert_eq!(beside(&recovery(8, Bound::Over(minutes(2))), &[first]), None);
    }
}
