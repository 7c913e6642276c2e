//! `env.json`: where and how a run runs, found out once at its start.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::RunOptions;
use crate::render;
use crate::report::Provenance;

/// Programs whose versions matter to a result, with the flag that makes each tell.
const PROGRAMS: &[(&str, &str)] =
    &[("haproxy", "-v"), ("nginx", "-v"), ("keepalived", "-v"), ("mariadbd", "--version"), ("sshd", "-V")];

/// Looks around.
pub fn look_around(seed: u64, options: &RunOptions) -> Provenance {
    let now = Timestamp::now();
    let kernel = nix::sys::utsname::uname().map(|uts| uts.release().to_string_lossy().into_owned());
    Provenance {
        run_id: format!("{}-{seed}", now.strftime("%Y-%m-%dT%H-%M-%SZ")),
        started_at: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        chimp_version: env!("CARGO_PKG_VERSION").into(),
        git_sha: git_sha(),
        kernel: kernel.unwrap_or_else(|_| "unknown".into()),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        programs: versions(),
        command: options.command.clone(),
        reproduce: options.reproduce.clone(),
        ci: std::env::var_os("CI").is_some_and(|value| value == "true"),
        folder: None,
    }
}

fn git_sha() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).stderr(Stdio::null()).output().ok()?;
    let sha = String::from_utf8(output.stdout).ok()?.trim().to_string();
    (output.status.success() && !sha.is_empty()).then_some(sha)
}

/// The first line that each program says of its version; one that is not there is left out.
fn versions() -> BTreeMap<String, String> {
    let asked: Vec<_> = PROGRAMS
        .iter()
        .filter_map(|(program, flag)| {
            let mut command = Command::new(program);
            command.env("PATH", render::programs::PATH);
            command.arg(flag).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            Some((*program, command.spawn().ok()?))
        })
        .collect();
    asked
        .into_iter()
        .filter_map(|(program, child)| {
            let output = child.wait_with_output().ok()?;
            let said = [output.stdout, output.stderr].concat();
            let version = String::from_utf8_lossy(&said);
            let line = version.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()))?;
            Some((program.to_string(), line.trim().to_string()))
        })
        .collect()
}
