//! The events and requests of the sample run.

use super::{DEADLINE_US, ONSET_US, ZERO_US, course};
use crate::history::{Event, History, Onset, Outcome, Record, Request};
use crate::instance::PowerState;
use crate::plan::ScenarioPlan;
use crate::verdict::Verdict;

/// What was recorded of a scenario that is to come to `verdict`.
pub fn history(plan: &ScenarioPlan, verdict: Verdict) -> History {
    let (events, probes) = match verdict {
        Verdict::Skipped => (vec![at(plan, 0, Event::ScenarioSkipped { reason: SKIPPED.into() })], Vec::new()),
        Verdict::Infra => (not_provisioned(plan), Vec::new()),
        Verdict::Invalid => (not_confirmed(plan), probes(15.0, 0.0)),
        verdict => (events(plan, course(verdict)), probes(75.0, course(verdict).0)),
    };
    let (works, final_state) = Default::default();
    History { plan: plan.clone(), events, probes, users: Vec::new(), works, final_state }
}

const SKIPPED: &str =
    "10000 connections need a limit of 24000 open files, this user's is 4096; raise it with `ulimit -n 24000`";
const NOT_PROVISIONED: &str = "web-3: `python3 -m http.server 8080` ended with status 1 while booting: OSError: [Errno 98] Address already in use";
/// What came of an attempt before the last.
const DISCARDED: &str = "Could not be judged: the baseline was not steady: 97.2 % of 500 requests were good.";

fn not_provisioned(plan: &ScenarioPlan) -> Vec<Record> {
    let failed = Event::HarnessFailed { stage: "boot".into(), detail: NOT_PROVISIONED.into() };
    vec![at(plan, 0, Event::ScenarioStarted { attempt: 1 }), at(plan, 1_500_000, failed)]
}

fn not_confirmed(plan: &ScenarioPlan) -> Vec<Record> {
    let discarded = at(plan, 0, Event::AttemptDiscarded { headline: DISCARDED.into() });
    let mut events = vec![at(plan, 0, Event::ScenarioStarted { attempt: 1 }), discarded];
    events.extend(quiet_events(plan, 2, 15_000_000));
    let evidence = "4 processes named nginx still run 2 s after they were killed".into();
    let denied = Event::FaultNotConfirmed { strike: 0, target: "web-2.1".into(), evidence };
    events.push(at(
        plan,
        ZERO_US + 6_000_000,
        resolved("process dies", "process \"nginx\" on a random webserver dies", "web-2.1"),
    ));
    events.push(at(plan, ZERO_US + 6_000_000, Event::InjectionStarted { strike: 0 }));
    events.push(at(plan, ZERO_US + 8_000_000, denied));
    events.sort_by_key(|record| record.at_us);
    events
}

fn resolved(fault: &str, step: &str, target: &str) -> Event {
    let why = "degree 5; lb-2 has 4 (the entry's link goes to the holder of www)".into();
    Event::StrikeResolved {
        strike: 0,
        fault: fault.into(),
        step: step.into(),
        line: 14,
        targets: vec![target.into()],
        why,
    }
}

fn at(plan: &ScenarioPlan, at_us: u64, event: Event) -> Record {
    Record { at_us, scenario: plan.index, resolution_us: 0, event }
}

fn state(server: &str, instance: u32, state: PowerState) -> Event {
    Event::InstanceState {
        server: server.into(),
        instance: format!("{server}.{instance}"),
        state,
        evidence: "measured".into(),
    }
}

fn view(balancer: &str, server: &str, up: bool) -> Event {
    Event::BalancerView {
        balancer: balancer.into(),
        backend: "web".into(),
        server: server.into(),
        status: if up { "UP" } else { "DOWN" }.into(),
        check: if up { "L7OK" } else { "L4TOUT" }.into(),
        up,
        standby: false,
    }
}

