//! `junit.xml`: a suite a feature, a case a scenario. A retry is not a second case.
//!
//! A refuted hypothesis is a `<failure>`; everything that could not be judged (invalid, infra, aborted) is an
//! `<error>`, so that a broken harness never reads as a broken system.
//!
//! It has only the elements and attributes that the schema of Jenkins' xUnit plug-in (`junit-10.xsd`) has: that plug-in
//! drops a file with any other. So a scenario's place stands in the message, and its seed in its output.

use std::io::{self, Write};

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use crate::verdict::Verdict;

use super::record::{HypothesisRecord, ScenarioRecord};
use super::words::{grouped, not_passed, seconds, verdict_word, why};
use super::{JudgedRun, Report};

/// Renders `junit.xml`.
pub struct Junit;

impl Report for Junit {
    fn file_name(&self) -> &'static str {
        "junit.xml"
    }

    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()> {
        let mut xml = Writer::new_with_indent(&mut *out, b' ', 4);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        document(&mut xml, run)?;
        out.write_all(b"\n")
    }
}

type Xml<'a, 'w> = Writer<&'a mut (dyn Write + 'w)>;

fn document(xml: &mut Xml<'_, '_>, run: &JudgedRun) -> io::Result<()> {
    let scenarios: Vec<&ScenarioRecord> = run.record.scenarios.iter().collect();
    let totals = Totals::of(&scenarios);
    let (tests, failures, errors) = (totals.tests(), totals.failures(), totals.errors());
    let time = time(run.record.duration_s);
    xml.create_element("testsuites")
        .with_attribute(("name", "anarcho-chimp"))
        .with_attributes([("tests", &*tests), ("failures", &failures), ("errors", &errors), ("time", &time)])
        .write_inner_content(|xml| {
            features(&run.record.scenarios).into_iter().try_for_each(|feature| suite(xml, run, feature))
        })?;
    Ok(())
}

/// How many cases there are, and how they ended.
struct Totals {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Totals {
    fn of(scenarios: &[&ScenarioRecord]) -> Totals {
        let ended = |as_what| scenarios.iter().filter(|scenario| ending(scenario.verdict) == as_what).count();
        let (failures, errors) = (ended(Some("failure")), ended(Some("error")));
        Totals { tests: scenarios.len(), failures, errors, skipped: ended(Some("skipped")) }
    }

    fn tests(&self) -> String {
        self.tests.to_string()
    }

    fn failures(&self) -> String {
        self.failures.to_string()
    }

