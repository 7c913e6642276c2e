//! What every environment promises, in the order in which it is tried.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{
    Ability, Command, FileContent, FileSpec, InstanceId, InstanceSpec, Output, PowerOp, PowerState, UserData,
};
use anarcho_chimp::provider::{ProviderError, Remote};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::agents;
use crate::ground::{Ground, is};

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Kept,
    /// It is not promised here: why, in words.
    Refused(String),
    Failed(String),
}

/// One promise.
pub struct Check {
    /// As a claim.
    pub name: &'static str,
    pub run: fn(&Ground) -> BoxFuture<'_, Outcome>,
}

macro_rules! checks {
    ($($name:literal => $run:path,)*) => {
        &[$(Check { name: $name, run: |ground| Box::pin(async move { outcome($run(ground).await) }) }),*]
    };
}

/// All of them.
pub const CHECKS: &[Check] = checks! {
    "lists each server once, with its zone, tags and address" => lists,
    "boots a server, or refuses before anything is touched" => boots,
    "refuses what it does not know" => unknown,
    "runs a command with its words, streams and status" => commands,
    "ends a command that takes too long" => slow,
    "writes whole files, of hostile names too" => uploads,
    "outlives a connection that breaks within a command" => breaks,
    "freezes and thaws, each twice" => freezes,
    "ends a freeze with its lease" => leased_freeze,
    "suspends and resumes, each twice" => suspends,
    "ends a suspension with its lease" => leased_suspension,
    "stops and starts, each twice" => stops,
    "ends a stop with its lease" => leased_stop,
    "isolates and rejoins, each twice" => isolates,
    "ends an isolation with its lease" => leased_isolation,
    "has a server reboot gracefully" => reboots,
    "ends a fault on a server with its lease" => agents::leased,
    "heals a fault on a server twice" => agents::healed,
    "terminates, twice" => terminates,
};

/// Why a check did not hold; `Ok(Some)` where it is not promised.
pub type Checked = Result<Option<String>, String>;

fn outcome(checked: Checked) -> Outcome {
    match checked {
        Ok(None) => Outcome::Kept,
        Ok(Some(why)) => Outcome::Refused(why),
        Err(why) => Outcome::Failed(why),
    }
}

pub fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

pub fn claim(holds: bool, otherwise: impl std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{otherwise:?}")) }
}

/// A command that may take a minute.
pub async fn exec(remote: &dyn Remote, argv: &[&str]) -> Result<Output, String> {
    let mut command = Command::new(argv.iter().copied());
    command.timeout = Duration::from_secs(60);
    remote.exec(&command).await.map_err(text)
}

async fn lists(ground: &Ground) -> Checked {
    let listed = ground.provider.list().await.map_err(text)?;
    let mut names: Vec<&str> = listed.iter().map(|instance| instance.name.as_str()).collect();
    names.sort_unstable();
    claim(names == ["web-1", "web-2", "web-3"], &names)?;
    for instance in &listed {
        is(instance, PowerState::Running)?;
        claim(!instance.evidence.is_empty(), instance)?;
    }
    let servers = &ground.infrastructure.servers;
    if servers.values().all(|server| server.zone.is_some() && server.tags.is_empty()) {
        let why = "each once with its node as its zone; a task has no tags, and an address of its own only in networks that span nodes";
        return Ok(Some(why.into()));
    }
    let mut addresses: Vec<_> = listed.iter().map(|instance| instance.address).collect();
    addresses.dedup();
    claim(addresses.len() == 3, &addresses)?;
    if servers.values().all(|server| server.zone.is_none() && server.tags.is_empty()) {
        return Ok(Some("each once with its address; a container has neither zone nor tags".into()));
    }
    claim(servers["web-2"].tags == ["blue"] && servers["web-1"].tags.is_empty(), servers)?;
    let zones: Vec<_> = servers.values().map(|server| server.zone.as_deref().unwrap_or_default()).collect();
    claim(zones == ["a", "a", "b"], zones)?;
    Ok(None)
}

