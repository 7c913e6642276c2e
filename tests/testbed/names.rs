//! Hostile names go through unharmed, or are refused: nothing that is only data is ever read by a shell.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use anarcho_chimp::instance::{Command, FileContent, FileSpec};
use anarcho_chimp::provider::{Provider, Remote};
use anarcho_chimp::testbed::Testbed;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::kept::{LIMIT, Up, instance};
use crate::support::{chimp, run, stderr, stdout};

/// Printable words, words of what shells, options and paths are made of, and any text but zero bytes.
const HOSTILE: &str = "[ -~]{0,24}|[\n\t'\"$`;&|<>(){}*?!#~ -]{1,9}|--?[a-z-]{1,6}|[^\0]{0,12}";
/// What would be there if a name had been run.
const TRAP: &str = "/tmp/trap";

async fn exec(remote: &dyn Remote, argv: Vec<String>) -> Result<String, String> {
    let mut command = Command::new(argv);
    command.timeout = LIMIT;
    let output = remote.exec(&command).await.map_err(|why| why.to_string())?;
    if output.status == Some(0) { Ok(output.stdout) } else { Err(format!("{:?}: {}", output.status, output.stderr)) }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

/// As many words as asked for, each as it was sent; the trap was not sprung.
#[tokio::main]
pub async fn words_and_paths_arrive_as_they_are() {
    let up = Up::start("names-words", &[]);
    let cloud = up.cloud();
    let remote = cloud.connect(&instance(&cloud, "web-1").await).await.unwrap();
    let handle = tokio::runtime::Handle::current();
    let wait = |work: Vec<String>| handle.block_on(exec(&*remote, work));
    tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(Config { cases: 120, failure_persistence: None, ..Config::default() });
        let sent = prop::collection::vec(HOSTILE, 1..5);
        let arrive = |sent: Vec<String>| {
            let argv = words(&["printf", "%s\\0"]).into_iter().chain(sent.iter().cloned()).collect();
            let came = wait(argv).map_err(TestCaseError::fail)?;
            prop_assert_eq!(came.split_terminator('\0').map(str::to_string).collect::<Vec<_>>(), sent);
            Ok(())
        };
        runner.run(&sent, arrive).unwrap();
        let written = |name: String| {
            let path = Path::new("/tmp/in").join(format!("f{}", name.replace('/', "-")));
            let shown = path.display().to_string();
            let content = FileContent::Text(format!("of {shown}"));
            handle
                .block_on(remote.upload(&FileSpec { path, content, mode: 0o600 }))
                .map_err(|why| TestCaseError::fail(why.to_string()))?;
            prop_assert_eq!(wait(words(&["cat", "--", &shown])), Ok(format!("of {shown}")));
            prop_assert_eq!(wait(words(&["rm", "--", &shown])), Ok(String::new()));
            Ok(())
        };
        let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
        runner.run(&HOSTILE, written).unwrap();
        let long = "a b;'$(x)".repeat(2_000);
        assert!(wait(words(&["printf", "%s", &long])).is_ok_and(|came| came == long), "18 kB, and quoted more");
    });
    let zero = exec(&*remote, words(&["printf", "a\0b"])).await.unwrap_err();
    assert!(zero.contains("zero byte"), "{zero}");
    let endless = exec(&*remote, words(&["printf", &"a".repeat(300_000)])).await;
    assert!(endless.is_err_and(|why| why.len() < 1000), "no kernel takes a word of 300 kB, and nobody reads it");
    let path = "/tmp/a\0b".into();
    let zero = remote.upload(&FileSpec { path, content: FileContent::Text("x".into()), mode: 0o600 }).await;
    assert!(zero.unwrap_err().to_string().contains("zero byte"));
}

fn attack(testbed: &Testbed, out: &Path, more: &[&str]) -> Output {
    let mut command = chimp(&["attack", "fault"]);
    command.args(more).arg("--testbed").arg(testbed.socket()).arg("--out").arg(out);
    run(&mut command)
}

/// The states of those that run under this name; the kernel keeps 15 bytes of it.
async fn named(remote: &dyn Remote, name: &str) -> Vec<String> {
    const SCRIPT: &str = r#"for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = "$1" ] && grep State: "$process/status"
    done; exit 0"#;
    let shown = exec(remote, words(&["sh", "-c", SCRIPT, "sh", &name[..name.len().min(15)]])).await.unwrap();
    shown.lines().map(|line| line.trim_start_matches("State:").trim().to_string()).collect()
}

/// Waits until those that run under this name are in these states: for a moment one that is on its way to sleep runs, and
/// one that was just started is still called as who started it.
async fn are(remote: &dyn Remote, name: &str, states: &[&str]) {
    let begun = Instant::now();
    loop {
        let seen = named(remote, name).await;
        if seen == states {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "{name:?}: {seen:?} and not {states:?} after {LIMIT:?}");
    }
}

