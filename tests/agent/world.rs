//! Two instances in a sandbox of their own: a victim and a bystander; and ways to look at them.

use std::fmt::Debug;
use std::fs;
use std::future::Future;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Observation, Order, StrikeId};
use anarcho_chimp::instance::{Command, Instance, InstanceSpec, ServiceSpec, UserData};
use anarcho_chimp::launch::{ASKED, PROGRAM, SERVE, SERVES_WITHIN};
use anarcho_chimp::provider::local::LocalCloud;
use anarcho_chimp::provider::local::sandbox::enter;
use anarcho_chimp::provider::{Provider, Remote};

pub type Outcome = Result<(), String>;

/// Longer than any case that does not wait for it.
pub const LONG: Duration = Duration::from_secs(60);
/// A lease that is waited for: long enough for a strike to be ordered, made and seen on a machine with other things to do.
pub const SHORT: Duration = Duration::from_secs(6);
/// How long something is waited for that must come: far more than it takes on a machine with other things to do. That a
/// heal comes within 5 s of its lease is measured by the points of `tests/kill_points`.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A case ends in this time.
const CASE: Duration = Duration::from_secs(240);

/// A sandbox with two instances.
pub struct World {
    pub cloud: LocalCloud,
    pub victim: Server,
    pub bystander: Server,
}

/// One of them.
pub struct Server {
    pub instance: Instance,
    pub remote: Box<dyn Remote>,
}

/// Runs a case in a sandbox of its own, with both instances.
pub fn inside<F: Future<Output = Outcome>>(case: impl FnOnce(World) -> F) -> Outcome {
    sandboxed(async |cloud| {
        let (victim, bystander) = tokio::try_join!(boot(&cloud, 1), boot(&cloud, 2))?;
        case(World { cloud, victim, bystander }).await
    })
}

/// Runs a case in a sandbox of its own, where nothing has booted.
pub fn sandboxed(case: impl AsyncFnOnce(LocalCloud) -> Outcome) -> Outcome {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agent-{}", std::process::id()));
    let code = enter(|zygote| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let run = async { case(LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?).await };
        let outcome = runtime.block_on(async { tokio::time::timeout(CASE, run).await });
        match outcome.unwrap_or_else(|_| Err(format!("took longer than {CASE:?}"))) {
            Ok(()) => 0,
            Err(why) => {
                eprintln!("  {why}");
                1
            }
        }
    });
    let _ = fs::remove_dir_all(&logs);
    match code {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("failed inside the sandbox (exit {code})")),
        Err(why) => Err(why.to_string()),
    }
}

/// Makes the tables that the first rule in them makes: an empty table is no trace of a strike.
pub const TABLES: &str = "for chain in filter/INPUT mangle/OUTPUT; do for do in -I -D; do \
     iptables -w 5 -t ${chain%/*} $do ${chain#*/} -j ACCEPT || exit; done; done";

/// A name that a shell would make much of; the kernel keeps 15 bytes of it.
pub const HOSTILE: &str = "a b;$(c)'\"\n-d`e and more";

async fn boot(cloud: &LocalCloud, n: u16) -> Result<Server, String> {
    // Answers on port 80, from two processes, so that one of many is seen.
    let site = "use IO::Socket::INET; $0 = 'site'; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 9, \
                ReuseAddr => 1) or die; fork; while (my $c = $s->accept) { print $c qq(hello\\n); close $c }";
    let copy = "cp /bin/sleep \"/opt/$0\" && exec \"/opt/$0\" 1000";
    let service = |name: &str, words: &[&str]| ServiceSpec {
        name: name.into(),
        command: words.iter().map(|word| word.to_string()).collect(),
        environment: Default::default(),
        working_directory: None,
    };
    let services = vec![service("site", &["perl", "-e", site]), service("hostile", &["sh", "-c", copy, HOSTILE])];
    let spec = InstanceSpec {
        name: format!("node-{n}"),
        zone: None,
        tags: Vec::new(),
        address: cloud.address(n + 1),
        user_data: UserData { services, ..UserData::default() },
        boot_delay: Duration::ZERO,
    };
    let instance = cloud.boot(&spec).await.map_err(text)?;
    let remote = cloud.connect(&instance).await.map_err(text)?;
    let server = Server { instance, remote };
    server.shell("until [ $(pgrep -cx site) = 2 ]; do sleep 0.01; done").await?;
    Ok(server)
}

impl World {
    /// New sessions to the victim, in place of those that end with the old ones.
    pub async fn cloud_remote(&self) -> Result<Box<dyn Remote>, String> {
        self.cloud.connect(&self.victim.instance).await.map_err(text)
    }
}

