//! From feature files to a plan, or to one message that says all that is wrong.

use std::path::PathBuf;
use std::time::Duration;

use anarcho_chimp::declare::{DeclareError, DeclareOptions, Problem, ProblemKind, address, addresses, declare};
use anarcho_chimp::plan::{Act, Agent, Choice, Hypothesis, Plan, Schedule, StrikeOrder};
use anarcho_chimp::settings::{ConfigAgentKind, Group, Limit, Most};
use anarcho_chimp::units::Percent;

#[path = "declare/meant.rs"]
mod meant;
#[path = "declare/reading.rs"]
mod reading;
#[path = "declare/together.rs"]
mod together;

fn options(path: &str) -> DeclareOptions {
    DeclareOptions {
        paths: vec![PathBuf::from(path)],
        seed: 7,
        environment: Some("local".into()),
        ..DeclareOptions::default()
    }
}

fn declared(path: &str) -> Result<Plan, DeclareError> {
    declare(&options(path))
}

fn refused(name: &str) -> Vec<Problem> {
    match declared(&format!("tests/refused/{name}.feature")) {
        Err(DeclareError::Refused(problems)) => problems,
        other => panic!("{name}: {other:?}"),
    }
}

fn kinds(name: &str) -> Vec<(usize, ProblemKind)> {
    refused(name).iter().map(|problem| (problem.line.unwrap_or(0), problem.kind)).collect()
}

/// The message as it is shown, but for where this package lies.
fn message(name: &str) -> String {
    let shown = DeclareError::Refused(refused(name)).to_string();
    shown.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/"), "")
}

