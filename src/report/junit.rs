//! `junit.xml`: a suite a feature, a case a scenario. A retry is not a second case.
//!
//! A refuted hypothesis is a `<failure>`; everything that could not be told (invalid, infra, aborted) is an
//! `<error>`, so that a broken harness never reads as a broken system.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use crate::checker::Verdict;

use super::record::{HypothesisRecord, ScenarioRecord};
use super::words::{not_passed, since_t0, verdict_word, why};
use super::{JudgedRun, Report};

/// Renders `junit.xml`.
pub struct Junit;

impl Report for Junit {
    fn file_name(&self) -> &'static str {
        "junit.xml"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        document(run).serialize(&mut *out).map_err(io::Error::other)
    }
}

fn document(run: &JudgedRun) -> quick_junit::Report {
    let mut document = quick_junit::Report::new("anarcho-chimp");
    document.set_time(duration(run.record.duration_s));
    for feature in features(&run.record.scenarios) {
        document.add_test_suite(suite(run, feature));
    }
    document
}

/// The feature files, in the order in which they first appear.
fn features(scenarios: &[ScenarioRecord]) -> Vec<&str> {
    let mut features: Vec<&str> = Vec::new();
    for scenario in scenarios {
        if !features.contains(&scenario.feature.as_str()) {
            features.push(&scenario.feature);
        }
    }
    features
}

fn suite(run: &JudgedRun, feature: &str) -> TestSuite {
    let scenarios: Vec<_> = run.record.scenarios.iter().filter(|s| s.feature == feature).collect();
    let mut suite = TestSuite::new(scenarios.first().map_or(feature, |first| first.feature_name.as_str()));
    suite.set_time(duration(scenarios.iter().map(|s| s.duration_s).sum()));
    // quick-junit wants chrono's type for it; the record has the text already.
    suite.extra.insert("timestamp".into(), run.record.started_at.as_str().into());
    suite.add_property(Property::new("feature", feature));
    suite.add_property(Property::new("run_id", run.record.run_id.as_str()));
    suite.add_property(Property::new("seed", run.record.seed.to_string()));
    suite.add_property(Property::new("provider", run.record.provider.as_str()));
    for scenario in &scenarios {
        let twin = scenarios.iter().filter(|other| other.name == scenario.name).count() > 1;
        suite.add_test_case(case(scenario, twin));
    }
    suite
}

/// `twin`: another scenario of the feature (a row of the same outline) has the same name, so the line is added.
fn case(scenario: &ScenarioRecord, twin: bool) -> TestCase {
    let name = if twin { format!("{} (line {})", scenario.name, scenario.line) } else { scenario.name.clone() };
    let mut case = TestCase::new(name, status(scenario));
    case.set_classname(scenario.feature.as_str());
    case.set_time(duration(scenario.duration_s));
    case.set_assertions(scenario.hypotheses.len());
    case.extra.insert("file".into(), scenario.feature.as_str().into());
    case.extra.insert("line".into(), scenario.line.to_string().into());
    case.add_property(Property::new("verdict", verdict_word(scenario.verdict)));
    case.add_property(Property::new("seed", scenario.seed.to_string()));
    case.add_property(Property::new("attempts", scenario.attempts.to_string()));
    case.set_system_out(system_out(scenario));
    case
}

fn status(scenario: &ScenarioRecord) -> TestCaseStatus {
    let kind = match scenario.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why(scenario));
            return status;
        }
        Verdict::Fail => NonSuccessKind::Failure,
        Verdict::Invalid | Verdict::Infra | Verdict::Aborted => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(verdict_word(scenario.verdict)).set_message(why(scenario)).set_description(details(scenario));
    status
}

fn details(scenario: &ScenarioRecord) -> String {
    let mut lines = vec![scenario.headline.clone()];
    lines.extend(not_passed(scenario).map(|hypothesis| hypothesis_line(scenario, hypothesis)));
    lines.extend(scenario.validity.reasons.iter().cloned());
    lines.join("\n")
}

fn system_out(scenario: &ScenarioRecord) -> String {
    let mut lines = vec![scenario.headline.clone()];
    lines.extend(scenario.hypotheses.iter().map(|hypothesis| hypothesis_line(scenario, hypothesis)));
    lines.extend(scenario.strikes.iter().map(|strike| {
        let confirmed = strike.t0_s.map_or("not confirmed".into(), |t0| format!("confirmed at {}", since_t0(t0)));
        format!("strike: {} on {} ({confirmed}: {})", strike.fault, strike.target, strike.witness)
    }));
    lines.join("\n")
}

fn hypothesis_line(scenario: &ScenarioRecord, hypothesis: &HypothesisRecord) -> String {
    let mut line = format!(
        "{}: {} ({}:{}): expected {}, observed {}, n = {}",
        verdict_word(hypothesis.verdict),
        hypothesis.step,
        scenario.feature,
        hypothesis.line,
        hypothesis.expected,
        hypothesis.observed,
        hypothesis.n
    );
    if let Some(reason) = &hypothesis.reason {
        line.push_str(": ");
        line.push_str(reason);
    }
    line
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn rendered(run: &JudgedRun) -> String {
        let mut bytes = Vec::new();
        Junit.render(run, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_suite_a_feature_and_a_case_a_scenario() {
        insta::assert_snapshot!(rendered(&sample::run()));
    }

    #[test]
    fn a_retry_is_not_a_second_case() {
        let mut run = sample::run();
        run.record.scenarios[2].attempts = 3;
        assert_eq!(rendered(&run).matches("<testcase").count(), run.record.scenarios.len());
    }

    #[test]
    fn rows_of_an_outline_are_told_apart_by_their_line() {
        let mut run = sample::run();
        let mut row = run.record.scenarios[0].clone();
        row.line = 99;
        run.record.scenarios.push(row);
        assert!(rendered(&run).contains("(line 99)"));
    }

    #[test]
    fn what_could_not_be_told_is_an_error_and_not_a_failure() {
        let mut run = sample::run();
        run.record.scenarios.retain(|scenario| scenario.verdict == Verdict::Invalid);
        let text = rendered(&run);
        assert!(text.contains("failures=\"0\" errors=\"1\""), "{text}");
        assert!(!text.contains("<failure"), "{text}");
    }

    #[test]
    fn hostile_names_are_escaped_and_carry_no_terminal_codes() {
        let text = rendered(&sample::hostile());
        assert!(!text.contains("<script"));
        assert!(!text.contains('\u{1b}'));
    }
}
