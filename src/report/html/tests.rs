//! Claims about the page as a whole.

use super::*;
use crate::report::sample;

fn rendered(run: &JudgedRun) -> String {
    let mut bytes = Vec::new();
    Html.render(run, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The elements that are open at the end, or the first that is closed wrongly.
fn unbalanced(html: &str) -> Vec<String> {
    const VOID: [&str; 4] = ["meta", "br", "hr", "link"];
    let mut open: Vec<String> = Vec::new();
    for tag in html.split('<').skip(1).map(|part| part.split('>').next().unwrap_or("")) {
        let name: String = tag.trim_start_matches('/').chars().take_while(|c| c.is_alphanumeric()).collect();
        if tag.starts_with('!') || tag.ends_with('/') || VOID.contains(&name.as_str()) {
            continue;
        }
        if !tag.starts_with('/') {
            open.push(name);
        } else if open.pop().as_deref() != Some(&name) {
            return vec![format!("</{name}>")];
        }
    }
    open
}

#[test]
fn every_element_that_opens_closes_in_its_place() {
    assert_eq!(unbalanced("<p><b></p></b>"), ["</p>"]);
    assert_eq!(unbalanced(&rendered(&sample::run())), Vec::<String>::new());
}

#[test]
fn a_scenario_that_ran_has_every_section_and_plot() {
    let mut run = sample::run();
    run.record.scenarios.truncate(1);
    let html = rendered(&run);
    for section in [
        "hypotheses",
        "latency",
        "milestones",
        "downtime",
        "outcomes",
        "phases",
        "states",
        "data",
        "redundancy",
        "validity",
        "reproduce",
    ] {
        assert!(html.contains(&format!("data-section=\"{section}\"")), "{section} is missing");
    }
    assert_eq!(html.matches("<svg ").count(), 6);
    assert_eq!(html.matches("<svg ").count(), html.matches("role=\"img\"><title>").count());
    assert!(html.contains("class=\"logs\"") && html.contains("nodes&#x2f;00&#x2f;lb-1"));
}

#[test]
fn what_was_skipped_says_why_and_shows_no_plot() {
    let mut run = sample::run();
    run.record.scenarios.retain(|scenario| scenario.verdict == crate::checker::Verdict::Skipped);
    let html = rendered(&run);
    assert_eq!(html.matches("<svg ").count(), 0);
    assert!(html.contains("ulimit -n 24000"));
    assert!(!html.contains("data-section=\"phases\""));
}

#[test]
fn the_file_needs_no_network_and_runs_no_script() {
    let html = rendered(&sample::run());
    for outside in ["http://", "https://", "<script", "<link", "@import", "url(", "src="] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let html = rendered(&sample::hostile());
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;"));
    assert_eq!(unbalanced(&html), Vec::<String>::new());
}

#[test]
fn settings_that_were_changed_are_told_apart() {
    let html = rendered(&sample::run());
    assert!(html.contains("balancer.advert"));
    assert!(html.contains("default 50ms"));
}

#[test]
fn thirty_scenarios_stay_under_two_megabytes() {
    let mut run = sample::run();
    let (fail, history) = (run.record.scenarios[1].clone(), run.histories[&1].clone());
    run.record.scenarios = (0..30).map(|n| crate::report::ScenarioRecord { index: n, ..fail.clone() }).collect();
    run.histories = (0..30).map(|n| (n, history.clone())).collect();
    let bytes = rendered(&run).len();
    assert!(bytes < 2_000_000, "{bytes} bytes");
}
