//! Stacks of a real Swarm of three nodes, those of `fixtures/docker`: `make docker` runs these tests beside it. What became of a stack is
//! asked of Docker's own client.

mod attacks;
mod begun;
mod cluster;
mod killed;
mod nodes;
mod refused;
mod scenarios;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Output};

use cluster::{Stack, docker, until};
use support::{Folder, Needs, chimp, named, run, stderr, stdout};

/// Where users of the stack enter.
const ENTRY: &str = "entry = \"http://198.18.4.1:8080\"";

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Asked("DOCKER_NODES", "make docker"),
        named![
            scenarios::a_task_that_dies_is_replaced_by_swarm_and_stays_dead_without_a_policy,
            scenarios::every_family_of_faults_strikes_tasks_of_every_node_and_leaves_nothing,
            scenarios::the_example_passes,
            nodes::a_node_whose_engine_is_not_named_is_seen_and_not_touched,
            nodes::a_node_that_falls_silent_ends_no_run,
            nodes::where_processes_are_not_seen_the_engine_alone_switches_tasks,
            attacks::an_attack_strikes_what_was_opted_in_alone_and_a_silent_fault_is_found,
            killed::a_killed_run_leaves_no_fault_after_its_lease,
            begun::a_first_look_and_the_first_files,
            refused::what_can_not_be_attached_to_is_one_error_and_nothing_is_touched,
        ],
    )])
}

/// The containers of all nodes, with their states: `site_web.1.abc running`.
fn containers() -> String {
    let all = cluster::nodes();
    all.iter().map(|node| node.docker(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]) + "\n").collect()
}

/// The node that a task of a service is on, and its container's first process: `("node-2", "7")`.
fn place_of(stack: &Stack, service: &str, slot: u32) -> Option<(cluster::Node, String)> {
    let name = format!("name={}_{service}.{slot}.", stack.name);
    cluster::nodes().into_iter().find_map(|node| {
        let id = node.docker(&["ps", "-q", "--filter", &name]);
        let pid = (!id.is_empty()).then(|| node.docker(&["inspect", "-f", "{{.State.Pid}}", &id]))?;
        Some((node, pid))
    })
}

/// Nothing of ours is in any container that runs: no folder, no rule, no queue.
fn is_clean() -> Result<(), String> {
    for node in cluster::nodes() {
        for id in node.docker(&["ps", "-q"]).lines() {
            let pid = node.docker(&["inspect", "-f", "{{.State.Pid}}", id]);
            let dev = format!("/proc/{pid}/root/dev/.anarcho-chimp");
            if Path::new(&dev).symlink_metadata().is_ok() {
                return Err(format!("{id}: {dev}"));
            }
            for words in [&["iptables-save"][..], &["tc", "qdisc", "show"]] {
                let seen = stdout(&run(Command::new("nsenter").args(["-t", &pid, "-n"]).args(words)));
                if ["anarcho", "NFQUEUE", "tbf", " DROP ["].iter().any(|trace| seen.contains(trace)) {
                    return Err(format!("{id}: {words:?}: {seen}"));
                }
            }
        }
    }
    Ok(())
}

/// What a run has left is gone, or goes within the lease.
fn await_clean() {
    until("nothing of a fault is left", || is_clean().is_ok());
}

/// The engines of nodes, as the settings name them.
fn engines(of: &[&str]) -> String {
    let all = cluster::nodes();
    let named = all.iter().filter(|node| of.contains(&node.name.as_str()));
    named.map(|node| format!("{} = \"{}\"\n", node.name, node.host)).collect()
}

/// Settings that let services be attacked, with short waits, more lines under `[swarm]`, and the engines of nodes.
fn settings(folder: &Folder, attack: &str, more: &str, engines: &str) -> String {
    let text = format!(
        "[swarm]\nattack = [{attack}]\n{more}\n[swarm.nodes]\n{engines}\n[load]\nrate = 100\nusers = 0\n\
         [steady]\nbaseline = \"1s\"\nafter = \"1s\"\ngive_up = \"20s\"\nlateness = \"2s\"\n[nemesis]\nnetwork_delay = \"0s\"\nlease = \"5s\"\n"
    );
    folder.write("chimp.toml", &text).display().to_string()
}

/// The settings of a stack whose nodes are all known.
fn usual(folder: &Folder, attack: &str) -> String {
    settings(folder, attack, ENTRY, &engines(&["node-2", "node-3"]))
}

fn feature(folder: &Folder, scenarios: &str) -> String {
    let scenarios = scenarios.replace("    When ", "    Given the stack \"site\"\n    When ");
    folder.write("any.feature", &format!("Feature: Any\n{scenarios}")).display().to_string()
}

/// A run of these scenarios, to its end.
fn ended(folder: &Folder, attack: &str, scenarios: &str) -> Output {
    run(&mut run_with(folder, &usual(folder, attack), scenarios))
}

fn run_with(folder: &Folder, config: &str, scenarios: &str) -> Command {
    let (feature, out) = (feature(folder, scenarios), folder.path().join("out").display().to_string());
    chimp(&["run", &feature, "--config", config, "--out", &out, "--seed", "7"])
}

/// What `chimp plan` says of these scenarios, with its exit code.
fn planned(folder: &Folder, config: &str, scenarios: &str) -> (Option<i32>, String) {
    let output = run(&mut chimp(&["plan", &feature(folder, scenarios), "--config", config]));
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

/// Every event of a scenario, a line each.
fn events(folder: &Folder, scenario: u32) -> String {
    let path = folder.path().join(format!("out/latest/scenarios/{scenario:02}/events.ndjson"));
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Waits until a run in the background has come so far.
fn await_run(child: &mut Child, what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, || {
        assert!(child.try_wait().unwrap().is_none(), "the run has ended before {what}");
        is_so()
    });
}
