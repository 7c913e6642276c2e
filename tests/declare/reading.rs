//! What is read in a feature: rules, descriptions, keywords of other languages, rows.

use std::path::PathBuf;

use anarcho_chimp::declare::{DeclareOptions, ProblemKind, declare};
use anarcho_chimp::plan::Act;

use super::{declared, kinds, message, options};

#[test]
fn a_file_named_twice_is_read_once() {
    let paths = ["features/card.feature", "features/../features/card.feature"].map(PathBuf::from).to_vec();
    assert_eq!(declare(&DeclareOptions { paths, ..options("") }).unwrap().scenarios.len(), 1);
}

#[test]
fn a_rule_whose_steps_have_no_scenario_is_refused_instead_of_testing_nothing() {
    assert_eq!(kinds("swallowed"), [(3, ProblemKind::Incomplete)]);
    let expected = "tests/refused/swallowed.feature:3:5: `Given 4 webservers behind haproxy` belongs to no scenario: \
                    Gherkin reads it as a description\n  help: write `Scenario: …` above it\n";
    assert!(message("swallowed").starts_with(expected), "{}", message("swallowed"));
}

#[test]
fn a_description_may_hold_lines_that_look_like_keywords() {
    let plan = declared("tests/gherkin/declared/prose.feature").unwrap_or_else(|why| panic!("{why}"));
    let steps: Vec<_> = plan.scenarios[0].steps.iter().map(|step| (step.keyword.as_str(), step.line)).collect();
    assert_eq!(steps, [("*", 16), ("And", 17), ("When", 18), ("*", 19), ("Then", 20)]);
    assert_eq!(plan.scenarios[0].acts.len(), 2, "a step with a star is what its text is");
}

#[test]
fn keywords_of_all_languages_are_read_and_steps_are_english() {
    let plan = declared("tests/gherkin/declared/french.feature").unwrap_or_else(|why| panic!("{why}"));
    let names: Vec<_> = plan.scenarios.iter().map(|scenario| (scenario.name.as_str(), scenario.line)).collect();
    assert_eq!(names, [("Un seul", 8), ("a random webserver meurt", 19), ("the active load balancer meurt", 20)]);
    assert_eq!(plan.scenarios[0].steps[2].keyword, "Et");
}

#[test]
fn rows_have_their_own_lines_tags_and_backslashes() {
    let plan = declared("tests/gherkin/declared/rows.feature").unwrap_or_else(|why| panic!("{why}"));
    let [first, second, table] = plan.scenarios.as_slice() else { panic!("{} scenarios", plan.scenarios.len()) };
    assert_eq!((first.line, second.line, table.line), (17, 19, 25));
    assert_eq!(first.tags, ["site", "outline", "short"]);
    assert_eq!(second.name, "node \"web-2\" is gone for 4 s");
    let [Act::Strike { order: partition, .. }, Act::Strike { order: killed, .. }] = table.acts.as_slice() else {
        panic!("{:?}", table.acts)
    };
    assert_eq!((partition.step.line, killed.step.line), (30, 32));
    assert_eq!(killed.with.process.as_deref(), Some("ng\\inx"));
}

#[test]
fn the_order_of_yaml_entries_does_not_matter() {
    let plan = declared("tests/order").unwrap();
    let [one, another] = plan.scenarios.as_slice() else { panic!("{plan:?}") };
    let (mut one, mut another) = (one.infrastructure.clone(), another.infrastructure.clone());
    assert!(one.source.take() != another.source.take());
    assert_eq!(one, another);
}