impl Server {
    pub fn agent(&self) -> Agent<'_> {
        Agent::new(&*self.remote)
    }

    /// An order for it.
    pub fn order(&self, id: &str, effect: Effect, lease: Duration) -> Order {
        let (id, address) = (StrikeId(id.into()), self.instance.address);
        Order { id, effect, lease, lasts: None, address, heals_nothing: false, ends_early: false }
    }

    /// Arms and injects; the witness must say no before and yes after.
    pub async fn strike(&self, order: &Order) -> Outcome {
        let agent = self.agent();
        agent.arm(order).await.map_err(text)?;
        let before = agent.observe(order).await.map_err(text)?;
        claim(!before.in_force, ("armed only", &order.effect, before))?;
        agent.inject(&order.id).await.map_err(text)?;
        let after = agent.observe(order).await.map_err(text)?;
        claim(after.in_force, ("injected", &order.effect, after))
    }

    /// Standard output of a shell line that must succeed.
    pub async fn shell(&self, line: &str) -> Result<String, String> {
        let output = self.remote.exec(&Command::new(["sh", "-c", line])).await.map_err(text)?;
        claim(output.status == Some(0), (line, &output))?;
        Ok(output.stdout)
    }

    /// A program in all its namespaces, without its network or its SSH server.
    pub fn enter(&self, words: &[&str]) -> Result<String, String> {
        let first = self.instance.first_process.ok_or("no first process")?.to_string();
        let mut command = std::process::Command::new("nsenter");
        command.args(["-a", "-t", &first, "--"]).args(words);
        let output = command.output().map_err(text)?;
        claim(output.status.success(), (words, &output))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What the agent sees, asked from beside.
    pub fn observe(&self, order: &Order) -> Result<Observation, String> {
        let order = serde_json::to_string(order).map_err(text)?;
        serde_json::from_str(&self.enter(&[PROGRAM, ASKED, "observe", &order])?).map_err(text)
    }

    /// The processes of agents that are kept to be asked again.
    pub fn listening(&self) -> Result<String, String> {
        self.enter(&["sh", "-c", &format!("pgrep -f '^{PROGRAM} {ASKED} {SERVE}$' || true")])
    }

    /// Waits until none is left.
    pub async fn until_none_listens(&self) -> Outcome {
        let begun = Instant::now();
        while !self.listening()?.is_empty() {
            claim(begun.elapsed() < SERVES_WITHIN + PATIENCE, "an agent listens for ever")?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until nothing is held, asking nobody but the file system.
    pub async fn until_nothing_is_held(&self) -> Outcome {
        let state = format!("/proc/{}/root/run/anarcho-chimp", self.instance.first_process.unwrap_or(0));
        let begun = Instant::now();
        while Path::new(&state).exists() {
            claim(begun.elapsed() < PATIENCE, ("held still", PATIENCE))?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What must be as it was: rules and policies without counters, states of processes, the disk, the folders. An agent
    /// that is kept to be asked again goes first, as it does with its session.
    pub async fn snapshot(&self) -> Result<String, String> {
        self.remote.rest().await;
        self.until_none_listens().await?;
        let look = "iptables-save | sed -e '/^#/d' -e 's/ \\[[0-9:]*\\]$//'; ip6tables-save | sed '/^#/d'; \
                    tc qdisc show; ls -A /var/tmp / /run /run/lock; stat -fc '%f' / | cut -c1-3; \
                    all=$(ps -eo stat=,args=); \
                    echo \"$all\" | grep -v 'sshd\\|ps -eo' | sed 's/^\\(.\\)[^ ]*/\\1/' | sed 's/^[RSD]/S/' | sort";
        self.enter(&["sh", "-c", look])
    }

    /// Waits until a TCP connection from here is answered.
    pub async fn reaches(&self, address: Ipv4Addr, port: u16) -> Outcome {
        let begun = Instant::now();
        while self.dial(address, port).await? != "open" {
            claim(begun.elapsed() < PATIENCE, ("no way to", address, port))?;
        }
        Ok(())
    }

    /// How a TCP connection from here ends: `open`, `refused`, or `silence`, which a stopped process keeps as well: the
    /// kernel accepts for it.
    pub async fn dial(&self, address: Ipv4Addr, port: u16) -> Result<&'static str, String> {
        let line = format!("exec 3<>/dev/tcp/{address}/{port} && read -t 0.5 word <&3");
        let output = self.remote.exec(&Command::new(["timeout", "2", "bash", "-c", &line])).await.map_err(text)?;
        Ok(match output.status {
            Some(0) => "open",
            Some(1) => "refused",
            _ => "silence",
        })
    }
}

pub fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

pub fn claim(holds: bool, otherwise: impl Debug) -> Outcome {
    if holds { Ok(()) } else { Err(format!("{otherwise:?}")) }
}