async fn boots(ground: &Ground) -> Checked {
    let spec = InstanceSpec {
        name: "web-4".into(),
        zone: None,
        tags: Vec::new(),
        address: ground.free_address.unwrap_or_else(|| [192, 0, 2, 1].into()),
        user_data: UserData::default(),
        boot_delay: Duration::ZERO,
    };
    if !ground.boots {
        // A testbed boots what a reconciler asks for, and no scenario.
        let refused = ground.provider.can("web-4", &[Ability::Boot].into()).is_err();
        return Ok(Some(
            if refused { "its servers are there already" } else { "a scenario does not boot there" }.into(),
        ));
    }
    let booted = ground.provider.boot(&spec).await.map_err(text)?;
    is(&ground.instance("web-4").await?, PowerState::Running)?;
    let remote = ground.provider.connect(&booted).await.map_err(text)?;
    claim(exec(&*remote, &["hostname"]).await?.stdout.trim() == "web-4", "another name")?;
    ground.provider.power(&booted.id, PowerOp::Terminate).await.map_err(text)?;
    is(&ground.instance("web-4").await?, PowerState::Terminated)?;
    Ok(None)
}

async fn unknown(ground: &Ground) -> Checked {
    let id = InstanceId("web-9; reboot".into());
    match ground.provider.power(&id, PowerOp::Stop).await {
        Err(ProviderError::Unknown(_)) => Ok(None),
        Err(why) if text(&why).contains("web-9; reboot") => Ok(None),
        other => Err(format!("{other:?}")),
    }
}

async fn commands(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let hostile = "a b'c\"d$(touch /tmp/trap)`e`;\n*\u{e9}\\";
    let output = exec(&*remote, &["sh", "-c", "printf '%s' \"$1\"; printf err >&2; exit 7", "sh", hostile]).await?;
    claim(output == Output { status: Some(7), stdout: hostile.into(), stderr: "err".into() }, &output)?;
    let much = exec(
        &*remote,
        &["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2"],
    )
    .await?;
    claim((much.stdout.len(), much.stderr.len()) == (300_000, 300_000), (much.stdout.len(), much.stderr.len()))?;
    let ended = exec(&*remote, &["sh", "-c", "kill -TERM $$"]).await?;
    claim(ended.status != Some(0), ended)?;
    let trap = exec(&*remote, &["test", "-e", "/tmp/trap"]).await?;
    claim(trap.status == Some(1), "a shell has read what was data")?;
    Ok(None)
}

async fn slow(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let mut command = Command::new(["sleep", "1000"]);
    command.timeout = Duration::from_millis(500);
    let begun = Instant::now();
    let ended = remote.exec(&command).await;
    claim(ended.is_err() && begun.elapsed() < Duration::from_secs(30), (ended, begun.elapsed()))?;
    claim(exec(&*remote, &["true"]).await?.status == Some(0), "no command after it")?;
    Ok(None)
}

async fn uploads(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let folder = "/tmp/a b'c\"$(touch trap)";
    let path = PathBuf::from(format!("{folder}/f\u{e9};`x`"));
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    for mode in [0o640, 0o755] {
        let file = FileSpec { path: path.clone(), content: FileContent::Bytes(bytes.clone()), mode };
        match remote.upload(&file).await.map_err(text) {
            Err(why) if why.contains("nothing is written") => {
                return Ok(Some("nothing is written to its files".into()));
            }
            written => written?,
        }
        let shown = path.display().to_string();
        let seen = exec(&*remote, &["stat", "-c", "%a %s", "--", &shown]).await?.stdout;
        claim(seen.trim() == format!("{mode:o} {}", bytes.len()), seen)?;
    }
    let left = exec(&*remote, &["find", folder, "-type", "f"]).await?.stdout;
    claim(left.lines().count() == 1, left)?;
    claim(exec(&*remote, &["rm", "-r", "--", folder]).await?.status == Some(0), "it can't be removed")?;
    Ok(None)
}

