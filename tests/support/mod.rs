//! Runs the `chimp` binary as a user would, into a bundle of its own; and the tests of a target that has some which need
//! more than a machine with Rust.
#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Failed};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

mod needs;

pub use needs::Needs;
#[allow(unused_imports, reason = "each test file uses a part")]
pub(crate) use needs::trial::named;
use needs::trial::{self, Named};

/// Runs the tests of a target that libtest's arguments ask for: the groups, each with what its tests need. The target
/// has `harness = false`, since libtest can't ignore a test at run time.
pub fn tests(groups: &[(Needs, &'static [Named])]) -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for &(needs, group) in groups {
        for &(name, run) in group {
            trials.push(needs.trial(&arguments, name, move || quietly(run)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

thread_local! {
    /// What the programs said that the test on this thread ran.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs a test; what the programs that it ran said is shown only if it fails.
fn quietly(test: fn()) -> Result<(), Failed> {
    struct Shows;
    impl Drop for Shows {
        fn drop(&mut self) {
            let said = SAID.take();
            if std::thread::panicking() {
                eprintln!("{said}");
            }
        }
    }
    let _shows = Shows;
    trial::passes(test)
}

/// A folder that goes when the test ends.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `run.json` of the latest run into this folder.
    pub fn record(&self) -> Value {
        let text = std::fs::read_to_string(self.0.join("latest/run.json")).expect("the run wrote a bundle");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program under test, without what only a debugger reads, as a file of this name in the folder; its name. It is put
/// on servers in a third of the time.
pub fn stripped(folder: &Folder, name: &str) -> String {
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(folder.path().join(name)).arg(env!("CARGO_BIN_EXE_chimp"));
    assert!(strip.status().unwrap().success());
    name.into()
}

/// `chimp` with these arguments, in the package's root, outside CI's rules unless a test sets them.
pub fn chimp(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimp"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null());
    command
}

/// Runs to the end; what it said is shown if the test fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    SAID.with_borrow_mut(|said| said.push_str(&(stderr(&output) + &stdout(&output))));
    output
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An output whose reader has hung up already.
pub fn hung_up() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// An output to a disk that is full.
pub fn full() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").unwrap().into()
}

/// What a command complained of that ended with this code, which must be one thing, and no panic.
pub fn one_complaint(output: &Output, expected: i32) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(expected), "{said}");
    let complaints: Vec<&str> = said.lines().filter(|line| line.starts_with("chimp: ")).collect();
    assert!(complaints.len() == 1 && !said.contains("panicked"), "{said}");
    complaints[0].to_string()
}

/// A command where a disk of 64 kB that is full lies over a folder.
pub fn over_full(command: &Command, folder: &Folder) -> Command {
    let fills = format!("head -c 1M /dev/zero >{}/filler 2>/dev/null; exec \"$0\" \"$@\"", folder.path().display());
    let mut filled = Command::new("sh");
    filled.args(["-c", &fills]).arg(command.get_program()).args(command.get_args());
    filled.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null());
    over(filled, folder, 64, false)
}

/// A command in a mount namespace of its own, where a file system of this many kilobytes lies over a folder.
pub fn over(mut command: Command, folder: &Folder, size_kb: usize, read_only: bool) -> Command {
    let path = folder.path().to_path_buf();
    let mounted = move || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        let flags = if read_only { MsFlags::MS_RDONLY } else { MsFlags::empty() };
        mount(Some("none"), &path, Some("tmpfs"), flags, Some(format!("size={size_kb}k").as_str()))?;
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls, and allocates one short text in a process whose other
    // threads hold no lock of the allocator for longer than an allocation.
    unsafe { command.pre_exec(mounted) };
    command
}