#[test]
fn the_sentence_on_the_card_becomes_a_plan() {
    let plan = declared("features/card.feature").unwrap();
    let mut shown = serde_json::to_value(&plan).unwrap();
    // What roles consist of is shown where they are tested.
    let roles = &mut shown["scenarios"][0]["infrastructure"]["roles"];
    *roles = roles.as_object().unwrap().keys().cloned().collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn a_plan_survives_its_file() {
    let plan = declared("features/card.feature").unwrap();
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
}

#[test]
fn all_shipped_features_and_the_sabotaged_twins_become_plans() {
    for folder in ["features", "tests/sabotage"] {
        let plan = declared(folder).unwrap_or_else(|why| panic!("{why}"));
        let mut addresses: Vec<_> = plan.scenarios.iter().map(address).collect();
        let all = addresses.len();
        addresses.dedup();
        assert!(all >= 3 && addresses.len() == all, "{addresses:?}");
    }
}

#[test]
fn every_twin_differs_from_the_card_by_its_sabotage_alone() {
    let card = &declared("features/card.feature").unwrap().scenarios[0];
    for twin in &declared("tests/sabotage").unwrap().scenarios {
        assert_eq!(twin.infrastructure, card.infrastructure, "{}", twin.name);
        assert_eq!(twin.acts.len(), 1, "{}", twin.name);
        assert_eq!(twin.hypotheses.len(), 2, "{}", twin.name);
        assert_ne!(twin.settings, card.settings, "{}", twin.name);
    }
}

#[test]
fn givens_become_settings_and_whens_become_acts_in_their_order() {
    let plan = declared("tests/accepted/forms.feature").unwrap();
    let scenario = plan.scenarios.iter().find(|scenario| scenario.name == "Everything said at once").unwrap();
    let settings = &scenario.settings;
    assert_eq!((settings.load.rate, settings.load.users), (300.0, 7));
    assert_eq!(settings.load.deadline, Duration::from_secs(2));
    assert_eq!(settings.steady.baseline, Duration::from_secs(20));
    assert_eq!(settings.steady.baseline_within, Duration::from_secs(40));
    assert_eq!(settings.steady.availability, Percent(99.5));
    assert_eq!(settings.steady.window, Duration::from_secs(2));
    assert_eq!(settings.reconciler.every, Duration::from_secs(2));
    assert_eq!((settings.balancer.check_every, settings.balancer.check_misses), (Duration::from_secs(1), 2));
    assert_eq!(settings.balancer.advert, Duration::from_millis(100));
    assert!(scenario.infrastructure.servers.values().all(|server| server.boot_delay == Duration::from_secs(2)));

    let acts: Vec<_> = scenario.acts.iter().map(shown).collect();
    let seconds = Duration::from_secs;
    let expected = [
        ("power-off", None, Some(Choice::Active), Some(Schedule::For(seconds(5)))),
        ("pass", None, None, None),
        ("hangs", None, Some(Choice::Same), Some(Schedule::Once)),
        ("process-dies", Some("nginx"), Some(Choice::Random(2)), Some(Schedule::Once)),
        ("reboots", None, Some(Choice::Every), Some(Schedule::Every { interval: seconds(5), total: seconds(20) })),
        ("recovered", None, None, None),
    ];
    assert_eq!(acts, expected);
    assert_eq!(scenario.tags, ["site", "slow", "fast"]);
    assert_eq!(scenario.steps.len(), 19);
}

#[test]
fn a_page_every_so_often_means_pauses_around_it() {
    let plan = declared("tests/accepted/limits.feature").unwrap();
    let load = &plan.scenarios[0].settings.load;
    assert_eq!((load.users, load.pause_min, load.pause_max), (30, Duration::from_secs(2), Duration::from_secs(6)));
}

#[test]
fn all_there_are_is_not_too_many() {
    assert_eq!(declared("tests/accepted/limits.feature").unwrap().scenarios[0].acts.len(), 16);
}

fn shown(act: &Act) -> (&str, Option<&str>, Option<Choice>, Option<Schedule>) {
    match act {
        Act::Strike { order, schedule } => {
            (&order.fault, order.with.process.as_deref(), Some(order.target.choice.clone()), Some(*schedule))
        }
        Act::Pass(_) => ("pass", None, None, None),
        Act::AwaitRecovery => ("recovered", None, None, None),
        Act::Random { .. } => ("random", None, None, None),
        Act::InTurn { .. } => ("in turn", None, None, None),
        Act::LiftAll => ("lifted", None, None, None),
        Act::AgentStops(_) => ("agent stops", None, None, None),
        Act::AgentStarts(_) => ("agent starts", None, None, None),
        Act::ReconcilerDies(_) => ("reconciler dies", None, None, None),
        other => panic!("no line is here for {other:?}"),
    }
}

/// One line an order: what, told what, whom, when.
fn told(act: &Act) -> Vec<String> {
    let when = match act {
        Act::Strike { schedule, .. } => serde_json::to_string(schedule).unwrap(),
        Act::Random { shares, mean, total, .. } => format!("{shares:?} mean {mean:?} total {total:?}"),
        other => format!("{other:?}").split_whitespace().next().unwrap().to_string(),
    };
    let order = |order: &StrikeOrder| {
        let with = serde_json::to_string(&order.with).unwrap();
        let partition = order
            .partition
            .as_ref()
            .map_or(String::new(), |partition| format!(" {}", serde_json::to_string(partition).unwrap()));
        format!("{}: {} {with} of {}{partition}, {when}", order.step.line, order.fault, order.target.text)
    };
    if act.orders().is_empty() { vec![when] } else { act.orders().iter().map(order).collect() }
}

#[test]
fn every_fault_becomes_an_order_with_what_it_needs_to_be_told() {
    let plan = declared("tests/faults").unwrap_or_else(|why| panic!("{why}"));
    let acts = plan.scenarios.iter().flat_map(|scenario| &scenario.acts);
    insta::assert_snapshot!(acts.flat_map(told).collect::<Vec<_>>().join("\n"));
}

#[test]
fn safeguards_are_settings_of_the_scenario() {
    let plan = declared("tests/faults").unwrap();
    let guards = &plan.scenarios.iter().find(|scenario| scenario.name == "Moments").unwrap().settings.safeguards;
    assert_eq!(
        (guards.protected.as_slice(), guards.protected_tags.as_slice()),
        (&["lb-2".into()][..], &["green".into()][..])
    );
    let limit = Limit { of: Group::Role("webserver".into()), at_most: Most::Percent(Percent(50.0)) };
    assert_eq!(guards.limits, [limit]);
    assert_eq!(guards.abort.map(|abort| abort.lasts), Some(Duration::from_secs(5)));
}

#[test]
fn faults_that_cant_be_told_are_refused() {
    insta::assert_snapshot!(message("faults"));
}

#[test]
fn agents_and_times_that_cant_be_are_refused() {
    insta::assert_snapshot!(message("config-agent"));
}

#[test]
fn delays_agents_and_the_speed_of_time_are_declared() {
    let plan = declared("tests/agents").unwrap_or_else(|why| panic!("{why}"));
    let scenario = &plan.scenarios[0];
    let delays = |name: &str| {
        let server = &scenario.infrastructure.servers[name];
        [server.boot_delay, server.install_delay, server.configure_delay].map(|delay| delay.as_secs())
    };
    assert_eq!((delays("web-1"), delays("lb-1")), ([180, 30, 120], [180, 0, 60]));
    let settings = &scenario.settings;
    assert!(settings.config_agent.enabled && settings.config_agent.every == Duration::from_secs(120));
    assert_eq!(settings.time.faster, 20);
    let supervised = |role: &str| scenario.infrastructure.roles[role].monit;
    assert!(supervised("webserver") && !supervised("webhaproxy"));
    assert_eq!(
        (&scenario.acts[0], &scenario.acts[2]),
        (&Act::AgentStops(Agent::ConfigAgent), &Act::AgentStarts(Agent::ConfigAgent))
    );
}

#[test]
fn puppet_brings_its_server_to_tiers_and_leaves_a_file_s_own() {
    let plan = declared("features/puppet.feature").unwrap_or_else(|why| panic!("{why}"));
    for scenario in &plan.scenarios {
        let server = &scenario.infrastructure.servers["puppet"];
        assert_eq!((server.role.as_str(), server.spare), ("puppet", false));
        assert_eq!(scenario.infrastructure.servers.len(), 4);
        assert!(scenario.infrastructure.links.iter().all(|(from, to)| from != "puppet" && to != "puppet"));
        assert_eq!(scenario.settings.config_agent.kind, ConfigAgentKind::Puppet);
    }
}

#[test]
fn cuts_without_sides_and_protected_victims_are_refused() {
    insta::assert_snapshot!(message("sides"));
}

#[test]
fn thens_become_expectations() {
    let plan = declared("tests/expectations").unwrap();
    let line = |hypothesis: &Hypothesis| {
        format!("{}: {}", hypothesis.step, serde_json::to_string(&hypothesis.expectation).unwrap())
    };
    let shown: Vec<_> = plan.scenarios[0].hypotheses.iter().map(line).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn rows_of_an_outline_are_told_apart_by_their_values_and_their_lines() {
    let plan = declared("tests/accepted/forms.feature").unwrap();
    let rows: Vec<_> = plan.scenarios.iter().take(2).map(|scenario| (scenario.name.as_str(), scenario.line)).collect();
    let name = "An outline without its values in the name";
    assert_eq!(rows, [(format!("{name} (25%, 99%)").as_str(), 16), (format!("{name} (50%, 98%)").as_str(), 17)]);
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_seed_another() {
    let plan = declared("features/card.feature").unwrap();
    assert_eq!(declared("features/card.feature").unwrap(), plan);
    let other = declare(&DeclareOptions { seed: 8, ..options("features/card.feature") }).unwrap();
    assert_ne!(other.scenarios[0].seed, plan.scenarios[0].seed);
}

#[test]
fn a_scenarios_seed_depends_on_its_place_below_the_root_and_not_on_its_neighbours() {
    let alone = declared("features/card.feature").unwrap().scenarios[0].seed;
    let among = declared("features").unwrap();
    let among = among.scenarios.iter().find(|scenario| scenario.feature.ends_with("card.feature")).unwrap();
    assert_eq!(among.seed, alone);
    // SHA-256 over 7 as 8 bytes, "card.feature", a zero and the name, its first 8 bytes: so others can derive it.
    assert_eq!(alone, 7_580_522_563_096_277_366);
}

#[test]
fn tags_names_and_skips_select() {
    let wanted = |tags: &str, names: &[&str], exact: bool, skip: &[&str]| {
        let options = DeclareOptions {
            tags: (!tags.is_empty()).then(|| tags.into()),
            names: names.iter().map(|name| name.to_string()).collect(),
            exact,
            skip: skip.iter().map(|name| name.to_string()).collect(),
            ..options("tests/accepted")
        };
        let found = addresses(&options)?;
        assert_eq!(found, declare(&options)?.scenarios.iter().map(address).collect::<Vec<_>>());
        Ok::<_, DeclareError>(found.len())
    };
    assert_eq!(wanted("", &[], false, &[]), Ok(4));
    assert_eq!(wanted("@site and not @slow", &[], false, &[]), Ok(3));
    assert_eq!(wanted("@slow or @fast", &[], false, &["(50%"]), Ok(2));
    assert_eq!(wanted("", &["outline"], false, &[]), Ok(2));
    assert_eq!(wanted("", &["forms::Everything"], false, &[]), Ok(1));
    assert_eq!(wanted("", &["Everything"], true, &[]).unwrap_err(), named("`Everything`"));
    assert_eq!(wanted("", &["Everything said at once"], true, &[]), Ok(1));
    assert_eq!(wanted("", &["tests/accepted/forms::Everything said at once"], true, &[]), Ok(1));
    let Err(DeclareError::Nothing(why)) = wanted("@nobody", &[], false, &[]) else { panic!("no scenario has it") };
    assert!(why.starts_with("no scenario has the tags `@nobody`\n  help: there are @fast, "), "{why}");
    assert!(matches!(wanted("", &[], false, &["accepted"]), Err(DeclareError::NothingNamed(_))));
}

fn named(name: &str) -> DeclareError {
    DeclareError::NothingNamed(format!("no scenario is called {name}"))
}

#[test]
fn a_tag_expression_that_does_not_parse_is_refused() {
    let options = DeclareOptions { tags: Some("pr and".into()), ..options("features") };
    insta::assert_snapshot!(declare(&options).unwrap_err());
}

#[test]
fn files_that_are_no_features_are_refused_and_folders_without_any_have_nothing_to_run() {
    let paths = ["features/nowhere.feature", "Cargo.toml"].map(PathBuf::from).to_vec();
    insta::assert_snapshot!(declare(&DeclareOptions { paths, ..options("") }).unwrap_err());
    assert!(matches!(declared("src"), Err(DeclareError::Nothing(_))));
    assert!(matches!(declared("tests/refused/no-scenario.feature"), Err(DeclareError::Nothing(_))));
}

#[test]
fn misspelt_keywords_are_found_though_gherkin_swallows_them() {
    let misspelt = |line| (line, ProblemKind::MisspeltKeyword);
    assert_eq!(kinds("misspelt-keyword"), [5, 10, 15, 20, 21].map(misspelt));
    assert_eq!(kinds("misspelt-header"), [misspelt(2), misspelt(3)]);
    insta::assert_snapshot!([message("misspelt-keyword"), message("misspelt-header")].join("\n"));
}

#[test]
fn what_is_not_gherkin_is_refused_with_its_line() {
    let names = ["no-gherkin", "uneven-table", "empty-outline", "unknown-column", "stray-tags"];
    insta::assert_snapshot!(names.map(message).join("\n"));
}

#[test]
fn incomplete_scenarios_are_refused() {
    let incomplete = |line| (line, ProblemKind::Incomplete);
    assert_eq!(kinds("incomplete"), [incomplete(2), incomplete(3), incomplete(6)]);
    insta::assert_snapshot!(message("incomplete"));
}

#[test]
fn undefined_steps_are_refused_with_the_nearest_patterns() {
    assert!(kinds("undefined").iter().all(|(_, kind)| *kind == ProblemKind::Undefined));
    insta::assert_snapshot!(message("undefined"));
}

#[test]
fn a_step_with_a_slip_is_refused_with_the_step_that_was_meant() {
    let shown = message("misspelt-step");
    for meant in [
        "When the highest-degree node dies",
        "When node \"web-1\" loses network for 5 s",
        "Given 20 users browse the site",
        "Then recovery < 8 min",
        "Then p99 stays under 500ms",
        "Then availability while degraded is at least 99%",
        "When a random webserver dies",
    ] {
        assert!(shown.contains(&format!("did you mean: {meant}\n")), "{meant}\n{shown}");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn malformed_values_are_refused_all_at_once() {
    assert!(kinds("malformed").iter().all(|(_, kind)| *kind == ProblemKind::Step));
    insta::assert_snapshot!(message("malformed"));
}

#[test]
fn infrastructures_that_cant_be_are_refused() {
    assert_eq!(kinds("infrastructure").iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 6, 10, 13, 15, 18]);
    insta::assert_snapshot!(message("infrastructure"));
}

#[test]
fn scenarios_that_contradict_themselves_are_refused() {
    assert!(kinds("meaning").iter().all(|(_, kind)| *kind == ProblemKind::Meaning));
    insta::assert_snapshot!(message("meaning"));
}

#[test]
fn thens_that_no_observer_can_answer_are_refused() {
    insta::assert_snapshot!(message("unobservable"));
}

#[test]
fn names_are_addresses_so_they_must_be_there_and_differ() {
    insta::assert_snapshot!(message("names"));
}

#[test]
fn orders_that_an_agent_cant_follow_and_spares_without_a_place_are_refused() {
    insta::assert_snapshot!(message("agents"));
}

#[test]
fn a_given_after_a_when_or_a_then_is_refused() {
    assert_eq!(kinds("late-given"), [(5, ProblemKind::Step), (10, ProblemKind::Step)]);
    insta::assert_snapshot!(message("late-given"));
}
