//! What readers of `junit.xml` make of it.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::BytesStart;
use serde_json::{Value, json};

use super::*;
use crate::report::sample;

/// Element, its attributes, the elements in it: the part that we use of what Jenkins' xUnit plug-in allows
/// (`junit-10.xsd`). It drops a file with anything else, such as `testcase@file` or `testsuites@skipped`.
const ALLOWED: [(&str, &[&str], &[&str]); 9] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors", "skipped", "time", "timestamp"],
        &["properties", "testcase"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["name", "value"], &[]),
    ("testcase", &["name", "classname", "time"], &["skipped", "error", "failure", "system-out"]),
    ("skipped", &["type", "message"], &[]),
    ("error", &["type", "message"], &[]),
    ("failure", &["type", "message"], &[]),
    ("system-out", &[], &[]),
];

fn rendered(run: &JudgedRun) -> String {
    let mut bytes = Vec::new();
    Junit.render(run, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn attributes(element: &BytesStart) -> BTreeMap<String, String> {
    let all = element.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        let value = String::from_utf8(attribute.value.to_vec()).unwrap();
        let value = quick_xml::escape::unescape(&value).unwrap().into_owned();
        (String::from_utf8(attribute.key.as_ref().to_vec()).unwrap(), value)
    });
    all.collect()
}

/// Every element that opens, with its parent's name and its attributes.
fn elements(xml: &str) -> Vec<(Option<String>, String, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let (mut open, mut found): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
                found.push((open.last().cloned(), name.clone(), attributes(element)));
                if matches!(event, Event::Start(_)) {
                    open.push(name);
                }
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// The file as a reader has it, in the form of `scripts/junit_readers.py`.
fn reading(xml: &str) -> Value {
    let number = |text: &str| text.parse::<Value>().unwrap();
    let mut suites: Vec<Value> = Vec::new();
    for (_, name, with) in elements(xml) {
        let last_case = |suites: &mut Vec<Value>| suites.last_mut().unwrap()["cases"].as_array_mut().unwrap().pop();
        match name.as_str() {
            "testsuite" => suites.push(json!({
                "name": with["name"], "tests": number(&with["tests"]), "failures": number(&with["failures"]),
                "errors": number(&with["errors"]), "skipped": number(&with["skipped"]),
                "time": with["time"].parse::<f64>().unwrap(), "timestamp": with["timestamp"],
                "properties": {}, "cases": [],
            })),
            "property" => suites.last_mut().unwrap()["properties"][&with["name"]] = json!(with["value"]),
            "testcase" => suites.last_mut().unwrap()["cases"].as_array_mut().unwrap().push(json!({
                "name": with["name"], "classname": with["classname"], "time": with["time"].parse::<f64>().unwrap(),
                "result": "success", "type": null, "message": null,
            })),
            "failure" | "error" | "skipped" => {
                let mut case = last_case(&mut suites).unwrap();
                (case["result"], case["type"], case["message"]) =
                    (json!(name), json!(with["type"]), json!(with["message"]));
                suites.last_mut().unwrap()["cases"].as_array_mut().unwrap().push(case);
            }
            _ => {}
        }
    }
    suites.into()
}

#[test]
fn a_suite_a_feature_and_a_case_a_scenario() {
    insta::assert_snapshot!(rendered(&sample::run()));
}

#[test]
fn nothing_is_in_it_that_jenkins_does_not_know() {
    for run in [sample::run(), sample::hostile()] {
        for (parent, name, with) in elements(&rendered(&run)) {
            let known = |name: &str| ALLOWED.into_iter().find(|(element, ..)| *element == name);
            let (_, may_have, _) = known(&name).unwrap_or_else(|| panic!("<{name}>"));
            let odd: Vec<&String> = with.keys().filter(|key| !may_have.contains(&key.as_str())).collect();
            assert!(odd.is_empty(), "<{name}> has {odd:?}");
            let may_be_here = parent.as_deref().is_none_or(|parent| known(parent).unwrap().2.contains(&name.as_str()));
            assert!(may_be_here, "<{name}> in {parent:?}");
        }
    }
}

#[test]
fn two_readers_of_others_see_what_was_written() {
    let stored: Value = serde_json::from_str(include_str!("sample/junit.readings.json")).unwrap();
    let renew = "the readings are of an older sample: scripts/junit_readers.py renews them";
    assert_eq!(reading(&rendered(&sample::run())), stored, "{renew}");
}

#[test]
fn a_class_ends_in_the_features_name() {
    assert_eq!(class("features/card.feature"), "features.card");
    assert_eq!(class("../my.site/./a.b.feature"), "my_site.a_b");
}

#[test]
fn where_it_is_stands_in_the_message() {
    assert!(rendered(&sample::run()).contains("message=\"features/web_tier.feature:19: "));
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
