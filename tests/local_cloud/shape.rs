//! Delay, loss and rate on instances, measured on the wire by the harness at the bridge.

use std::time::Duration;

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, StrikeId};
use anarcho_chimp::instance::Instance;
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;

use crate::runner::Case;
use crate::sandboxed::{claim, inside, shell, spec, text};
use crate::wire::trial::{BUSY, Trial, comes_near};

type Outcome = Result<(), String>;

pub const CASES: &[Case] = &[
    Case { name: "delay_jitter_and_loss_are_what_was_asked", run: shaped },
    Case { name: "a_rate_is_what_was_asked", run: limited },
    Case { name: "a_delayer_that_is_killed_lets_everything_through_and_its_rule_is_healed", run: killed },
    Case { name: "somebody_elses_qdisc_is_never_replaced", run: somebody_elses },
];

async fn one(cloud: &LocalCloud) -> Result<Instance, String> {
    cloud.boot(&spec(cloud, 1)).await.map_err(text)
}

fn shaped() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = one(&cloud).await?;
        let remote = cloud.connect(&instance).await.map_err(text)?;
        let trial = Trial { remote: &*remote, address: instance.address };
        comes_near(|| trial.delay(300, &BUSY)).await?;
        comes_near(|| trial.jitter(400, &BUSY)).await?;
        comes_near(|| trial.loss(2_000, &BUSY)).await
    })
}

fn limited() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = one(&cloud).await?;
        let remote = cloud.connect(&instance).await.map_err(text)?;
        let trial = Trial { remote: &*remote, address: instance.address };
        comes_near(|| trial.rate(Duration::from_secs(2), &BUSY)).await
    })
}

fn delay(instance: &Instance, effect: Effect) -> Order {
    let id = StrikeId("shape.1".into());
    let (lease, address) = (Duration::from_secs(60), instance.address);
    Order { id, effect, lease, lasts: None, address, heals_nothing: false, ends_early: false }
}

const DELAY: Effect = Effect::Shape { delay: Duration::from_millis(20), jitter: Duration::ZERO, loss_pct: 0.0 };

/// Where this machine delays by netem there is no delayer: the qdisc stays then until it is healed.
fn killed() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = one(&cloud).await?;
        let remote = cloud.connect(&instance).await.map_err(text)?;
        let (agent, order) = (Agent::new(&*remote), delay(&instance, DELAY));
        agent.arm(&order).await.map_err(text)?;
        agent.inject(&order.id).await.map_err(text)?;
        let seen = agent.observe(&order).await.map_err(text)?;
        claim(seen.in_force, &seen)?;
        let by_queue = seen.evidence.contains("queue");
        shell(&cloud, &instance, "kill -9 $(pgrep -f '__agent [h]old')").await?;
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while agent.observe(&order).await.map_err(text)?.in_force == by_queue {
            claim(std::time::Instant::now() < deadline, "a delay without a delayer")?;
        }
        let held = agent.held().await.map_err(text)?;
        claim(held.len() == 1 && held[0].id == order.id, &held)?;
        agent.heal(&order.id).await.map_err(text)?;
        agent.heal(&order.id).await.map_err(text)?;
        let seen = agent.observe(&order).await.map_err(text)?;
        claim(!seen.in_force, &seen)?;
        let left =
            shell(&cloud, &instance, "iptables-save | grep -c anarcho; ls /run/anarcho-chimp | grep -v lock; true")
                .await?;
        claim(left.trim() == "0", left)
    })
}

fn somebody_elses() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = one(&cloud).await?;
        let remote = cloud.connect(&instance).await.map_err(text)?;
        let (agent, order) = (Agent::new(&*remote), delay(&instance, Effect::Rate { bits_per_s: 1_000_000 }));
        let theirs =
            "tc qdisc replace dev eth0 root handle 7: tbf rate 1gbit burst 64k limit 1m; tc qdisc show dev eth0";
        let before = shell(&cloud, &instance, theirs).await?;
        let refused = agent.arm(&order).await;
        claim(refused.as_ref().is_err_and(|why| why.to_string().contains("tbf 7:")), &refused)?;
        shell(&cloud, &instance, "tc qdisc del dev eth0 root").await?;
        agent.arm(&order).await.map_err(text)?;
        agent.inject(&order.id).await.map_err(text)?;
        // Somebody puts theirs in its place: that is not ours to remove.
        claim(shell(&cloud, &instance, theirs).await? == before, "replaced")?;
        claim(!agent.observe(&order).await.map_err(text)?.in_force, "not ours")?;
        agent.heal(&order.id).await.map_err(text)?;
        let after = shell(&cloud, &instance, "tc qdisc show dev eth0").await?;
        claim(after == before, (after, before))
    })
}
