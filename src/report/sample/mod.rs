//! A made-up run for the tests of reports: a pass with an outage of 84 ms, a fail with one of 3.3 s, a strike that
//! was not confirmed, a site that could not be provisioned and a scenario that was skipped.
//!
//! Every figure follows from the tables here, by a fixed sequence: the same run every time.

use std::time::Duration;

use crate::checker::{Expectation, Phase, Verdict};
use crate::history::Event;
use crate::infrastructure::{Entry, Infrastructure, Server, VirtualIp};
use crate::plan::{Act, Choice, Hypothesis, Parameters, Plan, ScenarioPlan, Schedule, StepText, StrikeOrder, Target};
use crate::role::{Readiness, Role};
use crate::settings::Settings;
use crate::units::{Bound, HumanDuration, Quantile};

mod recorded;

use recorded::history;

use super::record::{
    DataFigures, HealingRecord, HypothesisRecord, Milestones, PhaseRecord, StrikeRecord, Validity, WorstSecond,
};
use super::{Environment, JudgedRun, RunRecord, ScenarioRecord};

/// When the baseline of every sample scenario becomes steady, on the run's clock.
const ZERO_US: u64 = 3_200_000;
/// When the fault is confirmed, since zero.
const T0_US: u64 = 6_020_000;
/// The deadline.
const DEADLINE_US: u32 = 5_000_000;
const FEATURE: &str = "features/web_tier.feature";

/// The whole sample run.
pub fn run() -> JudgedRun {
    let scenarios = vec![
        ("The highest-degree node dies", Verdict::Pass, FEATURE, 12),
        ("With VRRP adverts of 1 s nobody takes over in time", Verdict::Fail, FEATURE, 19),
        ("A process that does not die proves nothing", Verdict::Invalid, FEATURE, 31),
        ("A user's own site behind HAProxy", Verdict::Infra, "features/own_site.feature", 8),
        ("Ten thousand connections stay open", Verdict::Skipped, "features/own_site.feature", 21),
    ];
    let plans: Vec<ScenarioPlan> =
        scenarios.iter().enumerate().map(|(index, s)| plan(index as u32, s.0, s.2, s.3)).collect();
    let records: Vec<ScenarioRecord> = plans.iter().zip(&scenarios).map(|(plan, s)| scenario(plan, s.1)).collect();
    let histories = plans.iter().zip(&records).filter_map(|(plan, record)| history(plan, record)).collect();
    JudgedRun {
        environment: environment(),
        plan: Plan { schema: crate::plan::SCHEMA, seed: 7, provider: "local".into(), scenarios: plans },
        record: run_record(records),
        histories,
    }
}

/// The sample run with names that try to break out of whatever they are put into.
pub fn hostile() -> JudgedRun {
    let evil = "<script>alert(\"1\")</script> | \u{1b}[31m`&'`\n# x ".to_string() + &"y".repeat(120);
    let mut run = run();
    run.environment.command = format!("chimp run {evil}");
    for (plan, record) in run.plan.scenarios.iter_mut().zip(&mut run.record.scenarios) {
        record.name = evil.clone();
        record.reason = record.reason.as_ref().map(|_| evil.clone());
        record.headline = evil.clone();
        record.hypotheses.iter_mut().for_each(|h| h.step = evil.clone());
        record.strikes.iter_mut().for_each(|s| (s.target, s.witness) = (evil.clone(), evil.clone()));
        plan.settings.request.path = evil.clone();
    }
    for history in run.histories.values_mut() {
        for record in &mut history.events {
            match &mut record.event {
                Event::InstanceState { server, .. } | Event::BalancerView { server, .. } => *server += &evil,
                _ => {}
            }
        }
    }
    run
}

