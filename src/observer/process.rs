//! The addresses of a server and connections within it, through its first process on this machine.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::agent::watch::{Unseen, addresses};
use crate::text::naming;

/// Which of these addresses the network of a process has: no need to enter it, and a cut link hides nothing.
pub(super) fn has_addresses(pid: i32, wanted: &[Ipv4Addr]) -> Result<BTreeSet<Ipv4Addr>, Unseen> {
    let path = PathBuf::from(format!("/proc/{pid}/net/fib_trie"));
    let trie = std::fs::read_to_string(&path).map_err(naming(&path));
    Ok(addresses_in(trie, pid, wanted)?)
}

/// A connection that is made in the network of a process, by a thread that ends with it: a thread that has entered a network does not come back
/// for anything else.
pub(super) async fn connected_within(pid: i32, at: SocketAddr, within: Duration) -> Result<TcpStream, Unseen> {
    let (out, connected) = oneshot::channel();
    let enter = move || {
        let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let network = File::open(&path).map_err(naming(&path))?;
        setns(network.as_fd(), CloneFlags::CLONE_NEWNET)?;
        let connection = std::net::TcpStream::connect_timeout(&at, within)?;
        connection.set_nonblocking(true)?;
        Ok(connection)
    };
    let enters = std::thread::Builder::new().name("connection".into());
    enters.spawn(move || drop(out.send(enter())))?;
    let ended = || io::Error::other("the thread that connects has ended");
    let connection = connected.await.unwrap_or_else(|_| Err(ended()));
    let connection = connection.map_err(|why: io::Error| Unseen::Unreadable(format!("{at}: {why}")))?;
    Ok(TcpStream::from_std(connection)?)
}

/// Which of these the network of a process has, by what came of reading its trie. A process that is gone has none: its
/// instance has ended, and its network with it. One that lives and can't be read may have them.
fn addresses_in(trie: io::Result<String>, pid: i32, wanted: &[Ipv4Addr]) -> io::Result<BTreeSet<Ipv4Addr>> {
    match trie {
        Ok(trie) => Ok(addresses::among(&trie, wanted)),
        Err(_) if is_gone(pid) => Ok(BTreeSet::new()),
        Err(why) => Err(why),
    }
}

/// Whether a process has ended or is ending, though its parent may not know yet.
fn is_gone(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => is_ending(&stat),
        Err(why) => why.kind() == std::io::ErrorKind::NotFound || why.raw_os_error() == Some(nix::libc::ESRCH),
    }
}

/// The kernel's flag of a process that is ending (`PF_EXITING`): it gives up its network before it becomes a zombie.
const EXITING: u32 = 0x4;

/// `proc_pid_stat(5)`: the state and the flags are the first and the seventh field after the name, which is in
/// parentheses and may contain some itself.
fn is_ending(stat: &str) -> bool {
    let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let state = fields.next().unwrap_or_default();
    let flags: u32 = fields.nth(5).and_then(|flags| flags.parse().ok()).unwrap_or(0);
    matches!(state, "Z" | "X") || flags & EXITING != 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TRIE: &str = "     |-- 198.18.0.12\n        /32 host LOCAL\n";

    #[test]
    fn a_process_that_is_gone_has_no_address() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let nowhere = [Ipv4Addr::new(203, 0, 113, 9)];
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while !is_gone(pid) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(has_addresses(pid, &nowhere), Ok([].into()), "its parent has not been told yet");
        child.wait().unwrap();
        assert_eq!(has_addresses(pid, &nowhere), Ok([].into()));
        assert!(!is_gone(std::process::id() as i32));
    }

    #[test]
    fn a_process_that_lives_and_cannot_be_read_may_have_it() {
        let refused = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let address = [Ipv4Addr::new(198, 18, 0, 12)];
        assert!(addresses_in(refused(), std::process::id() as i32, &address).is_err());
        assert_eq!(addresses_in(refused(), i32::MAX, &address).unwrap(), [].into(), "there is no such process");
        assert_eq!(addresses_in(Ok(TRIE.into()), i32::MAX, &address).unwrap(), address.into());
    }

    #[test]
    fn a_process_that_gives_up_its_network_is_gone_before_it_is_a_zombie() {
        assert!(!is_ending("212 (init) S 211 212 212 0 -1 4194560 180 0"));
        assert!(is_ending("212 (init) S 211 212 212 0 -1 4194564 180 0"), "PF_EXITING");
        assert!(is_ending("212 (a) S (b) Z 211 212 212 0 -1 4227084 180 0"));
        assert!(!is_ending("212 (a) Z (b) S 211 212 212 0 -1 4194560 180 0"));
    }
}
