//! Attacks without a scenario, and their heal.

use crate::cluster::Stack;
use crate::support::{Folder, chimp, run};
use crate::{await_clean, containers, said, usual};

pub fn an_attack_strikes_what_was_opted_in_alone_and_a_silent_fault_is_found() {
    let (folder, stack) = (Folder::new("swarm-attack"), Stack::up("site", "swarm"));
    let config = usual(&folder, "\"web\"");
    let attack = |words: &[&str]| {
        let out = folder.path().join("out").display().to_string();
        let fixed = ["--on", &stack.on(), "--config", &config, "--out", &out];
        run(chimp(&[&["attack"], words, &fixed].concat()).current_dir(folder.path()))
    };
    let closed = attack(&["fault", "hangs", "--server", "lb-1", "--for", "1s"]);
    assert!(!closed.status.success() && said(&closed).contains("was not opted in"), "{}", said(&closed));
    let before = containers();
    let struck = attack(&["fault", "hangs", "--server", "web-2", "--for", "1s"]);
    assert!(struck.status.success(), "{}", said(&struck));
    let off = attack(&["fault", "power-off", "--server", "web-2", "--for", "1s"]);
    assert!(!off.status.success() && said(&off).contains("Swarm replaces a task"), "{}", said(&off));
    let delay = ["fault", "gains-delay", "--server", "web-3", "--with", r#"{"delay":"50ms"}"#, "--for", "1s"];
    let late = attack(&delay);
    assert!(late.status.success(), "{}", said(&late));
    let silent = attack(&[&delay[..], &["--lie", "faults"]].concat());
    assert!(!silent.status.success(), "a fault that does nothing is found: {}", said(&silent));
    assert_eq!(containers(), before);
    await_clean();
    let down = run(&mut chimp(&["down", "--on", &stack.on(), "--config", &config, "--dry-run"]));
    assert!(down.status.success() && said(&down).contains("web-3"), "{}", said(&down));
}
