//! What an hour at 2,000 requests a second costs: watching it while it is recorded, and judging and rendering it.
//!
//! `cargo bench --bench long`. The history is synthetic: a webserver dies and is replaced every five minutes.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anarcho_chimp::checker::{Expectation, Phase};
use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::RunRecorder;
use anarcho_chimp::history::synthetic::Script;
use anarcho_chimp::history::{History, Request, Source, Watched};
use anarcho_chimp::plan::{Plan, SCHEMA};
use anarcho_chimp::run::bundle::Bundle;
use anarcho_chimp::run::environment;
use anarcho_chimp::run::looks::{LOOK_EVERY, Looks};
use anarcho_chimp::run::watch_end::Needs;
use anarcho_chimp::run::{RunOptions, Sabotage};
use anarcho_chimp::units::{Bound, Percent};

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
    let history = an_hour().history();
    let scenarios = vec![history.plan.clone()];
    let plan = Plan { schema: SCHEMA, seed: 1, provider: "local".into(), scenarios };
    let options = RunOptions {
        out: dir.path().into(),
        jobs: 1,
        retries: 0,
        command: "cargo bench --bench long".into(),
        reproduce: None,
        sabotage: Sabotage::default(),
    };
    let bundle = Bundle::create(dir.path(), environment::look_around(1, &options), &plan).expect("a bundle");
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
    let file = |name: &str| std::fs::metadata(bundle.folder().join(name)).map_or(0, |file| file.len()) / 1_000_000;
    println!("| requests.bin, report.html | {} MB, {} MB | |", file("requests.bin"), file("report.html"));
    ExitCode::SUCCESS
}

fn an_hour() -> Script {
    let mut script = Script::website(4, 2).until(SECONDS * 1_000);
    script.settings.load.rate = RATE;
    for at_ms in (1..SECONDS / EVERY_S).map(|turn| turn * EVERY_S * 1_000) {
        script = script.dies(at_ms, "web-1").replaced(at_ms + 800, at_ms + 1_500, at_ms + 2_500, "web-1");
        script = script.bad(at_ms as f64, at_ms as f64 + 300.0, anarcho_chimp::history::Outcome::Timeout);
    }
    script.expects(Expectation::Availability { phase: Phase::Throughout, bound: Bound::AtLeast(Percent(99.0)) })
}

/// Records the hour second by second, and looks at it as a run does; a second of the record is a second of the run.
fn watch(folder: &Path, history: History) {
    let run = RunRecorder::create(folder, Clock::start()).expect("files to write to");
    let recorder = run.scenario(history.plan.index);
    let needs = Needs::of(&history.plan);
    let (mut watched, mut looks) = (Watched::new(folder, &history.plan), Looks::default());
    let (mut next, mut spent, mut longest, mut count) = (LOOK_EVERY, Duration::ZERO, Duration::ZERO, 0);
    let (mut events, mut probes, mut users) =
        (history.events.into_iter().peekable(), parts(history.probes), parts(history.users));
    for second in 0..SECONDS + 5 {
        let until_us = (second + 1) * 1_000_000;
        while let Some(record) = events.next_if(|record| record.at_us < until_us) {
            recorder.record_at(record.at_us, record.resolution_us, record.event);
        }
        recorder.requests(Source::Prober, probes(until_us));
        recorder.requests(Source::User, users(until_us));
        let now = Duration::from_secs(second + 1);
        if now < next {
            continue;
        }
        recorder.flush().expect("the disk takes it");
        let begun = Instant::now();
        let _ = needs.look(watched.read_on().expect("it can be read"), until_us);
        let took = begun.elapsed();
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
    // SAFETY: the struct is plain numbers, and the call only writes it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let verdict = judged.record.scenarios[0].verdict;
    println!(
        "| `chimp report` ({verdict:?}) | {took:.2?}, {} MB at its peak | < 2 s, < 500 MB |",
        usage.ru_maxrss / 1_000
    );
    ExitCode::SUCCESS
}
