//! Nodes whose Docker Engines are not known, or answer no longer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;

use crate::cluster::{Stack, nodes};
use crate::support::Folder;
use crate::{ENTRY, await_clean, await_run, containers, engines, place_of, planned, run_with, settings};

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
    let output = crate::run(&mut run_with(&folder, &config, &scenario(slot_on(&stack, "node-2"))));
    assert_eq!(output.status.code(), Some(0), "the others can be struck: {}", crate::said(&output));
    let seen = crate::events(&folder, 0);
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
    let seen = crate::events(&folder, 0);
    let other = format!("\"web-{}\"", slot_on(&stack, "node-3"));
    let died = seen.lines().find(|line| line.contains("\"terminated\"") && line.contains(&other));
    assert_eq!(died, None, "its tasks did not end");
    await_clean();
}
