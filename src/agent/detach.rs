//! Starting this program again as a process that outlives the session in which it is asked to.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::prefork;
use crate::launch::ASKED;

/// How long systemd may take to start a unit.
const UNIT: Duration = Duration::from_secs(10);

/// Starts it with these words; where there is systemd, in a unit of this name.
///
/// # Errors
/// When the program can't be found or started.
pub(super) fn start(name: &str, words: &[&str]) -> io::Result<()> {
    let program = std::env::current_exe()?;
    match Path::new("/run/systemd/system").exists() {
        true => start_unit(&unit_argv(&program.display().to_string(), name, words)),
        false => start_detached(&program, words),
    }
}

/// Where there is systemd the process is a unit of its own: what belongs to a session may be killed with it.
fn unit_argv(program: &str, name: &str, words: &[&str]) -> Vec<String> {
    let unit = format!("--unit=anarcho-chimp-{name}.service");
    // Only the process itself is asked to end, so that it can heal with what it prepared.
    let properties = ["--property=KillMode=mixed", "--property=OOMScoreAdjust=-1000"];
    let head = ["systemd-run", "--quiet", "--collect", &unit, properties[0], properties[1], program, ASKED];
    head.iter().chain(words).map(|word| (*word).to_string()).collect()
}

fn start_unit(argv: &[String]) -> io::Result<()> {
    let ended = prefork::run(argv, UNIT)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("systemd-run ended with {}: {}", ended.status, ended.stderr.trim())))
}

/// In a session of its own, and no child of this process, which may go on for long: whoever adopts orphans reaps it.
fn start_detached(program: &Path, words: &[&str]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.arg(ASKED).args(words).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: all are system calls that a signal handler may make, and an agent that starts another has one thread.
    let between = unsafe {
        command.pre_exec(|| {
            match libc::fork() {
                -1 => return Err(io::Error::last_os_error()),
                0 => {}
                _ => libc::_exit(0),
            }
            nix::unistd::setsid()?;
            // Nothing of the session that asks: it ends when its last descriptor does. What `Command` itself holds
            // closes with the program's start.
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        })
    };
    between.spawn()?.wait().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_holder_is_named_by_its_strike() {
        assert_eq!(
            unit_argv("/var/lib/anarcho-chimp/agent", "3.web-1", &["hold", "3.web-1"]).join(" "),
            "systemd-run --quiet --collect --unit=anarcho-chimp-3.web-1.service --property=KillMode=mixed \
             --property=OOMScoreAdjust=-1000 /var/lib/anarcho-chimp/agent __agent hold 3.web-1"
        );
    }
}
