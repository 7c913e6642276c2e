//! The freeze test: who notices that a site hung for 2 s in a run of 20 s?
//!
//! Every process of an nginx is stopped (SIGSTOP) for 2 s. The truth is what users would have met who come evenly,
//! computed from the freeze's real begin and end. Each tool has a run of its own, one after another.
//!
//! `cargo bench --bench freeze`; a tool that is not installed is left out.

#[path = "site/mod.rs"]
mod site;

use std::process::ExitCode;
use std::time::Duration;

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::Memory;
use anarcho_chimp::history::{Recorder, Request, Source};
use anarcho_chimp::load::{PreparedRequest, Prober, ProberConfig, Site};
use anarcho_chimp::settings::RequestSettings;
use goose::config::GooseConfiguration;
use goose::prelude::*;
use nix::sys::signal::Signal;
use site::{Nginx, number_after, run};

const RUN: Duration = Duration::from_secs(20);
const FREEZE_AT: Duration = Duration::from_secs(9);
const FREEZE: Duration = Duration::from_secs(2);
const RATE: f64 = 1_000.0;
/// The hidden argument that makes this program a load test of goose's own.
const GOOSE: &str = "__goose-own";

/// What somebody says about the run. Times in seconds, shares in percent.
struct Figures {
    p99_s: f64,
    within_1_s: Option<f64>,
    within_100_ms: Option<f64>,
    /// The longest downtime window: from the first request that missed 0.1 s to the next of 200 ms of good ones.
    outage_s: Option<f64>,
    /// The longest time without any answer.
    silence_s: Option<f64>,
    note: String,
}

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if std::env::args().nth(1).is_some_and(|argument| argument == GOOSE) {
        return goose_own();
    }
    if !site::asked_to_measure() {
        return ExitCode::SUCCESS;
    }
    println!("| who | p99 | availability, D = 1 s | D = 0.1 s | longest silence | longest outage, D = 0.1 s | |");
    println!("|---|---|---|---|---|---|---|");
    let (truth, ours) = prober();
    truth.row("truth: even arrivals");
    ours.row("prober, open loop, 1,000/s");
    let seconds = RUN.as_secs().to_string();
    tool("ab", &["-k", "-q", "-c50", "-t", &seconds, "-n", "100000000"], ab);
    tool("hey", &["-c", "50", "-z", &format!("{seconds}s")], hey);
    tool("hey", &["-c", "50", "-q", "20", "-z", &format!("{seconds}s")], hey);
    tool("wrk", &["-t1", "-c50", "--latency", &format!("-d{seconds}s")], wrk);
    let this = std::env::current_exe().expect("this program has a path");
    let this = this.to_str().expect("a path in UTF-8");
    tool(this, &[GOOSE, "0"], goose_said);
    tool(this, &[GOOSE, "1000"], goose_said);
    let verdict = ours.against(&truth);
    println!("\n{verdict}");
    if verdict.starts_with("within") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Figures {
    fn row(&self, who: &str) {
        let percent = |share: Option<f64>| share.map_or("not said".into(), |share| format!("{share:.2} %"));
        let seconds = |seconds: Option<f64>| seconds.map_or("not said".into(), |seconds| format!("{seconds:.3} s"));
        println!(
            "| {who} | {:.3} s | {} | {} | {} | {} | {} |",
            self.p99_s,
            percent(self.within_1_s),
            percent(self.within_100_ms),
            seconds(self.silence_s),
            seconds(self.outage_s),
            self.note
        );
    }

    /// Whether these are as near to the truth as the prober promises: 2 %, and ±20 ms for the outage.
    fn against(&self, truth: &Figures) -> String {
        let off = |ours: Option<f64>, truth: Option<f64>| match (ours, truth) {
            (Some(ours), Some(truth)) => (ours / truth - 1.0) * 100.0,
            _ => f64::INFINITY,
        };
        let offs = [
            off(Some(self.p99_s), Some(truth.p99_s)),
            off(self.within_1_s, truth.within_1_s),
            off(self.within_100_ms, truth.within_100_ms),
        ];
        let by_ms =
            |ours: Option<f64>, truth: Option<f64>| (ours.unwrap_or(f64::INFINITY) - truth.unwrap_or_default()) * 1e3;
        let silence_ms = by_ms(self.silence_s, truth.silence_s);
        // Those that waited are served one after another: the site itself is slow for a moment after the freeze.
        let worked_off_ms = by_ms(self.outage_s, truth.outage_s);
        let near = offs.iter().all(|off| off.abs() <= 2.0) && silence_ms.abs() <= 20.0;
        let word = if near { "within" } else { "outside" };
        format!(
            "{word} 2 % of the truth and ±20 ms: p99 {:+.2} %, availability {:+.2} % and {:+.2} %, \
             silence {silence_ms:+.1} ms; what had waited was worked off {worked_off_ms:+.1} ms after the freeze",
            offs[0], offs[1], offs[2]
        )
    }
}

