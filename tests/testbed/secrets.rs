//! Nobody reads a password or a private key who looks at what an attack writes, says, or is while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anarcho_chimp::provider::Provider;
use anarcho_chimp::testbed::protocol::{Request, Response};

use crate::attack::open_to_passwords;
use crate::kept::{LIMIT, Up, instance};
use crate::support::chimp;

/// Nobody else's: it is found wherever it is.
const PASSWORD: &str = "correct-horse-8f3a-battery; $(staple)";

/// Files below a folder that hold any of these.
fn tellers(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(tellers(&path, secrets));
        } else if fs::read(&path).is_ok_and(|bytes| holds(&bytes, secrets)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(bytes: &[u8], secrets: &[String]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    secrets.iter().any(|secret| text.contains(secret.as_str()))
}

/// Command lines and environments of all processes of the machine that hold any of these.
fn shown_by_processes(secrets: &[String]) -> Vec<String> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let files = pids.flat_map(|pid| [format!("/proc/{pid}/cmdline"), format!("/proc/{pid}/environ")]);
    files.filter(|file| fs::read(file).is_ok_and(|bytes| holds(&bytes, secrets))).collect()
}

/// The password, as JSON writes it too, and each line of the private key that is a secret.
fn secrets(up: &Up) -> Vec<String> {
    let Response::Login { key, .. } = up.testbed().ask(&Request::Login).unwrap() else { panic!("no login") };
    let lines = key.lines().filter(|line| line.len() > 40 && !line.starts_with("-----")).map(str::to_string);
    let escaped = serde_json::to_string(PASSWORD).unwrap().trim_matches('"').to_string();
    // The first line of a key in OpenSSH's form says only which kind it is.
    lines.skip(1).chain([PASSWORD.to_string(), escaped]).collect()
}

#[tokio::main]
pub async fn no_password_and_no_key_is_written_or_shown_anywhere() {
    let up = Up::start("secrets", &[]);
    let cloud = up.cloud();
    let remote = cloud.connect(&instance(&cloud, "web-1").await).await.unwrap();
    open_to_passwords(&*remote, PASSWORD).await;
    let secrets = secrets(&up);
    assert!(secrets.len() >= 3);
    let kept_apart = tempfile::tempdir().unwrap();
    let file = kept_apart.path().join("passwords.json");
    fs::write(&file, serde_json::json!({ "web-1": PASSWORD }).to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let out = up.folder.path().join("out");
    fs::create_dir_all(&out).unwrap();

    // One that strikes, one whose password is wrong by the end: errors are told too.
    let attack = |name: &str, servers: &[&str], passwords: &Path| {
        let said = fs::File::create(out.join(name)).unwrap();
        let mut command = chimp(&["attack", "fault", "port-rejected", "--with", r#"{"port": 81}"#, "--for", "1500ms"]);
        command.arg("--testbed").arg(&up.socket).arg("--out").arg(&out).arg("--passwords").arg(passwords);
        command.args(servers).env("RUST_BACKTRACE", "1");
        command.stdout(said.try_clone().unwrap()).stderr(said).stdin(Stdio::null()).spawn().unwrap()
    };
    let mut striking = attack("struck.txt", &["--server", "web-1", "--server", "web-2"], &file);
    let (begun, mut looks) = (Instant::now(), 0);
    let status = loop {
        assert_eq!(shown_by_processes(&secrets), Vec::<String>::new());
        looks += 1;
        if let Some(status) = striking.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < LIMIT, "{}", fs::read_to_string(out.join("struck.txt")).unwrap());
    };
    assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(out.join("struck.txt")).unwrap());
    assert!(looks > 5, "the processes were looked at while it ran");

    open_to_passwords(&*remote, "another one").await;
    let refused = attack("refused.txt", &["--server", "web-1"], &file).wait().unwrap();
    assert_eq!(refused.code(), Some(3));
    let malformed = kept_apart.path().join("malformed.json");
    fs::write(&malformed, format!("{{ \"web-1\": {PASSWORD} }}")).unwrap();
    fs::set_permissions(&malformed, fs::Permissions::from_mode(0o600)).unwrap();
    let unread = attack("unread.txt", &["--server", "web-1"], &malformed).wait().unwrap();
    assert_eq!(unread.code(), Some(2));
    assert!(out.join("struck.txt").metadata().unwrap().len() > 0);
    assert_eq!(tellers(up.folder.path(), &secrets), Vec::<String>::new());
    assert!(!holds(up.said.as_bytes(), &secrets));
}
