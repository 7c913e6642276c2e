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
    assert_eq!(html.matches("class=\"plot chart wide\"").count(), 4);
    assert_eq!(html.matches("class=\"plot chart narrow\"").count(), 4);
    assert_eq!(html.matches("<svg ").count(), 4 + 4 + 3, "the waterfall is drawn once");
    assert_eq!(html.matches("<svg ").count(), html.matches("role=\"img\"><title>").count());
    assert!(html.contains("class=\"logs\"") && html.contains("href=\"nodes&#x2f;00&#x2f;lb-1&#x2f;haproxy.log\""));
}

#[test]
fn what_was_skipped_says_why_and_shows_no_plot() {
    let mut run = sample::run();
    run.record.scenarios.retain(|scenario| scenario.verdict == crate::verdict::Verdict::Skipped);
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
    let fail = run.record.scenarios[1].clone();
    let drawn = Drawn::of(&sample::history(1), &fail, std::path::Path::new("scenarios/01"), 30);
    run.record.scenarios = (0..30).map(|n| crate::report::ScenarioRecord { index: n, ..fail.clone() }).collect();
    run.drawn = (0..30).map(|n| (n, drawn.clone())).collect();
    let bytes = rendered(&run).len();
    assert!(bytes < 2_000_000, "{bytes} bytes");
    assert!(!rendered(&run).contains("chart narrow"), "each plot is drawn once");
}

/// What links point to.
fn links(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_link_within_the_page_has_its_target() {
    let html = rendered(&sample::run());
    let within: Vec<&str> = links(&html).into_iter().filter_map(|link| link.strip_prefix('#')).collect();
    assert!(within.len() > 5);
    for target in within {
        assert!(html.contains(&format!("id=\"{target}\"")), "#{target}");
    }
}

#[test]
fn a_page_without_the_recorded_files_links_to_reports_alone() {
    let files = |run: &JudgedRun| {
        let html = rendered(run);
        let files = links(&html).into_iter().filter(|link| !link.starts_with('#'));
        files.map(String::from).collect::<std::collections::BTreeSet<String>>()
    };
    let mut run = sample::run();
    assert!(files(&run).iter().any(|file| file.replace("&#x2f;", "/") == "scenarios/00/events.ndjson"));
    run.recorded_beside = false;
    let left: Vec<String> = files(&run).into_iter().filter(|file| file != "run.json").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The page in `reports/sample`, which the README points to.
#[test]
fn the_rendered_sample_has_no_dead_link() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample");
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for link in links(&html) {
        let lives = match link.strip_prefix('#') {
            Some(target) => html.contains(&format!("id=\"{target}\"")),
            None => folder.join(link).exists(),
        };
        assert!(lives, "{link}");
    }
}

#[test]
fn passing_scenarios_are_folded_where_there_are_several() {
    let mut run = sample::run();
    let folded = |run: &JudgedRun| rendered(run).matches("<details class=\"body\">").count();
    assert_eq!(folded(&run), 1, "one of five passed");
    run.record.scenarios.truncate(1);
    assert_eq!(folded(&run), 0, "the only one is shown");
}

#[test]
fn every_section_of_a_scenario_can_be_linked_to() {
    let html = rendered(&sample::run());
    let sections = html.matches("<section ").count();
    assert_eq!(html.matches("<section id=\"").count(), sections);
    assert!(html.contains("id=\"s1-latency\""));
}

#[test]
fn no_milestone_is_before_the_onset_and_they_are_in_the_order_of_their_times() {
    for record in sample::run().record.scenarios {
        let named = timeline::named(&record.milestones);
        assert!(named.iter().all(|(_, after_s)| *after_s >= 0.0), "{named:?}");
        assert!(named.is_sorted_by(|one, other| one.1 <= other.1), "{named:?}");
    }
}

#[test]
fn the_worst_second_is_the_same_wherever_it_is_told() {
    let run = sample::run();
    let section = scenario::section(&run, &run.record.scenarios[0]);
    let (_, worst) = section.downtime.into_iter().find(|(label, _)| *label == "worst second").unwrap();
    let reason = section.hypotheses[0].reason.clone().unwrap();
    assert!(reason.contains(&worst) && worst.ends_with("from 0 s after the onset on"), "{worst} / {reason}");
}

#[test]
fn a_scenario_has_one_clock_and_says_which() {
    let mut run = sample::run();
    let captions = |run: &JudgedRun| {
        let html = rendered(run);
        ["seconds since the onset (t0)", "seconds since the start of the baseline"]
            .map(|words| html.matches(words).count())
    };
    run.record.scenarios.truncate(1);
    let [onset, baseline] = captions(&run);
    assert!(onset > 5 && baseline == 0, "{onset} {baseline}");
    run.record.scenarios = vec![sample::run().record.scenarios.remove(2)];
    let [onset, baseline] = captions(&run);
    assert!(onset == 0 && baseline > 2, "no fault was confirmed: {onset} {baseline}");
}

#[test]
fn a_verdict_to_be_read_with_care_says_so_and_why_beside_itself() {
    let mut run = sample::run();
    assert!(!rendered(&run).contains("To be read with care"));
    run.record.scenarios[0].validity.cpu_pressure_pct = Some(80.96);
    let html = rendered(&run);
    let (_, strip) = html.split_once("id=\"s0-verdict\"").unwrap();
    let (strip, _) = strip.split_once("</header>").unwrap();
    assert!(strip.contains("To be read with care") && strip.contains("pressure 80.96 %"), "{strip}");
    assert!(strip.contains("href=\"#s0-validity\"") && html.contains("id=\"s0-validity\""));
    let (index, _) = html.split_once("</nav>").unwrap();
    assert_eq!(index.matches("href=\"#s0-validity\"").count(), 1, "the index says so, too");
}

#[test]
fn a_site_of_which_no_server_is_known_has_no_section_about_servers() {
    let mut run = sample::run();
    run.record.scenarios.truncate(1);
    let servers = |html: &str| ["states", "redundancy"].map(|name| html.contains(&format!("data-section=\"{name}\"")));
    assert_eq!(servers(&rendered(&run)), [true, true]);
    let mut history = sample::history(0);
    history.plan.infrastructure.servers.clear();
    run.plan.scenarios[0].infrastructure.servers.clear();
    let drawn = Drawn::of(&history, &run.record.scenarios[0], std::path::Path::new("scenarios/00"), 1);
    run.drawn.insert(0, drawn);
    let html = rendered(&run);
    assert_eq!(servers(&html), [false, false]);
    assert!(html.contains("data-section=\"latency\""));
}
