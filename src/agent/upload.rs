//! Putting the program on one server that does not have it: once for a run, checked before, renewed while the run lives,
//! removed with it. Whatever becomes of the run, the [caretaker](super::caretaker) there removes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::task::JoinHandle;

use super::program::{Program, ProgramError};
use super::survey::Survey;
use crate::instance::{Command, Output};
use crate::launch::ASKED;
use crate::provider::{HostProgram, Remote, RemoteError};

/// How long the program stays after the run was killed, where no strike has said otherwise.
const LEASE: Duration = Duration::from_secs(30);
/// How long sending it may take.
const SEND: Duration = Duration::from_secs(60);
/// How long anything else may take.
const ASK: Duration = Duration::from_secs(10);
/// Leases are renewed three times before they would end.
const RENEWALS: u32 = 3;
/// How long a holder may take to end after its fault was undone, and how often that is looked at.
const GOING: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A renewal that failed is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// Takes the program from standard input and starts its caretaker. `$1`: its path, `$2`: its length, `$3` and `$4`: the
/// user and the lease. What does not arrive whole, or does not start, is removed again.
const SCRIPT: &str = r#"
set -e
umask 077
folder=${1%/*}
above=${folder%/*}
made=
[ -d "${above:-/}" ] || made=yes
mkdir -p "$folder"
[ -z "$made" ] || : >"$folder/made-above"
undo() {
    rm -f "$1.$3"
    [ -e "$1" ] || rm -f "$folder/made-above"
    rmdir "$folder" 2>/dev/null || :
    [ -z "$made" ] || rmdir "$above" 2>/dev/null || :
}
trap 'undo "$@"' EXIT
# A client that is killed takes the streams with it: what is left must be removed all the same.
trap : HUP PIPE TERM
cat >"$1.$3"
[ "$(wc -c <"$1.$3")" -eq "$2" ] || { echo "only a part of it arrived" >&2; exit 1; }
chmod 700 "$1.$3"
mv -f "$1.$3" "$1"
"$1" __agent stay "$3" "$4" || { [ -e "$folder/socket" ] || rm -f "$1"; exit 1; }
trap - EXIT
"#;

/// Where the program comes from; read once for all servers, when the first needs it.
#[derive(Default)]
pub struct Source {
    file: Option<PathBuf>,
    program: OnceCell<Program>,
}

impl Source {
    /// The program in this file; without one, this very program.
    pub fn of(file: Option<PathBuf>) -> Source {
        Source { file, program: OnceCell::new() }
    }

    async fn program(&self) -> Result<&Program, ProgramError> {
        let file = self.file.clone();
        let read = async || {
            let read = tokio::task::spawn_blocking(move || Program::read(file.as_deref())).await;
            read.expect("reading a program does not panic")
        };
        Ok(self.program.get_or_try_init(read).await?)
    }
}

/// The program on one server.
pub struct Upload {
    server: String,
    source: Arc<Source>,
    /// This run, among those that use the program there.
    user: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How long the program stays after the run was killed.
    lease: Option<Duration>,
    /// One that an earlier run has put there.
    known: Option<HostProgram>,
    /// What is there; `None`: not put there yet.
    there: Option<Used>,
    renewing: Option<JoinHandle<()>>,
}

/// A program on a server, as one run uses it.
#[derive(Clone)]
struct Used {
    path: String,
    user: String,
}

impl Used {
    fn host_program(&self) -> HostProgram {
        HostProgram { path: self.path.clone(), user: Some(self.user.clone()) }
    }

    async fn stay(&self, remote: &dyn Remote, lease: Duration) -> Result<Output, RemoteError> {
        remote.exec(&self.staying(lease)).await
    }

    fn staying(&self, lease: Duration) -> Command {
        command(&[&self.path, ASKED, "stay", &self.user, &lease.as_millis().to_string()])
    }

    async fn leave(&self, remote: &dyn Remote) -> Result<Output, RemoteError> {
        remote.exec(&command(&[&self.path, ASKED, "leave", &self.user])).await
    }
}

impl State {
    fn lease(&self) -> Duration {
        self.lease.unwrap_or(LEASE)
    }

    fn stop_renewing(&mut self) {
        if let Some(renewing) = self.renewing.take() {
            renewing.abort();
        }
    }
}

impl Upload {
    /// Nothing is sent yet.
    pub fn new(server: &str, source: Arc<Source>) -> Upload {
        let user = format!("{:016x}", rand::random::<u64>());
        Upload { server: server.into(), source, user, state: Mutex::default() }
    }

    /// The program, put there first if it is not. `absent` is a path where it was not found any more: its lease may have
    /// ended while the server could not be reached, or the server has rebooted.
    ///
    /// # Errors
    /// When the server can't be reached, or the program can't run there; then nothing of it is left there.
    pub async fn program(
        self: &Arc<Self>,
        remote: &dyn Remote,
        absent: Option<&str>,
    ) -> Result<HostProgram, RemoteError> {
        let mut state = self.state.lock().await;
        if state.there.as_ref().is_some_and(|there| Some(there.path.as_str()) == absent) {
            state.there = None;
        }
        match &state.there {
            Some(there) => Ok(there.host_program()),
            None => self.bring(remote, state).await,
        }
    }

    /// The program stays this long after the run was killed, from now on, or as long as was said before; put there first if it is not. `known` is one that
    /// an earlier run has put there, which is over: it is taken over if it is still there.
    ///
    /// # Errors
    /// See [`program`](Self::program).
    pub async fn lease(
        self: &Arc<Self>,
        remote: &dyn Remote,
        lease: Option<Duration>,
        known: Option<&HostProgram>,
    ) -> Result<(), RemoteError> {
        let mut state = self.state.lock().await;
        state.lease = lease.or(state.lease);
        if known.is_some() && state.there.is_none() {
            state.known = known.cloned();
        }
        let stays = match &state.there {
            Some(there) => match there.stay(remote, state.lease()).await {
                Ok(output) => output.status == Some(0),
                // A session that was open before the server rebooted; a new one is opened for what follows.
                Err(RemoteError::Broken { .. }) => false,
                Err(why) => return Err(why),
            },
            None => false,
        };
        if !stays {
            state.there = None;
            self.bring(remote, state).await?;
        }
        Ok(())
    }

    /// Whether the program can run there. Changes nothing.
    ///
    /// # Errors
    /// Why not, and what to do; or the server can't be asked.
    pub async fn check(&self, remote: &dyn Remote) -> Result<(), RemoteError> {
        let program = self.source.program().await.map_err(cannot)?;
        let survey = self.survey(remote, program).await?;
        program.place_on(&self.server, &survey).map(drop).map_err(cannot)
    }

    /// This run needs the program no more: it is gone when this returns, unless another run uses it or it holds a fault;
    /// then it goes with the last of them.
    ///
    /// # Errors
    /// When the server answers that it can't be removed. Where it can't be asked, the program removes itself when the lease
    /// is over, or went with the server's power.
    pub async fn leave(&self, remote: &dyn Remote) -> Result<(), ProgramError> {
        let mut state = self.state.lock().await;
        state.stop_renewing();
        let Some(there) = state.there.take() else { return Ok(()) };
        let until = Instant::now() + GOING;
        let mut left = there.leave(remote).await;
        while left.as_ref().is_ok_and(holds_a_fault) && Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            left = there.leave(remote).await;
        }
        match left {
            // Where it is gone, it has left.
            Ok(output) if matches!(output.status, Some(0 | 127)) => Ok(()),
            Ok(output) => Err(self.failed("removing the program of the agent", said(&output))),
            Err(why) => {
                tracing::warn!(server = self.server, %why, "the program of the agent is left to remove itself");
                Ok(())
            }
        }
    }

    async fn bring(
        self: &Arc<Self>,
        remote: &dyn Remote,
        mut state: MutexGuard<'_, State>,
    ) -> Result<HostProgram, RemoteError> {
        let lease = state.lease();
        let known = state.known.clone().and_then(|known| Some(Used { path: known.path, user: known.user? }));
        let there = match known {
            Some(known) if known.stay(remote, lease).await?.status == Some(0) => known,
            _ => self.put(remote, lease).await?,
        };
        let program = there.host_program();
        (state.known, state.there) = (None, Some(there));
        state.stop_renewing();
        state.renewing = remote.anew().map(|remote| tokio::spawn(renew(Arc::downgrade(self), remote)));
        Ok(program)
    }

    /// Looks whether it can run there, then sends it, unless it is there.
    async fn put(&self, remote: &dyn Remote, lease: Duration) -> Result<Used, RemoteError> {
        let program = self.source.program().await.map_err(cannot)?;
        let survey = self.survey(remote, program).await?;
        let path = program.place_on(&self.server, &survey).map_err(cannot)?;
        let used = Used { path, user: self.user.clone() };
        if survey.holder.is_some() && is_the_same(remote, &used, program, lease).await? {
            return Ok(used);
        }
        let started = send(remote, &used, program, lease).await?;
        let theirs = answered(&started).ok_or_else(|| {
            let (server, said) = (self.server.clone(), said(&started));
            cannot(ProgramError::DoesNotStart { server, said, libraries: program.elf.libraries.clone() })
        })?;
        let ours = program.version();
        if theirs == ours {
            return Ok(used);
        }
        used.leave(remote).await?;
        let (server, program) = (self.server.clone(), program.shown.clone());
        Err(cannot(ProgramError::Version { server, program, theirs, ours }))
    }

    async fn survey(&self, remote: &dyn Remote, program: &Program) -> Result<Survey, RemoteError> {
        let output = remote.exec(&Command { argv: program.survey(), timeout: ASK }).await?;
        let looked = match output.status {
            Some(0) => Survey::parse(&output.stdout),
            _ => Err(said(&output)),
        };
        looked.map_err(|why| cannot(self.failed("looking whether the program of the agent can run there", why)))
    }

    fn failed(&self, action: &'static str, detail: impl ToString) -> ProgramError {
        ProgramError::Failed { server: self.server.clone(), action, detail: detail.to_string() }
    }
}

/// Whether what lies there is the very program, and now has a lease of this run.
async fn is_the_same(
    remote: &dyn Remote,
    used: &Used,
    program: &Program,
    lease: Duration,
) -> Result<bool, RemoteError> {
    if answered(&used.stay(remote, lease).await?).is_none_or(|version| version != program.version()) {
        return Ok(false);
    }
    let hash = remote.exec(&command(&[&used.path, ASKED, "sha256"])).await?;
    Ok(answered(&hash).is_some_and(|hash| hash == program.sha256))
}

async fn send(remote: &dyn Remote, used: &Used, program: &Program, lease: Duration) -> Result<Output, RemoteError> {
    let (length, lease) = (program.bytes.len().to_string(), lease.as_millis().to_string());
    let words = ["sh", "-c", SCRIPT, "sh", &used.path, &length, &used.user, &lease];
    let command = Command { argv: words.map(str::to_string).into(), timeout: SEND };
    remote.feed(&command, Arc::clone(&program.bytes)).await
}

/// Renews the lease until the run has no more use for the upload. What fails is tried again over a new connection.
async fn renew(upload: std::sync::Weak<Upload>, mut remote: Box<dyn Remote>) {
    let mut wait = Duration::ZERO;
    loop {
        tokio::time::sleep(wait).await;
        let Some(upload) = upload.upgrade() else { return };
        let (there, lease) = {
            let state = upload.state.lock().await;
            (state.there.clone(), state.lease())
        };
        let Some(there) = there else { return };
        let mut command = there.staying(lease);
        command.timeout = (lease / RENEWALS).clamp(AGAIN, ASK);
        wait = match remote.exec(&command).await {
            Ok(_) => lease / RENEWALS,
            Err(_) => {
                remote = remote.anew().unwrap_or(remote);
                AGAIN
            }
        };
    }
}

fn cannot(why: ProgramError) -> RemoteError {
    RemoteError::Program(Box::new(why))
}

fn command(words: &[&str]) -> Command {
    Command { argv: words.iter().map(|word| (*word).to_string()).collect(), timeout: ASK }
}

/// The line of JSON that a verb answers, if it did.
fn answered(output: &Output) -> Option<String> {
    let line = output.stdout.trim();
    serde_json::from_str(line).ok().filter(|_| output.status == Some(0))
}

/// Whether a program stays because its holders run: they are named.
fn holds_a_fault(left: &Output) -> bool {
    left.status == Some(0) && left.stdout.trim() != "[]"
}

fn said(output: &Output) -> String {
    let text = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    match (text.trim(), output.status) {
        ("", Some(status)) => format!("status {status}"),
        ("", None) => "it was ended by a signal".into(),
        (text, _) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::caretaker::MADE_ABOVE;
    use super::*;

    /// A constant can't be made of constants, and a shell's line is never made of anything.
    #[test]
    fn the_script_has_the_words_that_others_know() {
        assert_eq!(SCRIPT.matches(&format!("\"$folder/{MADE_ABOVE}\"")).count(), 2);
        assert!(SCRIPT.contains(&format!("\"$1\" {ASKED} stay \"$3\" \"$4\"")));
    }
}
