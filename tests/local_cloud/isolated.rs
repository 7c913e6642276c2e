//! An instance that its bridge isolates.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anarcho_chimp::instance::{Instance, PowerOp, PowerState};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;

use crate::runner::Case;
use crate::sandboxed::{Outcome, becomes, boot_all, claim, inside, shell, text};

pub const CASES: &[Case] = &[
    Case { name: "an_isolated_instance_is_a_black_hole_and_its_connections_go_on_when_it_rejoins", run: black_hole },
    Case { name: "an_isolated_instance_that_starts_again_is_isolated_until_it_rejoins", run: over_a_boot },
];

/// Far longer than a connection takes here, and shorter than TCP's first repetition.
const KNOCK: Duration = Duration::from_millis(700);
/// TCP sends again at growing intervals what got lost.
const GOES_ON: Duration = Duration::from_secs(20);

fn knock(instance: &Instance) -> Result<TcpStream, std::io::Error> {
    TcpStream::connect_timeout(&SocketAddr::from((instance.address, 22)), KNOCK)
}

fn is_silent(instance: &Instance) -> Outcome {
    let knocked = knock(instance).map(drop);
    claim(knocked.as_ref().is_err_and(|why| why.kind() == ErrorKind::TimedOut), knocked)
}

/// Whether the instance's own end of its link has a carrier.
fn carrier(instance: &Instance) -> Result<String, String> {
    let first = instance.first_process.ok_or("it has no process")?;
    fs::read_to_string(format!("/proc/{first}/root/sys/class/net/eth0/carrier")).map_err(text)
}

fn black_hole() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let both = boot_all(&cloud, 2).await?;
        let (victim, other) = (&both[0], &both[1]);
        let mut connection = knock(victim).map_err(text)?;
        connection.set_read_timeout(Some(KNOCK)).map_err(text)?;
        let mut banner = [0_u8; 256];
        let length = connection.read(&mut banner).map_err(text)?;
        claim(banner[..length].starts_with(b"SSH-"), &banner[..length])?;
        while connection.read(&mut banner).is_ok_and(|length| length > 0) {}

        let isolated = becomes(&cloud, &victim.id, PowerOp::Isolate, PowerState::Running).await?;
        claim(isolated.evidence.ends_with("link up, isolated"), &isolated)?;
        connection.write_all(b"no name of a protocol\r\n").map_err(text)?;
        let heard = connection.read(&mut banner);
        claim(heard.as_ref().is_err_and(|why| why.kind() == ErrorKind::WouldBlock), heard)?;
        is_silent(victim)?;
        claim(carrier(victim)? == "1\n", "its end of the link sees nothing of it")?;
        let peer = format!("timeout 1 bash -c 'exec 3<>/dev/tcp/{}/22'; echo $?", victim.address);
        claim(shell(&cloud, other, &peer).await? == "124\n", "a neighbour reaches it, or was refused")?;

        becomes(&cloud, &victim.id, PowerOp::Rejoin, PowerState::Running).await?;
        knock(victim).map_err(text)?;
        connection.set_read_timeout(Some(GOES_ON)).map_err(text)?;
        let heard = connection.read(&mut banner).map_err(text)?;
        claim(banner[..heard].starts_with(b"Invalid SSH"), &banner[..heard])?;
        claim(shell(&cloud, other, &peer).await? == "0\n", "a neighbour does not reach it")
    })
}

fn over_a_boot() -> Outcome {
    inside(async |zygote, logs| {
        let cloud = LocalCloud::create(&zygote, 0, logs).await.map_err(text)?;
        let victim = boot_all(&cloud, 1).await?.remove(0);
        cloud.power(&victim.id, PowerOp::Isolate).await.map_err(text)?;
        cloud.power(&victim.id, PowerOp::SoftReboot).await.map_err(text)?;
        is_silent(&victim)?;
        becomes(&cloud, &victim.id, PowerOp::Rejoin, PowerState::Running).await?;
        claim(shell(&cloud, &victim, "hostname").await? == "node-1\n", "it answers again")?;
        cloud.power(&victim.id, PowerOp::Terminate).await.map_err(text)?;
        becomes(&cloud, &victim.id, PowerOp::Isolate, PowerState::Terminated).await?;
        becomes(&cloud, &victim.id, PowerOp::Rejoin, PowerState::Terminated).await.map(drop)
    })
}
