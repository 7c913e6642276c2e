//! Leases on the power and the network of servers that only this machine can switch.
//!
//! A watchdog is a detached process of its own session that waits for the lease's end and then runs the command
//! that undoes the fault. So the fault ends also when the attacker is killed; not when this whole machine dies.
//!
//! What a watchdog is on stands among its arguments, so every process of this machine finds those that others have left: the latest word
//! on a server counts, whichever process says it. Otherwise the lease of a killed run would end the fault of the next one.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The name that a watchdog gives itself.
const NAME: &str = "anarcho-chimp-lease";
/// Waits, then runs the command: arguments stay arguments, and those of this process say until then what it is on.
const SCRIPT: &str = r#"sleep "$2" && shift 2 && "$@"; exit $?"#;

/// How long one that was killed may take to end, and from one look at it to the next.
const GOING: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(1);

/// A running watchdog. Dropping it lets it run.
#[derive(Debug)]
pub struct Watchdog {
    process: Child,
    on: String,
    undo: Vec<String>,
    term: Duration,
}

impl Watchdog {
    /// Starts one that runs `undo` in `folder` after `term`. Every other one on the same ends, also those that another process has left;
    /// there is no moment without one.
    ///
    /// # Errors
    /// When no process can be started, or one of another user is on it, which would end what is under this lease.
    pub fn start(on: &str, undo: &[String], folder: &Path, term: Duration) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, NAME, on, &format!("{:.3}", term.as_secs_f64())]).args(undo).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: setsid is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                Ok(())
            });
        }
        let mut started = Watchdog { process: command.spawn()?, on: on.into(), undo: undo.to_vec(), term };
        match end_all(on, Some(started.pid())) {
            Ok(()) => Ok(started),
            Err(why) => {
                started.stop();
                Err(why)
            }
        }
    }

    /// Its lease runs from now again; there is no moment without a watchdog.
    ///
    /// # Errors
    /// When it is over already or another one took its place, or no process can be started.
    pub fn renew(&mut self, folder: &Path) -> io::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "its lease is over"));
        }
        let mut before = std::mem::replace(self, Watchdog::start(&self.on, &self.undo, folder, self.term)?);
        before.stop();
        Ok(())
    }

    /// Calls it off.
    pub fn stop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = end(self.pid());
            let _ = self.process.wait();
        }
    }

    fn pid(&self) -> i32 {
        self.process.id() as i32
    }
}

/// Ends every watchdog on this, whichever process of this machine has started it.
///
/// # Errors
/// One is another user's; all others have ended.
pub fn call_off(on: &str) -> io::Result<()> {
    end_all(on, None)
}

/// Whether there is one on this, by whichever process.
pub fn is_on(on: &str) -> bool {
    find(on).is_ok_and(|found| !found.is_empty())
}

/// They are gone when this returns: none of them undoes anything from then on.
fn end_all(on: &str, but: Option<i32>) -> io::Result<()> {
    let others = || Ok::<Vec<i32>, io::Error>(find(on)?.into_iter().filter(|pid| Some(*pid) != but).collect());
    for pid in others()? {
        let told =
            |why: io::Error| io::Error::new(why.kind(), format!("its lease by process {pid} can't be ended: {why}"));
        end(pid).map_err(told)?;
    }
    let until = Instant::now() + GOING;
    while let Some(pid) = others()?.first() {
        if Instant::now() >= until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("its lease by process {pid} does not end")));
        }
        std::thread::sleep(AGAIN);
    }
    Ok(())
}

/// The session is its own: what it has started goes with it.
fn end(pid: i32) -> io::Result<()> {
    match killpg(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(why) => Err(why.into()),
    }
}

/// The watchdogs on this. A number that became another process's meanwhile has other arguments.
fn find(on: &str) -> io::Result<Vec<i32>> {
    let is_one = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0).skip(2);
        words.next() == Some(SCRIPT.as_bytes())
            && words.next() == Some(NAME.as_bytes())
            && words.next() == Some(on.as_bytes())
            // A child that has not become `sleep` yet still has its arguments.
            && nix::unistd::getpgid(Some(Pid::from_raw(*pid))) == Ok(Pid::from_raw(*pid))
    };
    let numbers = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.filter(is_one).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Field(tempfile::TempDir);

    impl Field {
        fn new() -> Field {
            Field(tempfile::tempdir().unwrap())
        }

        fn on(&self, what: &str) -> String {
            format!("test {what} {}", self.0.path().display())
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// One that makes a file of this name.
        fn start(&self, what: &str, file: &str, term: Duration) -> Watchdog {
            Watchdog::start(&self.on(what), &["touch".into(), file.into()], self.0.path(), term).unwrap()
        }
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn one_that_a_killed_process_has_left_ends_with_the_next_on_the_same() {
        let field = Field::new();
        // As a killed process would, this one forgets it.
        drop(field.start("web-1", "old", LONG));
        let mut other = field.start("web-2", "other", LONG);
        let mut next = field.start("web-1", "new", LONG);
        assert_eq!(find(&field.on("web-1")).unwrap(), [next.pid()], "the old one would end the new fault");
        assert_eq!(find(&field.on("web-2")).unwrap(), [other.pid()], "that of another server runs on");
        other.stop();
        next.renew(field.0.path()).unwrap();
        assert_eq!(find(&field.on("web-1")).unwrap(), [next.pid()]);
        next.stop();
        assert!(find(&field.on("web-1")).unwrap().is_empty());
    }

    #[test]
    fn one_that_a_killed_process_has_left_is_called_off_by_who_heals() {
        let field = Field::new();
        let mut left = field.start("web-1", "old", LONG);
        call_off(&field.on("web-1")).unwrap();
        assert!(find(&field.on("web-1")).unwrap().is_empty() && !field.file("old").exists());
        assert!(left.renew(field.0.path()).is_err(), "who has left it, and lives, notices");
    }

    #[test]
    fn what_is_to_be_undone_stays_as_many_words_as_it_is() {
        let field = Field::new();
        drop(field.start("web-1", "$(hostname); 'x'", Duration::ZERO));
        let begun = Instant::now();
        while !field.file("$(hostname); 'x'").exists() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
