//! How long a fault takes from its request over an open SSH session until the agent has made it.
//!
//! `cargo bench --bench strikes` as root, on a machine that does nothing else.

mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, StrikeId};
use anarcho_chimp::instance::Command;
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::{LocalCloud, Zygote};

const STRIKES: usize = 300;
const GOAL_MS: f64 = 10.0;

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("skipped: measures only under `cargo bench`");
        return ExitCode::SUCCESS;
    }
    support::in_sandbox("strikes", measure)
}

async fn measure(zygote: Zygote, logs: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let cloud = LocalCloud::create(&zygote, 0, logs.into()).await?;
    let instance = cloud.boot(&support::spec(&cloud)).await?;
    let remote = cloud.connect(&instance).await?;
    let agent = Agent::new(&*remote);
    let (mut injected, mut renewed, mut commands) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..STRIKES {
        let (id, effect) = (StrikeId(format!("bench.{n}")), Effect::Port { port: 81, reject: false });
        let (lease, address) = (Duration::from_secs(60), instance.address);
        let order = Order { id, effect, lease, lasts: None, address, heals_nothing: false, ends_early: false };
        agent.arm(&order).await?;
        let begun = Instant::now();
        agent.renew(&order.id).await?;
        renewed.push(begun.elapsed().as_secs_f64() * 1000.0);
        let begun = Instant::now();
        agent.inject(&order.id).await?;
        injected.push(begun.elapsed().as_secs_f64() * 1000.0);
        agent.heal(&order.id).await?;
        let begun = Instant::now();
        remote.exec(&Command::new(["true"])).await?;
        commands.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    println!("| over an open SSH session | p50 ms | p99 ms |\n|---|---|---|");
    println!("| a port is blackholed | {:.1} | {:.1} |", quantile(&mut injected, 0.5), quantile(&mut injected, 0.99));
    println!("| its lease is renewed | {:.1} | {:.1} |", quantile(&mut renewed, 0.5), quantile(&mut renewed, 0.99));
    println!("| `true` | {:.1} | {:.1} |", quantile(&mut commands, 0.5), quantile(&mut commands, 0.99));
    println!("\ngoal: a strike within {GOAL_MS} ms at p99");
    Ok(())
}

fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[((samples.len() - 1) as f64 * share) as usize]
}
