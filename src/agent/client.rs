//! How the nemesis speaks to the agents: one command over a [`Remote`], one line of JSON back.

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::stamp::{Account, Stamps};
use super::{Held, Observation, Order, STATE, StrikeId};
use crate::instance::{Command, FileContent, FileSpec, Output};
use crate::launch::{ASKED, PROGRAM};
use crate::provider::{Remote, RemoteError};

/// Why an agent did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The victim could not be reached, or the connection broke.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The agent refused or failed.
    #[error("the agent could not {verb}: {detail}")]
    Refused {
        /// What it was asked: `arm`, `inject`, …
        verb: &'static str,
        /// What it said.
        detail: String,
    },
}

/// The agent of one victim.
#[derive(Clone, Copy)]
pub struct Agent<'a> {
    remote: &'a dyn Remote,
    within: Duration,
}

impl<'a> Agent<'a> {
    /// The agent behind this remote. Nothing is sent yet.
    pub fn new(remote: &'a dyn Remote) -> Self {
        Agent { remote, within: WITHIN }
    }

    /// The same, with another time for each answer than 20 s.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Agent { within, ..self }
    }

    /// Puts the program on the victim, unless it is there. On a server that does not have it from its boot, it stays until
    /// this long after this process was killed, or as long as was said before.
    ///
    /// # Errors
    /// When the victim can't be reached or the program does not run there.
    pub async fn deploy(&self, lease: impl Into<Option<Duration>>) -> Result<(), AgentError> {
        if self.remote.lease_program(lease.into(), None).await? {
            return Ok(());
        }
        let ours = super::version();
        let there = self.version().await;
        if there.as_ref().is_ok_and(|theirs| *theirs == ours) {
            return Ok(());
        }
        let content = FileContent::CopyOf(PathBuf::from("/proc/self/exe"));
        let sent = self.remote.upload(&FileSpec { path: PROGRAM.into(), content, mode: 0o755 }).await;
        if let (Err(why), Ok(theirs)) = (&sent, there) {
            let detail = format!(
                "version {theirs} is there and {ours} can't take its place ({why}); what was kept up by another \
                 version of chimp must be taken down with it: chimp down"
            );
            return Err(AgentError::Refused { verb: "deploy", detail });
        }
        sent?;
        let theirs = self.version().await?;
        if theirs == ours {
            return Ok(());
        }
        let detail = format!("version {ours} was sent and {theirs} answers");
        Err(AgentError::Refused { verb: "deploy", detail })
    }

    /// Starts the holder, whose lease runs from now. Nothing is injected yet. Refused where the same effect is held
    /// already, or something of somebody else's is in the way.
    ///
    /// # Errors
    /// As all: when it can't be reached, or says no.
    pub async fn arm(&self, order: &Order) -> Result<(), AgentError> {
        self.ask("arm", &[json(order)]).await
    }

    /// Injects what was armed; returns when it is done, or scheduled where it is [made
    /// later](super::effect::Effect::made_after).
    ///
    /// # Errors
    /// See [`arm`](Self::arm).
    pub async fn inject(&self, id: &StrikeId) -> Result<(), AgentError> {
        self.ask("inject", std::slice::from_ref(&id.0)).await
    }

    /// Looks at the victim: whether the order's effect is in force now. Needs no holder.
    ///
    /// # Errors
    /// See [`arm`](Self::arm).
    pub async fn observe(&self, order: &Order) -> Result<Observation, AgentError> {
        self.ask("observe", &[json(order)]).await
    }

    /// The lease runs from now again.
    ///
    /// # Errors
    /// See [`arm`](Self::arm); when it is over already.
    pub async fn renew(&self, id: &StrikeId) -> Result<(), AgentError> {
        self.ask("renew", std::slice::from_ref(&id.0)).await
    }

    /// What was stamped of a strike, with a look of its own.
    ///
    /// # Errors
    /// See [`arm`](Self::arm).
    pub async fn report(&self, order: &Order) -> Result<Account, AgentError> {
        self.ask("report", &[json(order)]).await
    }

    /// Undoes it and removes its holder; idempotent, and does nothing where nothing is held. Answers what was stamped;
    /// `None` where nothing was held.
    ///
    /// # Errors
    /// See [`arm`](Self::arm); when something could not be undone, after all was tried.
    pub async fn heal(&self, id: &StrikeId) -> Result<Option<Stamps>, AgentError> {
        self.ask("heal", std::slice::from_ref(&id.0)).await
    }

    /// What the victim's `CLOCK_MONOTONIC` says, in microseconds.
    ///
    /// # Errors
    /// See [`arm`](Self::arm).
    pub async fn clock_us(&self) -> Result<u64, AgentError> {
        self.ask("clock", &[]).await
    }

    /// Whether anything of ours may be on the victim, without its program: each strike has a folder there.
    ///
    /// # Errors
    /// When the victim can't be reached.
    pub async fn may_hold(&self) -> Result<bool, RemoteError> {
        let output = self.remote.exec(&Command::new(["test", "-e", STATE])).await?;
        Ok(output.status == Some(0))
    }

    /// Everything of ours that is on the victim.
    ///
    /// # Errors
    /// See [`arm`](Self::arm).
    pub async fn held(&self) -> Result<Vec<Held>, AgentError> {
        self.ask("held", &[]).await
    }

    /// Of the program that lies there, which may be any: so it is started for this.
    async fn version(&self) -> Result<String, AgentError> {
        let mut command = Command::new([&self.remote.program(None).await?.path, ASKED, VERSION]);
        command.timeout = self.within;
        answer(VERSION, &self.remote.exec(&command).await?)
    }

    async fn ask<A: DeserializeOwned>(&self, verb: &'static str, words: &[String]) -> Result<A, AgentError> {
        let program = self.remote.program(None).await?.path;
        let output = self.exec(&program, verb, words).await?;
        if output.status != Some(ABSENT) {
            return answer(verb, &output);
        }
        let program = self.remote.program(Some(&program)).await?.path;
        answer(verb, &self.exec(&program, verb, words).await?)
    }

    async fn exec(&self, program: &str, verb: &'static str, words: &[String]) -> Result<Output, AgentError> {
        let words: Vec<String> = std::iter::once(verb.to_string()).chain(words.iter().cloned()).collect();
        Ok(self.remote.ask(program, &words, self.within).await?)
    }
}

/// How long an agent may take for one verb: its own deadlines are shorter.
const WITHIN: Duration = Duration::from_secs(20);

/// Asks which version it is.
const VERSION: &str = "version";

/// The status of a shell that finds no such program.
const ABSENT: i32 = 127;

fn answer<A: DeserializeOwned>(verb: &'static str, output: &Output) -> Result<A, AgentError> {
    let refused = |detail: String| AgentError::Refused { verb, detail };
    if output.status != Some(0) {
        let said = output.stderr.trim();
        let said = if said.is_empty() { output.stdout.trim() } else { said };
        return Err(refused(format!("status {:?}: {said}", output.status)));
    }
    serde_json::from_str(output.stdout.trim()).map_err(|why| refused(format!("{why} in {:?}", output.stdout)))
}

fn json(order: &Order) -> String {
    serde_json::to_string(order).expect("an order is plain data")
}
