//! Where a password, a token or a private key must never be seen.

use std::fs;
use std::path::Path;

use crate::support::Folder;
use crate::{await_said, begun, is_empty, run_id};

/// The password of the cloud's user, how every token of Keystone begins, and how every private key of OpenSSH begins.
const SECRETS: [&str; 3] = ["chimp-password", "gAAAAA", "BEGIN OPENSSH PRIVATE KEY"];

/// Looked for while a server hangs, so that a process that could end the fault by itself is there, too.
pub fn no_secret_is_in_a_bundle_a_log_or_a_command_line() {
    let credentials = fs::read(std::env::var("OS_CLIENT_CONFIG_FILE").unwrap()).unwrap();
    assert_eq!(found_in(&credentials), Some(SECRETS[0]), "the fixture has another password now");
    let folder = Folder::new("cloud-secrets");
    let log = folder.path().join("log").display().to_string();
    let hang = ["features/hang.feature", "--name", "A webserver hangs for 3 s", "--log", &log, "--log-level", "trace"];
    let mut child = begun(&folder, &hang);
    await_said(&folder, "struck");
    let commands = command_lines();
    assert!(commands.iter().any(|command| command.contains("unpause")), "nothing would end the fault: {commands:#?}");
    for command in &commands {
        assert_eq!(found_in(command.as_bytes()), None, "{command}");
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(fs::metadata(&log).unwrap().len() > 0 && folder.path().join(run_id(&folder)).join("plan.json").exists());
    look_below(folder.path());
    assert!(is_empty());
}

/// The commands of all processes, the words of each apart by spaces.
fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cmdline"));
    let read = processes.filter_map(|path| fs::read(path).ok());
    read.map(|words| String::from_utf8_lossy(&words).replace('\0', " ")).collect()
}

fn found_in(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    SECRETS.into_iter().find(|secret| text.contains(secret))
}

fn look_below(folder: &Path) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            look_below(&path);
        } else {
            assert_eq!(found_in(&fs::read(&path).unwrap()), None, "{}", path.display());
        }
    }
}
