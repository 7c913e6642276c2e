//! What an hour at 2,000 requests a second costs: watching it while it is recorded, and judging and rendering it.
//!
//! `cargo bench --bench long`. The history is synthetic: a webserver dies and is replaced every five minutes, latencies vary,
//! and observers say what they say in a run: every second how busy balancers and machine are, ten times a second where
//! each database is.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::RunRecorder;
use anarcho_chimp::history::{
    EVENTS_FILE, Event, History, REQUESTS_FILE, Record, Request, Source, Watched, scenario_folder,
};
use anarcho_chimp::measure::watch_end::Needs;
use anarcho_chimp::plan::{Expectation, Phase, Plan, SCHEMA};
use anarcho_chimp::run::bundle::Bundle;
use anarcho_chimp::run::looks::{LOOK_EVERY, Looks};
use anarcho_chimp::run::provenance;
use anarcho_chimp::run::{RunOptions, Sabotage};
use anarcho_chimp::units::{Bound, HumanDuration, Percent, Quantile};

#[path = "../tests/support/synthetic/mod.rs"]
mod synthetic;

use synthetic::Script;

const SECONDS: u64 = 3_600;
const RATE: f64 = 2_000.0;
/// From one strike to the next.
const EVERY_S: u64 = 300;
/// The hidden argument that makes this program judge and render a bundle.
const REPORT: &str = "--report";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder] = words.as_slice()
        && flag == REPORT
    {
        return report(Path::new(folder));
    }
    if !words.iter().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let history = an_hour();
    let scenarios = vec![history.plan.clone()];
    let plan = Plan { schema: SCHEMA, seed: 1, environment: "local".into(), scenarios };
    let options = RunOptions {
        out: dir.path().into(),
        jobs: 1,
        retries: 0,
        command: "cargo bench --bench long".into(),
        reproduce: None,
        sabotage: Sabotage::default(),
    };
    let bundle = Bundle::create(dir.path(), provenance::look_around(1, &options), &plan).expect("a bundle");
    println!(
        "{} probes, {} users' requests, {} events",
        history.probes.len(),
        history.users.len(),
        history.events.len()
    );
    println!("| what | cost | aimed at |\n|---|---|---|");
    watch(bundle.folder(), history);
    let this = std::env::current_exe().expect("a process has a program");
    let output = Command::new(this).args([REPORT, &bundle.folder().display().to_string()]).output().expect("it starts");
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let file = |path: &Path| std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e6);
    let recorded = bundle.folder().join(scenario_folder(0));
    let files = [recorded.join(REQUESTS_FILE), recorded.join(EVENTS_FILE), bundle.folder().join("report.html")];
    let [requests, events, page] = files.map(|path| file(&path));
    println!("| requests.bin, events.ndjson, report.html | {requests:.0} MB, {events:.1} MB, {page:.2} MB | |");
    ExitCode::SUCCESS
}