/// Stops the site for a while; when it really began and ended.
fn freeze(nginx: &Nginx, clock: Clock) -> (u64, u64) {
    std::thread::sleep(FREEZE_AT);
    nginx.signal(Signal::SIGSTOP);
    let begin_us = clock.now_us();
    std::thread::sleep(FREEZE);
    let end_us = clock.now_us();
    nginx.signal(Signal::SIGCONT);
    (begin_us, end_us)
}

fn prober() -> (Figures, Figures) {
    let nginx = Nginx::start().expect("nginx is installed (apt-get install nginx)");
    let site = Site { address: nginx.address.ip(), port: nginx.address.port(), host: "site".into() };
    let request = PreparedRequest::new(&RequestSettings::default(), &site).expect("the default request is valid");
    let config = ProberConfig { request, rate: RATE, deadline: Duration::from_secs(5), in_flight: 10_000 };
    let (recorder, memory) = Recorder::memory(Clock::start());
    let clock = recorder.clock();
    let prober = Prober::start(config, recorder).expect("the prober starts");
    let (begin_us, end_us) = freeze(&nginx, clock);
    std::thread::sleep(RUN - FREEZE_AT - FREEZE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(prober.stop()).expect("the prober lives");
    let requests = requests_of_the_run(&memory);
    let normal_us = median(requests.iter().filter(|r| r.due_us < begin_us).map(|r| u64::from(r.latency_us)));
    let truth = requests.iter().map(|r| {
        let held_us = if (begin_us..end_us).contains(&r.due_us) { end_us - r.due_us } else { 0 };
        (r.due_us, held_us + normal_us)
    });
    let mut late: Vec<_> = requests.iter().map(|r| r.late_us).collect();
    late.sort_unstable();
    let note = format!("lateness p50 {} µs, p99 {} µs", late[late.len() / 2], late[late.len() * 99 / 100]);
    let frozen = format!("frozen for {:.4} s", (end_us - begin_us) as f64 / 1e6);
    let measured = requests.iter().map(|r| (r.due_us, u64::from(r.latency_us)));
    (judged(&truth.collect::<Vec<_>>(), frozen), judged(&measured.collect::<Vec<_>>(), note))
}

/// What was due in the first 20 s.
fn requests_of_the_run(memory: &Memory) -> Vec<Request> {
    let mut requests = memory.requests(Source::Prober);
    let last_us = requests[0].due_us + RUN.as_micros() as u64;
    requests.retain(|request| request.due_us < last_us);
    requests
}

/// Figures from the due time and latency of every request. An outage lasts from its first bad request to the first of
/// 200 ms of good ones.
fn judged(requests: &[(u64, u64)], note: String) -> Figures {
    let share = |deadline_us: u64| {
        requests.iter().filter(|(_, latency_us)| *latency_us <= deadline_us).count() as f64 * 100.0
            / requests.len() as f64
    };
    let mut latencies: Vec<u64> = requests.iter().map(|(_, latency_us)| *latency_us).collect();
    latencies.sort_unstable();
    let p99 = latencies[(latencies.len() * 99).div_ceil(100) - 1];
    let (mut longest, mut open): (u64, Option<(u64, u64)>) = (0, None);
    for (due_us, latency_us) in requests {
        let bad = *latency_us > 100_000;
        open = match open {
            None if bad => Some((*due_us, *due_us)),
            Some((first, last)) if bad && due_us - last <= 200_000 => Some((first, *due_us)),
            Some((first, last)) if due_us - last > 200_000 => {
                longest = longest.max(last - first + (1e6 / RATE) as u64);
                bad.then_some((*due_us, *due_us))
            }
            still => still,
        };
    }
    let mut ends: Vec<u64> = requests.iter().map(|(due_us, latency_us)| due_us + latency_us).collect();
    ends.sort_unstable();
    let silence = ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    Figures {
        p99_s: p99 as f64 / 1e6,
        within_1_s: Some(share(1_000_000)),
        within_100_ms: Some(share(100_000)),
        outage_s: Some(longest as f64 / 1e6),
        silence_s: Some(silence as f64 / 1e6),
        note,
    }
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// One run of a tool with a fresh site, frozen as the prober's was.
fn tool(program: &str, arguments: &[&str], read: impl Fn(&str) -> Option<Figures>) {
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = if arguments[0] == GOOSE { "goose's own figures" } else { name };
    let nginx = Nginx::start().expect("nginx is installed");
    let url = nginx.url();
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(|| run(program, &[arguments, &[url.as_str()]].concat()));
        freeze(&nginx, Clock::start());
        said.join().expect("the tool's thread lives")
    });
    match said.as_deref().map(read) {
        None => println!("| {name} | not installed | | | | |"),
        Some(None) => println!("| {name} | said nothing usable: {:?} | | | | |", said.unwrap_or_default()),
        Some(Some(figures)) => figures.row(&format!("{name} {}", shown(arguments))),
    }
}

