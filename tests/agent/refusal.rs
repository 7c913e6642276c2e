//! What an agent refuses, before anything is touched.

use std::time::Duration;

use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::instance::Command;
use anarcho_chimp::launch::{ASKED, PROGRAM};

use crate::runner::Case;
use crate::world::{LONG, Outcome, Server, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "what_cant_be_held_is_refused_with_a_reason_and_leaves_nothing", run: refused },
    Case { name: "a_second_strike_that_would_fight_is_refused", run: fights },
    Case { name: "an_agent_and_the_first_process_are_never_stopped", run: spared },
    Case { name: "the_program_of_an_agent_cannot_be_changed_by_its_server", run: read_only },
];

async fn refuses(server: &Server, id: &str, effect: Effect, why: &str) -> Outcome {
    let said = server.agent().arm(&server.order(id, effect, LONG)).await.err().map(text).unwrap_or_default();
    claim(said.contains(why), (id, why, said))
}

fn stop(name: &str) -> Effect {
    Effect::StopProcess { process: name.into() }
}

fn refused() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        let before = victim.snapshot().await?;
        let deaf = || Effect::DropFrom { peers: vec![world.cloud.address(9)] };
        for id in ["", "../../etc", "a/b", "-x", "--help", "A", "a b", "a\nb", "'; reboot; '", &"a".repeat(65)] {
            refuses(victim, id, deaf(), "is not the id of a strike").await?;
        }
        refuses(victim, "1", stop("no-such-process"), "the process \"no-such-process\" is not there").await?;
        refuses(victim, "1", stop("stie"), "one process of this name at least: there are site").await?;
        refuses(victim, "1", stop(""), "is not there").await?;
        refuses(victim, "1", Effect::DropFrom { peers: Vec::new() }, "the list of peers is empty").await?;
        refuses(victim, "1", Effect::Cpu { percent: 0.0 }, "the percentage is 0").await?;
        refuses(victim, "1", Effect::Memory { percent: 100.0 }, "512 MiB to live on").await?;
        refuses(victim, "1", Effect::Disk { percent: 0.001 }, "the disk is").await?;
        victim.shell("pkill -STOP -x site").await?;
        refuses(victim, "1", stop("site"), "is stopped already").await?;
        victim.shell("pkill -CONT -x site").await?;
        for verb in ["inject", "renew"] {
            let command = Command::new([PROGRAM, ASKED, verb, "1"]);
            let output = victim.remote.exec(&command).await.map_err(text)?;
            claim(output.status == Some(1) && output.stderr.contains("is not held here"), output)?;
        }
        claim(victim.agent().held().await.map_err(text)?.is_empty(), "held")?;
        claim(victim.snapshot().await? == before, "something was left")
    })
}

fn fights() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let later = || Effect::DropAll { after: Duration::from_secs(50) };
        let first = [("disk", Effect::Disk { percent: 20.0 }), ("cut", later())];
        for (id, effect) in first {
            agent.arm(&victim.order(id, effect, LONG)).await.map_err(text)?;
        }
        refuses(victim, "disk-2", Effect::Disk { percent: 40.0 }, "it would fight with strike `disk`").await?;
        refuses(victim, "cut-2", later(), "it would fight with strike `cut`").await?;
        refuses(victim, "cut", Effect::Cpu { percent: 1.0 }, "strike `cut` is held here already").await?;
        let held = agent.held().await.map_err(text)?;
        claim(held.iter().map(|held| held.id.0.as_str()).eq(["cut", "disk"]), held)
    })
}

/// The name of this very program, which the first process and every agent have.
fn spared() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        let own = victim.enter(&["cat", "/proc/1/comm"])?;
        refuses(victim, "1", stop(own.trim()), "is not there").await?;
        victim.strike(&victim.order("2", Effect::Cpu { percent: 1.0 }, LONG)).await?;
        let holder = victim.enter(&["sh", "-c", "cat /proc/$(pgrep -of ' hold 2')/comm"])?;
        refuses(victim, "3", stop(holder.trim()), "is not there").await
    })
}

fn read_only() -> Outcome {
    inside(async |world| {
        let (victim, program) = (&world.victim, PROGRAM);
        for line in [format!("echo x >> {program}"), format!("rm -f {program}"), format!("chmod 0 {program}")] {
            claim(victim.shell(&line).await.is_err(), line)?;
        }
        victim.agent().deploy(LONG).await.map_err(text)
    })
}