fn environment() -> Environment {
    let programs = [
        ("haproxy", "HAProxy version 2.6.12-1+deb12u2"),
        ("keepalived", "Keepalived v2.2.7"),
        ("nginx", "nginx/1.22.1"),
        ("sshd", "OpenSSH_9.2p1 Debian-2"),
    ];
    Environment {
        run_id: "2026-11-23T08-20-11Z-7".into(),
        started_at: "2026-11-23T08:20:11Z".into(),
        chimp_version: "0.1.0".into(),
        git_sha: Some("2476c95d1c3ab7e0f7c2a4b1d9e8f60312ab4cd5".into()),
        kernel: "Linux 6.1.0-28-amd64".into(),
        cpus: 2,
        programs: programs.map(|(name, version)| (name.into(), version.into())).into(),
        command: "chimp run features --tags @pr --seed 7".into(),
        ci: false,
    }
}

fn run_record(scenarios: Vec<ScenarioRecord>) -> RunRecord {
    RunRecord {
        schema: 1,
        run_id: environment().run_id,
        seed: 7,
        provider: "local".into(),
        verdict: Verdict::Fail,
        exit_code: 1,
        started_at: environment().started_at,
        duration_s: 182.4,
        git_sha: environment().git_sha,
        time_scale: 1.0,
        interrupted: None,
        plan_sha256: "7d793037a0760186574b0282f2f435e7d793037a0760186574b0282f2f435e7d".into(),
        scenarios,
    }
}

/// `(outage, redundant, normal)` in seconds.
fn course(verdict: Verdict) -> (f64, f64, f64) {
    if verdict == Verdict::Fail { (3.3, 4.6, 5.2) } else { (0.084, 2.9, 3.4) }
}

/// What came of an attempt before the last.
const DISCARDED: &str = "Could not tell: the baseline was not steady: 97.2 % of 500 requests were good.";

fn scenario(plan: &ScenarioPlan, verdict: Verdict) -> ScenarioRecord {
    let struck = matches!(verdict, Verdict::Pass | Verdict::Fail);
    let (outage, ..) = course(verdict);
    let (reason, headline) = reason_and_headline(verdict);
    ScenarioRecord {
        index: plan.index,
        name: plan.name.clone(),
        feature_name: plan.feature_name.clone(),
        feature: plan.feature.display().to_string(),
        line: plan.line,
        tags: plan.tags.clone(),
        seed: plan.seed,
        verdict,
        reason: reason.map(String::from),
        headline: headline.into(),
        attempts: if verdict == Verdict::Invalid { 2 } else { 1 },
        discarded: if verdict == Verdict::Invalid { vec![DISCARDED.into()] } else { Vec::new() },
        duration_s: [78.2, 82.9, 19.8, 1.5, 0.0][plan.index as usize],
        hypotheses: if struck { hypotheses(verdict) } else { Vec::new() },
        strikes: strikes(verdict),
        phases: if struck { phases(verdict) } else { Vec::new() },
        milestones: milestones(verdict),
        downtime_total_s: struck.then_some(outage),
        downtime_longest_s: struck.then_some(outage),
        outages: struck.then_some(1),
        availability_pct: struck.then_some(if verdict == Verdict::Fail { 95.66 } else { 99.89 }),
        uptime: None,
        deadline_ms: f64::from(DEADLINE_US) / 1e3,
        time_scale: 1.0,
        model: None,
        declared_waits: Vec::new(),
        worst_second: struck.then_some(WorstSecond { start_s: 0.0, due: 500, good: 458, p99_ms: 5000.0 }),
        data: struck.then(|| data(verdict)),
        healing: if struck { healing() } else { Vec::new() },
        leaks: Vec::new(),
        validity: validity(verdict),
    }
}

fn healing() -> Vec<HealingRecord> {
    let row = |at_s, what: &str, detail: &str| HealingRecord {
        at_s,
        server: "lb-1".into(),
        what: what.into(),
        detail: detail.into(),
        done: what != "failed",
    };
    vec![
        row(5.9, "missing", "lb-1.1 terminated: first process 19 is gone (pidfd), link gone, no disk"),
        row(5.9, "boot", "asked for"),
        row(6.4, "failed", "booting lb-1: no capacity; tried again after 810 ms"),
        row(7.9, "replaced", "by lb-1.2, which serves"),
    ]
}