fn shown(arguments: &[&str]) -> String {
    match arguments {
        [GOOSE, "0"] => "50 users".into(),
        [GOOSE, rate] => format!("50 users, throttled to {rate}/s"),
        _ => arguments.join(" "),
    }
}

/// A tool knows no deadline: it says what share succeeded, whenever.
fn closed_loop(p99_s: f64, succeeded: f64, failed: f64) -> Option<Figures> {
    let share = Some(succeeded * 100.0 / (succeeded + failed));
    let note = format!("{} requests", succeeded + failed);
    Some(Figures { p99_s, within_1_s: share, within_100_ms: share, outage_s: None, silence_s: None, note })
}

fn ab(said: &str) -> Option<Figures> {
    let failed = number_after(said, "Failed requests:")?;
    closed_loop(number_after(said, "  99%")? / 1e3, number_after(said, "Complete requests:")? - failed, failed)
}

fn hey(said: &str) -> Option<Figures> {
    let good = number_after(said, "[200]")?;
    let errors = said.split("Error distribution:").nth(1).unwrap_or_default();
    let failed: f64 = errors.split('[').skip(1).filter_map(|rest| rest.split(']').next()?.parse::<f64>().ok()).sum();
    let p99 = number_after(said, "99%% in").or_else(|| number_after(said, "99% in"))?;
    closed_loop(p99, good, failed)
}

fn wrk(said: &str) -> Option<Figures> {
    let total: f64 = said[..said.find(" requests in")?].split_whitespace().last()?.parse().ok()?;
    let failed =
        number_after(said, "timeout").unwrap_or(0.0) + number_after(said, "Non-2xx or 3xx responses:").unwrap_or(0.0);
    let p99 = said.lines().find_map(|line| line.trim().strip_prefix("99%"))?.trim();
    let digits = p99.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &p99[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        _ => 1.0,
    };
    closed_loop(digits.parse::<f64>().ok()? * unit, total - failed, failed)
}

fn goose_said(said: &str) -> Option<Figures> {
    let part = |label| number_after(said, label);
    closed_loop(part("p99_us")? / 1e6, part("succeeded")?, part("failed")?)
}

/// goose as its documentation has it: `__goose-own THROTTLE URL`.
fn goose_own() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let seconds = RUN.as_secs().to_string();
    let mut options = vec!["--host", &arguments[1], "--users", "50", "--increase-rate", "200", "--run-time", &seconds];
    options.extend(["--no-telnet", "--no-reset-metrics", "--no-print-metrics", "-qqq"]);
    if arguments[0] != "0" {
        options.extend(["--throttle-requests", &arguments[0]]);
    }
    let attack = async {
        let configuration = GooseConfiguration::parse_args_default(&options).expect("valid options");
        let visit = Transaction::new(std::sync::Arc::new(|user| {
            Box::pin(async move {
                user.get("/").await?;
                Ok(())
            })
        }));
        GooseAttack::initialize_with_config(configuration)?
            .register_scenario(Scenario::new("browse").register_transaction(visit))
            .execute()
            .await
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let metrics = runtime.block_on(attack).expect("goose runs");
    let request = metrics.requests.values().next().expect("one request was made");
    let wanted = (request.raw_data.counter * 99).div_ceil(100);
    let mut seen = 0;
    let p99 = request.raw_data.times_us.iter().find(|(_, count)| {
        seen += **count;
        seen >= wanted
    });
    println!(
        "p99_us {}\nsucceeded {}\nfailed {}",
        p99.map_or(0, |(us, _)| *us),
        request.success_count,
        request.fail_count
    );
    ExitCode::SUCCESS
}
