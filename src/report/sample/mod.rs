//! A made-up run for the tests of reports: a pass with an outage of 84 ms, a fail with one of 3.3 s, a strike that
//! was not confirmed, a site that could not be provisioned and a scenario that was skipped.
//!
//! What was recorded is made up here, by a fixed sequence; the record is what the judge says of it. Only what users wrote
//! is added to the record.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use crate::history::{Event, History, scenario_folder};
use crate::infrastructure::{Entry, Infrastructure, Server, VirtualIp};
use crate::judge::Judging;
use crate::plan::expectation::{Expectation, Interval};
use crate::plan::{Act, Choice, Hypothesis, Parameters, Plan, ScenarioPlan, Schedule, StepText, StrikeOrder, Target};
use crate::role::{Readiness, Role};
use crate::settings::Settings;
use crate::units::{Bound, HumanDuration, Quantile};
use crate::verdict::Verdict;

mod recorded;

use super::record::DataFigures;
use super::{Drawn, JudgedRun, Provenance, RunRecord, ScenarioRecord, ServerLogs, logs_folder};

/// When the baseline of every sample scenario becomes steady, on the run's clock.
const ZERO_US: u64 = 3_200_000;
/// When the fault comes into force, since zero.
const ONSET_US: u64 = 6_000_000;
/// The deadline.
const DEADLINE_US: u32 = 5_000_000;
const FEATURE: &str = "features/web_tier.feature";

/// The whole sample run.
pub fn run() -> JudgedRun {
    static RUN: LazyLock<JudgedRun> = LazyLock::new(judged);
    RUN.clone()
}

/// What was recorded of one of its scenarios.
pub fn history(index: u32) -> History {
    static ALL: LazyLock<Vec<History>> = LazyLock::new(|| {
        let (plan, scenarios) = (plan(), scenarios());
        plan.scenarios.iter().zip(scenarios).map(|(plan, scenario)| recorded::history(plan, scenario.1)).collect()
    });
    ALL[index as usize].clone()
}

fn scenarios() -> [(&'static str, Verdict, &'static str, usize); 5] {
    [
        ("The highest-degree node dies", Verdict::Pass, FEATURE, 12),
        ("With VRRP adverts of 1 s nobody takes over in time", Verdict::Fail, FEATURE, 19),
        ("A process that does not die proves nothing", Verdict::Invalid, FEATURE, 31),
        ("A user's own site behind HAProxy", Verdict::Infra, "features/own_site.feature", 8),
        ("Ten thousand connections stay open", Verdict::Skipped, "features/own_site.feature", 21),
    ]
}

fn plan() -> Plan {
    let scenarios = (0..).zip(scenarios()).map(|(index, s)| scenario_plan(index, s.0, s.2, s.3)).collect();
    Plan { schema: crate::plan::SCHEMA, seed: 7, environment: "local".into(), scenarios }
}

fn judged() -> JudgedRun {
    let (provenance, plan) = (provenance(), plan());
    let mut judging = Judging::new(&provenance, &plan);
    let histories: Vec<History> = plan.scenarios.iter().map(|scenario| history(scenario.index)).collect();
    for history in &histories {
        judging.take(history);
    }
    let mut record = judging.end();
    for (scenario, (_, verdict, ..)) in record.scenarios.iter_mut().zip(scenarios()) {
        assert_eq!(scenario.verdict, verdict, "{:?}", scenario.reason);
        scenario.data = matches!(verdict, Verdict::Pass | Verdict::Fail).then(|| data(verdict));
    }
    let drawn = drawn(&histories, &record);
    JudgedRun { provenance, plan, record, recorded_beside: true, drawn }
}

