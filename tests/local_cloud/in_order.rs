//! An instance that shuts down in order and boots again, and one that is suspended.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anarcho_chimp::instance::{Instance, PowerOp, PowerState};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;

use crate::runner::Case;
use crate::sandboxed::{Outcome, becomes, boot_all, claim, inside, service, shell, spec, state, text};

pub const CASES: &[Case] = &[
    Case { name: "an_instance_that_reboots_in_order_lets_its_services_end_and_tells_their_clients", run: reboots },
    Case { name: "what_does_not_end_by_itself_is_killed_when_its_instance_reboots", run: deaf },
    Case { name: "a_suspended_instance_answers_nothing_and_goes_on_when_it_is_resumed", run: suspends },
];

/// Far longer than a connection takes here, and shorter than TCP's first repetition.
const KNOCK: Duration = Duration::from_millis(700);
/// TCP sends again at growing intervals what got lost.
const GOES_ON: Duration = Duration::from_secs(20);

/// A connection whose other end has greeted.
fn greeted(instance: &Instance) -> Result<TcpStream, String> {
    let mut connection = TcpStream::connect((instance.address, 22)).map_err(text)?;
    let mut banner = [0_u8; 4];
    connection.read_exact(&mut banner).map_err(text)?;
    claim(&banner == b"SSH-", banner)?;
    connection.set_read_timeout(Some(GOES_ON)).map_err(text)?;
    Ok(connection)
}

fn reboots() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        let saves = "trap 'echo saved > /etc/saved; echo ends; exit' TERM; echo begins; while :; do sleep 0.01; done";
        spec.user_data.services = vec![service("saves", &["sh", "-c", saves])];
        let before = cloud.boot(&spec).await.map_err(text)?;
        shell(&cloud, &before, "setsid sh -c 'echo $$ > /run/stands; kill -STOP $$' >/dev/null 2>&1 & until [ -s /run/stands ]; do :; done").await?;
        let mut connection = greeted(&before)?;
        cloud.power(&before.id, PowerOp::SoftReboot).await.map_err(text)?;
        let told = loop {
            match connection.read(&mut [0; 1024]) {
                Ok(length) if length > 0 => {}
                told => break told.map_err(|why| why.kind()),
            }
        };
        claim(matches!(told, Ok(0) | Err(ErrorKind::ConnectionReset)), told)?;
        let after = state(&cloud, &before.id).await?;
        claim(after.state == PowerState::Running && after.first_process != before.first_process, &after)?;
        claim(shell(&cloud, &after, "cat /etc/saved").await? == "saved\n", "nothing was saved")?;
        claim(shell(&cloud, &after, "test -e /run/stands || echo gone").await? == "gone\n", "/run is fresh")?;
        // Its shell may say there as well that its `sleep` was ended.
        let log = || fs::read_to_string(logs.join("node-1/saves.log")).map_err(text);
        while log()?.matches("begins").count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        claim(log()?.matches("ends").count() == 1, log()?)?;
        let ended = cloud.ended(&before.id).await.map_err(text)?;
        claim(ended.is_empty(), "a service that was asked to end before it booted counts as one that ended")?;
        becomes(&cloud, &before.id, PowerOp::Stop, PowerState::Stopped).await?;
        becomes(&cloud, &before.id, PowerOp::SoftReboot, PowerState::Stopped).await.map(drop)
    })
}

fn deaf() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs.clone()).await.map_err(text)?;
        let mut spec = spec(&cloud, 1);
        spec.user_data.services =
            vec![service("deaf", &["sh", "-c", "trap '' TERM; echo begins; while :; do sleep 1; done"])];
        let before = cloud.boot(&spec).await.map_err(text)?;
        let log = || fs::read_to_string(logs.join("node-1/deaf.log")).map_err(text);
        while log()? != "begins\n" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let begun = std::time::Instant::now();
        cloud.power(&before.id, PowerOp::SoftReboot).await.map_err(text)?;
        claim(begun.elapsed() > Duration::from_secs(5), "it had no time to end")?;
        let after = state(&cloud, &before.id).await?;
        claim(after.state == PowerState::Running && after.first_process != before.first_process, &after)
    })
}

fn suspends() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let instance = boot_all(&cloud, 1).await?.remove(0);
        let address = SocketAddr::from((instance.address, 22));
        let knock = || TcpStream::connect_timeout(&address, KNOCK).map(drop);
        let is_reached = || TcpStream::connect_timeout(&address, GOES_ON).map(drop).map_err(text);
        let suspended = becomes(&cloud, &instance.id, PowerOp::Suspend, PowerState::Frozen).await?;
        claim(suspended.evidence.ends_with("processes stopped (T), link up, suspended"), &suspended)?;
        let knocked = knock();
        claim(knocked.as_ref().is_err_and(|why| why.kind() == ErrorKind::TimedOut), knocked)?;
        for (op, is_reached) in [(PowerOp::Isolate, false), (PowerOp::Rejoin, false)] {
            cloud.power(&instance.id, op).await.map_err(text)?;
            claim(knock().is_ok() == is_reached, "it is suspended still")?;
        }
        let resumed = becomes(&cloud, &instance.id, PowerOp::Resume, PowerState::Running).await?;
        claim(resumed.first_process == instance.first_process && !resumed.evidence.contains("suspended"), &resumed)?;
        is_reached()?;
        claim(shell(&cloud, &instance, "hostname").await? == "node-1\n", "it goes on")?;
        becomes(&cloud, &instance.id, PowerOp::Suspend, PowerState::Frozen).await?;
        becomes(&cloud, &instance.id, PowerOp::Stop, PowerState::Stopped).await?;
        becomes(&cloud, &instance.id, PowerOp::Start, PowerState::Running).await?;
        is_reached()
    })
}