fn reason_and_headline(verdict: Verdict) -> (Option<&'static str>, &'static str) {
    match verdict {
        Verdict::Pass => (None, "lb-1 died; users saw 84 ms of downtime and the site was whole again after 3.4 s."),
        Verdict::Fail => (
            Some("1 of 3 hypotheses was refuted"),
            "lb-1 died; users saw 3.3 s of downtime, so p99 reached the deadline of 5 s.",
        ),
        Verdict::Invalid => (
            Some("the strike on web-2 was not confirmed: 4 processes named nginx still run 2 s after they were killed"),
            "It could not be told: the fault never took effect.",
        ),
        Verdict::Infra => (
            Some(
                "web-3: `python3 -m http.server 8080` ended with status 1 while booting: OSError: [Errno 98] Address already in use",
            ),
            "The site was not provisioned.",
        ),
        _ => (
            Some(
                "10000 connections need a limit of 24000 open files, this user's is 4096; raise it with `ulimit -n 24000`",
            ),
            "Not run on this machine.",
        ),
    }
}

fn hypotheses(verdict: Verdict) -> Vec<HypothesisRecord> {
    let row = |step: &str, line, expected: &str, observed: &str, value, unit: &str, margin| HypothesisRecord {
        step: step.into(),
        line,
        expected: expected.into(),
        observed: observed.into(),
        value: Some(value),
        unit: unit.into(),
        margin_pct: Some(margin),
        n: if unit == "ms" { 30_000 } else { 1 },
        verdict: if margin < 0.0 { Verdict::Fail } else { Verdict::Pass },
        reason: (unit == "ms").then(|| "a window of 60 s forgives an outage of up to 600 ms at p99".into()),
    };
    let (outage, _, normal) = course(verdict);
    let p99 = if verdict == Verdict::Fail { ("≥ 5 s", 5000.0, -900.0) } else { ("12 ms", 12.0, 97.6) };
    vec![
        row("p99 stays under 500ms", 15, "< 500 ms", p99.0, p99.1, "ms", p99.2),
        row("recovery < 8 min", 16, "< 8 min", &format!("{normal} s"), normal, "s", 98.9),
        row("the longest outage is under 5 s", 17, "< 5 s", &format!("{outage} s"), outage, "s", 34.0),
    ]
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
        writes_p50_ms: Some(7.4),
        writes_p99_ms: Some(41.2),
        databases_agreed_s: (verdict == Verdict::Pass).then_some(0.31),
        databases_read: ["db-1", "db-2", "db-3"].map(String::from).into(),
    }
}

fn strikes(verdict: Verdict) -> Vec<StrikeRecord> {
    let (fault, step, target) = match verdict {
        Verdict::Pass | Verdict::Fail => ("dies", "the highest-degree node dies", "lb-1"),
        Verdict::Invalid => ("process dies", "process \"nginx\" on a random webserver dies", "web-2"),
        _ => return Vec::new(),
    };
    let confirmed = verdict != Verdict::Invalid;
    vec![StrikeRecord {
        strike: 0,
        fault: fault.into(),
        step: step.into(),
        line: 14,
        target: target.into(),
        why: "degree 5; lb-2 has 4 (the entry's link goes to the holder of www)".into(),
        injected_s: Some(6.0),
        t0_s: confirmed.then_some(T0_US as f64 / 1e6),
        witness: if confirmed { "pid 212 gone".into() } else { "4 of 4 processes still there".into() },
        healed_s: None,
        normal_after_s: confirmed.then(|| course(verdict).2),
    }]
}

fn milestones(verdict: Verdict) -> Milestones {
    if !matches!(verdict, Verdict::Pass | Verdict::Fail) {
        return Milestones::default();
    }
    let (outage, redundant, normal) = course(verdict);
    Milestones {
        t0_s: Some(T0_US as f64 / 1e6),
        first_error_s: Some(-0.003),
        detected_s: Some(outage - 0.02),
        removed_s: None,
        service_s: Some(outage),
        booted_s: Some(redundant - 1.7),
        configured_s: Some(redundant - 0.5),
        redundant_s: Some(redundant),
        normal_s: Some(normal),
    }
}