fn drawn(histories: &[History], record: &RunRecord) -> BTreeMap<u32, Drawn> {
    let draw = |(history, record): (&History, &ScenarioRecord)| {
        let folder = scenario_folder(record.index);
        let logs =
            vec![ServerLogs::of("lb-1", &format!("{}/lb-1", logs_folder(record.index)), vec!["haproxy.log".into()])];
        let drawn = Drawn::of(history, record, Path::new(&folder), histories.len());
        (record.index, Drawn { logs, ..drawn })
    };
    histories.iter().zip(&record.scenarios).map(draw).collect()
}

/// The sample run with names that try to break out of whatever they are put into.
pub fn hostile() -> JudgedRun {
    let evil = "<script>alert(\"1\")</script> | \u{1b}[31m`&'`\n# x ".to_string() + &"y".repeat(120);
    let mut run = run();
    run.provenance.command = format!("chimp run {evil}");
    for (plan, record) in run.plan.scenarios.iter_mut().zip(&mut run.record.scenarios) {
        record.name = evil.clone();
        record.reason = record.reason.as_ref().map(|_| evil.clone());
        record.headline = evil.clone();
        record.hypotheses.iter_mut().for_each(|h| h.step = evil.clone());
        record.strikes.iter_mut().for_each(|s| (s.target, s.witness) = (evil.clone(), evil.clone()));
        plan.settings.request.path = evil.clone();
    }
    let mut histories: Vec<History> = run.plan.scenarios.iter().map(|plan| history(plan.index)).collect();
    for record in histories.iter_mut().flat_map(|history| &mut history.events) {
        match &mut record.event {
            Event::InstanceState { server, .. } | Event::BalancerView { server, .. } => *server += &evil,
            _ => {}
        }
    }
    run.drawn = drawn(&histories, &run.record);
    run
}

fn provenance() -> Provenance {
    let programs = [
        ("haproxy", "HAProxy version 2.6.12-1+deb12u2"),
        ("keepalived", "Keepalived v2.2.7"),
        ("nginx", "nginx/1.22.1"),
        ("sshd", "OpenSSH_9.2p1 Debian-2"),
    ];
    Provenance {
        run_id: "2026-11-23T08-20-11Z-7".into(),
        started_at: "2026-11-23T08:20:11Z".into(),
        chimp_version: "0.1.0".into(),
        git_sha: Some("2476c95d1c3ab7e0f7c2a4b1d9e8f60312ab4cd5".into()),
        kernel: "Linux 6.1.0-28-amd64".into(),
        cpus: 2,
        programs: programs.map(|(name, version)| (name.into(), version.into())).into(),
        command: "chimp run features --tags @pr --seed 7".into(),
        reproduce: Some("chimp run features --name {scenario} --exact --seed 7".into()),
        ci: false,
        folder: Some("reports/2026-11-23T08-20-11Z-7".into()),
    }
}

/// `(outage, redundant)` in seconds after the onset.
fn course(verdict: Verdict) -> (f64, f64) {
    if verdict == Verdict::Fail { (3.3, 4.6) } else { (0.084, 2.9) }
}

fn data(verdict: Verdict) -> DataFigures {
    DataFigures {
        writes_acked: 4_812,
        writes_lost: Some(if verdict == Verdict::Fail { 2_304 } else { 0 }),
        writes_indeterminate: 9,
        writes_refused: 31,
        writes_not_served: 27,
        writes_unasked: Some(0),
        reads_judged: 2_920,
        reads_stale: 41,
        reads_of_own_stale: 12,
        reads_going_back: 3,
        staleness_p99_ms: Some(7.2),
        staleness_max_ms: Some(13.4),
        reads_p50_ms: Some(3.1),
        reads_p99_ms: Some(18.6),
        reads_max_ms: Some(44.0),
        writes_p50_ms: Some(7.4),
        writes_p99_ms: Some(41.2),
        writes_max_ms: Some(97.3),
        databases_agreed_s: (verdict == Verdict::Pass).then_some(0.31),
        databases_read: ["db-1", "db-2", "db-3"].map(String::from).into(),
    }
}

