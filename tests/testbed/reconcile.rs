//! The reconciler as a process of its own, killed at each of its steps. What the testbed booted is the judge.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use anarcho_chimp::instance::{PowerOp, PowerState};
use anarcho_chimp::plan::reconciler_step::ReconcilerStep;
use anarcho_chimp::provider::Provider;

use crate::kept::Up;
use crate::support::{chimp, run, stderr, stdout};

const SITE: &str = "servers:\n  - { name: lb-1, role: webhaproxy }\n  - { name: web, role: webserver, count: 2 }\n  \
                    - { name: web-3, role: webserver, spare: true }\nlinks: [{ from: lb-1, to: web }]\n\
                    entry: { host: lb-1 }\n";

fn reconcile(up: &Up, more: &[&str]) -> Command {
    let (site, state) = (up.folder.path().join("site.yaml"), up.folder.path().join("state.json"));
    let mut command = chimp(&["reconcile", site.to_str().unwrap(), "--testbed", up.socket.to_str().unwrap()]);
    command.args(["--state", state.to_str().unwrap(), "--every", "200ms", "--seed", "7"]).args(more);
    command
}

/// The ids of a server's instances that exist, and of all that ever did.
async fn instances(up: &Up, server: &str) -> (Vec<String>, usize) {
    let all = up.cloud().list().await.unwrap();
    let of_it: Vec<_> = all.iter().filter(|instance| instance.name == server).collect();
    let living = of_it.iter().filter(|instance| instance.state != PowerState::Terminated);
    (living.map(|instance| instance.id.to_string()).collect(), of_it.len())
}

async fn terminate(up: &Up, server: &str) {
    let cloud = up.cloud();
    let (living, _) = instances(up, server).await;
    let id = anarcho_chimp::instance::InstanceId(living[0].clone());
    cloud.power(&id, PowerOp::Terminate).await.unwrap();
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[tokio::main]
pub async fn killed_at_any_step_and_started_again_it_boots_each_missing_server_once() {
    let up = Up::keeping("reconcile-killed", SITE, &[]);
    for step in ReconcilerStep::ALL {
        let (_, before) = instances(&up, "lb-1").await;
        terminate(&up, "lb-1").await;
        let killed = run(reconcile(&up, &["--once", "--die-at", step.name()]).stdout(std::process::Stdio::piped()));
        assert_eq!(killed.status.signal(), Some(9), "killed at {step}");
        let again = run(&mut reconcile(&up, &["--once"]));
        assert_eq!(code(&again), Some(0), "{step}: {}{}", stdout(&again), stderr(&again));
        let (living, booted) = instances(&up, "lb-1").await;
        assert_eq!((living.len(), booted), (1, before + 1), "killed at {step}: {living:?}");
        let once_more = run(&mut reconcile(&up, &["--once"]));
        assert_eq!(
            (code(&once_more), instances(&up, "lb-1").await.1),
            (Some(0), booted),
            "{step}: nothing is left to do"
        );
    }
}

#[tokio::main]
pub async fn a_spare_takes_a_dead_servers_place_and_that_one_becomes_the_spare() {
    let up = Up::keeping("reconcile-spare", SITE, &[]);
    terminate(&up, "web-1").await;
    let plan = run(&mut reconcile(&up, &["--dry-run"]));
    assert!(
        stdout(&plan).contains("would promote web-3, a spare, to the place of web-1\nwould boot web-1"),
        "{plan:?}"
    );
    assert!(!up.folder.path().join("state.json").exists(), "a dry run leaves nothing");
    assert_eq!(instances(&up, "web-1").await.0, [""; 0]);

    let done = run(&mut reconcile(&up, &["--once"]));
    assert_eq!(code(&done), Some(0));
    let said = stdout(&done);
    assert!(said.contains("web-3, a spare, takes the place of web-1"), "{said}");
    assert!(said.contains("lb-1: wrote /etc/haproxy/chimp.cfg"), "{said}");
    assert!(said.contains("web-1 serves again, as web-1.2"), "{said}");
    let config = up.read("lb-1", "/etc/haproxy/chimp.cfg").await;
    assert!(config.contains("server web-3 ") && !config.contains("server web-1 "), "{config}");

    terminate(&up, "web-3").await;
    assert_eq!(code(&run(&mut reconcile(&up, &["--once"]))), Some(0));
    let config = up.read("lb-1", "/etc/haproxy/chimp.cfg").await;
    assert!(config.contains("server web-1 ") && !config.contains("server web-3 "), "{config}");
}

#[tokio::main]
pub async fn a_second_one_with_the_same_state_is_refused_until_the_first_is_gone() {
    let up = Up::keeping("reconcile-twice", SITE, &[]);
    let mut first = reconcile(&up, &[]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(first.stdout.as_mut().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("servers declared"), "{told}");

    let second = run(&mut reconcile(&up, &["--once"]));
    let why = format!("another reconciler keeps its state there: pid {} (", first.id());
    assert!(stderr(&second).contains(&why), "{}", stderr(&second));
    assert_eq!(code(&second), Some(3));
    assert_eq!(code(&run(&mut reconcile(&up, &["--dry-run"]))), Some(0), "who only looks may");

    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(code(&run(&mut reconcile(&up, &["--once"]))), Some(0));
}

#[tokio::main]
pub async fn what_it_cannot_do_it_says_with_what_to_do() {
    let folder = crate::support::Folder::new("reconcile-refused");
    let site = folder
        .write("site.json", r#"[{"name": "web-1", "type": "webserver"}, {"name": "web-2", "type": "webserver"}]"#);
    let inventory =
        folder.write("inventory.yaml", "hosts: [{ name: web-1, address: 127.0.0.1, port: 1 }]\nhost_keys: ignore\n");
    let (site, inventory) = (site.to_str().unwrap(), format!("inventory={}", inventory.display()));
    let absent = run(&mut chimp(&["reconcile", site, "--testbed", "/nowhere/testbed.sock", "--once"]));
    assert_eq!(code(&absent), Some(3));
    assert!(stderr(&absent).contains("start one with `chimp up FILE`"));
    let by = ["reconcile", site, "--on", &inventory, "--once"];
    let cannot = run(&mut chimp(&by));
    assert_eq!(code(&cannot), Some(3));
    assert!(stdout(&cannot).contains("web-2: the provider `inventory` can't boot it"), "{}", stdout(&cannot));
    let planned = run(&mut chimp(&[&by[..by.len() - 1], &["--dry-run"]].concat()));
    assert_eq!(code(&planned), Some(3), "a plan that can't be carried out is no success");
    assert!(stdout(&planned).contains("would boot web-2, a webserver"), "{}", stdout(&planned));
    let broken = folder.write("broken.json", "[\n  { \"name\": \"web-1\", \"type\": \"webserver\" },\n]");
    let refused = run(&mut chimp(&["reconcile", broken.to_str().unwrap(), "--once"]));
    assert_eq!(code(&refused), Some(2));
    assert!(stderr(&refused).contains("broken.json:3:1: this is not JSON: trailing comma"), "{}", stderr(&refused));
}
