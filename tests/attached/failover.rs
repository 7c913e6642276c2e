//! The same feature in the sandbox and on servers that are there already, which somebody else repairs.

use std::process::{Child, Stdio};

use serde_json::Value;

use crate::site::{Site, events_of};
use crate::support::{Folder, chimp, run, stderr};

const FEATURE: &str = "tests/attached/failover.feature";
const SITE: &str = "tests/attached/failover.yaml";

/// The site's own reconciler; killed when it is dropped.
struct Reconciler(Child);

impl Reconciler {
    fn start(site: &Site) -> Reconciler {
        let (socket, state) = (site.up.socket.display().to_string(), site.folder.path().join("state.json"));
        let state = state.display().to_string();
        // As often as the sandbox's looks, by the settings that both runs have.
        let arguments = ["reconcile", SITE, "--testbed", &socket, "--every", "200ms", "--state", &state];
        Reconciler(chimp(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn a_failover_is_judged_as_in_the_sandbox() {
    let site = Site::up("attached-failover", &std::fs::read_to_string(SITE).unwrap());
    let reconciler = Reconciler::start(&site);
    let output = run(&mut site.run(FEATURE, &[]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    drop(reconciler);
    let page = std::fs::read_to_string(site.out().join("latest/report.html")).unwrap().replace("&#x2f;", "/");
    assert!(page.contains("href=\"nodes/00/lb-1/haproxy.log\""), "the report links the log that was followed");
    let attached = site.record();

    let folder = Folder::new("local-failover");
    let (out, config) = (folder.path().to_str().unwrap(), site.config("").display().to_string());
    let local = run(&mut chimp(&["run", FEATURE, "--out", out, "--config", &config, "--seed", "7", "--retries", "0"]));
    assert_eq!(local.status.code(), Some(0), "{}", stderr(&local));
    let (local, events) = (folder.record(), [events_of(&site.out()), events_of(folder.path())]);

    let of = |record: &Value, at: &str| record["scenarios"][0].pointer(at).unwrap_or(&Value::Null).clone();
    for same in ["/verdict", "/strikes/0/fault"] {
        assert_eq!(of(&attached, same), of(&local, same), "{same}");
    }
    for (record, events) in [&attached, &local].into_iter().zip(&events) {
        assert_eq!(of(record, "/strikes/0/target"), holder_before_the_strike(events), "users enter at it");
    }
    println!("{}", table(&local, &attached));
    for (milestone, _) in ROWS {
        assert!(
            seconds(&attached, milestone).is_some() && seconds(&local, milestone).is_some(),
            "{milestone}: {attached}"
        );
    }
    is_dated_by_what_was_seen(&attached, &events[0]);
    let detected = |record| seconds(record, "milestones/detected_after_t0_s").unwrap();
    assert!(detected(&attached) < detected(&local) + 1.0, "it is known when the other balancer took the address over");
}

/// Who held the site's address when it was struck. On a busy machine that may be the second balancer.
fn holder_before_the_strike(events: &[Value]) -> Value {
    let before = events.iter().take_while(|event| event["event"] != "injection_started");
    let known =
        before.filter(|event| event["event"] == "virtual_ip_holders").filter_map(|event| event["holders"].get(0));
    known.last().expect("somebody held it").clone()
}

/// Where `run.json` has it, and what it is.
const ROWS: [(&str, &str); 8] = [
    ("downtime_longest_s", "longest outage"),
    ("milestones/first_error_after_t0_s", "first error after t0"),
    ("milestones/service_after_t0_s", "service is back"),
    ("milestones/witnessed_after_t0_s", "the witness has seen it"),
    ("milestones/detected_after_t0_s", "detection"),
    ("milestones/removed_after_t0_s", "removal"),
    ("milestones/redundant_after_t0_s", "redundancy"),
    ("milestones/normal_after_t0_s", "recovery"),
];

fn seconds(record: &Value, at: &str) -> Option<f64> {
    record["scenarios"][0].pointer(&format!("/{at}"))?.as_f64()
}

/// The milestones of both runs beside each other, for `docs/measurements.md`.
fn table(local: &Value, attached: &Value) -> String {
    let mut text = String::from("| | sandbox | inventory | within 20 % or 100 ms |\n|---|---|---|---|");
    for (at, name) in ROWS {
        let [Some(here), Some(there)] = [local, attached].map(|record| seconds(record, at)) else { continue };
        let agrees = (there - here).abs() <= f64::max(0.1, 0.2 * here);
        text += &format!("\n| {name} | {here:.3} s | {there:.3} s | {} |", if agrees { "yes" } else { "no" });
    }
    text
}

/// The dead server's state, its witness and t0 lie where the signs of life and the attempts to connect put them, and not where they
/// were confirmed 2 s later.
fn is_dated_by_what_was_seen(attached: &Value, events: &[Value]) {
    let target = attached["scenarios"][0]["strikes"][0]["target"].as_str().unwrap();
    let of = |name: &str, key: &str| {
        let found = events.iter().find(|event| event["event"] == name && event[key] == target);
        found.unwrap_or_else(|| panic!("no {name} of {target}")).clone()
    };
    let us = |value: &Value| value.as_u64().unwrap();
    let confirmed = of("fault_confirmed", "target");
    let (called, by) = (us(&confirmed["onset"]["not_before_us"]), us(&confirmed["onset"]["by_us"]));
    // Where nothing was heard after the call, t0 is the call.
    let alive = confirmed["alive_us"].as_u64().unwrap_or(called);
    assert!(called <= alive && alive <= by && by + 1_000_000 < us(&confirmed["at_us"]), "{confirmed}");
    let down = events.iter().find(|event| {
        event["event"] == "instance_state" && event["server"] == target && event["state"] == "terminated"
    });
    let down = down.expect("it was seen to be gone");
    let down_us = us(&down["at_us"]);
    assert!(called <= down_us && down_us + 1_000_000 < us(&confirmed["at_us"]), "{down} and {confirmed}");
    // It never ran between, though its server was tried again and again.
    let ran =
        |event: &&Value| event["event"] == "instance_state" && event["state"] == "running" && event["server"] == target;
    let back = events.iter().filter(ran).map(|event| us(&event["at_us"])).find(|at| *at > down_us);
    assert!(back.is_some_and(|at| at > by), "{back:?}");
    let others = events.iter().filter(|event| event["event"] == "instance_state" && event["server"] != target);
    assert_eq!(others.filter(|event| event["state"] != "running").count(), 0, "no other server was ever down");
}