/// Starts a copy of `sleep` called so, and waits until it sleeps.
async fn start(remote: &dyn Remote, name: &str) {
    const SCRIPT: &str = r#"cp /usr/bin/sleep "$1" && exec setsid -f "$1" 1000 </dev/null >/dev/null 2>&1"#;
    exec(remote, words(&["sh", "-c", SCRIPT, "sh", &format!("/tmp/{name}")])).await.unwrap();
    are(remote, name, &["S (sleeping)"]).await;
}

const NAMES: [&str; 9] =
    ["a b", "it's", "say \"hi\"", "; touch trap", "$(touch trap)", "-9", "--full", ".*", "n\u{e4}me-of-many-bytes"];

#[tokio::main]
pub async fn a_process_of_any_name_is_stopped_and_killed_and_no_other() {
    let up = Up::start("names-processes", &[]);
    let (cloud, testbed) = (up.cloud(), up.testbed());
    let remote = cloud.connect(&instance(&cloud, "web-1").await).await.unwrap();
    start(&*remote, "bystander").await;
    for name in NAMES {
        start(&*remote, name).await;
        let with = serde_json::json!({ "process": name }).to_string();
        let on = ["--server", "web-1", "--with", &with];
        let stopped = attack(&testbed, up.folder.path(), &[&["process-stops", "--for", "100ms"][..], &on].concat());
        assert!(stdout(&stopped).contains("1 of 1 processes stopped (T)"), "{name:?}");
        assert_eq!(stopped.status.code(), Some(0), "{name:?}");
        are(&*remote, name, &["S (sleeping)"]).await;
        let killed = attack(&testbed, up.folder.path(), &[&["process-dies"][..], &on].concat());
        assert_eq!(killed.status.code(), Some(0), "{name:?}");
        are(&*remote, name, &[]).await;
        are(&*remote, "bystander", &["S (sleeping)"]).await;
    }
    for fault in [&["process-dies"][..], &["process-stops", "--for", "100ms"]] {
        let on = ["--server", "web-1", "--with", r#"{"process": "bystandre"}"#];
        let missed = attack(&testbed, up.folder.path(), &[fault, &on].concat());
        let told = (stdout(&missed) + &stderr(&missed)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(": there are bystander"), "{fault:?}: {told}");
    }
    are(&*remote, "bystander", &["S (sleeping)"]).await;
    assert!(exec(&*remote, words(&["ls", TRAP])).await.is_err());
}

pub fn names_that_nothing_can_have_are_refused_before_anything_is_done() {
    let up = Up::start("names-refused", &[]);
    let out = up.folder.path().join("out");
    for name in ["a\nb", "\u{1}", "", "   ", "a\0b"] {
        let with = serde_json::json!({ "process": name }).to_string();
        let refused = attack(&up.testbed(), &out, &["process-dies", "--server", "web-1", "--with", &with]);
        assert_eq!(refused.status.code(), Some(2), "{name:?}");
        assert!(stderr(&refused).contains("a process needs a name"), "{name:?}");
    }
    for server in ["web-1; touch trap", "$(web-1)", "", "web-1\n", "../web-1", "\u{e4}", "--on=web-1"] {
        let refused = attack(&up.testbed(), &out, &["hangs", "--for", "1s", "--server", server]);
        assert_eq!(refused.status.code(), Some(2), "{server:?}");
        assert!(stderr(&refused).contains("there is no server") || server.starts_with('-'), "{server:?}");
    }
    assert!(!out.exists(), "nothing was begun");
}

/// Rust's own files below a folder.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.extension() {
            _ if path.is_dir() => found.extend(sources(&path)),
            // Unit tests may try what they please.
            Some(extension) if extension == "rs" && !path.ends_with("tests.rs") => {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
            _ => {}
        }
    }
    found
}

/// What follows `-c` is a constant or a literal: never made of anything.
pub fn no_shell_is_given_a_line_that_was_made_of_data() {
    let line_of = regex::Regex::new(r#""-c",\s*(?:&?[A-Z][A-Z_]*\b|"(?:[^"\\]|\\.)*")"#).unwrap();
    let raw = regex::Regex::new(r##"(?s)r#".*?"#"##).unwrap();
    let any = regex::Regex::new(r#""-c""#).unwrap();
    let mut seen = 0;
    for (path, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        // A line under `runcmd` is written as shell by who wrote the role, or the user data.
        let text = &text.replace(r#""-c".into(), line.clone()"#, "");
        let (all, fixed) = (any.find_iter(text).count(), line_of.find_iter(text).count());
        assert_eq!(all, fixed, "{path}: a shell's line that is no constant");
        // What stands in a raw literal is constant, whatever it says.
        let text = raw.replace_all(text, "");
        assert!(!text.contains("format!(\"sh ") && !text.contains("sh -c '"), "{path}");
        seen += all;
    }
    assert!(seen >= 3, "this test looks for what is no longer there");
}
