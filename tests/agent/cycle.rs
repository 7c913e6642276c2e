//! Armed, injected, seen, healed, gone: each effect, with what users of the victim notice.

use std::time::Duration;

use anarcho_chimp::agent::Need;
use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::agent::{Order, probe};
use anarcho_chimp::instance::{PowerOp, PowerState};
use anarcho_chimp::launch::{ASKED, PROGRAM};
use anarcho_chimp::provider::Provider;

use crate::runner::Case;
use crate::world::{HOSTILE, LONG, Outcome, SHORT, Server, TABLES, World, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "each_effect_is_seen_only_while_it_is_held_and_leaves_nothing", run: cycles },
    Case { name: "a_deaf_server_and_a_closed_port_are_noticed_by_others", run: is_noticed },
    Case { name: "a_full_disk_is_full_for_its_server_alone", run: full_disk },
    Case { name: "rules_of_somebody_else_stay_as_they_were", run: foreign_rules },
    Case { name: "strikes_that_do_not_fight_stack_and_heal_apart", run: stack },
    Case { name: "a_frozen_server_is_healed_when_the_lease_is_over", run: frozen },
];

/// Every effect that leaves the path of its own heal open.
pub fn effects(world: &World) -> Vec<Effect> {
    let stop = |name: &str| Effect::StopProcess { process: name.into() };
    let delay = Effect::Shape { delay: Duration::from_millis(5), jitter: Duration::ZERO, loss_pct: 0.0 };
    // A kernel that can neither delay by netem nor by a queue is told by the probe, and by tests of the shape itself.
    let shape = probe::probe().iter().any(|(need, found)| *need == Need::DelayQueue && found.is_ok()).then_some(delay);
    let others = [
        Effect::DropFrom { peers: vec![world.bystander.instance.address, world.cloud.address(9)] },
        Effect::Port { port: 80, reject: false },
        Effect::Port { port: 81, reject: true },
        stop("site"),
        stop(HOSTILE),
        // As much as its burner gets where many others want the CPUs too.
        Effect::Cpu { percent: 2.0 },
        Effect::Memory { percent: 0.5 },
        Effect::Disk { percent: 30.0 },
    ];
    others.into_iter().chain(shape).collect()
}

async fn held(server: &Server) -> Result<usize, String> {
    Ok(server.agent().held().await.map_err(text)?.len())
}

fn cycles() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        agent.deploy(LONG).await.map_err(text)?;
        for server in [victim, &world.bystander] {
            server.shell(TABLES).await?;
        }
        let (before, aside) = (victim.snapshot().await?, world.bystander.snapshot().await?);
        for (n, effect) in effects(&world).into_iter().enumerate() {
            let order = victim.order(&format!("{n}.node-1"), effect, LONG);
            victim.strike(&order).await?;
            let seen = agent.held().await.map_err(text)?;
            let whole =
                seen.len() == 1 && seen[0].order.as_ref() == Some(&order) && seen[0].evidence.contains("held by pid");
            claim(whole, ("held", seen))?;
            claim(agent.inject(&order.id).await.is_err(), "injected twice")?;
            let theirs = Order { address: world.bystander.instance.address, ..order.clone() };
            let unaffected = world.bystander.agent().observe(&theirs).await.map_err(text)?;
            claim(!unaffected.in_force, ("the bystander", unaffected))?;
            claim(world.bystander.snapshot().await? == aside, ("the bystander", &order.effect))?;
            for _ in 0..2 {
                agent.heal(&order.id).await.map_err(text)?;
                let healed = agent.observe(&order).await.map_err(text)?;
                claim(!healed.in_force, ("healed", &order.effect, healed))?;
            }
            claim(held(victim).await? == 0, ("held after", &order.effect))?;
            let after = victim.snapshot().await?;
            claim(after == before, format!("{:?} left\n{after}\nwhere there was\n{before}", order.effect))?;
        }
        Ok(())
    })
}

fn is_noticed() -> Outcome {
    inside(async |world| {
        let (victim, bystander) = (&world.victim, &world.bystander);
        let address = victim.instance.address;
        let cases = [
            (Effect::DropFrom { peers: vec![bystander.instance.address] }, "silence"),
            (Effect::Port { port: 80, reject: false }, "silence"),
            (Effect::Port { port: 80, reject: true }, "refused"),
            (Effect::StopProcess { process: "site".into() }, "silence"),
        ];
        for (n, (effect, expected)) in cases.into_iter().enumerate() {
            bystander.reaches(address, 80).await?;
            let order = victim.order(&n.to_string(), effect, LONG);
            victim.strike(&order).await?;
            let noticed = bystander.dial(address, 80).await?;
            claim(noticed == expected, (&order.effect, noticed))?;
            victim.agent().heal(&order.id).await.map_err(text)?;
        }
        bystander.reaches(address, 80).await
    })
}

