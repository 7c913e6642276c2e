//! What a lease promises: it ends by itself, whoever is gone, and not before.

use std::time::{Duration, Instant};

use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::launch::{ASKED, PROGRAM};

use crate::cycle::effects;
use crate::runner::Case;
use crate::world::{LONG, Outcome, PATIENCE, SHORT, TABLES, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "every_effect_ends_with_its_lease_though_nobody_asks", run: expire },
    Case { name: "a_cut_path_opens_again_when_its_lease_is_over", run: cut_path },
    Case { name: "a_lease_that_is_renewed_goes_on", run: renewed },
    Case { name: "a_holder_that_is_asked_to_end_heals_first", run: asked_to_end },
    Case { name: "what_was_armed_and_never_injected_goes_too", run: never_injected },
];

/// The lease of a path that is cut: that it is cut is seen from two sides meanwhile.
const CUT: Duration = Duration::from_secs(10);

fn expire() -> Outcome {
    inside(async |mut world| {
        let before = {
            world.victim.shell(TABLES).await?;
            world.victim.snapshot().await?
        };
        let orders: Vec<_> = effects(&world)
            .into_iter()
            .enumerate()
            .map(|(n, effect)| world.victim.order(&format!("e{n}"), effect, SHORT))
            .collect();
        let armed = Instant::now();
        for order in &orders {
            world.victim.strike(order).await?;
        }
        // Every session ends here, and whatever was started with it.
        world.victim.remote = world.cloud_remote().await?;
        world.victim.enter(&["sh", "-c", "pkill -9 -x sshd || true"])?;
        world.victim.until_nothing_is_held().await?;
        println!("  {} effects were gone {} ms after the first was armed", orders.len(), armed.elapsed().as_millis());
        for order in &orders {
            let seen = world.victim.observe(order)?;
            claim(!seen.in_force, (&order.effect, seen))?;
        }
        let after = world.victim.snapshot().await?;
        claim(after == before, format!("left\n{after}\nwhere there was\n{before}"))
    })
}

fn cut_path() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let order = victim.order("cut", Effect::DropAll { after: Duration::from_millis(300) }, CUT);
        // Its lease runs from some moment after this one.
        let asked = Instant::now();
        agent.arm(&order).await.map_err(text)?;
        agent.inject(&order.id).await.map_err(text)?;
        while !victim.observe(&order)?.in_force {
            claim(asked.elapsed() < PATIENCE, "never cut")?;
        }
        claim(world.bystander.dial(victim.instance.address, 80).await? == "silence", "the victim answers")?;
        while world.bystander.dial(victim.instance.address, 80).await? != "open" {
            claim(asked.elapsed() < PATIENCE, "cut still")?;
        }
        println!("  the path was open again {} ms after a lease of {CUT:?} was asked for", asked.elapsed().as_millis());
        claim(asked.elapsed() >= order.lease, ("open before", asked.elapsed()))?;
        victim.until_nothing_is_held().await?;
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
        victim.until_nothing_is_held().await?;
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
        victim.until_nothing_is_held().await?;
        claim(!victim.observe(&order)?.in_force, "it did not heal")
    })
}

fn never_injected() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        victim.shell("iptables -w 5 -P FORWARD ACCEPT").await?;
        let before = victim.snapshot().await?;
        let order = victim.order("armed", Effect::DropAll { after: Duration::from_secs(50) }, SHORT);
        victim.agent().arm(&order).await.map_err(text)?;
        victim.agent().inject(&order.id).await.map_err(text)?;
        victim.until_nothing_is_held().await?;
        claim(victim.snapshot().await? == before, "something was touched")
    })
}
