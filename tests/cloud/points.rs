//! Runs that are killed with SIGKILL at a boundary: what is asked of the cloud's APIs, what they answer, what is recorded.
//!
//! A run writes to its log before and after each request, and whatever it records. The test reads along, and kills the run at
//! the line that its point names. So a kill meets a boot that was asked for and not answered, a port that was made and
//! not noted, a fault that was armed and not made, a replacement at each step of the reconciler, a half-done clean-up.
//!
//! `CLOUD_POINTS` says how many points there are; `make cloud-points` runs 60.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::PowerState;
use anarcho_chimp::testbed::protocol::{Request, Response};

use crate::dies::hypervisor;
use crate::support::{Folder, chimp, run};
use crate::{is_empty, said, servers};

/// How many points there are where nothing says so: they are spread over the whole run.
const POINTS: usize = 12;
const LEASE: Duration = Duration::from_secs(5);
/// The promise, after the lease.
const AFTER_LEASE: Duration = Duration::from_secs(5);
/// What Nova may take to start a server on a machine with other things to do, beyond that.
const LOADED: Duration = Duration::from_secs(20);
/// A run that did not come to its end by then hangs.
const PATIENCE: Duration = Duration::from_secs(300);

const SITE: &str =
    "servers:\n  - { name: web-1, role: webserver }\n  - { name: web-2, role: webserver }\nentry: { host: web-1 }\n";
const SCENARIO: &str = "Feature: Any
  Scenario: A server hangs, and another one dies and is replaced
    Given the infrastructure in \"./site.yaml\"
    And 1 user browses the site
    And 20 requests/s of read traffic
    When node \"web-2\" hangs for 2 s
    And node \"web-1\" dies
    Then recovery takes under 5 min
";
pub const SETTINGS: &str = "[nemesis]\nlease = \"5s\"\n[steady]\nbaseline = \"1s\"\nafter = \"0s\"\nstays = \"1s\"\n";

/// How many points are asked for.
pub fn points() -> usize {
    std::env::var("CLOUD_POINTS").map_or(POINTS, |count| count.parse().expect("a number"))
}

pub fn a_run_killed_at_any_boundary_leaves_nothing_after_down_and_no_fault_after_its_lease() {
    let points = points();
    let begun = Instant::now();
    let whole = Killed::new("whole", None);
    let boundaries = whole.boundaries();
    assert!(boundaries >= points, "a run has only {boundaries} boundaries");
    assert!(is_empty(), "the run that was not killed has left something");
    let points: Vec<usize> = (0..points).map(|point| 1 + point * (boundaries - 1) / points).collect();
    // A machine has one run at a time. What it leaves is looked at while the next one is under way.
    let longest = std::thread::scope(|scope| {
        let looks: Vec<_> = points
            .iter()
            .map(|point| {
                let killed = Killed::new(&point.to_string(), Some(*point));
                let at = Instant::now();
                scope.spawn(move || {
                    let ended = killed.await_no_fault(at);
                    killed.down();
                    ended
                })
            })
            .collect();
        looks.into_iter().map(|look| look.join().unwrap()).max().unwrap_or_default()
    });
    assert!(is_empty(), "something is left of runs that were killed: {:?}", servers());
    println!(
        "{} points over {boundaries} boundaries in {:.0} s; no server was off or hung later than {:.1} s after its run was killed",
        points.len(),
        begun.elapsed().as_secs_f64(),
        longest.as_secs_f64()
    );
}

/// A run that has come to its end.
struct Killed {
    folder: Folder,
}

impl Killed {
    /// Runs until it writes the `point`-th line about a boundary; `None`: to its own end.
    fn new(name: &str, point: Option<usize>) -> Killed {
        let folder = Folder::new(&format!("cloud-point-{name}"));
        folder.write("site.yaml", SITE);
        let feature = folder.write("any.feature", SCENARIO).display().to_string();
        let config = folder.write("chimp.toml", SETTINGS).display().to_string();
        let (out, log) = (folder.path().join("out").display().to_string(), folder.path().join("log"));
        let log = log.display().to_string();
        let fixed = ["run", &feature, "--on", "openstack", "--seed", "7", "--config", &config, "--out", &out];
        let mut command = chimp(&[&fixed[..], &["--log", &log, "--log-level", "debug"]].concat());
        let said = File::create(folder.path().join("said")).unwrap();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let mut child = command.spawn().unwrap();
        let killed = Killed { folder };
        let code = killed.end(&mut child, point);
        assert_eq!(code, if point.is_some() { None } else { Some(0) }, "at {point:?}: {}", killed.said());
        killed
    }

    /// Reads along in its log; returns its exit code.
    fn end(&self, child: &mut Child, point: Option<usize>) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if point.is_some_and(|point| self.boundaries() >= point) {
                child.kill().unwrap();
                return child.wait().unwrap().code();
            }
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many lines about a boundary its log has.
    fn boundaries(&self) -> usize {
        let mut text = String::new();
        if let Ok(mut log) = File::open(self.folder.path().join("log")) {
            let _ = log.read_to_string(&mut text);
        }
        text.lines().filter(|line| is_boundary(line)).count()
    }

    /// Waits until none of its servers is off or hangs, as the hypervisor has it; says how long after the kill that was.
    fn await_no_fault(&self, killed_at: Instant) -> Duration {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        loop {
            let Response::Instances(all) = hypervisor().ask(&Request::List).unwrap() else { panic!("it lists them") };
            let is_faulty = |state| matches!(state, PowerState::Frozen | PowerState::Stopped);
            let faulty: Vec<_> =
                all.iter().filter(|server| is_faulty(server.state) && log.contains(&server.name)).collect();
            if faulty.is_empty() {
                return killed_at.elapsed();
            }
            let most = LEASE + AFTER_LEASE + LOADED;
            assert!(killed_at.elapsed() < most, "a fault has outlived its lease: {faulty:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap()
    }

    /// The id of the run; none where it was killed before it had one, and made nothing.
    fn ids(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.folder.path().join("out")).into_iter().flatten();
        let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir() && !path.is_symlink());
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        folders.map(name).collect()
    }

    fn down(&self) {
        for id in self.ids() {
            let down = run(chimp(&["down", "--on", "openstack", "--run", &id]).stdin(Stdio::null()));
            assert!(down.status.success(), "{}", said(&down));
        }
    }
}

/// A request that makes, changes or removes something, or its answer; or something that is recorded.
fn is_boundary(line: &str) -> bool {
    let changes = ["\"POST http", "\"PUT http", "\"DELETE http"].iter().any(|request| line.contains(request));
    (changes && !line.contains("/auth/tokens")) || line.contains("at_us=")
}