fn full_disk() -> Outcome {
    inside(async |world| {
        let (victim, write) = (&world.victim, "cp /etc/hostname /var/kept && cat /var/kept");
        let order = victim.order("full", Effect::Disk { percent: 100.0 }, LONG);
        victim.strike(&order).await?;
        claim(victim.shell(write).await.is_err_and(|why| why.contains("No space left")), "the disk has room")?;
        claim(world.bystander.shell(write).await? == "node-2\n", "the bystander's disk is full")?;
        victim.agent().heal(&order.id).await.map_err(text)?;
        claim(victim.shell(write).await? == "node-1\n", "the disk is full still")
    })
}

/// Somebody's own rules, some that look like ours.
const FOREIGN: &str = "set -e; a='iptables -w 5'; $a -N mine; $a -A mine -s 198.18.0.2 -j DROP; $a -A INPUT -j mine; \
     $a -A INPUT -p tcp --dport 80 -j ACCEPT; $a -A INPUT -m comment --comment 'anarcho-chimp' -j ACCEPT; \
     $a -A INPUT -m comment --comment 'not anarcho-chimp 1' -j ACCEPT; $a -P FORWARD DROP; \
     $a -t mangle -A OUTPUT -o eth0 -m comment --comment 'a \"quoted\" word' -j ACCEPT; $a -t nat -A POSTROUTING -o no0 -j MASQUERADE";

fn foreign_rules() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        victim.shell(FOREIGN).await?;
        let before = victim.snapshot().await?;
        let ours = effects(&world).into_iter().take(3);
        for effect in ours.chain([Effect::DropAll { after: Duration::ZERO }]) {
            let order = victim.order("1", effect, SHORT);
            let agent = victim.agent();
            agent.arm(&order).await.map_err(text)?;
            // The answer may be cut off by what was asked for.
            let _ = tokio::time::timeout(Duration::from_millis(500), agent.inject(&order.id)).await;
            claim(victim.observe(&order)?.in_force, &order.effect)?;
            claim(victim.snapshot().await? != before, "nothing changed")?;
            victim.enter(&[PROGRAM, ASKED, "heal", "1"])?;
            let after = victim.snapshot().await?;
            claim(after == before, format!("{:?} left\n{after}\nwhere there was\n{before}", order.effect))?;
        }
        Ok(())
    })
}

fn stack() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let one = victim.order("one", Effect::DropFrom { peers: vec![world.cloud.address(8)] }, LONG);
        let two = victim.order("two", Effect::DropFrom { peers: vec![world.cloud.address(9)] }, LONG);
        let port = victim.order("port", Effect::Port { port: 80, reject: true }, LONG);
        for order in [&one, &two, &port] {
            victim.strike(order).await?;
        }
        agent.heal(&one.id).await.map_err(text)?;
        claim(!agent.observe(&one).await.map_err(text)?.in_force, "one is left")?;
        for order in [&two, &port] {
            claim(agent.observe(order).await.map_err(text)?.in_force, ("went with another", order))?;
            agent.heal(&order.id).await.map_err(text)?;
        }
        claim(held(victim).await? == 0, "held")
    })
}

fn frozen() -> Outcome {
    inside(async |world| {
        let (victim, cloud) = (&world.victim, &world.cloud);
        let peers = vec![world.cloud.address(9)];
        victim.strike(&victim.order("deaf", Effect::DropFrom { peers }, SHORT)).await?;
        victim.strike(&victim.order("cpu", Effect::Cpu { percent: 2.0 }, SHORT)).await?;
        let state = async || -> Result<_, String> {
            let all = cloud.list().await.map_err(text)?;
            all.into_iter().find(|instance| instance.id == victim.instance.id).ok_or("not listed".to_string())
        };
        cloud.power(&victim.instance.id, PowerOp::Freeze).await.map_err(text)?;
        let seen = state().await?;
        claim(seen.state == PowerState::Frozen, seen)?;
        victim.until_nothing_is_held().await?;
        let seen = state().await?;
        claim(seen.state == PowerState::Frozen, seen)?;
        cloud.power(&victim.instance.id, PowerOp::Thaw).await.map_err(text)?;
        claim(held(victim).await? == 0, "held after the thaw")
    })
}
