//! What a request costs its sender, in µs of CPU: the prober (recording to disk as in a run) and goose users beside
//! wrk, ab and hey, over kept-alive connections to the same nginx. And how goose users scale.
//!
//! `cargo bench --bench prober`; a tool that is not installed is left out.

#[path = "site/mod.rs"]
mod site;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::request_log;
use anarcho_chimp::history::{REQUESTS_FILE, RunRecorder, Source};
use anarcho_chimp::load::{PreparedRequest, Prober, ProberConfig, Site, Users, UsersConfig};
use anarcho_chimp::settings::RequestSettings;
use site::{Nginx, number_after, run};

const SECONDS: u64 = 5;

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if !site::asked_to_measure() {
        return ExitCode::SUCCESS;
    }
    let nginx = Nginx::start().expect("nginx is installed (apt-get install nginx)");
    println!("| who | requests | CPU µs a request | lateness p50 / p99 |\n|---|---|---|---|");
    bare(&nginx, 1_000);
    for rate in [500.0, 1_000.0, 5_000.0, 10_000.0] {
        prober(&nginx, rate);
    }
    users(&nginx, 50, Duration::ZERO);
    tool("wrk", &["-t1", "-c50", &format!("-d{SECONDS}s")], &nginx.url(), |out| {
        let end = out.find(" requests in")?;
        out[..end].split_whitespace().last()?.parse().ok()
    });
    tool("ab", &["-k", "-q", "-c50", "-t", &SECONDS.to_string(), "-n", "100000000"], &nginx.url(), |out| {
        number_after(out, "Complete requests:")
    });
    tool("hey", &["-c", "50", "-z", &format!("{SECONDS}s")], &nginx.url(), |out| number_after(out, "[200]"));
    tool("hey", &["-c", "50", "-q", "20", "-z", &format!("{SECONDS}s")], &nginx.url(), |out| {
        number_after(out, "[200]")
    });
    println!("\n| goose users | all connected and answered after | memory a user |\n|---|---|---|");
    for count in [1_000, 5_000] {
        crowd(&nginx, count);
    }
    ExitCode::SUCCESS
}

/// What this machine takes for the least that a paced request needs, without any HTTP client: sleep until it is due,
/// write, sleep until the answer is there, read.
fn bare(nginx: &Nginx, rate: u32) {
    let mut stream = TcpStream::connect(nginx.address).expect("nginx listens");
    let (before, begun) = (cpu(libc::RUSAGE_SELF), Instant::now());
    let count = rate * SECONDS as u32;
    for k in 0..count {
        let due = begun + k * (Duration::from_secs(1) / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(b"GET / HTTP/1.1\r\nhost: site\r\n\r\n").expect("nginx reads");
        let _ = stream.read(&mut [0; 4096]).expect("nginx answers");
    }
    row(&format!("bare loop, {rate}/s: no client at all"), count.into(), cpu(libc::RUSAGE_SELF) - before, "");
}

fn request(nginx: &Nginx) -> PreparedRequest {
    let site = Site { address: nginx.address.ip(), port: nginx.address.port(), host: "site".into() };
    PreparedRequest::new(&RequestSettings::default(), &site).expect("the default request is valid")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// CPU used so far, user and system: by this process (`libc::RUSAGE_SELF`), or by its children that ended
/// (`libc::RUSAGE_CHILDREN`).
fn cpu(who: libc::c_int) -> Duration {
    // SAFETY: the struct is plain numbers, and the call only writes it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| Duration::from_micros((time.tv_sec * 1_000_000 + time.tv_usec) as u64);
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

fn row(who: &str, requests: u64, spent: Duration, lateness: &str) {
    println!("| {who} | {requests} | {:.1} | {lateness} |", spent.as_secs_f64() * 1e6 / requests as f64);
}

/// In this process, so that the recorder's thread counts too.
fn prober(nginx: &Nginx, rate: f64) {
    let dir = tempfile::tempdir().expect("a folder");
    let run = RunRecorder::create(dir.path(), Clock::start()).expect("a folder to write to");
    let deadline = Duration::from_secs(5);
    let config = ProberConfig { request: request(nginx), rate, deadline, in_flight: 30_000 };
    let before = cpu(libc::RUSAGE_SELF);
    let prober = Prober::start(config, run.scenario(0)).expect("the prober starts");
    std::thread::sleep(Duration::from_secs(SECONDS));
    block_on(prober.stop()).expect("the prober lives");
    run.finish().expect("the disk takes it");
    let spent = cpu(libc::RUSAGE_SELF) - before;
    let path = dir.path().join(REQUESTS_FILE);
    let requests: Vec<_> =
        request_log::read(&path, 0, Source::Prober).expect("a log").collect::<Result<_, _>>().expect("a whole log");
    assert!(requests.iter().all(|request| request.outcome.is_good()), "nginx failed");
    let mut late: Vec<_> = requests.iter().map(|request| request.late_us).collect();
    late.sort_unstable();
    let quantile = |q: f64| late[((late.len() - 1) as f64 * q) as usize];
    let bytes = std::fs::metadata(&path).expect("it is there").len() as f64 / requests.len() as f64;
    let lateness = format!("{} µs / {} µs ({bytes:.1} B on disk)", quantile(0.5), quantile(0.99));
    row(&format!("prober, {rate}/s"), requests.len() as u64, spent, &lateness);
}

fn start_users(nginx: &Nginx, users: u32, pause: Duration) -> (tempfile::TempDir, RunRecorder, Users) {
    let dir = tempfile::tempdir().expect("a folder");
    let run = RunRecorder::create(dir.path(), Clock::start()).expect("a folder to write to");
    let config = UsersConfig {
        request: request(nginx),
        users,
        pause_min: pause,
        pause_max: pause,
        deadline: Duration::from_secs(10),
    };
    let users = Users::start(config, run.scenario(0)).expect("the users start");
    (dir, run, users)
}

fn users(nginx: &Nginx, count: u32, pause: Duration) {
    let before = cpu(libc::RUSAGE_CHILDREN);
    let (_dir, run, users) = start_users(nginx, count, pause);
    std::thread::sleep(Duration::from_secs(SECONDS));
    let samples = users.samples();
    block_on(users.stop()).expect("the users live");
    run.finish().expect("the disk takes it");
    row(&format!("{count} goose users"), samples, cpu(libc::RUSAGE_CHILDREN) - before, "");
}

fn tool(program: &str, arguments: &[&str], url: &str, requests: impl Fn(&str) -> Option<f64>) {
    let before = cpu(libc::RUSAGE_CHILDREN);
    let Some(out) = run(program, &[arguments, &[url]].concat()) else {
        return println!("| {program} | not installed | | |");
    };
    let spent = cpu(libc::RUSAGE_CHILDREN) - before;
    match requests(&out) {
        Some(requests) => row(&format!("{program} {}", arguments.join(" ")), requests as u64, spent, ""),
        None => println!("| {program} | said nothing usable | | |"),
    }
}

/// A crowd that clicks every 10 s, so that it is the connections that cost.
fn crowd(nginx: &Nginx, count: u32) {
    let begun = Instant::now();
    let (_dir, run, users) = start_users(nginx, count, Duration::from_secs(10));
    while users.samples() < u64::from(count) && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (took, samples) = (begun.elapsed(), users.samples());
    let memory_kb = users.memory_kb().unwrap_or_default() as f64 / f64::from(count);
    block_on(users.stop()).expect("the users live");
    run.finish().expect("the disk takes it");
    println!("| {count} | {:.2} s ({samples} answers) | {memory_kb:.1} kB |", took.as_secs_f64());
}
