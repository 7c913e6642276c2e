//! Lines of a command that runs on a server, and what becomes of it.

use std::time::{Duration, Instant};

use anarcho_chimp::instance::{Command, Instance};
use anarcho_chimp::provider::local::LocalCloud;
use anarcho_chimp::provider::{Lines, Provider, RemoteError};

use crate::runner::Case;
use crate::sandboxed::{Outcome, claim, inside, shell, spec, text};

pub const CASES: &[Case] = &[
    Case { name: "lines_come_while_their_command_runs_and_it_ends_when_they_are_dropped", run: come_and_end },
    Case { name: "how_a_streamed_command_ended_is_told_after_its_last_line", run: tell_how_it_ended },
];

async fn stream(cloud: &LocalCloud, instance: &Instance, line: &str) -> Result<Lines, String> {
    let remote = cloud.connect(instance).await.map_err(text)?;
    remote.stream(&Command::new(["sh", "-c", line])).await.map_err(text)
}

async fn next(lines: &mut Lines) -> Result<Option<String>, RemoteError> {
    tokio::time::timeout(Duration::from_secs(10), lines.next()).await.expect("a line or an end within 10 s")
}

/// Waits until no process of this name is left.
pub async fn ends(cloud: &LocalCloud, instance: &Instance, pattern: &str) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let left = shell(cloud, instance, &format!("pgrep -af '{pattern}' || true")).await?;
        if left.is_empty() {
            return Ok(());
        }
        claim(Instant::now() < deadline, left)?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn come_and_end() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        // It hears the pulse, and says each time.
        let mut lines = stream(&cloud, &instance, "echo one; echo; sed -u s/^/pulse/").await?;
        for expected in ["one", "", "pulse", "pulse"] {
            claim(next(&mut lines).await.map_err(text)?.as_deref() == Some(expected), expected)?;
        }
        shell(&cloud, &instance, "pgrep -x sed").await?;
        drop(lines);
        ends(&cloud, &instance, "^[s]ed").await?;
        // One session is left: the one that asks.
        let sessions = shell(&cloud, &instance, "pgrep -fc '[s]shd: root@notty'").await?;
        claim(sessions == "1\n", sessions)
    })
}

fn tell_how_it_ended() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = cloud.boot(&spec(&cloud, 1)).await.map_err(text)?;
        let mut lines = stream(&cloud, &instance, "seq 100000; echo no >&2; exit 7").await?;
        for expected in 1..=100_000 {
            let line = next(&mut lines).await.map_err(text)?;
            claim(line == Some(expected.to_string()), (expected, line))?;
        }
        let end = next(&mut lines).await;
        claim(end.as_ref().is_err_and(|why| why.to_string().ends_with("it ended with status 7: no")), &end)?;
        let mut killed = stream(&cloud, &instance, "echo half; kill -9 $$").await?;
        claim(next(&mut killed).await.map_err(text)? == Some("half".into()), "half")?;
        let end = next(&mut killed).await;
        claim(end.as_ref().is_err_and(|why| why.to_string().contains("it ended with signal KILL")), &end)?;
        let mut well = stream(&cloud, &instance, "true").await?;
        claim(next(&mut well).await.map_err(text)?.is_none(), "status 0 is an end")?;
        let mut long = stream(&cloud, &instance, "head -c 3000000 /dev/zero").await?;
        let end = next(&mut long).await;
        claim(end.as_ref().is_err_and(|why| why.to_string().contains("a line of more than")), &end)
    })
}
