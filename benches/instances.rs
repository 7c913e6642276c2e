//! How long instances take to come and go, what they weigh, and how fast they answer over SSH; beside Mininet where
//! it is installed (network namespaces only: no disk, no SSH).
//!
//! `cargo bench --bench instances` as root. Every sample has a sandbox of its own; medians and ranges are printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode};
use std::time::{Duration, Instant};

use anarcho_chimp::instance::{Command, Instance, InstanceSpec, UserData};
use anarcho_chimp::provider::local::sandbox::enter;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};
use anarcho_chimp::provider::{Provider, ProviderError};
use futures::future::try_join_all;

/// Instances, samples, and what is aimed at: up and down in ms.
const SIZES: [(u16, usize, f64, f64); 3] = [(5, 9, 25.0, 400.0), (50, 7, 200.0, 400.0), (200, 5, 800.0, 400.0)];
/// The most an instance may weigh, in KiB.
const WEIGHT_GOAL: f64 = 512.0;
/// Commands on one open session, and the most one may take at the median, in ms.
const COMMANDS: (usize, f64) = (200, 5.0);
/// How many instances are logged in to.
const LOGINS: usize = 5;

/// One sample; times in ms.
#[derive(Default)]
struct Sample {
    up: f64,
    down: f64,
    weight_kib: f64,
    login: f64,
    command: f64,
}

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    let fields =
        [("up ms", 0), ("down ms, links gone", 1), ("KiB each", 2), ("login + command ms", 3), ("command ms", 4)];
    println!("| instances | {} |", fields.map(|(name, _)| name).join(" | "));
    println!("|---|---|---|---|---|---|");
    let mut kept = true;
    for (count, samples, up_goal, down_goal) in SIZES {
        let Some(samples) = (0..samples).map(|_| sample(count)).collect::<Option<Vec<_>>>() else {
            return ExitCode::FAILURE;
        };
        let columns = fields.map(|(_, field)| samples.iter().map(|sample| sample.field(field)).collect::<Vec<_>>());
        println!("| {count} | {} |", columns.clone().map(show).join(" | "));
        let medians = columns.map(median);
        kept &=
            medians[0] <= up_goal && medians[1] <= down_goal && medians[2] <= WEIGHT_GOAL && medians[4] <= COMMANDS.1;
        if let Some((up, down)) = mininet(count) {
            println!("| Mininet, {count} | {up:.0} | {down:.0} | – | – | – |");
            println!("| ratio | {:.1} × | {:.1} × | | | |", up / medians[0], down / medians[1]);
        }
    }
    println!("\ngoals: up ≤ 25, 200, 800 ms; down ≤ 400 ms; ≤ 512 KiB each; a command ≤ 5 ms: {}", verdict(kept));
    ExitCode::SUCCESS
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "missed" }
}

impl Sample {
    fn field(&self, number: usize) -> f64 {
        [self.up, self.down, self.weight_kib, self.login, self.command][number]
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn show(values: Vec<f64>) -> String {
    let (low, high) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
    let median = median(values);
    if median < 20.0 {
        format!("{median:.1} ({low:.1}–{high:.1})")
    } else {
        format!("{median:.0} ({low:.0}–{high:.0})")
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// One sample in a sandbox of its own, which hands its figures out through a file.
fn sample(count: u16) -> Option<Sample> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-instances-{}", std::process::id()));
    fs::create_dir_all(&folder).ok()?;
    let figures = folder.join("figures");
    let ended = enter(|zygote| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        match runtime.block_on(measure(zygote, count, folder.clone())) {
            Ok(sample) => {
                let text: Vec<String> = (0..5).map(|field| sample.field(field).to_string()).collect();
                u8::from(fs::write(&figures, text.join(" ")).is_err())
            }
            Err(why) => {
                eprintln!("{why}");
                1
            }
        }
    });
    let text = fs::read_to_string(&figures).unwrap_or_default();
    let _ = fs::remove_dir_all(&folder);
    if !matches!(ended, Ok(0)) {
        eprintln!("no sample: {ended:?}");
        return None;
    }
    let mut values = text.split(' ').filter_map(|word| word.parse().ok());
    let mut next = || values.next();
    Some(Sample { up: next()?, down: next()?, weight_kib: next()?, login: next()?, command: next()? })
}

async fn measure(zygote: Zygote, count: u16, logs: PathBuf) -> Result<Sample, ProviderError> {
    let cloud = LocalCloud::create(&zygote, 0, logs).await?;
    let specs: Vec<_> = (1..=count).map(|n| spec(&cloud, n)).collect();
    let free = memory_kib();
    let begun = Instant::now();
    let instances = try_join_all(specs.iter().map(|spec| cloud.boot(spec))).await?;
    let up = ms(begun.elapsed());
    let weight_kib = (free - memory_kib()) / f64::from(count);
    let login = log_in(&cloud, &instances).await?;
    let command = converse(&cloud, &instances[0]).await?;
    let begun = Instant::now();
    cloud.close().await?;
    let down = ms(begun.elapsed());
    let links = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    assert_eq!(links.lines().skip(2).count(), 1, "only the loopback interface is left");
    Ok(Sample { up, down, weight_kib, login, command })
}

/// Memory that is neither used nor a cache that could go.
fn memory_kib() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("MemAvailable:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

fn spec(cloud: &LocalCloud, n: u16) -> InstanceSpec {
    InstanceSpec {
        name: format!("node-{n}"),
        zone: None,
        tags: Vec::new(),
        address: cloud.address(n + 1),
        user_data: UserData::default(),
        boot_delay: Duration::ZERO,
    }
}

/// The median of first commands, login included, on instances spread over all of them.
async fn log_in(cloud: &LocalCloud, instances: &[Instance]) -> Result<f64, ProviderError> {
    let mut times = Vec::new();
    for instance in instances.iter().step_by(instances.len() / LOGINS) {
        let begun = Instant::now();
        cloud.connect(instance).await?.exec(&Command::new(["true"])).await?;
        times.push(ms(begun.elapsed()));
    }
    Ok(median(times))
}

/// The median of commands on one open session.
async fn converse(cloud: &LocalCloud, instance: &Instance) -> Result<f64, ProviderError> {
    let remote = cloud.connect(instance).await?;
    let mut times = Vec::new();
    for _ in 0..COMMANDS.0 {
        let begun = Instant::now();
        remote.exec(&Command::new(["true"])).await?;
        times.push(ms(begun.elapsed()));
    }
    Ok(median(times))
}

/// Mininet's times in ms, up and down, the median of three; `None` where it is not installed.
fn mininet(count: u16) -> Option<(f64, f64)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/beside_mininet.py");
    let run = || {
        let output = Program::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "/usr/bin/python3", script])
            .arg(count.to_string())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (up, down) = text.trim().split_once(' ')?;
        Some((up.parse::<f64>().ok()?, down.parse::<f64>().ok()?))
    };
    let times = (0..3).map(|_| run()).collect::<Option<Vec<_>>>()?;
    let (ups, downs) = times.into_iter().unzip();
    Some((median(ups), median(downs)))
}
