//! A fault that an agent holds on a server: it ends with its lease, and can be healed. The agent is there already: what
//! would be deployed is the program that asks, and that is a test.

use std::time::{Duration, Instant};

use anarcho_chimp::agent::client::Agent;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, StrikeId};

use crate::checks::{Checked, claim, text};
use crate::ground::Ground;

/// An unused port is blackholed.
async fn order(ground: &Ground, name: &str, lease: Duration) -> Result<Order, String> {
    let address = ground.instance("web-2").await?.address;
    let (id, effect) = (StrikeId(format!("conformance.{name}")), Effect::Port { port: 81, reject: false });
    Ok(Order { id, effect, lease, lasts: None, address, heals_nothing: false, ends_early: false })
}

pub async fn leased(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let agent = Agent::new(&*remote);
    let order = order(ground, "leased", Duration::from_secs(3)).await?;
    agent.arm(&order).await.map_err(text)?;
    agent.inject(&order.id).await.map_err(text)?;
    let begun = Instant::now();
    claim(agent.observe(&order).await.map_err(text)?.in_force, "it is not in force")?;
    while agent.observe(&order).await.map_err(text)?.in_force || !agent.held().await.map_err(text)?.is_empty() {
        claim(begun.elapsed() < Duration::from_secs(60), "it is in force still")?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

pub async fn healed(ground: &Ground) -> Checked {
    let remote = ground.remote("web-2").await?;
    let agent = Agent::new(&*remote);
    let order = order(ground, "healed", Duration::from_secs(300)).await?;
    agent.arm(&order).await.map_err(text)?;
    agent.inject(&order.id).await.map_err(text)?;
    for _ in 0..2 {
        agent.heal(&order.id).await.map_err(text)?;
        claim(!agent.observe(&order).await.map_err(text)?.in_force, "it is in force still")?;
    }
    claim(agent.held().await.map_err(text)?.is_empty(), "something is held still")?;
    Ok(None)
}
