//! The process that follows logs on a server, started as a run starts it.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

use anarcho_chimp::agent::follow::reader::{Reader, Report};
use anarcho_chimp::agent::follow::{FollowOrder, Said};
use anarcho_chimp::agent::watch::LISTENED;
use anarcho_chimp::clock::monotonic_us;

use crate::kept::{LIMIT, until};
use crate::support::{Folder, chimp};

struct Follower {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    reader: Reader,
}

impl Follower {
    fn of(logs: &[&Path]) -> Follower {
        let order = FollowOrder { logs: logs.iter().map(|log| log.to_path_buf()).collect() };
        let command = order.command("chimp").argv;
        let words: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        let mut child = chimp(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Follower { child, input, lines: BufReader::new(output).lines(), reader: Reader::new(logs.len()) }
    }

    /// The next report that says something.
    fn says(&mut self) -> Report {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT, "it only lives");
            self.input.as_mut().unwrap().write_all(b"\n").unwrap();
            let line = self.lines.next().expect("it goes on").unwrap();
            let report = self.reader.read(&line).unwrap();
            if !report.said.is_empty() {
                return report;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn what_is_appended_to_a_log_is_reported_with_the_moment_of_its_reading() {
    let folder = Folder::new("followed");
    let (log, missing) = (folder.write("site.log", "old\n"), folder.path().join("missing.log"));
    let mut follower = Follower::of(&[&log, &missing]);
    assert_eq!((follower.says().said, follower.says().log), (vec![Said::From(4)], 1));
    let before_us = monotonic_us();
    OpenOptions::new().append(true).open(&log).unwrap().write_all(b"GET /\n").unwrap();
    let report = follower.says();
    assert_eq!((report.log, report.said), (0, vec![Said::Line { text: "GET /".into(), cut: 0 }]));
    assert!(before_us <= report.read_us && report.read_us <= monotonic_us());
    fs::write(&missing, "first\n").unwrap();
    let said = follower.says().said;
    assert_eq!(said, [Said::From(0), Said::Line { text: "first".into(), cut: 0 }]);
}

pub fn a_follower_ends_with_its_standard_input_or_when_that_is_silent() {
    let folder = Folder::new("followed-ends");
    let log = folder.write("site.log", "");
    let mut follower = Follower::of(&[&log]);
    follower.says();
    drop(follower.input.take());
    until("it ends with its standard input", || follower.child.try_wait().unwrap());
    let mut follower = Follower::of(&[&log]);
    let begun = Instant::now();
    follower.says();
    // It is read from, so nothing but the silence of its input ends it.
    let spoken = follower.lines.by_ref().count();
    until("it ends by itself", || follower.child.try_wait().unwrap());
    assert!(begun.elapsed() >= LISTENED && spoken > 0, "{:?}", begun.elapsed());
}