/// The server's side of the session is killed while a command runs.
async fn breaks(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let script = "p=$PPID; while [ \"$(cat /proc/$p/comm)\" != sshd ]; do [ \"$p\" -gt 1 ] || exit 9; p=$(awk '{print $4}' /proc/$p/stat); done; kill -9 $p; sleep 1000";
    let mut command = Command::new(["sh", "-c", script]);
    command.timeout = Duration::from_secs(20);
    let broken = remote.exec(&command).await;
    if broken.as_ref().is_ok_and(|output| output.status == Some(9)) {
        return Ok(Some("there is no session that could break".into()));
    }
    claim(broken.as_ref().is_err() || broken.as_ref().is_ok_and(|output| output.status != Some(0)), broken)?;
    claim(exec(&*remote, &["true"]).await?.status == Some(0), "no command after it")?;
    Ok(None)
}

/// Why an environment can't do this, where it can't.
fn cannot(ground: &Ground, op: PowerOp) -> Option<String> {
    let can = ground.provider.can("web-2", &[Ability::Power(op)].into());
    can.err().map(|_| "it has no word for that".into())
}

async fn freezes(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::Freeze) {
        return Ok(Some(why));
    }
    twice(ground, "web-2", PowerOp::Freeze, PowerState::Frozen).await?;
    twice(ground, "web-2", PowerOp::Thaw, PowerState::Running).await?;
    Ok(None)
}

async fn suspends(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::Suspend) {
        return Ok(Some(why));
    }
    twice(ground, "web-2", PowerOp::Suspend, PowerState::Frozen).await?;
    reached(ground, "web-2", false).await?;
    twice(ground, "web-2", PowerOp::Resume, PowerState::Running).await?;
    reached(ground, "web-2", true).await?;
    Ok(None)
}

async fn leased_suspension(ground: &Ground) -> Checked {
    leased(ground, PowerOp::Suspend, PowerState::Frozen).await
}

async fn stops(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::Stop) {
        return Ok(Some(why));
    }
    let name = hostname(ground).await?;
    twice(ground, "web-2", PowerOp::Stop, PowerState::Stopped).await?;
    twice(ground, "web-2", PowerOp::Start, PowerState::Running).await?;
    claim(hostname(ground).await? == name, "another server")?;
    Ok(None)
}

async fn hostname(ground: &Ground) -> Result<String, String> {
    let remote = ground.remote("web-2").await?;
    Ok(exec(&*remote, &["hostname"]).await?.stdout.trim().to_string())
}

/// Whether commands can change the server's files.
async fn writes(ground: &Ground) -> Result<bool, String> {
    let remote = ground.remote("web-2").await?;
    Ok(exec(&*remote, &["sh", "-c", "echo >/etc/writes"]).await?.status == Some(0))
}

/// Notes that it was asked to end.
const ASKED: &str = "setsid sh -c 'trap \"echo asked >/etc/asked; exit\" TERM; echo >/run/listens; while :; do sleep 0.05; done' \
                     >/dev/null 2>&1 & while [ ! -e /run/listens ]; do sleep 0.05; done";