fn quiet_events(plan: &ScenarioPlan, attempt: u32, end_us: u64) -> Vec<Record> {
    let mut events = vec![at(plan, 0, Event::ScenarioStarted { attempt })];
    for server in plan.infrastructure.servers.keys() {
        let booted = Event::InstanceBooted {
            server: server.clone(),
            instance: format!("{server}.1"),
            address: "198.18.0.2".into(),
        };
        events.push(at(plan, 20_000, booted));
        events.push(at(plan, 30_000, state(server, 1, PowerState::Running)));
        events.push(at(plan, 250_000, Event::ServerReady { server: server.clone(), instance: format!("{server}.1") }));
    }
    for balancer in ["lb-1", "lb-2"] {
        events.extend((1..=4).map(|n| at(plan, 300_000, view(balancer, &format!("web-{n}"), true))));
    }
    events.push(at(plan, 320_000, Event::VirtualIpHolders { name: "www".into(), holders: vec!["lb-1".into()] }));
    events.push(at(plan, 400_000, Event::ProbingStarted { rate: 500.0, deadline_ms: 5000.0 }));
    events.push(at(plan, ZERO_US, Event::Pressure { cpu_some_pct: 11.0 }));
    events.push(at(plan, ZERO_US + 5_000_000, Event::BaselineSteady { from_us: ZERO_US }));
    events.push(at(plan, ZERO_US + end_us, Event::WatchEnded));
    events
}

fn events(plan: &ScenarioPlan, (outage, redundant): (f64, f64)) -> Vec<Record> {
    let after = |seconds: f64| ZERO_US + ONSET_US + (seconds * 1e6) as u64;
    let mut events = quiet_events(plan, 1, 75_000_000);
    let holders = |holders: &[&str]| Event::VirtualIpHolders {
        name: "www".into(),
        holders: holders.iter().map(|h| h.to_string()).collect(),
    };
    let onset = Onset { not_before_us: after(0.0), by_us: after(0.02) };
    let evidence = "first process 212 is gone (pidfd)".into();
    let confirmed = Event::FaultConfirmed { strike: 0, target: "lb-1.1".into(), onset, alive_us: None, evidence };
    let (server, instance) = ("lb-1".to_string(), "lb-1.2".to_string());
    events.extend([
        at(plan, ZERO_US + 6_000_000, resolved("dies", "the highest-degree node dies", "lb-1.1")),
        at(plan, ZERO_US + 6_000_000, Event::InjectionStarted { strike: 0 }),
        at(plan, after(0.03), confirmed),
        at(plan, after(0.005), state("lb-1", 1, PowerState::Terminated)),
        at(plan, after(0.01), holders(&[])),
        at(plan, after(outage - 0.02), holders(&["lb-2"])),
        at(
            plan,
            after(redundant - 2.0),
            Event::ReconcilerMissing { server: server.clone(), found: "terminated".into() },
        ),
        at(plan, after(redundant - 2.0), Event::ReconcilerBoots { server: server.clone() }),
        at(
            plan,
            after(redundant - 1.7),
            Event::InstanceBooted { server: server.clone(), instance: instance.clone(), address: "198.18.0.2".into() },
        ),
        at(plan, after(redundant - 1.69), state("lb-1", 2, PowerState::Running)),
        at(plan, after(redundant - 0.5), Event::ServerReady { server: server.clone(), instance: instance.clone() }),
        at(plan, after(redundant - 0.4), holders(&["lb-1"])),
        at(plan, after(redundant), Event::ReconcilerReplaced { server, instance }),
    ]);
    events.sort_by_key(|record| record.at_us);
    events
}

/// 500 probes a second for `end_s` seconds after zero, bad for `outage_s` from t0.
fn probes(end_s: f64, outage_s: f64) -> Vec<Request> {
    let first_us = 400_000;
    let count = ((ZERO_US - first_us) as f64 / 2000.0 + end_s * 500.0) as u64;
    let (down, up) = (ZERO_US + ONSET_US + 3_000, ZERO_US + ONSET_US + 3_000 + (outage_s * 1e6) as u64);
    let mut draw: u64 = 0x9e37_79b9_7f4a_7c15;
    (0..count)
        .map(|n| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let due_us = first_us + n * 2000;
            probe(due_us, (draw >> 33) as u32, outage_s > 0.0 && (down..up).contains(&due_us))
        })
        .collect()
}

fn probe(due_us: u64, draw: u32, down: bool) -> Request {
    // Most answers take about a millisecond, one in two hundred about twenty.
    let tail = if draw.is_multiple_of(199) { 18_000 } else { 0 };
    let good = Request { due_us, late_us: draw % 900, latency_us: 900 + draw % 1_700 + tail, outcome: Outcome::Good };
    match (down, draw % 10) {
        (false, _) => good,
        (true, 0) => Request { outcome: Outcome::Refused, latency_us: 700, ..good },
        (true, 1 | 2) => Request { outcome: Outcome::Status(503), latency_us: 1_200, ..good },
        (true, _) => Request { outcome: Outcome::Timeout, latency_us: DEADLINE_US, ..good },
    }
}
