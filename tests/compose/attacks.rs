//! Attacks without a scenario, and their heal.

use crate::support::{Folder, chimp, run};
use crate::{Project, await_clean, containers, said, settings};

pub fn an_attack_strikes_what_was_opted_in_alone() {
    let (folder, project) = (Folder::new("compose-attack"), Project::up("web"));
    let config = settings(&folder, "\"web\"", "");
    let attack = |words: &[&str]| {
        let out = folder.path().join("out").display().to_string();
        let fixed = ["--on", &project.on(), "--config", &config, "--out", &out];
        run(chimp(&[&["attack"], words, &fixed].concat()).current_dir(folder.path()))
    };
    let closed = attack(&["fault", "hangs", "--server", "lb-1", "--for", "1s"]);
    assert!(!closed.status.success() && said(&closed).contains("was not opted in"), "{}", said(&closed));
    let before = containers();
    let struck = attack(&["fault", "hangs", "--server", "web-1", "--for", "1s"]);
    assert!(struck.status.success(), "{}", said(&struck));
    assert_eq!(containers(), before);
    let cut = attack(&["network", "--seed", "7", "--for", "1s"]);
    assert!(cut.status.success(), "{}", said(&cut));
    await_clean();
}