fn scenario_plan(index: u32, name: &str, feature: &str, line: usize) -> ScenarioPlan {
    let step = |keyword: &str, text: &str, line| StepText { keyword: keyword.into(), text: text.into(), line };
    let mut settings = Settings::default();
    settings.load.users = 0;
    if name.contains("adverts") {
        settings.balancer.advert = Duration::from_secs(1);
    }
    ScenarioPlan {
        index,
        name: name.into(),
        feature_name: if feature == FEATURE { "The web tier survives".into() } else { "A user's own site".into() },
        feature: feature.into(),
        line,
        tags: vec!["pr".into()],
        steps: vec![
            step("Given", "4 webservers behind haproxy", 13),
            step("When", "the highest-degree node dies", 14),
            step("Then", "p99 stays under 500ms", 15),
            step("And", "recovery < 8 min", 16),
            step("And", "the longest outage is under 5 s", 17),
        ],
        seed: 40_112 + u64::from(index),
        infrastructure: infrastructure(),
        acts: vec![Act::Strike {
            order: StrikeOrder {
                fault: "dies".into(),
                with: Parameters::default(),
                target: Target {
                    choice: Choice::HighestDegree(1),
                    role: "node".into(),
                    zone: None,
                    tag: None,
                    text: "the highest-degree node".into(),
                },
                partition: None,
                step: step("When", "the highest-degree node dies", 14),
            },
            schedule: Schedule::Once,
        }],
        act_lines: Vec::new(),
        hypotheses: hypotheses(),
        settings,
        workload: None,
    }
}

fn hypotheses() -> Vec<Hypothesis> {
    let under = |ms| Bound::Under(HumanDuration(Duration::from_millis(ms)));
    let stays = Expectation::LatencyStays { quantile: Quantile::At(0.99), bound: under(500) };
    let recovery = Expectation::Interval { interval: Interval::Recovery, bound: under(8 * 60_000) };
    let then = |step: &str, line, expectation| Hypothesis { step: step.into(), line, expectation };
    vec![
        then("p99 stays under 500ms", 15, stays),
        then("recovery < 8 min", 16, recovery),
        then("the longest outage is under 5 s", 17, Expectation::LongestOutage { bound: under(5_000) }),
    ]
}

fn infrastructure() -> Infrastructure {
    let names = ["lb-1", "lb-2", "web-1", "web-2", "web-3", "web-4"];
    let role_of = |name: &str| if name.starts_with("lb") { "webhaproxy" } else { "webserver" };
    let server = |name: &str| Server::new(name, role_of(name));
    let links = names[..2].iter().flat_map(|lb| names[2..].iter().map(move |web| (lb.to_string(), web.to_string())));
    Infrastructure {
        servers: names.iter().map(|name| (name.to_string(), server(name))).collect(),
        links: links.collect(),
        virtual_ips: vec![VirtualIp {
            name: "www".into(),
            holders: vec!["lb-1".into(), "lb-2".into()],
            floating_ip: false,
        }],
        entry: Entry::at("www", 80),
        databases: Default::default(),
        aliases: Default::default(),
        roles: [("webhaproxy", "load balancer"), ("webserver", "webserver")]
            .map(|(name, word)| (name.to_string(), role(name, word)))
            .into(),
        source: None,
    }
}

fn role(name: &str, word: &str) -> Role {
    Role {
        name: name.into(),
        noun: word.into(),
        files: Vec::new(),
        run: Vec::new(),
        services: Vec::new(),
        readiness: Readiness { http: Some("/".into()), tcp: false, port: None, within: Duration::from_secs(10) },
        reload: None,
        port: 80,
        programs: Vec::new(),
        packages: Vec::new(),
        monit: false,
        stats_socket: (name == "webhaproxy").then(|| "/run/haproxy/admin.sock".into()),
        stub_status: None,
        standby_backends: Vec::new(),
        database: None,
        keeps_data: None,
        source: None,
    }
}
