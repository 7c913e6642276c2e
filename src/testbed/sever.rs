//! For tests: cuts the path between the testbed's own side and a server, as if the network between them were gone.
//!
//! Only in the sandbox's own network; the server's is left alone, and its peers still reach it.

use std::io;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::provider::local;

/// How long `iptables` may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Packets to this address are lost from now on, those of open connections too. Idempotent.
///
/// # Errors
/// What `iptables` said.
pub(super) async fn sever(address: Ipv4Addr) -> io::Result<()> {
    match iptables("-C", address).await {
        Ok(()) => Ok(()),
        Err(_) => iptables("-I", address).await,
    }
}

/// They arrive again. Idempotent.
///
/// # Errors
/// What `iptables` said.
pub(super) async fn restore(address: Ipv4Addr) -> io::Result<()> {
    match iptables("-C", address).await {
        Ok(()) => iptables("-D", address).await,
        Err(_) => Ok(()),
    }
}

async fn iptables(verb: &str, address: Ipv4Addr) -> io::Result<()> {
    let mut command = Command::new("iptables");
    command.args([verb, "OUTPUT", "-d", &address.to_string(), "-j", "DROP"]);
    // The variants that take a lock would leave its file on the machine.
    command.env("XTABLES_LOCKFILE", local::memory().join("xtables.lock"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(WITHIN, command.output()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("iptables: {}", String::from_utf8_lossy(&output.stderr).trim()))),
    }
}
