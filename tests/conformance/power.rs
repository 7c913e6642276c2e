//! An attacker that kills itself at each stage of a strike: what it leaves ends with its lease.

use std::process::Output;
use std::time::{Duration, Instant};

use anarcho_chimp::environment::{self, Kind};
use anarcho_chimp::nemesis;
use serde_json::Value;

use crate::checks::Outcome;
use crate::containers::Containers;
use crate::ground::Findings;
use crate::kept::LIMIT;
use crate::site::Site;
use crate::support::{Folder, chimp, run, stderr};

/// The stages of a strike, in order.
pub const STAGES: [&str; 5] = ["journalled", "armed", "injected", "witnessed", "healing"];
const LEASE: &str = "3s";
const STRIKE: [&str; 9] =
    ["attack", "fault", "gains-delay", "--server", "web-2", "--with", r#"{"delay":"5ms"}"#, "--for", "1s"];

/// The name of the check of a stage.
pub fn name(stage: &str) -> String {
    format!("leaves nothing after SIGKILL when a strike is {stage}")
}

/// What came of a kill at each stage.
pub fn after_a_kill(environment: &str, site: Option<&Site>) -> Findings {
    let finding = |stage: &&str| {
        let outcome = site.map_or_else(
            || Outcome::Refused(without_a_site(environment).into()),
            |site| killed_at(environment, site, stage),
        );
        (name(stage), outcome)
    };
    STAGES.iter().map(finding).collect()
}

/// The same in containers.
pub fn after_a_kill_in(containers: &Containers, folder: &Folder) -> Findings {
    let config = folder.write("chimp.toml", &containers.settings()).display().to_string();
    let finding = |stage: &&str| {
        let out = folder.path().join("kills").display().to_string();
        let (on, config) = (containers.on(), config.clone());
        let words =
            [&STRIKE[..], &["--on", &on, "--config", &config, "--lease", LEASE, "--die-at", stage, "--out", &out]];
        let held = || held_in(environment::named(containers.name()).unwrap(), &containers.place());
        (name(stage), killed(run(&mut chimp(&words.concat())), held))
    };
    STAGES.iter().map(finding).collect()
}

fn without_a_site(environment: &str) -> &'static str {
    match environment {
        "openstack" | "ec2" => "`chimp down --run RUN` removes the run's servers, and the fault with them",
        _ => "its servers end with the run",
    }
}

fn killed_at(environment: &str, site: &Site, stage: &str) -> Outcome {
    let out = site.folder.path().join("kills");
    let socket = site.up.socket.display().to_string();
    let inventory = format!("inventory={}", site.folder.path().join("staging.yaml").display());
    let place = match environment {
        "testbed" => ["--testbed", &socket],
        _ => ["--on", &inventory],
    };
    let die = ["--lease", LEASE, "--die-at", stage, "--out", out.to_str().unwrap()];
    let output = run(&mut site.chimp(&[&STRIKE[..], &place, &die].concat()));
    let socket = serde_json::json!({ "socket": site.up.socket });
    killed(output, || held_in(environment::named("testbed").unwrap(), &socket))
}

/// What came of an attack that was to kill itself.
fn killed(output: Output, held: impl Fn() -> Option<String>) -> Outcome {
    if output.status.success() {
        return Outcome::Failed(format!("it did not die: {}", stderr(&output)));
    }
    let begun = Instant::now();
    while let Some(held) = held() {
        if begun.elapsed() > LIMIT {
            return Outcome::Failed(held);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Outcome::Kept
}

/// What is held on web-2 of this place.
fn held_in(kind: &dyn Kind, place: &Value) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let found = kind.reopen(place, None).map_err(|why| why.to_string()).unwrap();
    runtime.block_on(async {
        let instances = found.provider.list().await.unwrap();
        let struck = instances.iter().rev().find(|instance| instance.name == "web-2").unwrap();
        let left = nemesis::leftover(&*found.provider, struck, None).await;
        left.map_or_else(|why| Some(why.to_string()), |held| held.map(|held| held.evidence))
    })
}
