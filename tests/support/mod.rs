//! Runs the `chimp` binary as a user would, into a bundle of its own.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

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

/// `chimp` with these arguments, in the package's root, outside CI's rules unless a test sets them.
pub fn chimp(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimp"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null());
    command
}

/// Runs to the end; prints what it said, for a test that fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    eprintln!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    output
}

/// Whether scenarios can run here; says why not, since a skipped test is not a passed one.
pub fn can_run(test: &str) -> bool {
    let doctor = chimp(&["doctor"]).output().unwrap();
    if !doctor.status.success() {
        eprintln!("skipped: {test}: {}", String::from_utf8_lossy(&doctor.stdout));
        assert!(std::env::var_os("CI").is_none(), "in CI nothing essential may be skipped");
    }
    doctor.status.success()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
