//! Boots the guest and waits for what it says.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anarcho_chimp::provider::local::sandbox::enter;

use crate::wire::trial::SAYS;

/// The kernel, as a program.
pub const KERNEL: &str = "/usr/bin/linux.uml";
/// The variable by which the guest's first process knows what it is; kernels hand on what they don't know.
pub const IN_GUEST: &str = "chimp_guest";
/// The guest's last line, if all went well.
pub const ALL_WELL: &str = "all is well in the guest";

/// It boots in some 3 s and measures for 20; a busy machine may be many times slower.
const WITHIN: Duration = Duration::from_secs(480);

/// Boots this program as the first process of a guest whose root is this machine's own, read-only. In a sandbox, so
/// that nothing of it is left however this test ends; the sandbox needs root, the guest would not.
pub fn boot() -> Result<(), String> {
    match enter(|_| u8::from(boot_here().inspect_err(|why| println!("  {why}")).is_err())) {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("failed inside the sandbox (exit {code})")),
        Err(why) => Err(why.to_string()),
    }
}

fn boot_here() -> Result<(), String> {
    let folder = Folder::new()?;
    let guest = Guest::start(&folder)?;
    let deadline = Instant::now() + WITHIN;
    let mut log = Vec::new();
    loop {
        match guest.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(ALL_WELL) => return Ok(()),
            Ok(line) => {
                if line.starts_with(SAYS) {
                    println!("{}", line.trim_end());
                }
                log.push(line);
            }
            Err(RecvTimeoutError::Timeout) => return Err(format!("not over within {WITHIN:?}; {}", end(&log))),
            Err(RecvTimeoutError::Disconnected) => return Err(end(&log)),
        }
    }
}

fn end(log: &[String]) -> String {
    let last = &log[log.len().saturating_sub(30)..];
    format!("the guest's last lines:\n{}", last.join("\n"))
}

/// The guest's processes: all in one group, which ends with this.
struct Guest {
    kernel: Child,
    lines: Receiver<String>,
}

impl Guest {
    fn start(folder: &Folder) -> Result<Guest, String> {
        let program = std::env::current_exe().map_err(|why| why.to_string())?;
        let parameters = [
            // The debug build of this program is large, and its pages count.
            "mem=768M".to_string(),
            "rootfstype=hostfs rootflags=/ ro quiet panic=-1 con=null ssl=null con0=null,fd:1".into(),
            format!("init={}", program.display()),
            format!("{IN_GUEST}=1"),
            format!("uml_dir={}", folder.0.display()),
            "umid=guest".into(),
        ];
        let mut command = Command::new(KERNEL);
        command
            .args(parameters.iter().flat_map(|line| line.split(' ')))
            .env("LD_PRELOAD", library(folder)?)
            .env("TMPDIR", &folder.0)
            .env("HOME", &folder.0);
        command
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut kernel = command.spawn().map_err(|why| format!("{KERNEL}: {why}"))?;
        let output = BufReader::new(kernel.stdout.take().expect("it is piped"));
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                if to.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        Ok(Guest { kernel, lines })
    }
}

/// Builds what the guest kernel needs on new processors, next to what it writes.
fn library(folder: &Folder) -> Result<PathBuf, String> {
    let path = folder.0.join("libptrace_whole.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/uml/ptrace_whole.rs");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    let built = rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-O", "-o"]).arg(&path).arg(source).output();
    match built {
        Ok(output) if output.status.success() => Ok(path),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(why) => Err(format!("rustc: {why}")),
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // SAFETY: the group is that of a child that was not waited for yet, hence nobody else's.
        unsafe { libc::killpg(self.kernel.id() as i32, libc::SIGKILL) };
        let _ = self.kernel.wait();
    }
}

/// What the kernel itself writes on this machine (its sockets, its memory) goes here, and with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("uml");
        // What a test that was killed left.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
