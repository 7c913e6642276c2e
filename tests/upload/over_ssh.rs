//! On the servers of a testbed, which an inventory reaches over SSH: from their boot they have a program of their own, but
//! an inventory does not know that.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::instance::Command;
use anarcho_chimp::inventory::{InventoryCloud, file};
use anarcho_chimp::provider::passwords::Passwords;
use anarcho_chimp::provider::ssh::Route;
use anarcho_chimp::provider::{Provider, Remote};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::STATIC;
use crate::kept::{LIMIT, Up, instance, until};
use crate::support::{run, stderr, stdout, stripped};

/// What an upload leaves while it is there, and what nothing may leave.
const TRACES: &str = "ls -d /run/anarcho-chimp* /var/lib/anarcho-chimp-* /opt/anarcho* /root/anarcho* 2>/dev/null; \
                      pgrep -fa '^/[a-z/]*/anarcho-chimp-agent'; true";
/// A fault is gone so long after its lease, and with it everything else.
const SLACK: Duration = Duration::from_secs(5);

/// A testbed whose first server lets a key in, and an inventory that names it.
struct Ground {
    up: Up,
    kept: Box<dyn Remote>,
}

impl Ground {
    async fn start(name: &str) -> Ground {
        let up = Up::start(name, &[]);
        let cloud = up.cloud();
        let kept = cloud.connect(&instance(&cloud, "web-1").await).await.unwrap();
        let key = up.folder.path().join("key");
        let mut made = std::process::Command::new("ssh-keygen");
        assert!(made.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let ground = Ground { up, kept };
        ground.shell(&format!("echo '{}' >>/etc/ssh/authorized_keys", public.trim())).await;
        let built = stripped(&ground.up.folder, "chimp");
        ground.names(&built);
        ground
    }

    /// The inventory names this program as its agent.
    fn names(&self, agent: &str) {
        let text = format!(
            "hosts: [{{ name: web-1, address: 198.18.0.2, key: key, attack: allowed }}]\nhost_keys: ignore\nagent: {agent}\n"
        );
        self.up.folder.write("inventory.yaml", &text);
    }

    /// The inventory names a second server, which is not there.
    fn unreachable_too(&self) {
        let host =
            |name: &str, address: &str| format!("{{ name: {name}, address: {address}, key: key, attack: allowed }}");
        let hosts = [host("web-1", "198.18.0.2"), host("web-9", "198.18.0.99")].join(", ");
        let text = format!("hosts: [{hosts}]\nhost_keys: ignore\nagent: chimp\n");
        self.up.folder.write("inventory.yaml", &text);
    }

    fn inventory(&self) -> InventoryCloud {
        let inventory = file::read(&self.up.folder.path().join("inventory.yaml")).unwrap();
        InventoryCloud::new(inventory, Passwords::default(), Route::Dialled(Arc::new(self.up.testbed())))
    }

    async fn shell(&self, line: &str) -> String {
        let command = Command { argv: ["sh", "-c", line].map(str::to_string).into(), timeout: LIMIT };
        let output = self.kept.exec(&command).await.unwrap();
        assert_eq!(output.status, Some(0), "{line}: {}", output.stderr);
        output.stdout.trim().to_string()
    }

    async fn traces(&self) -> String {
        self.shell(TRACES).await
    }

    /// Waits until there are traces, or none.
    async fn until_traces(&self, there: bool) {
        let begun = Instant::now();
        loop {
            let traces = self.traces().await;
            if traces.is_empty() != there {
                return;
            }
            assert!(begun.elapsed() < LIMIT, "there: {there}; {traces}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `chimp` inside the network of the testbed, where its servers can be reached.
    fn chimp(&self, words: &[&str]) -> std::process::Command {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let network = |pid: i32| PathBuf::from(format!("/proc/{pid}/ns/net"));
        let pids = self.up.processes().into_iter().map(|(pid, _)| pid);
        let mut inside = pids.filter(|pid| fs::read_link(network(*pid)).is_ok_and(|found| found != own));
        let inside = network(inside.next().expect("the testbed has a network of its own"));
        let mut command = std::process::Command::new("nsenter");
        command.arg(format!("--net={}", inside.display())).arg(env!("CARGO_BIN_EXE_chimp")).args(words);
        command.current_dir(self.up.folder.path()).env_remove("CI").stdin(Stdio::null());
        command
    }

    /// nginx is stopped for so long.
    fn attack(&self, lasts: &str, more: &[&str]) -> std::process::Command {
        let words = ["attack", "fault", "process-stops", "--server", "web-1", "--with", r#"{"process": "nginx"}"#];
        let place = ["--for", lasts, "--seed", "1", "--on", "inventory=inventory.yaml", "--out", "reports"];
        self.chimp(&[&words[..], &place, more].concat())
    }

    async fn nginx(&self) -> String {
        self.shell("ps -o stat= -C nginx | cut -c1 | sort -u").await
    }
}

fn ends(child: &mut Child) -> std::process::ExitStatus {
    until("it ends", || child.try_wait().unwrap())
}

#[tokio::main]
pub async fn it_is_sent_once_for_a_run_and_removed_with_the_last_run_that_uses_it() {
    let ground = Ground::start("upload-once").await;
    let [one, two] = [ground.inventory(), ground.inventory()];
    let file = "stat -c '%n %i %s %a' /run/anarcho-chimp-agent-*/agent";
    let mut seen = Vec::new();
    for cloud in [&one, &one, &two] {
        let remote = cloud.connect(&instance(cloud, "web-1").await).await.unwrap();
        let agent = Agent::new(&*remote);
        agent.deploy(LIMIT).await.unwrap();
        assert!(agent.held().await.unwrap().is_empty());
        seen.push(ground.shell(file).await);
    }
    assert!(seen[0].ends_with(" 700") && seen.iter().all(|found| *found == seen[0]), "{seen:?}");
    one.close().await.unwrap();
    assert_eq!(ground.shell(file).await, seen[0], "another run uses it");
    two.close().await.unwrap();
    assert_eq!(ground.traces().await, "");
    two.close().await.unwrap();
}

#[tokio::main]
pub async fn an_attack_leaves_nothing_whether_it_ends_or_is_interrupted() {
    let ground = Ground::start("upload-ends").await;
    let ended = run(&mut ground.attack("1s", &[]));
    assert_eq!(ended.status.code(), Some(0), "{}{}", stdout(&ended), stderr(&ended));
    assert_eq!((ground.traces().await, ground.nginx().await), (String::new(), "S".into()));

    let mut attack = ground.attack("60s", &[]).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while ground.nginx().await != "T" {
        assert!(begun.elapsed() < LIMIT, "it is not struck");
    }
    kill(Pid::from_raw(attack.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(ends(&mut attack).code(), Some(130));
    assert_eq!((ground.traces().await, ground.nginx().await), (String::new(), "S".into()));
}

#[tokio::main]
pub async fn an_attack_that_is_killed_leaves_nothing_after_its_lease() {
    let ground = Ground::start("upload-killed").await;
    let lease = Duration::from_secs(4);
    for stage in ["journalled", "armed", "injected"] {
        let killed = run(&mut ground.attack("60s", &["--lease", "4s", "--die-at", stage]));
        let begun = Instant::now();
        assert_eq!(killed.status.code(), None, "{}{}", stdout(&killed), stderr(&killed));
        assert_ne!(ground.traces().await, "", "{stage}: the lease runs");
        ground.until_traces(false).await;
        assert!(begun.elapsed() < lease + SLACK, "{stage}: {:?}", begun.elapsed());
        assert_eq!(ground.nginx().await, "S", "{stage}");
    }
    let healed = run(&mut ground.chimp(&["heal", "--out", "reports"]));
    assert_eq!(healed.status.code(), Some(0), "{}{}", stdout(&healed), stderr(&healed));
    assert_eq!(ground.traces().await, "");
}

#[tokio::main]
pub async fn an_upload_whose_attack_is_killed_leaves_nothing_after_its_lease() {
    let ground = Ground::start("upload-torn-off").await;
    let mut attack = ground.attack("60s", &["--lease", "4s"]).stdout(Stdio::null()).spawn().unwrap();
    ground.until_traces(true).await;
    attack.kill().unwrap();
    ends(&mut attack);
    ground.until_traces(false).await;
    assert_eq!(ground.nginx().await, "S");
}

/// The inventory names another program when it is healed than when it was struck.
#[tokio::main]
pub async fn a_program_of_another_version_heals_what_it_holds() {
    let ground = Ground::start("upload-versions").await;
    let killed = run(&mut ground.attack("600s", &["--lease", "600s", "--die-at", "witnessed"]));
    assert_eq!(killed.status.code(), None, "{}{}", stdout(&killed), stderr(&killed));
    let old = ground.shell("echo /run/anarcho-chimp-agent-*").await;

    let mut other = fs::read(ground.up.folder.path().join("chimp")).unwrap();
    other.push(0);
    fs::write(ground.up.folder.path().join("other"), other).unwrap();
    ground.names("other");
    let seen = format!("while [ -d {old} ]; do ls -d /run/anarcho-chimp-agent-*; done | sort -u");
    let (seen, healed) = tokio::join!(
        ground.shell(&seen),
        tokio::task::spawn_blocking({
            let mut heal = ground.chimp(&["heal", "--out", "reports"]);
            move || heal.output().unwrap()
        })
    );
    let healed = healed.unwrap();
    assert_eq!(healed.status.code(), Some(0), "{}{}", stdout(&healed), stderr(&healed));
    assert_eq!(seen, old, "no other was sent");
    assert_eq!((ground.traces().await, ground.nginx().await), (String::new(), "S".into()));
}

/// The fastest of three: other programs of this machine may be busy.
#[tokio::main]
pub async fn a_static_program_is_sent_in_two_seconds() {
    let ground = Ground::start("upload-static-ssh").await;
    ground.names(STATIC);
    let cloud = ground.inventory();
    let remote = cloud.connect(&instance(&cloud, "web-1").await).await.unwrap();
    // Logging in is no part of it.
    remote.exec(&Command::new(["true"])).await.unwrap();
    let mut took = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        Agent::new(&*remote).deploy(LIMIT).await.unwrap();
        took.push(begun.elapsed());
        cloud.close().await.unwrap();
        assert_eq!(ground.traces().await, "");
    }
    eprintln!("sent {} bytes in {took:?}", fs::metadata(STATIC).unwrap().len());
    assert!(took.iter().min() < Some(&Duration::from_secs(2)), "{took:?}");
}

#[tokio::main]
pub async fn what_a_killed_attack_left_is_taken_down() {
    let ground = Ground::start("upload-down").await;
    let killed = run(&mut ground.attack("600s", &["--lease", "600s", "--die-at", "witnessed"]));
    assert_eq!(killed.status.code(), None, "{}{}", stdout(&killed), stderr(&killed));
    let down = |more: &[&str], code: i32| {
        let done = run(&mut ground.chimp(&[&["down", "--on", "inventory=inventory.yaml"], more].concat()));
        assert_eq!(done.status.code(), Some(code), "{}{}", stdout(&done), stderr(&done));
        stdout(&done) + &stderr(&done)
    };

    let found = down(&["--dry-run"], 0);
    assert!(found.contains("web-1: a fault is held: strike ") && found.contains("web-1: is there: /run/"), "{found}");
    assert_eq!(ground.nginx().await, "T", "nothing was changed");

    let done = down(&[], 0);
    assert!(done.contains("web-1: undone: strike "), "{done}");
    assert!(done.contains("web-1: left there: /run/anarcho-chimp-agent-"), "its run had a lease of 10 min: {done}");
    assert_eq!(ground.nginx().await, "S");

    ground.shell("pkill -KILL -f '[a]gent __agent keep'").await;
    ground.unreachable_too();
    let done = down(&[], 3);
    assert!(done.contains("web-1: removed: /run/anarcho-chimp-agent-"), "{done}");
    assert!(done.contains("web-9: could not be looked at: inventory.yaml:1: web-9"), "{done}");
    assert_eq!(ground.traces().await, "");

    ground.names("chimp");
    assert_eq!(down(&[], 0), "web-1: nothing of chimp's is there\n");
}
