//! Taking away everything of ours that a server still has, whichever run put it there: the faults that are held, and the
//! programs that were uploaded and that no run uses any more.
//!
//! What holds a fault is asked by its own program, which knows its own records; only where that is gone is another one
//! put there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::client::{Agent, AgentError};
use super::program::{FOLDER, NAME};
use super::survey::PLACES;
use super::{Held, STATE};
use crate::instance::{Command, FileSpec, Output};
use crate::launch::ASKED;
use crate::provider::{HostProgram, Remote, RemoteError};

/// Prints the uploaded programs, then `state` if strikes may have left something. `$1`: the folder of strikes; the rest:
/// patterns of paths.
const SCRIPT: &str = r#"
state=$1
shift
for pattern; do
    for program in $pattern; do [ -e "$program" ] && echo "program $program"; done
done
[ -e "$state" ] && echo state
true
"#;

/// The name of a user that no run has: when it leaves, only the programs go that no run uses.
const NO_RUN: &str = "down";
/// How long a holder may take to end after its fault was undone.
const GOING: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(100);

/// What was found on a server, and what became of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Swept {
    /// Faults that were held: each is undone by now, unless it was only looked for.
    pub faults: Vec<Held>,
    /// Paths of uploaded programs that were removed, or that are there if they were only looked for.
    pub programs: Vec<String>,
    /// Paths of those that a run still uses.
    pub used: Vec<String>,
    /// Faults that were held from outside, in words: undone by now, unless they were only looked for.
    pub switched: Vec<String>,
    /// What users should know though it is not chimp's.
    pub notes: Vec<String>,
    /// What could not be undone or removed, each with its reason.
    pub failed: Vec<String>,
}

impl Swept {
    /// Whether nothing of ours was there.
    pub fn is_clean(&self) -> bool {
        *self == Swept { notes: self.notes.clone(), ..Swept::default() }
    }
}

/// Undoes every fault that is held on a server and removes the uploaded programs that no run uses; with `dry_run`, only
/// looks. Idempotent. Where a fault may be held and no program is left to ask, one is put there: whoever calls this takes it
/// away.
///
/// # Errors
/// When the server can't be asked.
pub async fn sweep(remote: &dyn Remote, dry_run: bool) -> Result<Swept, AgentError> {
    let (programs, may_hold) = look(remote).await?;
    let mut swept = Swept::default();
    let mut was_asked = false;
    for path in &programs {
        // One that has gone meanwhile, or does not run, answers nothing.
        was_asked |= undo_all(Agent::new(&With { remote, path }), dry_run, &mut swept).await.is_ok();
    }
    if may_hold && !was_asked {
        undo_all(Agent::new(remote), dry_run, &mut swept).await?;
    }
    for path in programs {
        if dry_run {
            swept.programs.push(path);
        } else {
            remove(remote, path, &mut swept).await?;
        }
    }
    Ok(swept)
}

async fn look(remote: &dyn Remote) -> Result<(Vec<String>, bool), RemoteError> {
    let patterns = PLACES.iter().map(|place| format!("{place}/{FOLDER}*/{NAME}"));
    let words = ["sh", "-c", SCRIPT, "sh", STATE].map(str::to_string);
    let output = remote.exec(&Command::new(words.into_iter().chain(patterns))).await?;
    let programs = output.stdout.lines().filter_map(|line| line.strip_prefix("program ")).map(str::to_string);
    Ok((programs.collect(), output.stdout.lines().any(|line| line == "state")))
}

async fn undo_all(agent: Agent<'_>, dry_run: bool, swept: &mut Swept) -> Result<(), AgentError> {
    let held = agent.held().await?;
    let fresh: Vec<Held> =
        held.into_iter().filter(|held| !swept.faults.iter().any(|known| known.id == held.id)).collect();
    if dry_run {
        swept.faults.extend(fresh);
        return Ok(());
    }
    for held in &fresh {
        if let Err(why) = agent.heal(&held.id).await {
            swept.failed.push(format!("strike {}: {why}", held.id.0));
        }
    }
    // Seen by a look of its own, not by what the heals have answered.
    let left = agent.held().await?;
    for held in fresh {
        match left.iter().find(|left| left.id == held.id) {
            None => swept.faults.push(held),
            Some(left) => swept.failed.push(format!("strike {}: {}", left.id.0, left.evidence)),
        }
    }
    Ok(())
}

async fn remove(remote: &dyn Remote, path: String, swept: &mut Swept) -> Result<(), RemoteError> {
    let begun = Instant::now();
    loop {
        let left = remote.exec(&Command::new([&path, ASKED, "leave", NO_RUN])).await?;
        if remote.exec(&Command::new(["test", "-e", &path])).await?.status != Some(0) {
            swept.programs.push(path);
            return Ok(());
        }
        if left.status != Some(0) {
            swept.failed.push(format!("{path}: {}", said(&left)));
            return Ok(());
        }
        // Where none holds a fault with it any more, a run has a lease on it.
        if left.stdout.trim() == "[]" || begun.elapsed() > GOING {
            swept.used.push(path);
            return Ok(());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn said(output: &Output) -> String {
    let text = output.stderr.trim();
    if text.is_empty() { format!("it ended with status {:?}", output.status) } else { text.into() }
}

/// A server whose program is the one at this path.
struct With<'a> {
    remote: &'a dyn Remote,
    path: &'a str,
}

#[async_trait]
impl Remote for With<'_> {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.remote.exec(command).await
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        self.remote.upload(file).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        self.remote.feed(command, input).await
    }

    async fn program(&self, _absent: Option<&str>) -> Result<HostProgram, RemoteError> {
        Ok(HostProgram { path: self.path.into(), user: None })
    }

    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError> {
        self.remote.knock(timeout).await
    }
}