fn phases(verdict: Verdict) -> Vec<PhaseRecord> {
    let (outage, _, normal) = course(verdict);
    let t0 = T0_US as f64 / 1e6;
    let row = |phase, start_s: f64, end_s: f64, bad_s: f64| {
        let due = ((end_s - start_s) * 500.0).round() as u64;
        let good = due.saturating_sub((bad_s * 500.0).round() as u64);
        let bad_pct = 100.0 - good as f64 / due as f64 * 100.0;
        let at = |q: f64, ms: f64| Some(if bad_pct > 100.0 - q { f64::from(DEADLINE_US) / 1e3 } else { ms });
        PhaseRecord {
            phase,
            start_s,
            end_s,
            due,
            good,
            availability_pct: Some(100.0 - bad_pct),
            p50_ms: at(50.0, 1.3),
            p95_ms: at(95.0, 3.8),
            p99_ms: at(99.0, 9.6),
            p999_ms: at(99.9, 21.0),
            throughput_rps: good as f64 / (end_s - start_s),
        }
    };
    vec![
        row(Phase::Before, 0.0, 6.0, 0.0),
        row(Phase::Failover, t0, t0 + outage, outage),
        row(Phase::Degraded, t0, t0 + normal, outage),
        row(Phase::After, t0 + normal, 75.0, 0.0),
        row(Phase::Throughout, 0.0, 75.0, outage),
    ]
}

fn validity(verdict: Verdict) -> Validity {
    let ran = !matches!(verdict, Verdict::Infra | Verdict::Skipped);
    Validity {
        steady_before: ran,
        lateness_p99_ms: ran.then_some(2.4),
        cpu_pressure_pct: ran.then_some(11.0),
        faults_confirmed: ran && verdict != Verdict::Invalid,
        recorder_drops: 0,
        resolution_ms: ran.then_some(2.4),
        user_requests: if ran { 7412 } else { 0 },
        reasons: if verdict == Verdict::Invalid { vec!["fault not confirmed".into()] } else { Vec::new() },
    }
}

fn plan(index: u32, name: &str, feature: &str, line: usize) -> ScenarioPlan {
    let step = |keyword: &str, text: &str, line| StepText { keyword: keyword.into(), text: text.into(), line };
    let mut settings = Settings::default();
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
                cut: None,
                step: step("When", "the highest-degree node dies", 14),
            },
            schedule: Schedule::Once,
        }],
        hypotheses: vec![Hypothesis {
            step: "p99 stays under 500ms".into(),
            line: 15,
            expectation: Expectation::LatencyStays {
                quantile: Quantile::At(0.99),
                bound: Bound::Under(HumanDuration(Duration::from_millis(500))),
            },
        }],
        settings,
    }
}

fn infrastructure() -> Infrastructure {
    let names = ["lb-1", "lb-2", "web-1", "web-2", "web-3", "web-4"];
    let role_of = |name: &str| if name.starts_with("lb") { "webhaproxy" } else { "webserver" };
    let server = |name: &str| Server {
        name: name.into(),
        role: role_of(name).into(),
        tags: Vec::new(),
        zone: None,
        boot_delay: Duration::ZERO,
        install_delay: Duration::ZERO,
        configure_delay: Duration::ZERO,
        spare: false,
    };
    let links = names[..2].iter().flat_map(|lb| names[2..].iter().map(move |web| (lb.to_string(), web.to_string())));
    Infrastructure {
        servers: names.iter().map(|name| (name.to_string(), server(name))).collect(),
        links: links.collect(),
        virtual_ips: vec![VirtualIp { name: "www".into(), holders: vec!["lb-1".into(), "lb-2".into()] }],
        entry: Entry { host: "www".into(), port: 80 },
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
        word: word.into(),
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
        one_up: Vec::new(),
        database: None,
        source: None,
    }
}