fn an_hour() -> History {
    let mut script = Script::website(4, 2).databases(2).until(SECONDS * 1_000);
    script.settings.load.rate = RATE;
    for at_ms in (1..SECONDS / EVERY_S).map(|turn| turn * EVERY_S * 1_000) {
        script = script.dies(at_ms, "web-1").replaced(at_ms + 800, at_ms + 1_500, at_ms + 2_500, "web-1");
        script = script.bad(at_ms as f64, at_ms as f64 + 300.0, anarcho_chimp::history::Outcome::Timeout);
    }
    let bound = Bound::Under(HumanDuration(Duration::from_millis(500)));
    let mut history = script
        .expects(Expectation::Availability { phase: Phase::Throughout, bound: Bound::AtLeast(Percent(99.0)) })
        .expects(Expectation::Latency { quantile: Quantile::At(0.99), phase: Phase::Throughout, bound })
        .expects(Expectation::LongestOutage { bound })
        .history();
    for probe in history.probes.iter_mut().filter(|probe| probe.outcome.is_good()) {
        let noise = (probe.due_us.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32;
        // From 1 to 17 ms, now and then to 80, and sent up to 64 µs late.
        (probe.latency_us, probe.late_us) = (1_000 + noise % 16_384, noise % 64);
        probe.latency_us += if noise.is_multiple_of(1_021) { 64_000 } else { 0 };
    }
    history.events.extend((10..SECONDS * 10).flat_map(seen));
    history.events.sort_by_key(|record| record.at_us);
    history
}

/// What observers see at a tenth of a second.
fn seen(tenth: u64) -> Vec<Record> {
    let (second, at_us) = (tenth / 10, tenth * 100_000 + 7);
    let view = |server: &str, writable| Event::DatabaseView {
        server: server.into(),
        writable,
        gtid: format!("0-1-{}", tenth * 11),
        replicating: true,
        lag_ms: Some(0.0),
    };
    let mut events = vec![view("db-1", true), view("db-2", false)];
    if tenth.is_multiple_of(10) {
        let sessions =
            |balancer: &str| Event::BalancerSessions { balancer: balancer.into(), current: 100 + second % 7 };
        events.extend([sessions("lb-1"), sessions("lb-2")]);
        events.push(Event::Pressure { cpu_some_pct: (second % 5) as f64 });
    }
    events.into_iter().map(|event| Record { at_us, scenario: 0, resolution_us: 100_000, event }).collect()
}

/// Records the hour as it goes, and looks at it as a run does. A look's cost is its processor time, so that what else
/// goes on here does not count.
fn watch(folder: &Path, history: History) {
    let run = RunRecorder::create_by_scenario(folder, Clock::start()).expect("files to write to");
    let recorder = run.scenario(history.plan.index);
    let needs = Needs::of(&history.plan);
    let (mut watched, mut looks) = (Watched::new(folder, &history.plan), Looks::default());
    let (mut next, mut spent, mut longest, mut count) = (LOOK_EVERY, Duration::ZERO, Duration::ZERO, 0_u32);
    let (mut events, mut probes, mut users) =
        (history.events.into_iter().peekable(), parts(history.probes), parts(history.users));
    for step in 1..=SECONDS as u32 * 2 + 10 {
        let now = LOOK_EVERY * step;
        let until_us = now.as_micros() as u64;
        while let Some(record) = events.next_if(|record| record.at_us < until_us) {
            recorder.record_at(record.at_us, record.resolution_us, record.event);
        }
        recorder.requests(Source::Prober, probes(until_us));
        recorder.requests(Source::User, users(until_us));
        if now < next {
            continue;
        }
        recorder.flush().expect("the disk takes it");
        let before = cpu(libc::CLOCK_THREAD_CPUTIME_ID);
        let _ = needs.look(watched.read_on().expect("it can be read"), until_us);
        let took = cpu(libc::CLOCK_THREAD_CPUTIME_ID) - before;
        (spent, longest, count) = (spent + took, longest.max(took), count + 1);
        next = now + looks.pause(took, now);
    }
    run.finish().expect("the disk takes it");
    let percent = 100.0 * spent.as_secs_f64() / SECONDS as f64;
    println!("| watching, of a CPU | {percent:.2} % in {count} looks, the longest {longest:.2?} | < 1 % |");
}

/// Hands out requests in their order, until a moment.
fn parts(requests: Vec<Request>) -> impl FnMut(u64) -> Vec<Request> {
    let mut requests = requests.into_iter().peekable();
    move |until_us| std::iter::from_fn(|| requests.next_if(|request| request.due_us < until_us)).collect()
}

/// What `chimp report` does, with what it took.
fn report(folder: &Path) -> ExitCode {
    let begun = Instant::now();
    let judged = Bundle::open(folder).and_then(|bundle| bundle.render()).expect("it can be judged");
    let took = begun.elapsed();
    let of_a_cpu = cpu(libc::CLOCK_PROCESS_CPUTIME_ID);
    let status = std::fs::read_to_string("/proc/self/status").expect("a process has a status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("?", str::trim);
    let verdict = judged.record.scenarios[0].verdict;
    println!(
        "| `chimp report` ({verdict:?}) | {took:.2?}, {of_a_cpu:.2?} of a CPU, {peak} at its peak | < 2 s, < 500 MB |"
    );
    ExitCode::SUCCESS
}

/// The processor time that was taken so far.
fn cpu(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes the struct.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
