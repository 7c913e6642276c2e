//! Nodes whose Docker Engines are not known, or answer no longer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::cluster::{Stack, nodes};
use crate::support::{Folder, run};
use crate::{
    ENTRY, await_clean, await_run, containers, engines, events, place_of, planned, run_with, said, settings, usual,
};

/// The slot of the web server on a node.
fn slot_on(stack: &Stack, node: &str) -> u32 {
    let is_there = |slot: &u32| place_of(stack, "web", *slot).is_some_and(|(found, _)| found.name == node);
    (1..=3).find(is_there).unwrap_or_else(|| panic!("{node} has a web server"))
}

pub fn a_node_whose_engine_is_not_named_is_seen_and_not_touched() {
    let (folder, stack) = (Folder::new("swarm-unnamed"), Stack::up("site", "swarm"));
    let config = settings(&folder, "\"web\"", ENTRY, &engines(&["node-2"]));
    let before = containers();
    let scenario = |slot: u32| {
        format!("  Scenario: Any\n    When node \"web-{slot}\" dies\n    Then total downtime is under 60 s\n")
    };
    let unknown = slot_on(&stack, "node-3");
    let (code, told) = planned(&folder, &config, &scenario(unknown));
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("its task is on node-3") && told.contains("nodes = { node-3 = \"unix:///"), "{told}");
    assert_eq!(containers(), before);
    let output = run(&mut run_with(&folder, &config, &scenario(slot_on(&stack, "node-2"))));
    assert_eq!(output.status.code(), Some(0), "the others can be struck: {}", said(&output));
    let seen = events(&folder, 0);
    let found =
        seen.lines().find(|line| line.contains("\"instance_found\"") && line.contains(&format!("\"web-{unknown}\"")));
    assert!(found.is_some(), "it is one of the servers: {seen}");
    await_clean();
}

/// Carries a socket to another one, as `ssh -L` does, until this is dropped: then nothing answers there.
struct Forwarded {
    socket: std::path::PathBuf,
}

impl Forwarded {
    fn to(socket: &Path, host: &str) -> Forwarded {
        let listener = UnixListener::bind(socket).unwrap();
        let engine = host.strip_prefix("unix://").unwrap().to_string();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = UnixStream::connect(&engine).unwrap();
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || carry(near, far));
                thread::spawn(move || carry(far_too, near_too));
            }
        });
        Forwarded { socket: socket.into() }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream) {
    let mut bytes = [0_u8; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

pub fn a_node_that_falls_silent_ends_no_run() {
    let (folder, stack) = (Folder::new("swarm-silent"), Stack::up("site", "swarm"));
    let all = nodes();
    let forwarded = Forwarded::to(&folder.path().join("node-3.sock"), &all[2].host);
    let third = format!("node-3 = \"unix://{}\"\n", forwarded.socket.display());
    let config = settings(&folder, "\"web\"", ENTRY, &(engines(&["node-2"]) + &third));
    let slot = slot_on(&stack, "node-2");
    let scenario =
        format!("  Scenario: Any\n    When node \"web-{slot}\" hangs for 4 s\n    Then total downtime is under 60 s\n");
    let mut child = run_with(&folder, &config, &scenario).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    await_run(&mut child, "it is struck", || containers().contains("paused"));
    drop(forwarded);
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "what was known of its tasks is believed");
    let seen = events(&folder, 0);
    let other = format!("\"web-{}\"", slot_on(&stack, "node-3"));
    let died = seen.lines().find(|line| line.contains("\"terminated\"") && line.contains(&other));
    assert_eq!(died, None, "its tasks did not end");
    await_clean();
}

/// The same command where no process of a container is seen, as on another machine.
fn elsewhere(command: &Command) -> Command {
    let mut other = Command::new("unshare");
    other.args(["--pid", "--fork", "--mount-proc"]).arg(command.get_program()).args(command.get_args());
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

pub fn where_processes_are_not_seen_the_engine_alone_switches_tasks() {
    let (folder, _stack) = (Folder::new("swarm-elsewhere"), Stack::up("site", "swarm"));
    let config = usual(&folder, "\"web\"");
    let ended = |step: &str| {
        let scenario = format!("  Scenario: Any\n    When {step}\n    Then recovery takes under 60 s\n");
        let output = run(&mut elsewhere(&run_with(&folder, &config, &scenario)));
        (output.status.code(), said(&output))
    };
    let (code, told) = ended("node \"web-2\" loses network for 2 s");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("web-2: its processes are on node-") && told.contains("`dies` and `hangs`"), "{told}");
    for step in ["node \"web-2\" dies", "node \"web-3\" hangs for 2 s"] {
        let (code, told) = ended(step);
        assert_eq!(code, Some(0), "{step}: {told}");
        let seen = events(&folder, 0);
        assert!(
            seen.contains("\"fault_confirmed\"") && seen.contains("its daemon says that it runs"),
            "{step}: {seen}"
        );
    }
    assert!(!containers().contains("paused"));
}
