//! An agent that is kept to be asked again: started once, never asked twice for one thing, gone by itself.

use std::time::{Duration, Instant};

use anarcho_chimp::agent::effect::Effect;
use anarcho_chimp::instance::Command;
use anarcho_chimp::launch::{ASKED, PROGRAM, SERVE, SERVES_WITHIN};

use crate::runner::Case;
use crate::world::{LONG, Outcome, PATIENCE, Server, claim, inside, text};

pub const CASES: &[Case] = &[
    Case { name: "many_requests_one_after_the_other_start_one_agent", run: kept },
    Case { name: "requests_side_by_side_do_not_wait_for_each_other", run: side_by_side },
    Case { name: "an_agent_that_has_ended_between_two_requests_is_replaced", run: replaced },
    Case { name: "a_request_whose_answer_does_not_come_is_an_error_in_time_and_is_not_sent_again", run: unanswered },
    Case { name: "an_agent_that_is_not_asked_anything_ends_by_itself_though_its_session_stays", run: silent },
];

/// A port is cut off, for long.
fn port(server: &Server, id: &str) -> anarcho_chimp::agent::Order {
    server.order(id, Effect::Port { port: 81, reject: false }, LONG)
}

fn kill(server: &Server) -> Outcome {
    let pattern = format!("^{PROGRAM} {ASKED} {SERVE}$");
    server.enter(&["pkill", "-9", "-f", &pattern]).map(drop)
}

fn rules(server: &Server) -> Result<usize, String> {
    Ok(server.enter(&["iptables-save"])?.matches("--comment \"anarcho-chimp ").count())
}

/// A holder is no part of it: it is not its child, and goes on after its end.
fn kept() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        agent.clock_us().await.map_err(text)?;
        let first = victim.listening()?;
        claim(first.lines().count() == 1, &first)?;
        let order = port(victim, "kept");
        victim.strike(&order).await?;
        for _ in 0..20 {
            agent.renew(&order.id).await.map_err(text)?;
        }
        // A command of another kind goes over the same session.
        victim.shell("true").await?;
        agent.clock_us().await.map_err(text)?;
        claim(victim.listening()? == first, (first, victim.listening()?))?;
        claim(victim.enter(&["pgrep", "-fc", "^sshd: root@notty"])? == "1\n", "there is a second session")?;
        let parent = victim.enter(&["sh", "-c", "ps -o ppid= -p $(pgrep -of ' hold [k]ept')"])?;
        claim(parent.trim() == "1", ("the parent of the holder", parent))?;
        kill(victim)?;
        claim(victim.observe(&order)?.in_force, "the holder went with it")?;
        agent.heal(&order.id).await.map(drop).map_err(text)
    })
}

fn side_by_side() -> Outcome {
    inside(async |world| {
        let victim = &world.victim;
        let order = port(victim, "hung");
        victim.strike(&order).await?;
        victim.enter(&["pkill", "-STOP", "-f", &format!("^{PROGRAM} {ASKED} hold")])?;
        let agent = victim.agent();
        let asked = tokio::time::timeout(PATIENCE, async {
            let mut hangs = std::pin::pin!(agent.renew(&order.id));
            tokio::select! {
                renewed = &mut hangs => Err(format!("{renewed:?}")),
                clock = agent.clock_us() => clock.map_err(text),
            }
        });
        asked.await.map_err(text)??;
        victim.enter(&["pkill", "-CONT", "-f", &format!("^{PROGRAM} {ASKED} hold")])?;
        agent.heal(&order.id).await.map(drop).map_err(text)
    })
}

fn replaced() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let order = port(victim, "replaced");
        agent.arm(&order).await.map_err(text)?;
        let first = victim.listening()?;
        kill(victim)?;
        victim.until_none_listens().await?;
        // A holder refuses to inject twice.
        agent.inject(&order.id).await.map_err(text)?;
        let second = victim.listening()?;
        claim(second.lines().count() == 1 && second != first, (first, second))?;
        claim(rules(victim)? == 2, rules(victim)?)?;
        kill(victim)?;
        agent.heal(&order.id).await.map_err(text)?;
        claim(rules(victim)? == 0, rules(victim)?)
    })
}

fn unanswered() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        let order = port(victim, "unanswered");
        agent.arm(&order).await.map_err(text)?;
        victim.enter(&["pkill", "-STOP", "-f", &format!("^{PROGRAM} {ASKED} hold")])?;
        let begun = Instant::now();
        let why = agent.within(Duration::from_secs(1)).inject(&order.id).await.err().map(text).unwrap_or_default();
        claim(
            why.contains("took longer than 1 s") && begun.elapsed() < Duration::from_secs(10),
            (&why, begun.elapsed()),
        )?;
        // It was sent, and is done when the holder goes on; and what hangs is not waited for.
        agent.clock_us().await.map_err(text)?;
        // One that ends while it is asked, as in a crash of the server.
        let renewing = agent.renew(&order.id);
        let killing = async {
            let begun = Instant::now();
            // The holder listens, and two have spoken to it.
            while victim.enter(&["grep", "-c", "/unanswered/socket", "/proc/net/unix"])?.trim() != "3" {
                claim(begun.elapsed() < PATIENCE, "nothing is asked")?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            kill(victim)
        };
        let (renewed, killed) = tokio::join!(renewing, killing);
        killed?;
        claim(renewed.is_err(), "an answer came of nowhere")?;
        // Another one would wait for the holder for 14 s.
        let begun = Instant::now();
        while !victim.listening()?.is_empty() {
            claim(begun.elapsed() < SERVES_WITHIN, "it was sent to another agent")?;
        }
        victim.enter(&["pkill", "-CONT", "-f", &format!("^{PROGRAM} {ASKED} hold")])?;
        let begun = Instant::now();
        while rules(victim)? != 2 {
            claim(begun.elapsed() < PATIENCE, "it was never injected")?;
        }
        agent.heal(&order.id).await.map_err(text)?;
        claim(rules(victim)? == 0, rules(victim)?)
    })
}

fn silent() -> Outcome {
    inside(async |world| {
        let (victim, agent) = (&world.victim, world.victim.agent());
        agent.clock_us().await.map_err(text)?;
        let begun = Instant::now();
        claim(!victim.listening()?.is_empty(), "none listens")?;
        victim.until_none_listens().await?;
        let silent = begun.elapsed();
        println!("  it ended after {:.1} s", silent.as_secs_f64());
        claim(silent < SERVES_WITHIN + Duration::from_secs(5), silent)?;
        claim(victim.enter(&["pgrep", "-fc", "^sshd: root@notty"])? == "1\n", "its session has ended")?;
        agent.clock_us().await.map_err(text)?;
        claim(victim.enter(&["pgrep", "-fc", "^sshd: root@notty"])? == "1\n", "its session was not used again")?;
        // Ended at once, where that is asked for.
        let begun = Instant::now();
        victim.remote.rest().await;
        claim(victim.listening()?.is_empty() && begun.elapsed() < SERVES_WITHIN, "it was not ended")?;
        let output = victim.remote.exec(&Command::new(["true"])).await.map_err(text)?;
        claim(output.status == Some(0), output)
    })
}
