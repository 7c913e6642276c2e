//! The inventory that comes with the project plans out of the box.

use crate::support::{chimp, run, stderr, stdout};

fn planned(model: &[&str], agent: Option<&str>) -> (Option<i32>, String) {
    let place = ["--on", "inventory=fixtures/inventories/datacentre.yaml", "--dry-run", "--seed", "7"];
    let mut command = chimp(&[&["attack"], model, &place].concat());
    command.env_remove("SSH_AUTH_SOCK").envs(agent.map(|socket| ("SSH_AUTH_SOCK", socket)));
    let output = run(&mut command);
    (output.status.code(), stdout(&output) + &stderr(&output))
}

pub fn the_example_plans_attacks_without_touching_anything() {
    for model in [
        &["random", "--for", "30s"][..],
        &["random"],
        &["graph", "--by", "betweenness"],
        &["network", "--for", "30s"],
        &["fault", "hangs", "--server", "web-2", "--for", "30s"],
        &["fault", "gains-delay", "--server", "web-1", "--with", "{\"delay\": \"100ms\"}", "--for", "30s"],
    ] {
        let (code, told) = planned(model, Some("/nowhere/agent"));
        let environment =
            concat!("on the inventory ", env!("CARGO_MANIFEST_DIR"), "/fixtures/inventories/datacentre.yaml: web-");
        assert!(code == Some(0) && told.starts_with(environment), "{model:?}: {told}");
        let addresses = ["web-1 (192.0.2.11)", "web-2 (web-2.internal.example:2222)"];
        assert!(addresses.iter().any(|address| told.contains(address)), "{told}");
        let (code, told) = planned(model, None);
        assert!(code == Some(2) && told.contains("has no password and no `key`") && told.contains("ssh-add"), "{told}");
    }
}
