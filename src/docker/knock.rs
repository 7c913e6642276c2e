//! Whether a container's network is reached, from the network that its daemon is in: the bridges of containers are there, and it need not be
//! this process's own. Not even an overlay network keeps a container from that: it has an address at the node's own bridge then, which Docker does not
//! tell, but the kernel.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use super::{Container, Docker};

/// Where nothing is known to listen, any port does: that it is refused is an answer, too.
const DISCARD: u16 = 9;
/// This process's own network.
const OWN: &str = "/proc/self/ns/net";

/// Connects to any of its addresses; one that is refused came through.
///
/// # Errors
/// In words, why none was reached.
pub(super) async fn at(docker: &Docker, container: &Container, within: Duration) -> Result<(), String> {
    let port = container.tcp_port().unwrap_or(DISCARD);
    let mut addresses = container.addresses();
    addresses.extend(local_addresses(container));
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        return Err("it has no address".into());
    }
    let network = network_of(docker).await;
    let knocks = addresses.into_iter().map(|address| {
        let (network, at) = (network.clone(), SocketAddrV4::new(address, port));
        async move { from(network, at, within).await }
    });
    let mut failed = Vec::new();
    for knocked in futures::future::join_all(knocks).await {
        match knocked {
            Ok(()) => return Ok(()),
            Err(why) => failed.push(why),
        }
    }
    Err(failed.join("; "))
}

/// The network that a daemon is in, by the process that listens at its socket; `None`: this process's own, as far as is known.
async fn network_of(docker: &Docker) -> Option<PathBuf> {
    let pid = UnixStream::connect(docker.socket()).await.ok()?.peer_cred().ok()?.pid()?;
    let network = PathBuf::from(format!("/proc/{pid}/ns/net"));
    let same = std::fs::read_link(&network).ok()? == std::fs::read_link(OWN).ok()?;
    Some(network).filter(|_| !same)
}

/// A connection from a network, by a thread of its own: a network is one thread's affair, and what enters another one is not used again.
async fn from(network: Option<PathBuf>, at: SocketAddrV4, within: Duration) -> Result<(), String> {
    let (tells, told) = oneshot::channel();
    let started = std::thread::Builder::new().name("knock".into()).spawn(move || {
        let _ = tells.send(connect(network.as_deref(), at, within));
    });
    started.map_err(|why| why.to_string())?;
    match told.await {
        Ok(Err(why)) if why.kind() == io::ErrorKind::TimedOut => {
            Err(format!("{at} does not answer within {}", crate::units::show_duration(within)))
        }
        Ok(Err(why)) if why.kind() != io::ErrorKind::ConnectionRefused => Err(format!("{at}: {why}")),
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{at} was not tried")),
    }
}

fn connect(network: Option<&Path>, at: SocketAddrV4, within: Duration) -> io::Result<()> {
    if let Some(network) = network {
        setns(File::open(network)?, CloneFlags::CLONE_NEWNET)?;
    }
    TcpStream::connect_timeout(&SocketAddr::V4(at), within).map(drop)
}

/// The addresses of a container on this machine, as the kernel knows them, but those that only lead to itself.
fn local_addresses(container: &Container) -> Vec<Ipv4Addr> {
    let Some(first) = container.first_process() else { return Vec::new() };
    let table = std::fs::read_to_string(format!("/proc/{}/net/fib_trie", first.pid)).unwrap_or_default();
    listed(&table)
}

/// A line with an address is followed by one that says what it is: `/32 host LOCAL`.
fn listed(table: &str) -> Vec<Ipv4Addr> {
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    let local = lines.windows(2).filter(|pair| pair[1] == "/32 host LOCAL");
    let addresses = local.filter_map(|pair| pair[0].strip_prefix("|-- ")?.parse::<Ipv4Addr>().ok());
    addresses.filter(|address| !address.is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_container_are_those_that_the_kernel_calls_local() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 127.0.0.0/8 2 0 2\n           |-- 127.0.0.1\n              \
                     /32 host LOCAL\n        |-- 127.255.255.255\n           /32 link BROADCAST\n     +-- 172.17.0.0/16 2 0 2\n           |-- 172.17.0.0\n              \
                     /32 link BROADCAST\n           |-- 172.17.0.3\n              /32 host LOCAL\n           |-- 172.18.0.5\n              /32 host LOCAL\n";
        assert_eq!(listed(table), [Ipv4Addr::new(172, 17, 0, 3), Ipv4Addr::new(172, 18, 0, 5)]);
    }

    #[tokio::test]
    async fn a_refused_connection_came_through() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(at) = listener.local_addr().unwrap() else { panic!("it is IPv4") };
        assert_eq!(from(None, at, Duration::from_secs(5)).await, Ok(()));
        drop(listener);
        assert_eq!(from(None, at, Duration::from_secs(5)).await, Ok(()), "nothing listens there any more");
        let gone = from(Some("/proc/0/ns/net".into()), at, Duration::from_secs(5)).await;
        assert!(gone.is_err_and(|why| why.contains("No such file")));
    }
}
