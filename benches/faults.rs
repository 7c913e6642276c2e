//! How exact delay, loss and rate are on an instance of the local cloud, measured on the wire by ICMP echoes.
//!
//! `cargo bench --bench faults`, as root, on a machine that does nothing else.

mod support;
#[path = "../tests/wire/mod.rs"]
mod wire;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anarcho_chimp::agent::probe;
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};
use wire::trial::{Tolerance, Trial};

/// What is aimed at, on an unloaded machine.
const GOALS: Tolerance =
    Tolerance { p50: Duration::from_millis(1), p99: Duration::from_millis(5), loss_points: 3.0, rate_share: 0.1 };

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: measures only under `cargo bench`");
        return ExitCode::SUCCESS;
    }
    for (need, finding) in probe::probe() {
        let (Ok(used) | Err(used)) = finding;
        println!("{need:?}: {used}");
    }
    support::in_sandbox("faults", measure)
}

async fn measure(zygote: Zygote, logs: &Path) -> Result<(), String> {
    let cloud = LocalCloud::create(&zygote, 0, logs.into()).await.map_err(|why| why.to_string())?;
    let instance = cloud.boot(&support::spec(&cloud)).await.map_err(|why| why.to_string())?;
    let remote = cloud.connect(&instance).await.map_err(|why| why.to_string())?;
    let trial = Trial { remote: &*remote, address: instance.address };
    println!("\n| asked | measured | goal | what the kernel showed meanwhile |\n|---|---|---|---|");
    println!("{}", trial.delay(1_000, &GOALS).await?);
    println!("{}", trial.jitter(2_000, &GOALS).await?);
    println!("{}", trial.loss(5_000, &GOALS).await?);
    println!("{}", trial.rate(Duration::from_secs(5), &GOALS).await?);
    println!("\ngoals: delay within 1 ms (p50) and 5 ms (p99), loss within 3 points, rate within 10 %");
    Ok(())
}
