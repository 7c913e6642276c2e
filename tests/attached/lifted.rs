//! What is left on the servers when a run ends before its time.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anarcho_chimp::agent::Held;
use anarcho_chimp::instance::PowerState;
use anarcho_chimp::nemesis;
use anarcho_chimp::provider::Provider;
use anarcho_chimp::testbed::protocol::Request;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::faults::SITE;
use crate::kept::until;
use crate::site::Site;
use crate::support::{run, stderr};

/// A fault that nothing ends within the test but who lifts it, or its lease.
const ENDLESS: &str = "Feature: A fault without an end
  Scenario: Delay
    Given the inventory in \"staging.yaml\"
    And 20 requests/s of read traffic
    When the network of node \"web-2\" gains 5 ms of delay for 10 min
    Then total downtime is under 1 min
";
/// As long as a busy machine needs to renew it twice.
const LEASE: Duration = Duration::from_secs(6);
/// It outlasts a test.
const LONG_LEASE: Duration = Duration::from_secs(300);
/// A fault is gone so long after its lease at the latest: what is promised, and what a busy machine takes to look.
const SLACK: Duration = Duration::from_secs(5 + 10);

/// A run that has the endless fault in force, in a process group of its own.
fn struck(site: &Site, lease: Duration) -> Child {
    let feature = site.folder.write("endless.feature", ENDLESS);
    let config = site.config(&format!("\n[nemesis]\nlease = \"{} s\"\n", lease.as_secs()));
    let out = site.out();
    let run = ["run", feature.to_str().unwrap(), "--config", config.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let mut command = site.chimp(&run);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let journal = || bundle(site).and_then(|bundle| fs::read_to_string(bundle.join("journal.ndjson")).ok());
    until("the fault is witnessed", || journal().filter(|text| text.contains("\"stage\":\"witnessed\"")));
    assert!(held(site).is_some(), "it is in force");
    child
}

fn bundle(site: &Site) -> Option<PathBuf> {
    let folders = fs::read_dir(site.out()).ok()?.flatten().map(|entry| entry.path());
    folders.filter(|path| path.is_dir() && !path.is_symlink()).max()
}

/// What is held on web-2, as seen from the testbed.
fn held(site: &Site) -> Option<Held> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cloud = site.cloud();
        let instances = cloud.list().await.unwrap();
        let struck =
            instances.iter().find(|found| found.name == "web-2" && found.state == PowerState::Running).unwrap();
        nemesis::leftover(&cloud, struck, None).await.unwrap()
    })
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(-(child.id() as i32)), signal).unwrap();
}

pub fn ctrl_c_lifts_what_is_in_force() {
    let site = Site::up("attached-ctrl-c", SITE);
    let mut child = struck(&site, LEASE);
    signal(&child, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(held(&site), None, "it was lifted before the run ended");
    let left = ["web-1", "web-2", "web-3"].map(|server| site.caretakers(server).len());
    assert_eq!(left, [0; 3], "the agent's program went with the run");
    let journal = fs::read_to_string(bundle(&site).unwrap().join("journal.ndjson")).unwrap();
    assert!(journal.contains("\"stage\":\"healed\""), "{journal}");
}

/// Far less than lifting is tried for where the path is cut, and far more than it takes to end.
const AT_ONCE: Duration = Duration::from_secs(30);

pub fn a_second_ctrl_c_does_not_wait_for_what_can_t_be_lifted() {
    let site = Site::up("attached-twice", SITE);
    let mut child = struck(&site, LONG_LEASE);
    site.up.testbed().tell(&Request::Sever { server: "web-2".into() }).unwrap();
    signal(&child, Signal::SIGINT);
    let journal = || fs::read_to_string(bundle(&site).unwrap().join("journal.ndjson")).unwrap();
    until("lifting has begun", || journal().contains("\"stage\":\"healing\"").then_some(()));
    signal(&child, Signal::SIGINT);
    let again = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(again.elapsed() < AT_ONCE, "{:?}", again.elapsed());
    assert!(!journal().contains("\"stage\":\"healed\""), "it is left to its lease, and open in the journal");
}

pub fn a_killed_run_leaves_a_fault_no_longer_than_its_lease() {
    let site = Site::up("attached-killed", SITE);
    let mut child = struck(&site, LEASE);
    signal(&child, Signal::SIGKILL);
    let killed = Instant::now();
    child.wait().unwrap();
    until("the lease is over", || held(&site).is_none().then_some(()));
    assert!(killed.elapsed() < LEASE + SLACK, "{:?}", killed.elapsed());
}

pub fn a_journal_that_a_killed_run_left_open_is_healed() {
    let site = Site::up("attached-healed", SITE);
    let mut child = struck(&site, LONG_LEASE);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let bundle = bundle(&site).unwrap();
    let output = run(&mut site.chimp(&["heal", bundle.to_str().unwrap()]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(held(&site), None);
    let again = run(&mut site.chimp(&["heal", bundle.to_str().unwrap()]));
    assert!(crate::support::stdout(&again).contains("nothing is open"), "{again:?}");
}

pub fn a_server_that_is_not_clean_is_not_taken_over() {
    let site = Site::up("attached-dirty", SITE);
    let mut child = struck(&site, LONG_LEASE);
    let other = site.folder.write("other.feature", &ENDLESS.replace("Delay", "Another").replace("web-2", "web-3"));
    let out = site.folder.path().join("other");
    let run_other = ["run", other.to_str().unwrap(), "--out", out.to_str().unwrap(), "--retries", "0"];
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let output = run(&mut site.chimp(&run_other));
    let told = stderr(&output) + &crate::support::stdout(&output);
    assert!(output.status.code() == Some(3) && told.contains("web-2 is not clean"), "{told}");
}
