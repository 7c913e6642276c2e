//! When a holder is killed: healed from its record, or, without one, from what carries the strike's id.

use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::launch::{ASKED, PROGRAM};

use crate::cycle::effects;
use crate::runner::Case;
use crate::world::{LONG, Outcome, Server, TABLES, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "what_a_killed_holder_held_is_healed_from_its_record", run: from_record },
    Case { name: "policies_are_put_back_from_the_record_from_beside", run: policies_from_record },
    Case { name: "traces_without_a_record_are_found_and_removed", run: without_record },
    Case { name: "a_holder_that_hangs_is_ended_and_its_work_undone", run: hanging },
];

fn kill_holders(server: &Server) -> Outcome {
    server.enter(&["sh", "-c", &format!("pkill -9 -f '^{PROGRAM} {ASKED} hold'")]).map(drop)?;
    // Dead, and seen to be: what is asked next must not find it at its socket.
    server.enter(&["sh", "-c", &format!("while pgrep -f '^{PROGRAM} {ASKED} hold'; do :; done")]).map(drop)
}

fn from_record() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        victim.shell(TABLES).await?;
        let before = victim.snapshot().await?;
        let all = effects(&world).into_iter().enumerate();
        let orders: Vec<_> = all.map(|(n, effect)| victim.order(&format!("r{n}"), effect, LONG)).collect();
        for order in &orders {
            victim.strike(order).await?;
        }
        kill_holders(victim)?;
        let held = agent.held().await.map_err(text)?;
        claim(held.len() == orders.len(), &held)?;
        claim(held.iter().all(|held| held.order.is_some() && held.evidence == "a record without a holder"), &held)?;
        for order in orders.iter().rev() {
            for _ in 0..2 {
                agent.heal(&order.id).await.map_err(text)?;
            }
            let seen = agent.observe(order).await.map_err(text)?;
            claim(!seen.in_force, (&order.effect, seen))?;
        }
        claim(agent.held().await.map_err(text)?.is_empty(), "held")?;
        let after = victim.snapshot().await?;
        claim(after == before, format!("left\n{after}\nwhere there was\n{before}"))
    })
}

fn policies_from_record() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        victim.shell("iptables -w 5 -P FORWARD DROP").await?;
        let before = victim.snapshot().await?;
        let order = victim.order("cut", Effect::DropAll { after: std::time::Duration::ZERO }, LONG);
        victim.agent().arm(&order).await.map_err(text)?;
        victim.enter(&[PROGRAM, ASKED, "inject", "cut"])?;
        claim(victim.observe(&order)?.in_force, "not cut")?;
        kill_holders(victim)?;
        for _ in 0..2 {
            victim.enter(&[PROGRAM, ASKED, "heal", "cut"])?;
        }
        let after = victim.snapshot().await?;
        claim(after == before, format!("left\n{after}\nwhere there was\n{before}"))
    })
}

fn without_record() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let deaf = victim.order("deaf", Effect::DropFrom { peers: vec![world.cloud.address(9)] }, LONG);
        let disk = victim.order("disk", Effect::Disk { percent: 20.0 }, LONG);
        for order in [&deaf, &disk] {
            victim.strike(order).await?;
        }
        kill_holders(victim)?;
        victim.enter(&["rm", "-r", "/run/anarcho-chimp"])?;
        let held = agent.held().await.map_err(text)?;
        let seen: Vec<_> = held.iter().map(|held| (held.id.0.as_str(), held.evidence.as_str())).collect();
        claim(
            seen == [("deaf", "a rule in INPUT of filter"), ("disk", "the file /var/tmp/.anarcho-chimp-disk")],
            &seen,
        )?;
        for order in [&deaf, &disk] {
            agent.heal(&order.id).await.map_err(text)?;
            claim(!agent.observe(order).await.map_err(text)?.in_force, order)?;
        }
        claim(agent.held().await.map_err(text)?.is_empty(), "held")
    })
}

/// It is asked how it is first: one that does not answer is not waited for.
fn hanging() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        let order = victim.order("hangs", Effect::StopProcess { process: "site".into() }, LONG);
        victim.strike(&order).await?;
        victim.enter(&["pkill", "-STOP", "-f", &format!("^{PROGRAM} {ASKED} hold")])?;
        victim.agent().heal(&order.id).await.map_err(text)?;
        claim(!victim.observe(&order)?.in_force, "stopped still")?;
        claim(victim.enter(&["sh", "-c", "pgrep -f ' [h]old hangs' || echo none"])? == "none\n", "the holder lives")
    })
}
