//! A command of the user's that prints credentials: `credential_process`.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::Credentials;
use crate::ec2::account::Given;
use crate::ec2::error::Ec2Error;
use crate::units::show_duration;

/// How long the command may take: it may ask another service.
pub(super) const WITHIN: Duration = Duration::from_secs(60);

/// How much an error quotes of what the command says, in characters.
const QUOTED: usize = 300;

/// Runs the command and reads what it prints.
///
/// # Errors
/// It can't be started, fails, takes too long, or prints something else. No error shows what it prints.
pub(super) async fn run(command: &Given, within: Duration) -> Result<Credentials, Ec2Error> {
    let failed = |why: String| Ec2Error::NoCredentials {
        place: format!("the command at {}", command.place),
        why,
        fix: "run the command yourself, and correct `credential_process`".into(),
    };
    let words = shlex::split(command.text()).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| failed("a quotation in it does not end".into()))?;
    let child = start(&words).map_err(|why| failed(format!("`{}` can't be started: {why}", words[0])))?;
    let printed = output(child, within).await.map_err(&failed)?;
    let json: Value = serde_json::from_slice(&printed).map_err(|_| failed("it does not print JSON".into()))?;
    if json.get("Version").and_then(Value::as_u64) != Some(1) {
        return Err(failed("it does not print `\"Version\": 1`, which is expected".into()));
    }
    let fields = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"];
    Credentials::from_json(&json, fields).map_err(failed)
}

/// In a process group, so that what it starts ends with it.
fn start(words: &[String]) -> std::io::Result<Child> {
    Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn output(child: Child, within: Duration) -> Result<Vec<u8>, String> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let Ok(ended) = tokio::time::timeout(within, child.wait_with_output()).await else {
        if let Some(group) = group {
            let _ = killpg(group, Signal::SIGKILL);
        }
        return Err(format!("it did not end within {}", show_duration(within)));
    };
    let ended = ended.map_err(|why| format!("its output can't be read: {why}"))?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    let said: String = String::from_utf8_lossy(&ended.stderr).trim().chars().take(QUOTED).collect();
    Err(format!("it failed ({}){}{said}", ended.status, if said.is_empty() { "" } else { ": " }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_does_not_end_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!("sleep 600 & echo $$ $! > {}; wait", pids.display());
        let command = Given::new(&format!("sh -c '{script}'"), "config:1");
        let running = run(&command, Duration::from_secs(5));
        let why = running.await.unwrap_err().to_string();
        assert_eq!(why, "no credentials from the command at config:1: it did not end within 5 s");
        let lives = |pid: &str| {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        let pids = std::fs::read_to_string(pids).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while pids.split_whitespace().any(lives) {
            assert!(std::time::Instant::now() < end, "something of it lives");
            tokio::task::yield_now().await;
        }
    }
}
