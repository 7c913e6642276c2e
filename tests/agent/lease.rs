//! What a lease promises: it ends by itself, whoever is gone, and not before.

use std::time::{Duration, Instant};

use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{ASKED, PROGRAM};

use crate::cycle::effects;
use crate::runner::Case;
use crate::world::{GRACE, LONG, Outcome, SHORT, TABLES, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "every_effect_ends_with_its_lease_though_nobody_asks", run: expire },
    Case { name: "a_cut_path_opens_again_when_its_lease_is_over", run: cut_path },
    Case { name: "a_lease_that_is_renewed_goes_on", run: renewed },
    Case { name: "a_holder_that_is_asked_to_end_heals_first", run: asked_to_end },
    Case { name: "what_was_armed_and_never_injected_goes_too", run: never_injected },
];

fn expire() -> Outcome {
    inside(async |mut world| {
        let before = {
            world.victim.shell(TABLES).await?;
            world.victim.snapshot()?
        };
        let orders: Vec<_> = effects(&world)
            .into_iter()
            .enumerate()
            .map(|(n, effect)| world.victim.order(&format!("e{n}"), effect, Duration::from_secs(4)))
            .collect();
        let armed = Instant::now();
        for order in &orders {
            world.victim.strike(order).await?;
        }
        // Every session ends here, and whatever was started with it.
        world.victim.remote = world.cloud_remote().await?;
        world.victim.enter(&["sh", "-c", "pkill -9 -x sshd || true"])?;
        world.victim.nothing_held_within(orders[0].lease + GRACE).await?;
        println!("  {} effects were gone {} ms after the first was armed", orders.len(), armed.elapsed().as_millis());
        for order in &orders {
            let seen = world.victim.observe(order)?;
            claim(!seen.in_force, (&order.effect, seen))?;
        }
        let after = world.victim.snapshot()?;
        claim(after == before, format!("left\n{after}\nwhere there was\n{before}"))
    })
}

fn cut_path() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let order = victim.order("cut", Effect::Policies { after: Duration::from_millis(300) }, Duration::from_secs(4));
        agent.arm(&order).await.map_err(text)?;
        let armed = Instant::now();
        agent.inject(&order.id).await.map_err(text)?;
        while !victim.observe(&order)?.in_force {
            claim(armed.elapsed() < order.lease, "never cut")?;
        }
        claim(world.bystander.dial(victim.instance.address, 80).await? == "silence", "the victim answers")?;
        while world.bystander.dial(victim.instance.address, 80).await? != "open" {
            claim(armed.elapsed() < order.lease + GRACE, "cut still")?;
        }
        println!("  the path was open again {} ms after a lease of 4 s began", armed.elapsed().as_millis());
        claim(armed.elapsed() + Duration::from_millis(50) > order.lease, ("open before", armed.elapsed()))?;
        victim.nothing_held_within(GRACE).await?;
        let seen = agent.observe(&order).await.map_err(text)?;
        claim(!seen.in_force && seen.evidence == "policies INPUT ACCEPT, OUTPUT ACCEPT, FORWARD ACCEPT", seen)?;
        claim(agent.held().await.map_err(text)?.is_empty(), "held")
    })
}

fn renewed() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let order = victim.order("renewed", Effect::Port { port: 80, reject: true }, SHORT);
        victim.strike(&order).await?;
        let begun = Instant::now();
        while begun.elapsed() < order.lease * 3 / 2 {
            agent.renew(&order.id).await.map_err(text)?;
            claim(agent.observe(&order).await.map_err(text)?.in_force, ("gone after", begun.elapsed()))?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        victim.nothing_held_within(order.lease + GRACE).await?;
        claim(!agent.observe(&order).await.map_err(text)?.in_force, "there still")?;
        let late = agent.renew(&order.id).await.err().map(text).unwrap_or_default();
        claim(late.contains("its lease is over"), late)
    })
}

fn asked_to_end() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        let order = victim.order("asked", Effect::StopProcess { process: "site".into() }, LONG);
        victim.strike(&order).await?;
        victim.enter(&["pkill", "-HUP", "-f", &format!("{PROGRAM} {ASKED} hold asked")])?;
        claim(victim.observe(&order)?.in_force, "a hang-up ends it")?;
        victim.enter(&["pkill", "-TERM", "-o", "-f", &format!("{PROGRAM} {ASKED} hold asked")])?;
        victim.nothing_held_within(GRACE).await?;
        claim(!victim.observe(&order)?.in_force, "it did not heal")
    })
}

fn never_injected() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        victim.shell("iptables -w 5 -P FORWARD ACCEPT").await?;
        let before = victim.snapshot()?;
        let order = victim.order("armed", Effect::Policies { after: Duration::from_secs(50) }, SHORT);
        victim.agent().arm(&order).await.map_err(text)?;
        victim.agent().inject(&order.id).await.map_err(text)?;
        victim.nothing_held_within(SHORT + GRACE).await?;
        claim(victim.snapshot()? == before, "something was touched")
    })
}
