//! Runs that are killed: no fault outlives its lease, on whichever node its task is, and a heal ends it at once.

use std::process::{Command, Stdio};

use crate::cluster::Stack;
use crate::support::{Folder, chimp, run, stdout};
use crate::{await_clean, await_run, containers, place_of, run_with, said, until, usual};

const STEPS: [(&str, &str); 2] = [("swarm-killed-cut", "loses network"), ("swarm-killed-hang", "hangs")];

pub fn a_killed_run_leaves_no_fault_after_its_lease() {
    let stack = Stack::up("site", "swarm");
    let is_paused = || containers().contains("paused");
    let is_cut = || {
        place_of(&stack, "web", 2).is_some_and(|(_, pid)| {
            let rules = run(Command::new("nsenter").args(["-t", &pid, "-n", "iptables-save", "-t", "filter"]));
            stdout(&rules).contains(" DROP [")
        })
    };
    let struck = |name: &str, fault: &str| {
        let folder = Folder::new(name);
        let scenario = format!(
            "  Scenario: Long\n    When node \"web-2\" {fault} for 60 s\n    Then total downtime is under 60 s\n"
        );
        let config = usual(&folder, "\"web\"");
        let mut child =
            run_with(&folder, &config, &scenario).current_dir(folder.path()).stderr(Stdio::null()).spawn().unwrap();
        await_run(&mut child, "it is struck", || is_paused() || is_cut());
        child.kill().unwrap();
        child.wait().unwrap();
        folder
    };
    for (name, fault) in STEPS {
        struck(name, fault);
        until("it goes on", || !is_paused() && !is_cut());
        await_clean();
    }
    let folder = struck("swarm-killed-healed", "hangs");
    let healed = run(chimp(&["heal", "--out", "out"]).current_dir(folder.path()));
    assert!(!is_paused(), "it is undone at once: {}", said(&healed));
    assert!(healed.status.success(), "{}", said(&healed));
}
