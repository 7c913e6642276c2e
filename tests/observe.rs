//! `chimp observe`: true figures of a site that is there already, a gate, and nothing written.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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

/// A site that answers so long after each request.
fn slow_site(answers_after: Duration) -> SocketAddr {
    site(move |_| {
        thread::sleep(answers_after);
        200
    })
}

/// A site that accepts every connection, and never answers.
fn hanging_site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    address
}

fn chimp(words: &[&str]) -> Command {
    let mut chimp = Command::new(env!("CARGO_BIN_EXE_chimp"));
    chimp.args(words).stdin(Stdio::null());
    chimp
}

fn observe(words: &[&str]) -> Command {
    chimp(&[&["observe"], words].concat())
}

/// Debian's `nobody`.
const NOBODY: u32 = 65534;

/// Runs the program in a folder that belongs to a user without any rights, as that user; without root, as who runs the tests. That user
/// may not go where the program was built, so it gets a copy beside its folder.
struct Ordinary(tempfile::TempDir);

impl Ordinary {
    fn new() -> Ordinary {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_chimp"), folder.path().join("chimp")).unwrap();
        if nix::unistd::geteuid().is_root() {
            chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Ordinary(folder)
    }

    fn chimp(&self, words: &[&str]) -> Output {
        let mut chimp = Command::new(self.0.path().join("chimp"));
        chimp.args(words).current_dir(self.folder()).stdin(Stdio::null()).env_remove("CI").env("HOME", self.folder());
        if nix::unistd::geteuid().is_root() {
            chimp.uid(NOBODY).gid(NOBODY);
        }
        chimp.output().unwrap()
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("own")
    }
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An inventory whose users enter at this site, and whose servers are where no one answers.
fn inventory(folder: &Path, entry: &str) -> String {
    let hosts = "hosts:\n  - { name: lb-a, address: 192.0.2.10, role: haproxy }\n  - { name: web-a, address: 192.0.2.11, role: webserver }\n\
                 host_keys: ignore\nlinks: [{ from: lb-a, to: web-a }]\n";
    fs::write(folder.join("staging.yaml"), format!("{hosts}{entry}")).unwrap();
    "inventory=staging.yaml".into()
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
    assert!(first.starts_with("2 of 3600 s: ") && first.contains(" good"), "{first}");
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
    let output = chimp(&["calibrate", &url, "--rate", "50", "--times", "1", "--json"]).output().unwrap();
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
    let chimp = |words: &[&str]| chimp(words).current_dir(&folder).output().unwrap();
    let first = chimp(&["init", &url]);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let plan = chimp(&["plan", "features/first.feature"]);
    assert!(plan.status.success() && said(&plan).contains(&format!("entry    {url}")), "{}", said(&plan));
    fs::write(folder.path().join("chimp.toml"), "# mine\n").unwrap();
    let again = said(&chimp(&["init", &url]));
    assert_eq!(again.matches("is there already, and was left as it is").count(), 3, "{again}");
    assert_eq!(fs::read_to_string(folder.path().join("chimp.toml")).unwrap(), "# mine\n");
    let neither = chimp(&["init", "shop.test"]);
    assert!(neither.status.code() == Some(2) && said(&neither).contains("has no scheme"));
}

#[test]
fn without_a_site_the_first_files_are_for_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let init = |words: &[&str]| chimp(&[&["init"], words].concat()).current_dir(&folder).output().unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[package]\n").unwrap();
    let sandbox = init(&[]);
    assert_eq!(sandbox.status.code(), Some(0), "{}", said(&sandbox));
    assert_eq!(names(folder.path()), [".github", "Cargo.toml", "chimp.toml", "features", "tests"]);
    let plan = chimp(&["plan", "features"]).current_dir(&folder).output().unwrap();
    assert!(plan.status.success() && said(&plan).contains("A webserver dies"), "{}", said(&plan));
    let again = said(&init(&["local"]));
    assert_eq!(again.matches("is there already, and was left as it is").count(), 4, "{again}");
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

#[test]
fn a_site_that_hangs_shows_while_it_does_and_every_request_counts() {
    let url = format!("http://{}/", hanging_site());
    let gate = ["--slo", "availability > 90%", "--slo", "p95 < 1s"];
    let output = observe(&[&[url.as_str(), "--for", "6s", "--rate", "40"], &gate[..]].concat()).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for expected in [
        "5 of 6 s: 0 of ",
        "no answer for ",
        "availability   0 %, 0 of ",
        " not answered in time",
        "✗ FAIL availability > 90%: observed 0 %",
        "✗ FAIL p95 < 1s: observed p95 ≥ 5 s",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn a_latency_is_known_far_better_than_the_time_between_two_probes() {
    let url = format!("http://{}/", slow_site(Duration::from_millis(800)));
    // 500 ms lie between two probes. A busy machine makes a latency longer, and less exactly known by as much.
    let gate = ["--for", "11s", "--rate", "2", "--slo", "median > 350ms", "--json"];
    let output = observe(&[&[url.as_str()], &gate[..]].concat()).output().unwrap();
    let all = figures(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    let judged = &all["slos"][0]["judgement"];
    let [low, value, high] = ["low", "value", "high"].map(|field| judged[field].as_f64().unwrap());
    assert!(low >= 350.0 && low < value && value < high, "{judged}");
    let late_ms = all["figures"]["late_p99_ms"].as_f64().unwrap();
    assert!(high - value >= value / 1000.0 && value - low >= late_ms.min(value / 1000.0), "{judged}");
}

#[test]
fn the_first_figures_come_within_five_seconds() {
    let url = format!("http://{}/", site(|_| 200));
    let begun = Instant::now();
    let mut child = observe(&[&url, "--for", "1h"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    let took = begun.elapsed();
    kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    println!("the first figures came after {took:?}");
    assert!(first.contains(" good · slowest of the last second "), "{first}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn an_environment_is_observed_where_its_users_enter_and_no_server_is_logged_in_to() {
    let folder = tempfile::tempdir().unwrap();
    let address = site(|_| 200);
    let on = inventory(folder.path(), &format!("entry: http://{address}\n"));
    for named in [on, format!("site=http://{address}")] {
        let gate = ["--for", "1s", "--rate", "40", "--slo", "availability > 99%"];
        let output = observe(&[&[named.as_str()], &gate[..]].concat()).current_dir(&folder).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("the users of {named} enter at http://{address}/\n")), "{said}");
        assert!(said.contains(&format!("http://{address}/ observed for 1")), "{said}");
    }
    assert_eq!(names(folder.path()), ["staging.yaml"], "something was written");
}

#[test]
fn an_environment_without_a_site_that_is_there_is_refused_with_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let unsaid = inventory(folder.path(), "");
    for verb in ["observe", "calibrate", "init"] {
        for (site, expected) in [
            ("openstack=my-cloud", "`openstack` boots its servers for a run"),
            ("testbed", "`testbed` does not say where users enter\n  help: write the site's URL"),
            (&unsaid, "staging.yaml does not say where users enter the site\n  help: add a line such as `entry: "),
            ("inventory=nowhere.yaml", "nowhere.yaml"),
            ("inventory", "can't be read"),
            ("staging.yaml", "help: name the file of an inventory so: `inventory=staging.yaml`"),
            ("inventroy=staging.yaml", "did you mean `inventory`?"),
            ("site=http://127.0.0.1:1/path", "the path is set by `path` of `[request]`"),
            (
                "www.example.org",
                "has no scheme\n  help: write for example `https://www.example.org/`, or `inventory=FILE`",
            ),
        ] {
            let output = chimp(&[verb, site]).current_dir(&folder).output().unwrap();
            let said = said(&output);
            assert!(output.status.code() == Some(2) && said.contains(expected), "{verb} {site}: {said}");
            assert_eq!(said.matches("chimp: ").count(), 1, "one error: {said}");
        }
    }
    let output = chimp(&["observe", "local"]).output().unwrap();
    assert!(said(&output).contains("`local` boots its servers for a run"), "{}", said(&output));
    assert_eq!(names(folder.path()), ["staging.yaml"], "something was written");
}

#[test]
fn an_ordinary_user_observes_calibrates_and_runs_a_feature_on_a_site() {
    let (user, url) = (Ordinary::new(), format!("http://{}", site(|_| 200)));
    let passes = |words: &[&str]| {
        let output = user.chimp(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
        said(&output)
    };
    passes(&["observe", &url, "--for", "2s", "--slo", "availability >= 99%"]);
    passes(&["calibrate", &url, "--times", "1"]);
    assert_eq!(names(&user.folder()), [""; 0], "something was written");
    passes(&["init", &url]);
    passes(&["plan", "features"]);
    let run = passes(&["run", "features/first.feature"]);
    assert!(run.contains("The site is steady"), "{run}");
    assert!(names(&user.folder()).contains(&"reports".to_string()));
}

#[test]
fn a_first_file_that_can_t_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("features"), "no folder").unwrap();
    let output = chimp(&["init", "local"]).current_dir(&folder).output().unwrap();
    let told = said(&output);
    assert!(
        output.status.code() == Some(2) && told.contains("chimp: features/first.feature: can't be written: "),
        "{told}"
    );
}

#[test]
fn an_inventory_whose_path_no_plan_could_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let features = folder.path().join("features").join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir_all(&features).unwrap();
    let feature = "Feature: Any\n  Scenario: Any\n    Given the inventory in \"staging.yaml\"\n    \
                   Then availability throughout is at least 99%\n";
    fs::write(features.join("any.feature"), feature).unwrap();
    let output = chimp(&["plan", "features"]).current_dir(&folder).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let detail =
        "any.feature:3: the path of this inventory is not UTF-8: features/caf\u{fffd}/staging.yaml\n  help: rename";
    assert!(output.status.code() == Some(2) && told.contains(detail), "{told}");
}
