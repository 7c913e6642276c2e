//! A testbed as an inventory: the file, and a way into its network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anarcho_chimp::instance::{InstanceId, PowerOp, PowerState};
use anarcho_chimp::provider::{Provider, ProviderError};
use anarcho_chimp::testbed::cloud::TestbedCloud;
use anarcho_chimp::testbed::protocol::{Request, Response};
use nix::sched::{CloneFlags, setns};

use crate::kept::Up;
use crate::support::{Folder, chimp, stripped};

/// The word by which this program is asked to switch a server's power.
const POWER: &str = "switch-power";

/// Where a load balancer of the sandbox has the log of its HAProxy.
const LOG: &str = "/run/services/haproxy.log";

/// A site that is there already.
pub struct Site {
    pub up: Up,
    /// Where the inventory is, and where runs write.
    pub folder: Folder,
}

impl Site {
    /// Keeps a site up, and writes its inventory.
    pub fn up(name: &str, infrastructure: &str) -> Site {
        let up = Up::keeping(&format!("{name}-up"), infrastructure, &["--for-tests"]);
        let folder = Folder::new(name);
        let site = Site { up, folder };
        site.write_inventory();
        site
    }

    fn write_inventory(&self) {
        let testbed = self.up.testbed();
        let kept = testbed.kept().unwrap();
        let Ok(Response::Login { user, key }) = testbed.ask(&Request::Login) else {
            panic!("a testbed says who logs in")
        };
        let key_file = self.folder.write("key", &key);
        fs::set_permissions(key_file, fs::Permissions::from_mode(0o600)).unwrap();
        let (infrastructure, addresses) = (&kept.infrastructure, &kept.addresses);
        let mut text = format!("host_keys: ignore\nagent: {}\nhosts:\n", stripped(&self.folder, "agent"));
        for (name, server) in &infrastructure.servers {
            let role = &infrastructure.roles[&server.role];
            let power: BTreeMap<&str, Vec<String>> =
                PowerOp::ALL.iter().map(|op| (op.word(), self.power_command(*op, name))).collect();
            let host = serde_json::json!({
                "name": name, "address": addresses.servers[name], "user": user, "key": "key", "zone": server.zone,
                "role": server.role, "tags": server.tags, "attack": "allowed", "power": power,
                "stats_socket": role.stats_socket, "logs": role.stats_socket.as_ref().map_or(&[][..], |_| &[LOG]),
            });
            writeln!(text, "  - {host}").unwrap();
        }
        let links = infrastructure.links.iter().map(|(from, to)| serde_json::json!({ "from": from, "to": to }));
        let shared = infrastructure.virtual_ips.iter().map(|ip| {
            serde_json::json!({ "name": ip.name, "address": addresses.virtual_ips[&ip.name], "holders": ip.holders })
        });
        writeln!(text, "links: {}", serde_json::Value::from_iter(links)).unwrap();
        writeln!(text, "virtual_ips: {}", serde_json::Value::from_iter(shared)).unwrap();
        let entry = addresses.entry(infrastructure).unwrap();
        writeln!(text, "entry: http://{entry}:{}", infrastructure.entry.port).unwrap();
        self.folder.write("staging.yaml", &text);
    }

    fn power_command(&self, op: PowerOp, server: &str) -> Vec<String> {
        let program = std::env::current_exe().unwrap().display().to_string();
        let socket = self.up.socket.display().to_string();
        let op = serde_json::to_string(&op).unwrap();
        vec![program, POWER.into(), socket, op, server.into()]
    }

    pub fn inventory(&self) -> String {
        format!("inventory={}", self.folder.path().join("staging.yaml").display())
    }

    /// `chimp` with these arguments, inside the site's network, with the bundle in this site's folder.
    pub fn chimp(&self, arguments: &[&str]) -> Command {
        let mut command = chimp(arguments);
        self.enter(&mut command);
        command
    }

    /// A run of a feature on this site, whose scenarios are not tried again unless `more` says so.
    pub fn run(&self, feature: &str, more: &[&str]) -> Command {
        let (on, out) = (self.inventory(), self.out());
        let (out, config) = (out.to_str().unwrap(), self.config("").display().to_string());
        let run = ["run", feature, "--on", &on, "--out", out, "--config", &config, "--seed", "7"];
        let retries: &[&str] = if more.contains(&"--retries") { &[] } else { &["--retries", "0"] };
        self.chimp(&[&run[..], retries, more].concat())
    }

    /// Settings with short waits, and these. Servers that stay broken let no scenario be tried again, so that a machine
    /// may be busier than a measurement allows.
    pub fn config(&self, more: &str) -> PathBuf {
        let short = fs::read_to_string("tests/features/short.toml").unwrap();
        let busy = short.replace("[steady]", "[steady]\nlateness = \"2s\"");
        self.folder.write("short.toml", &format!("{busy}{more}"))
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("reports")
    }

    /// `run.json` of the latest run.
    pub fn record(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.out().join("latest/run.json")).expect("the run wrote a bundle");
        serde_json::from_str(&text).unwrap()
    }

    /// The program starts inside the site's network, and is a process of this machine otherwise.
    pub fn enter(&self, command: &mut Command) {
        let (zygote, _) = self.up.processes()[1];
        let network = File::open(format!("/proc/{zygote}/ns/net")).unwrap();
        // SAFETY: setns is a system call, and allocates nothing.
        unsafe {
            command.pre_exec(move || Ok(setns(&network, CloneFlags::CLONE_NEWNET)?));
        }
    }

    /// The processes that keep an uploaded program on this server now.
    pub fn caretakers(&self, server: &str) -> BTreeSet<i32> {
        let own = format!("|-- {}\n", self.up.testbed().kept().unwrap().addresses.servers[server]);
        let keeps = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.split(|byte| *byte == 0).any(|word| word == b"keep")
        };
        let routes = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/net/fib_trie")).unwrap_or_default();
        let processes = self.up.processes().into_iter().map(|(pid, _)| pid);
        processes.filter(keeps).filter(|pid| routes(pid).contains(&own)).collect()
    }

    pub fn cloud(&self) -> TestbedCloud {
        self.up.cloud()
    }
}

/// What was recorded of the only scenario of the latest run into this folder.
pub fn events_of(out: &Path) -> Vec<serde_json::Value> {
    let only = fs::read_dir(out.join("latest/scenarios")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(only.join("events.ndjson")).expect("the run wrote a bundle");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Switches a server's power where this program was started for it, as an inventory's command.
pub fn power_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [asked, socket, op, server] = words.as_slice() else { return None };
    if asked != POWER {
        return None;
    }
    let op: PowerOp = serde_json::from_str(op).expect("an operation");
    let cloud = TestbedCloud::open(Path::new(socket)).expect("a testbed");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let instances = cloud.list().await?;
        let own =
            instances.into_iter().rev().find(|found| found.name == *server && found.state != PowerState::Terminated);
        match own {
            Some(found) => cloud.power(&found.id, op).await,
            // It is gone already.
            None if op == PowerOp::Terminate => Ok(()),
            None => Err(ProviderError::Unknown(InstanceId(server.clone()))),
        }
    });
    done.map_or_else(
        |why| {
            eprintln!("{why}");
            Some(ExitCode::FAILURE)
        },
        |()| Some(ExitCode::SUCCESS),
    )
}
