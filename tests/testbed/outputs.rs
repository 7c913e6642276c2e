//! What works on a kept site still works when its output has no reader, and reports once what it can't write.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use anarcho_chimp::instance::{Instance, PowerOp, PowerState};
use anarcho_chimp::provider::Provider;

use crate::kept::{Up, instance};
use crate::support::{Folder, chimp, full, hung_up, one_complaint, over, over_full, run};

fn reconcile(up: &Up, state: &Folder) -> Command {
    let (site, state) = (up.folder.path().join("site.yaml"), state.path().join("state.json"));
    let mut command = chimp(&["reconcile", site.to_str().unwrap(), "--testbed", up.socket.to_str().unwrap()]);
    command.args(["--once", "--seed", "7", "--state", state.to_str().unwrap()]);
    command
}

/// One complaint, which names the folder and the reason.
fn refuses(output: &Output, folder: &Folder, why: &str) {
    let said = one_complaint(output, 3);
    assert!(said.contains(folder.path().to_str().unwrap()) && said.contains(why), "{said}");
}

#[tokio::main]
pub async fn a_reconciler_repairs_though_its_terminal_is_gone_and_says_where_it_cannot_write() {
    let (up, state) = (Up::start("outputs-reconcile", &[]), Folder::new("outputs-state"));
    let cloud = up.cloud();
    for (number, stdio) in [hung_up as fn() -> Stdio, full].into_iter().enumerate() {
        let all = cloud.list().await.unwrap().into_iter();
        let runs = |one: &Instance| one.name == "web-1" && one.state == PowerState::Running;
        let web = all.filter(runs).map(|one| one.id).next().expect("it runs");
        cloud.power(&web, PowerOp::Terminate).await.unwrap();
        let output = reconcile(&up, &state).stdout(stdio()).stderr(Stdio::piped()).output().unwrap();
        match number {
            0 => assert_eq!(output.status.code(), Some(0), "{output:?}"),
            _ => assert!(one_complaint(&output, 3).contains("No space left on device"), "{output:?}"),
        }
        let living = running(&up).await;
        assert_eq!(living, ["web-1", "web-2"], "it repaired all the same");
    }
    let read_only = over(reconcile(&up, &state), &state, 64, true).output().unwrap();
    refuses(&read_only, &state, "Read-only file system");
    refuses(&over_full(&reconcile(&up, &state), &state).output().unwrap(), &state, "No space left on device");
}

/// The servers that run.
async fn running(up: &Up) -> Vec<String> {
    let all = up.cloud().list().await.unwrap();
    let runs = all.into_iter().filter(|instance| instance.state == PowerState::Running);
    let mut names: Vec<String> = runs.map(|instance| instance.name).collect();
    names.sort();
    names
}

#[tokio::main]
pub async fn a_heal_undoes_what_is_open_though_its_terminal_is_gone() {
    let (up, out) = (Up::start("outputs-heal", &[]), Folder::new("outputs-healed"));
    for (stdio, expected) in [(hung_up as fn() -> Stdio, 0), (full, 3)] {
        leave_frozen(&up, &out);
        assert_eq!(instance(&up.cloud(), "web-1").await.state, PowerState::Frozen);
        let mut heal = chimp(&["heal", "--out", out.path().to_str().unwrap()]);
        let output = heal.stdout(stdio()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        assert_eq!(instance(&up.cloud(), "web-1").await.state, PowerState::Running);
        let again = run(&mut chimp(&["heal", "--out", out.path().to_str().unwrap()]));
        assert!(String::from_utf8_lossy(&again.stdout).contains("nothing is open"), "{again:?}");
    }
}

/// An attacker that is killed when its fault is in force.
pub fn leave_frozen(up: &Up, out: &Folder) {
    let mut attack = chimp(&["attack", "fault", "hangs", "--server", "web-1", "--for", "10min", "--lease", "10min"]);
    attack.arg("--testbed").arg(&up.socket).arg("--out").arg(out.path());
    let mut attacker = attack.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(attacker.stdout.take().unwrap()).lines();
    let struck = lines.map_while(Result::ok).any(|line| line.contains("web-1 struck"));
    attacker.kill().unwrap();
    attacker.wait().unwrap();
    assert!(struck, "it ended without a strike");
}

pub fn a_testbed_that_cannot_make_its_socket_boots_nothing() {
    let folder = Folder::new("outputs-socket");
    let socket = folder.path().join("run/testbed.sock");
    let mut up = chimp(&["up", "fixtures/examples/python-site/site.yaml", "--testbed"]);
    up.arg(&socket);
    let output = over(up, &folder, 64, true).output().unwrap();
    refuses(&output, &folder, "Read-only file system");
    assert_eq!(output.stdout, b"");
}