/// Its programs are asked to end, its files stay, and another first process runs.
async fn reboots(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::SoftReboot) {
        return Ok(Some(why));
    }
    let remote = ground.remote("web-2").await?;
    let (name, is_noted) = (hostname(ground).await?, writes(ground).await?);
    if is_noted {
        claim(exec(&*remote, &["sh", "-c", ASKED]).await?.status == Some(0), "no program to be asked")?;
    }
    let before = started(&*remote).await?;
    let id = ground.instance("web-2").await?.id;
    ground.provider.power(&id, PowerOp::SoftReboot).await.map_err(text)?;
    let begun = Instant::now();
    let remote = loop {
        let remote = ground.remote("web-2").await?;
        match started(&*remote).await {
            Ok(now) if now != before => break remote,
            seen => claim(begun.elapsed() < Duration::from_secs(30), seen)?,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    claim(hostname(ground).await? == name, "another server")?;
    let asked = exec(&*remote, &["cat", "/etc/asked"]).await?;
    claim(!is_noted || asked.stdout.trim() == "asked", "no program was asked to end")?;
    Ok(None)
}

/// When its first process was started, in ticks of its kernel.
async fn started(remote: &dyn Remote) -> Result<String, String> {
    Ok(exec(remote, &["awk", "{ print $22 }", "/proc/1/stat"]).await?.stdout)
}

async fn terminates(ground: &Ground) -> Checked {
    twice(ground, "web-3", PowerOp::Terminate, PowerState::Terminated).await?;
    Ok(None)
}

async fn leased_freeze(ground: &Ground) -> Checked {
    leased(ground, PowerOp::Freeze, PowerState::Frozen).await
}

async fn leased_stop(ground: &Ground) -> Checked {
    leased(ground, PowerOp::Stop, PowerState::Stopped).await
}

async fn isolates(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::Isolate) {
        return Ok(Some(why));
    }
    let id = ground.instance("web-2").await?.id;
    for (op, is_reached) in [(PowerOp::Isolate, false), (PowerOp::Rejoin, true)] {
        for _ in 0..2 {
            ground.provider.power(&id, op).await.map_err(text)?;
            reached(ground, "web-2", is_reached).await?;
        }
    }
    let remote = ground.remote("web-2").await?;
    claim(exec(&*remote, &["hostname"]).await?.stdout.trim() == "web-2", "another server")?;
    Ok(None)
}

async fn leased_isolation(ground: &Ground) -> Checked {
    if let Some(why) = cannot(ground, PowerOp::Isolate) {
        return Ok(Some(why));
    }
    if !ground.outlives {
        return Ok(Some("its servers end with whoever isolated them".into()));
    }
    let id = ground.instance("web-2").await?.id;
    ground.provider.power_leased(&id, PowerOp::Isolate, Duration::from_secs(3)).await.map_err(text)?;
    reached(ground, "web-2", false).await?;
    reached(ground, "web-2", true).await?;
    Ok(None)
}

/// Whether a new connection comes about, which may take a look or two to be so.
async fn reached(ground: &Ground, server: &str, expected: bool) -> Result<(), String> {
    let instance = ground.instance(server).await?;
    let remote = ground.provider.connect(&instance).await.map_err(text)?;
    let begun = Instant::now();
    loop {
        let knocked = remote.knock(Duration::from_millis(500)).await;
        if knocked.is_ok() == expected || begun.elapsed() > Duration::from_secs(30) {
            return claim(knocked.is_ok() == expected, (expected, knocked));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn leased(ground: &Ground, op: PowerOp, state: PowerState) -> Checked {
    if let Some(why) = cannot(ground, op) {
        return Ok(Some(why));
    }
    if !ground.outlives {
        return Ok(Some("its servers end with whoever froze or stopped them".into()));
    }
    let id = ground.instance("web-2").await?.id;
    ground.provider.power_leased(&id, op, Duration::from_secs(3)).await.map_err(text)?;
    becomes(ground, "web-2", state).await?;
    becomes(ground, "web-2", PowerState::Running).await?;
    Ok(None)
}

/// Every operation is idempotent.
async fn twice(ground: &Ground, server: &str, op: PowerOp, state: PowerState) -> Result<(), String> {
    let id = ground.instance(server).await?.id;
    for _ in 0..2 {
        ground.provider.power(&id, op).await.map_err(text)?;
        becomes(ground, server, state).await?;
    }
    Ok(())
}

/// A server is switched when that is done; that it is seen may take a look or two.
async fn becomes(ground: &Ground, server: &str, state: PowerState) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let seen = is(&ground.instance(server).await?, state);
        if seen.is_ok() || begun.elapsed() > Duration::from_secs(30) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
