//! What runs in the guest, as its first process: mounts, a victim, the trials, and the end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use anarcho_chimp::agent::Need;
use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, StrikeId, probe};
use anarcho_chimp::launch::PROGRAM;
use nix::mount::{MsFlags, mount};

use crate::boot::ALL_WELL;
use crate::modules::load;
use crate::netns::{ADDRESS, Victim, run};
use crate::wire::trial::{BUSY, SAYS, Trial, comes_near};

/// Of each trial.
const ECHOES: u16 = 400;

/// All but netem, which comes later.
const MODULES: [&str; 8] =
    ["veth", "iptable_filter", "iptable_mangle", "xt_comment", "xt_mark", "xt_NFQUEUE", "nfnetlink_queue", "sch_tbf"];

/// The whole life of the guest.
pub fn main() -> ! {
    let begun = Instant::now();
    let all = || -> Result<(), String> {
        mount_all()?;
        println!("{SAYS}booted");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.map_err(|why| why.to_string())?.block_on(trials())
    };
    match all() {
        Ok(()) => println!("{SAYS}{} s\n{ALL_WELL}", begun.elapsed().as_secs()),
        Err(why) => println!("{SAYS}{why}"),
    }
    // SAFETY: ends this kernel, which is a process of the test.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    std::process::exit(1)
}

/// The root is the machine's own and read-only; whatever is written goes to memory of the guest.
fn mount_all() -> Result<(), String> {
    let mounts = [("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/var/lib")];
    for (kind, at) in mounts {
        mount(Some(kind), at, Some(kind), MsFlags::empty(), None::<&str>).map_err(|why| format!("{at}: {why}"))?;
    }
    // This kernel has no tables of nftables for IPv4, only those that came before.
    let [legacy, usual] = ["legacy", "nft"].map(|kind| format!("/usr/sbin/xtables-{kind}-multi"));
    mount(Some(legacy.as_str()), usual.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|why| format!("{usual}: {why}"))?;
    let program = Path::new(PROGRAM);
    let folder = program.parent().unwrap_or(program);
    fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let this = std::env::current_exe().map_err(|why| why.to_string())?;
    symlink(this, program).map_err(|why| format!("{PROGRAM}: {why}"))
}

async fn trials() -> Result<(), String> {
    for module in MODULES {
        load(module)?;
    }
    let victim = Victim::make()?;
    let trial = Trial { remote: &victim, address: ADDRESS };
    uses("NFQUEUE")?;
    comes_near(|| trial.delay(ECHOES, &BUSY)).await?;
    comes_near(|| trial.loss(5 * ECHOES, &BUSY)).await?;
    load("sch_netem")?;
    uses("netem")?;
    comes_near(|| trial.delay(ECHOES, &BUSY)).await?;
    comes_near(|| trial.jitter(ECHOES, &BUSY)).await?;
    comes_near(|| trial.loss(5 * ECHOES, &BUSY)).await?;
    comes_near(|| trial.rate(Duration::from_secs(2), &BUSY)).await?;
    somebody_elses_qdisc_is_left_alone(&victim).await
}

/// What the probe says that delays are made with.
fn uses(expected: &str) -> Result<(), String> {
    let found = probe::probe();
    let used = found.iter().find(|(need, _)| *need == Need::DelayQueue).map(|(_, finding)| finding);
    match used {
        Some(Ok(used)) if used.starts_with(expected) => Ok(()),
        other => Err(format!("expected {expected}, found {other:?}")),
    }
}

/// Before a fault it is refused; what is put in a fault's place while it is held stays when that is healed.
async fn somebody_elses_qdisc_is_left_alone(victim: &Victim) -> Result<(), String> {
    const SHOW: &str = "tc -n victim qdisc show dev eth0";
    let agent = Agent::new(victim);
    let order = |n: u8| Order {
        id: StrikeId(format!("foreign.{n}")),
        effect: Effect::Shape { delay: Duration::from_millis(10), jitter: Duration::ZERO, loss_pct: 0.0 },
        lease: Duration::from_secs(60),
        lasts: None,
        address: ADDRESS,
        heals_nothing: false,
        ends_early: false,
    };
    run("tc -n victim qdisc add dev eth0 root handle 7: tbf rate 1gbit burst 64k limit 1m")?;
    let before = run(SHOW)?;
    match agent.arm(&order(1)).await {
        Err(why) if why.to_string().contains("tbf 7:") => {}
        other => return Err(format!("armed over somebody else's qdisc: {other:?}")),
    }
    run("tc -n victim qdisc del dev eth0 root")?;
    agent.arm(&order(2)).await.map_err(|why| why.to_string())?;
    agent.inject(&order(2).id).await.map_err(|why| why.to_string())?;
    run("tc -n victim qdisc replace dev eth0 root handle 7: tbf rate 1gbit burst 64k limit 1m")?;
    agent.heal(&order(2).id).await.map_err(|why| why.to_string())?;
    let after = run(SHOW)?;
    if before == after { Ok(()) } else { Err(format!("{before:?} became {after:?}")) }
}
