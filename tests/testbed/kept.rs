//! A testbed that a test started.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{self, Instance, PowerState};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::testbed::Testbed;
use anarcho_chimp::testbed::cloud::TestbedCloud;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Folder, chimp, stripped};

/// Far more than anything here takes, on a machine with other things to do.
pub const LIMIT: Duration = Duration::from_secs(60);

const SITE: &str = "servers: [{ name: web, role: webserver, count: 2 }]\nentry: { host: web-1 }\n";

/// `chimp up`, with a socket and a site of its own; killed when it is dropped.
pub struct Up {
    pub folder: Folder,
    pub socket: PathBuf,
    child: Child,
    /// What it printed until it was up.
    pub said: String,
}

impl Up {
    /// Waits until it is up.
    pub fn start(name: &str, more: &[&str]) -> Up {
        Up::keeping(name, SITE, more)
    }

    /// The same with a site of the test's own.
    pub fn keeping(name: &str, site: &str, more: &[&str]) -> Up {
        let folder = Folder::new(name);
        let site = folder.write("site.yaml", site);
        let socket = folder.path().join("run/testbed.sock");
        let (child, said) = spawn(&site, &socket, more);
        Up { folder, socket, child, said }
    }

    /// The same, from a program of its own: `chimp` in its folder.
    pub fn from_own_program(name: &str) -> Up {
        let folder = Folder::new(name);
        stripped(&folder, "chimp");
        let site = folder.write("site.yaml", SITE);
        let socket = folder.path().join("run/testbed.sock");
        let (child, said) = wait_for(Command::new(folder.path().join("chimp")), &site, &socket, &[]);
        Up { folder, socket, child, said }
    }

    /// Another testbed at the same place, after this one has ended.
    pub fn again(&mut self) {
        let (child, said) = spawn(&self.folder.path().join("site.yaml"), &self.socket, &[]);
        (self.child, self.said) = (child, said);
    }

    pub fn cloud(&self) -> TestbedCloud {
        TestbedCloud::open(&self.socket).unwrap()
    }

    /// A file of a server, by the name of that.
    pub async fn read(&self, server: &str, path: &str) -> String {
        let cloud = self.cloud();
        let living = |instance: &Instance| instance.name == server && instance.state == PowerState::Running;
        let found = cloud.list().await.unwrap().into_iter().find(living).expect("it runs");
        let remote = cloud.connect(&found).await.unwrap();
        remote.exec(&instance::Command::new(["cat", path])).await.unwrap().stdout
    }

    pub fn testbed(&self) -> Testbed {
        Testbed::at(&self.socket)
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn ended(&mut self) -> ExitStatus {
        until("the testbed ends", || self.child.try_wait().unwrap())
    }

    /// Every process of it, with when it started, so that a number used again is not mistaken for it.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let mut all = vec![self.child.id() as i32];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<i32>().ok()));
            next += 1;
        }
        all.into_iter().filter_map(|pid| Some((pid, started(pid)?))).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(site: &Path, socket: &Path, more: &[&str]) -> (Child, String) {
    wait_for(chimp(&[]), site, socket, more)
}

fn wait_for(mut chimp: Command, site: &Path, socket: &Path, more: &[&str]) -> (Child, String) {
    chimp.arg("up").arg(site).arg("--testbed").arg(socket).args(more);
    let mut child = chimp.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said.push_str(&line.unwrap());
        said.push('\n');
        if said.contains("chimp down") {
            return (child, said);
        }
    }
    let ended = child.wait();
    panic!("it never came up: {ended:?}: {said}");
}

/// When a living process started.
pub fn started(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    words.next().filter(|state| *state != "Z")?;
    words.nth(18).map(str::to_string)
}

/// Waits for something.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        match found() {
            Some(found) => return found,
            None => assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An instance, by its server's name, as it is now.
pub async fn instance(cloud: &impl Provider, name: &str) -> Instance {
    cloud.list().await.unwrap().into_iter().find(|instance| instance.name == name).expect("it is declared")
}

pub fn exit_of(status: ExitStatus) -> Result<i32, Option<i32>> {
    status.code().ok_or(status.signal())
}