    fn errors(&self) -> String {
        self.errors.to_string()
    }
}

/// The element that says how a case ended; `None` for one that passed.
fn ending(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Fail => Some("failure"),
        Verdict::Invalid | Verdict::Infra | Verdict::Aborted => Some("error"),
        Verdict::Skipped => Some("skipped"),
    }
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

fn suite(xml: &mut Xml<'_, '_>, run: &JudgedRun, feature: &str) -> io::Result<()> {
    let scenarios: Vec<_> = run.record.scenarios.iter().filter(|s| s.feature == feature).collect();
    let totals = Totals::of(&scenarios);
    let (tests, failures, errors) = (totals.tests(), totals.failures(), totals.errors());
    let (skipped, time) = (totals.skipped.to_string(), time(scenarios.iter().map(|s| s.duration_s).sum()));
    let first = scenarios.first();
    let name = allowed(first.map_or(feature, |first| first.feature_name.as_str()));
    let started = first.and_then(|first| first.started_at.as_deref()).unwrap_or(&run.record.started_at);
    xml.create_element("testsuite")
        .with_attributes([("name", &*name), ("tests", &tests), ("failures", &failures), ("errors", &errors)])
        .with_attributes([("skipped", &*skipped), ("time", &time), ("timestamp", without_zone(started))])
        .write_inner_content(|xml| {
            if run.record.scenarios.first().is_some_and(|first| first.feature == feature) {
                properties(xml, run)?;
            }
            scenarios.iter().try_for_each(|scenario| {
                let twin = scenarios.iter().filter(|other| other.name == scenario.name).count() > 1;
                case(xml, scenario, twin)
            })
        })?;
    Ok(())
}

/// `2026-11-23T08:20:11`: the readers' formats have no place for a time zone; it is UTC.
fn without_zone(rfc_3339: &str) -> &str {
    rfc_3339.get(..19).unwrap_or(rfc_3339)
}

/// Those of the run, in the first suite: xunitparser refuses a file in which a name comes twice.
fn properties(xml: &mut Xml<'_, '_>, run: &JudgedRun) -> io::Result<()> {
    let (record, seed) = (&run.record, run.record.seed.to_string());
    let mut properties = vec![("run_id", &*record.run_id), ("seed", &seed), ("environment", &record.environment)];
    properties.extend(record.git_sha.as_deref().map(|sha| ("git_sha", sha)));
    xml.create_element("properties").write_inner_content(|xml| {
        properties.iter().try_for_each(|(name, value)| {
            let attributes = [("name", *name), ("value", &*allowed(value))];
            xml.create_element("property").with_attributes(attributes).write_empty().map(|_| ())
        })
    })?;
    Ok(())
}

/// `twin`: another scenario of the feature (a row of the same outline) has the same name, so the line is added.
fn case(xml: &mut Xml<'_, '_>, scenario: &ScenarioRecord, twin: bool) -> io::Result<()> {
    let name = if twin { format!("{} (line {})", scenario.name, scenario.line) } else { scenario.name.clone() };
    let (name, class, time) = (allowed(&name), allowed(&class(&scenario.feature)), time(scenario.duration_s));
    xml.create_element("testcase")
        .with_attributes([("name", &*name), ("classname", &class), ("time", &time)])
        .write_inner_content(|xml| {
            if let Some(element) = ending(scenario.verdict) {
                ended(xml, element, scenario)?;
            }
            text_element(xml, "system-out", &system_out(scenario))
        })?;
    Ok(())
}

/// `features.card` for `features/card.feature`: Jenkins takes what is before the last dot for the package.
fn class(feature: &str) -> String {
    let path = feature.strip_suffix(".feature").unwrap_or(feature);
    let parts = path.split('/').filter(|part| !["", ".", ".."].contains(part));
    let parts: Vec<String> = parts.map(|part| part.replace('.', "_")).collect();
    parts.join(".")
}

fn ended(xml: &mut Xml<'_, '_>, element: &str, scenario: &ScenarioRecord) -> io::Result<()> {
    let message = allowed(&format!("{}:{}: {}", scenario.feature, scenario.line, why(scenario)));
    let attributes = [("type", verdict_word(scenario.verdict)), ("message", &*message)];
    let element = xml.create_element(element).with_attributes(attributes);
    match scenario.verdict {
        Verdict::Skipped => element.write_empty()?,
        _ => element.write_text_content(BytesText::new(&allowed(&details(scenario))))?,
    };
    Ok(())
}

fn text_element(xml: &mut Xml<'_, '_>, name: &str, text: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(&allowed(text)))?;
    Ok(())
}

/// The text without what XML 1.0 has no way to say: control characters, which a name could carry into a terminal.
fn allowed(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..)).collect()
}

fn details(scenario: &ScenarioRecord) -> String {
    let mut lines = vec![scenario.headline.clone()];
    lines.extend(not_passed(scenario).map(|hypothesis| hypothesis_line(scenario, hypothesis)));
    lines.extend(scenario.validity.reasons.iter().cloned());
    lines.join("\n")
}

/// The most telling first: Jenkins shows no more than 1,000 characters of a case that passed.
fn system_out(scenario: &ScenarioRecord) -> String {
    let mut lines = vec![scenario.headline.clone()];
    lines.extend(scenario.hypotheses.iter().map(|hypothesis| hypothesis_line(scenario, hypothesis)));
    lines.extend(scenario.strikes.iter().map(|strike| {
        let when =
            strike.injected_at_s.map(|at| format!(" {} after the baseline began", seconds(at))).unwrap_or_default();
        let confirmed = if strike.onset_at_s.is_some() { "confirmed: " } else { "" };
        format!("strike: {} on {}{when} ({confirmed}{})", strike.fault, strike.target, strike.witness)
    }));
    lines.push(format!("seed {}, attempts {}", scenario.seed, scenario.attempts));
    lines.extend(scenario.reproduce.iter().map(|command| format!("reproduce: {command}")));
    lines.join("\n")
}

fn hypothesis_line(scenario: &ScenarioRecord, hypothesis: &HypothesisRecord) -> String {
    let HypothesisRecord { step, line, expected, observed, n, verdict, reason, .. } = hypothesis;
    let samples = n.map(|n| format!(" ({} samples)", grouped(n))).unwrap_or_default();
    let place = format!("{}:{line}", scenario.feature);
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}: {step} ({place}): expected {expected}, observed {observed}{samples}{reason}", verdict_word(*verdict))
}

/// Seconds, as `12.345`.
fn time(seconds: f64) -> String {
    format!("{:.3}", if seconds.is_finite() { seconds.max(0.0) } else { 0.0 })
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
