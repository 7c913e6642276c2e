//! Attacks without a scenario, and their heal.

use std::path::Path;
use std::process::{Command, Stdio};

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

pub fn an_attack_by_the_graph_knows_what_depends_on_what() {
    let (folder, project) = (Folder::new("compose-graph"), Project::up("web"));
    let config = settings(&folder, "\"web\", \"lb\"", "");
    let out = folder.path().join("out").display().to_string();
    let words = ["attack", "graph", "--count", "1", "--seed", "7", "--dry-run", "--on", &project.on()];
    let planned = run(&mut chimp(&[&words[..], &["--config", &config, "--out", &out]].concat()));
    // docker-compose 1 writes it beside no container.
    assert!(said(&planned).contains("lb-1") && said(&planned).contains("degree 2"), "{}", said(&planned));
}

/// A project of a file under a name of its own, which runs until this is dropped.
struct Named<'f> {
    name: &'static str,
    file: &'f Path,
}

impl Named<'_> {
    fn up<'f>(name: &'static str, file: &'f Path) -> Named<'f> {
        let named = Named { name, file };
        named.compose(&["up", "-d"]);
        named
    }

    fn compose(&self, words: &[&str]) {
        let mut command = Command::new("docker-compose");
        let output = run(command.args(["-p", self.name, "-f"]).arg(self.file).args(words).stdin(Stdio::null()));
        assert!(output.status.success(), "{}", said(&output));
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        self.compose(&["down", "-t", "0"]);
    }
}

pub fn of_two_projects_of_a_file_the_settings_say_which_is_meant() {
    let (folder, project) = (Folder::new("compose-two"), Project::of("ephemeral-port"));
    let (_one, _two) = (Named::up("one", &project.file), Named::up("two", &project.file));
    let down = |more: &str| {
        let config = settings(&folder, "\"web\"", more);
        run(&mut chimp(&["down", "--dry-run", "--on", &project.on(), "--config", &config]))
    };
    let unsure = down("");
    assert_eq!(unsure.status.code(), Some(2), "{}", said(&unsure));
    assert!(said(&unsure).contains("runs as several projects: one, two"), "{}", said(&unsure));
    let sure = down("project = \"two\"");
    assert!(sure.status.success() && said(&sure).contains("web-1: nothing of chimp's is there"), "{}", said(&sure));
}
