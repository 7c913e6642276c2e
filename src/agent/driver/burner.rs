//! A process of the holder's that takes CPU time or memory until it is killed; it goes with its holder.
//!
//! It is this very program, `PROGRAM __agent burn KIND ID AMOUNT`: whoever looks at the process list reads what it is
//! and whose.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::{DriverError, Trace, unfit};
use crate::agent::process::{self, Identity};
use crate::agent::{StrikeId, contained};
use crate::launch::ASKED;

/// How long one may take until it has all that it was asked to take.
const READY: Duration = Duration::from_secs(12);
/// How long a killed one may take to give back what it took.
const GONE: Duration = Duration::from_secs(8);
/// What it says when it has.
const HAS: &str = "ready";

/// How `held` finds burners without a record.
pub(super) const TRACE: Trace = Trace {
    find: || Ok(burners(None).into_iter().map(|(id, pid)| (id, format!("a burner, pid {}", pid.pid))).collect()),
    sweep: kill,
};

/// Starts a burner and waits until it has what it takes.
///
/// # Errors
/// What it said when it could not.
pub(super) fn start(kind: &str, id: &StrikeId, amount: &str) -> Result<(), DriverError> {
    let failed = DriverError::at("starting a burner");
    let program = std::env::current_exe().map_err(&failed)?;
    let mut command = Command::new(program);
    command.args([ASKED, "burn", kind, &id.0, amount]).env_clear().current_dir("/");
    let mut burner =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(&failed)?;
    let output = burner.stdout.take().expect("it is piped");
    let mut watched = [PollFd::new(std::os::fd::AsFd::as_fd(&output), PollFlags::POLLIN)];
    let told = poll(&mut watched, PollTimeout::try_from(READY.as_millis()).unwrap_or(PollTimeout::MAX));
    let mut said = String::new();
    if told == Ok(1) {
        BufReader::new(output).read_line(&mut said).map_err(&failed)?;
    }
    match said.trim() {
        HAS => Ok(()),
        "" => Err(unfit("a burner", "silent", "a report within 12 s that it holds what it is to take")),
        why => Err(unfit("a burner", why, HAS)),
    }
}

/// In the burner: goes with its holder, and is the first that the kernel kills for memory.
///
/// # Errors
/// When the kernel refuses, or the holder is gone already.
pub(super) fn settle() -> Result<(), DriverError> {
    let failed = DriverError::at("settling a burner");
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| failed(errno.into()))?;
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    contained::join_groups().map_err(&failed)?;
    let parent = nix::unistd::getppid().as_raw();
    match process::agents().iter().any(|(agent, _)| agent.pid == parent) {
        true => Ok(()),
        false => Err(failed(std::io::Error::new(std::io::ErrorKind::NotFound, "its holder is gone"))),
    }
}

/// In the burner: says that it has what it takes.
pub(super) fn ready() {
    say(HAS);
}

/// In the burner: tells its holder, who may be gone.
pub(super) fn say(what: &str) {
    let _ = writeln!(std::io::stdout(), "{what}");
}

/// The burners of a strike.
pub(super) fn of(id: &StrikeId) -> Vec<Identity> {
    burners(Some(id)).into_iter().map(|(_, identity)| identity).collect()
}

fn burners(of: Option<&StrikeId>) -> Vec<(StrikeId, Identity)> {
    let burner = |(identity, words): (Identity, Vec<String>)| match words.as_slice() {
        [role, _, id, ..] if role == "burn" => Some((StrikeId::parse(id).ok()?, identity)),
        _ => None,
    };
    process::agents().into_iter().filter_map(burner).filter(|(id, _)| of.is_none_or(|of| of == id)).collect()
}

/// Kills the burners of a strike and waits until they are gone.
///
/// # Errors
/// When one is left.
pub(super) fn kill(id: &StrikeId) -> Result<(), DriverError> {
    let deadline = Instant::now() + GONE;
    loop {
        let left = of(id);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(DriverError::Left { what: format!("{} burners 8 s after SIGKILL", left.len()) });
        }
        for burner in left {
            burner.signal(Signal::SIGKILL).map_err(DriverError::at("killing a burner"))?;
            // Only a holder's own child can be waited for.
            let _ = waitpid(Pid::from_raw(burner.pid), Some(WaitPidFlag::WNOHANG));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
