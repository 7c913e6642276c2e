//! The testbed whose servers are struck: it outlives every attacker.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{InstanceId, PowerOp, PowerState};
use anarcho_chimp::testbed::Testbed;
use anarcho_chimp::testbed::protocol::{Request, Response};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::proc;
use crate::snapshot::Snapshot;

/// How long servers may take until they are as they should be before anything is struck.
const READY: Duration = Duration::from_secs(60);
/// From one look to the next.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// `chimp up`, killed when it is dropped.
pub struct Kept {
    pub folder: PathBuf,
    pub socket: PathBuf,
    child: Child,
    zygote: i32,
    harness: i32,
}

impl Kept {
    /// Brings `count` servers called `victim-N` up, each alone in a zone, which can be lost, and `mortals` called `mortal-N`.
    pub fn start(name: &str, count: usize, mortals: usize) -> Result<Kept, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let (site, socket) = (folder.join("site.yaml"), folder.join("testbed.sock"));
        let role = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kill_points/victim.yaml");
        let victim = |number| format!("  - {{ name: victim-{number}, role: victim, zone: zone-{number} }}\n");
        let victims: String = (1..=count).map(victim).collect();
        let text = format!(
            "servers:\n{victims}  - {{ name: mortal, role: victim, count: {mortals} }}\nroles: {{ victim: {} }}\nentry: {{ host: victim-1 }}\n",
            role.display()
        );
        fs::write(&site, text).map_err(|why| why.to_string())?;
        let mut command = chimp();
        command.arg("up").arg(&site).arg("--testbed").arg(&socket).arg("--for-tests").stdout(Stdio::piped());
        // It must not outlive this process, however that ends; the thread that starts it is the main one.
        // SAFETY: one system call, which a signal handler may make.
        unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?)) };
        let mut child = command.spawn().map_err(|why| why.to_string())?;
        let output = child.stdout.take().expect("it is piped");
        let up = BufReader::new(output).lines().map_while(Result::ok).any(|line| line.contains("chimp down"));
        if !up {
            let _ = child.kill();
            let _ = child.wait();
            return Err("the testbed never came up".into());
        }
        let zygote = *proc::children(child.id() as i32).first().ok_or("the testbed has no sandbox")?;
        let harness =
            proc::children(zygote).into_iter().find(|pid| hostname(*pid) == hostname(std::process::id() as i32));
        let kept = Kept { folder, socket, child, zygote, harness: harness.ok_or("the sandbox has no harness")? };
        Ok(kept)
    }

    pub fn testbed(&self) -> Testbed {
        Testbed::at(&self.socket)
    }

    /// The first process of a server's instance, as this machine counts.
    pub fn first(&self, server: &str) -> Option<i32> {
        let mut instances = proc::children(self.zygote).into_iter().filter(|pid| *pid != self.harness);
        instances.find(|pid| hostname(*pid) == server)
    }

    pub fn look(&self, server: &str) -> Snapshot {
        Snapshot::take(self.first(server), server, self.harness)
    }

    /// Waits until a server is as it is meant to be, twice in a row the same.
    pub fn baseline(&self, server: &str) -> Result<Snapshot, String> {
        self.twice_the_same(server, Snapshot::is_ready)
    }

    /// Waits until a server is twice in a row the same: what was started in a session that has ended goes a moment later.
    pub fn settled(&self, server: &str) -> Result<Snapshot, String> {
        self.twice_the_same(server, |_| true)
    }

    fn twice_the_same(&self, server: &str, is_ready: impl Fn(&Snapshot) -> bool) -> Result<Snapshot, String> {
        let deadline = Instant::now() + READY;
        let mut before = self.look(server);
        while Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
            let now = self.look(server);
            if is_ready(&now) && before.differs(&now, &[]).is_none() {
                return Ok(now);
            }
            before = now;
        }
        Err(format!("{server} is not ready within {READY:?}: {before:#?}"))
    }

    /// Switches the power of the server's instance, without a lease.
    pub fn switch(&self, server: &str, op: PowerOp) -> Result<(), String> {
        let id = self.instance(server)?.0;
        self.testbed().tell(&Request::Power { id, op, lease: None }).map_err(|why| why.to_string())
    }

    pub fn instance(&self, server: &str) -> Result<(InstanceId, PowerState), String> {
        match self.testbed().ask(&Request::List).map_err(|why| why.to_string())? {
            Response::Instances(instances) => {
                let found = instances.into_iter().find(|instance| instance.name == server);
                found.map(|found| (found.id, found.state)).ok_or(format!("the testbed does not list {server}"))
            }
            other => Err(format!("{other:?}")),
        }
    }

    /// Cuts the path from the testbed's own side to a server, or restores it.
    pub fn path(&self, server: &str, is_cut: bool) -> Result<(), String> {
        let server = server.to_string();
        let request = if is_cut { Request::Sever { server } } else { Request::Restore { server } };
        self.testbed().tell(&request).map_err(|why| why.to_string())
    }

    /// Starts a process in a server's instance, from outside, and waits until it is what it is called by: until then it is
    /// another program, and who looks too early sees it come.
    pub fn start_inside(&self, server: &str, program: &str) -> Result<(), String> {
        let first = self.first(server).ok_or(format!("{server} is off"))?.to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &first, "--mount", "--pid", "--net", "--uts", "--ipc", "--"]);
        command.args(["setsid", "-f", program, "infinity"]);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status.as_ref().is_ok_and(|status| status.success()) {
            return Err(format!("{program} could not be started in {server}: {status:?}"));
        }
        let name = program.rsplit('/').next().unwrap_or(program);
        let deadline = Instant::now() + READY;
        while self.inside(server, name).is_empty() {
            if Instant::now() > deadline {
                return Err(format!("{program} was started in {server}, and is not seen there"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Kills every process of a name in a server's instance, from outside, and waits until they are gone; only for those
    /// that the test started.
    pub fn kill_inside(&self, server: &str, name: &str) {
        let deadline = Instant::now() + READY;
        loop {
            let processes = self.inside(server, name);
            if processes.is_empty() || Instant::now() > deadline {
                return;
            }
            for process in processes {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn inside(&self, server: &str, name: &str) -> Vec<proc::Process> {
        let all = self.first(server).map_or(Vec::new(), proc::tree);
        all.into_iter().filter(|process| process.name == name).collect()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.testbed().down();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn hostname(pid: i32) -> String {
    proc::text(format!("/proc/{pid}/root/etc/hostname")).trim().to_string()
}

/// `chimp`, outside CI's rules.
pub fn chimp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimp"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null());
    command
}
