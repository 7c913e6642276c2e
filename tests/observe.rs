//! `chimp observe`: true figures of a site that is there already, a gate, and nothing written.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A site that answers its requests, by number, with this status.
fn site(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (status, asked) = (Arc::new(status), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (status, asked) = (Arc::clone(&status), Arc::clone(&asked));
            thread::spawn(move || answer(stream, || status(asked.fetch_add(1, Ordering::SeqCst))));
        }
    });
    address
}

fn answer(mut stream: TcpStream, status: impl Fn() -> u16) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            let answer = format!("HTTP/1.1 {} x\r\ncontent-length: 2\r\n\r\nok", status());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn observe(words: &[&str]) -> Command {
    let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
    chimp.arg("observe").args(words);
    chimp
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), output.stderr.as_slice()].concat()).unwrap()
}

fn figures(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", said(output)))
}

#[test]
fn an_outage_is_measured_and_a_gate_that_it_breaks_is_red() {
    let url = format!("http://{}/", site(|number| if (100..160).contains(&number) { 503 } else { 200 }));
    let gate = ["--slo", "availability >= 99%", "--slo", "availability > 50%", "--json"];
    let output = observe(&[&[&url, "--for", "4s", "--rate", "100"], &gate[..]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let all = figures(&output);
    let seen = &all["figures"];
    let (due, good) = (seen["due"].as_u64().unwrap(), seen["good"].as_u64().unwrap());
    assert_eq!((due - good, &seen["bad"]["status 503"]), (60, &60.into()), "{seen}");
    let outages = seen["outages"].as_array().unwrap();
    let lasted = outages.iter().map(|outage| outage["lasted_ms"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!((500.0..900.0).contains(&lasted), "sixty requests 10 ms apart: {seen}");
    assert!(seen["shortest_outage_ms"].as_f64().unwrap() >= 10.0, "{seen}");
    let verdicts: Vec<_> = all["slos"].as_array().unwrap().iter().map(|slo| &slo["judgement"]["verdict"]).collect();
    assert_eq!(verdicts, ["fail", "pass"]);
}

#[test]
fn figures_come_while_it_goes_on_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}/", site(|_| 200));
    let output =
        observe(&[&url, "--for", "6s", "--rate", "40", "--slo", "p95 < 4s"]).current_dir(&folder).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for expected in [
        "5 of 6 s: ",
        "availability   100 %",
        "p99 takes 1,000 requests",
        "noise floor",
        "✓ PASS p95 < 4s: observed p95",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "something was written");
}

#[test]
fn a_site_that_never_answers_well_is_no_pass() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = observe(&[&format!("http://{closed}"), "--for", "1s"]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("availability   0 %, 0 of ") && said.contains(" refused"), "{said}");
}

#[test]
fn a_signal_ends_it_with_what_was_seen_so_far() {
    let url = format!("http://{}/", site(|_| 200));
    let chimp = observe(&[&url, "--for", "1h"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = chimp;
    let mut first = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("5 of 3600 s: ") && first.contains(" good"), "{first}");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(said(&output).contains("availability   100 %"), "{}", said(&output));
}

#[test]
fn planted_outages_are_found_again_and_a_site_that_fails_by_itself_shows() {
    let url = format!("http://{}/", site(|_| 200));
    let output = observe(&[]).arg("--help").output().unwrap();
    assert!(said(&output).contains("Measure a site that is there already"), "{}", said(&output));
    let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
    let output = chimp.args(["calibrate", &url, "--rate", "50", "--times", "1", "--json"]).output().unwrap();
    let found = figures(&output);
    assert_eq!((output.status.code(), found["unplanted"].as_u64()), (Some(0), Some(0)), "{}", said(&output));
    let longest = found["points"].as_array().unwrap().iter().find(|point| point["planted_ms"] == 5000).unwrap();
    assert_eq!((&longest["seen"], &longest["of"]), (&1.into(), &1.into()), "{found}");
    assert!(longest["bias_ms"].as_f64().unwrap().abs() < 1000.0, "{found}");
}

#[test]
fn the_first_files_are_written_once_and_run_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", site(|_| 200));
    let chimp = |words: &[&str]| {
        let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
        chimp.args(words).current_dir(&folder).output().unwrap()
    };
    let first = chimp(&["init", &url]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let plan = chimp(&["plan", "features/first.feature"]);
    assert!(plan.status.success() && said(&plan).contains(&format!("entry    {url}")), "{}", said(&plan));
    fs::write(folder.path().join("chimp.toml"), "# mine\n").unwrap();
    let again = said(&chimp(&["init", &url]));
    assert_eq!(again.matches("is there already, and was left as it is").count(), 3, "{again}");
    assert_eq!(fs::read_to_string(folder.path().join("chimp.toml")).unwrap(), "# mine\n");
    let neither = chimp(&["init", "shop.test"]);
    assert!(neither.status.code() == Some(2) && said(&neither).contains("neither a URL nor `inventory=FILE`"));
}

#[test]
fn what_can_never_be_told_is_refused_at_once() {
    let refused = |words: &[&str]| {
        let output = observe(words).output().unwrap();
        (output.status.code(), said(&output))
    };
    let site = "http://127.0.0.1:1/";
    for (words, expected) in [
        (&["127.0.0.1:1"][..], "has no scheme"),
        (&["http://no-such-site.invalid"], "http://no-such-site.invalid can't be reached: "),
        (&[site, "--slo", "p99 < 3"], "is not a duration"),
        (&[site, "--slo", "p99.9 < 1s"], "takes 10000 requests, and 20 a second for 1 min are 1200"),
        (&[site, "--rate", "0"], "a number of requests a second above 0 is expected"),
        (&[site, "--for", "soon"], "`soon` is not a duration"),
    ] {
        let (code, said) = refused(words);
        assert!(code == Some(2) && said.contains(expected), "{words:?}: {code:?}, {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("chimp.toml");
    fs::write(&config, "[observe]\nrate = 51\n").unwrap();
    let (code, said) = refused(&[site, "--config", config.to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("chimp.toml:2:") && said.contains("51 is more than 50"), "{said}");
}
