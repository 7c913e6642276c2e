//! Who holds a virtual IP, read from the kernel of each server that may.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::instances::{first_process, living};
use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::infrastructure::VirtualIp;
use crate::instance::Instance;
use crate::text::naming;

/// Reads `/proc/<first process>/net/fib_trie` of every possible holder each 10 ms: no need to enter its network,
/// and a cut link hides nothing. It is blind while it cannot look at one of those that live.
pub struct VirtualIpObserver {
    name: String,
    address: Ipv4Addr,
    candidates: Vec<String>,
    instances: watch::Receiver<Vec<Instance>>,
    publish: Option<watch::Sender<Option<String>>>,
    known: Option<Vec<String>>,
}

impl VirtualIpObserver {
    /// `publish` is told the holder of the site's own address.
    pub fn new(
        vip: &VirtualIp,
        address: Ipv4Addr,
        instances: watch::Receiver<Vec<Instance>>,
        publish: Option<watch::Sender<Option<String>>>,
    ) -> Self {
        let candidates = vip.holders.clone();
        VirtualIpObserver { name: vip.name.clone(), address, candidates, instances, publish, known: None }
    }
}

#[async_trait]
impl Observer for VirtualIpObserver {
    fn watches(&self) -> (String, String) {
        ("virtual ip".into(), self.name.clone())
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(10)
    }

    async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError> {
        let holders = self.holders();
        // While one of them can't be seen, it is not known who holds it, and whatever is seen next is news.
        let seen = holders.as_ref().ok();
        if self.known.as_ref() != seen {
            if let Some(holders) = seen {
                look.changed(Event::VirtualIpHolders { name: self.name.clone(), holders: holders.clone() });
            }
            if let Some(publish) = &self.publish {
                publish.send_replace(seen.and_then(|holders| holders.first()).cloned());
            }
            self.known = seen.cloned();
        }
        holders.map(drop)
    }
}

impl VirtualIpObserver {
    /// Those that hold it now. A server whose instance is gone holds nothing.
    fn holders(&self) -> Result<Vec<String>, ObserverError> {
        let instances = self.instances.borrow();
        let mut holders = Vec::new();
        for server in &self.candidates {
            let holds = match living(&instances, server) {
                Ok(instance) => has_address(first_process(instance)?, self.address)?,
                Err(ObserverError::Absent(_)) => false,
                Err(why) => return Err(why),
            };
            holders.extend(holds.then(|| server.clone()));
        }
        Ok(holders)
    }
}

/// Whether the network of this process has the address.
fn has_address(pid: i32, address: Ipv4Addr) -> Result<bool, ObserverError> {
    let path = PathBuf::from(format!("/proc/{pid}/net/fib_trie"));
    let trie = std::fs::read_to_string(&path).map_err(naming(&path));
    Ok(address_in(trie, pid, address)?)
}

/// Whether the network of this process has the address, by what came of reading its trie. A process that is gone has
/// none: its instance has ended, and its network with it. One that lives and can't be read may have it.
fn address_in(trie: io::Result<String>, pid: i32, address: Ipv4Addr) -> io::Result<bool> {
    match trie {
        Ok(trie) => Ok(is_local(&trie, address)),
        Err(_) if is_gone(pid) => Ok(false),
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

/// `fib_trie` lists an address and, on the next line, `/32 host LOCAL` when it is one's own.
fn is_local(trie: &str, address: Ipv4Addr) -> bool {
    let leaf = format!("|-- {address}");
    let mut lines = trie.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() == leaf && lines.next().is_some_and(|next| next.contains("/32 host LOCAL")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "Local:
  +-- 198.18.0.0/22 2 0 2
     |-- 198.18.0.0
        /22 link UNICAST
     |-- 198.18.0.12
        /32 host LOCAL
     |-- 198.18.0.100
        /32 host LOCAL
";

    #[test]
    fn an_own_address_is_told_from_a_network_and_from_a_longer_one() {
        assert!(is_local(TRIE, Ipv4Addr::new(198, 18, 0, 12)));
        assert!(is_local(TRIE, Ipv4Addr::new(198, 18, 0, 100)));
        assert!(!is_local(TRIE, Ipv4Addr::new(198, 18, 0, 10)));
        assert!(!is_local(TRIE, Ipv4Addr::new(198, 18, 0, 0)));
    }

    use crate::instance::{InstanceId, PowerState};

    fn instance(server: &str, state: PowerState, first_process: Option<i32>) -> Instance {
        let (id, evidence) = (InstanceId(format!("{server}.1")), String::new());
        Instance { id, name: server.into(), address: Ipv4Addr::LOCALHOST, state, evidence, first_process }
    }

    /// What is seen of lb-1 and lb-2, which may hold an address that this machine does not have.
    fn holders(instances: Vec<Instance>) -> Result<Vec<String>, String> {
        let vip = VirtualIp { name: "www".into(), holders: vec!["lb-1".into(), "lb-2".into()] };
        let (_sender, instances) = watch::channel(instances);
        let nowhere = Ipv4Addr::new(203, 0, 113, 9);
        VirtualIpObserver::new(&vip, nowhere, instances, None).holders().map_err(|why| why.to_string())
    }

    fn own_pid() -> Option<i32> {
        Some(std::process::id() as i32)
    }

    #[test]
    fn an_instance_that_is_gone_holds_nothing() {
        let gone = instance("lb-1", PowerState::Terminated, None);
        assert_eq!(holders(vec![gone, instance("lb-2", PowerState::Running, own_pid())]), Ok(vec![]));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let just_ended = || vec![instance("lb-1", PowerState::Running, Some(pid))];
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while !is_gone(pid) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(holders(just_ended()), Ok(vec![]), "its parent has not been told yet");
        child.wait().unwrap();
        assert_eq!(holders(just_ended()), Ok(vec![]));
        assert!(!is_gone(std::process::id() as i32));
    }

    #[test]
    fn an_instance_that_lives_and_cannot_be_read_may_hold_it() {
        let refused = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let address = Ipv4Addr::new(198, 18, 0, 12);
        assert!(address_in(refused(), std::process::id() as i32, address).is_err());
        assert!(!address_in(refused(), i32::MAX, address).unwrap(), "there is no such process");
        assert!(address_in(Ok(TRIE.into()), i32::MAX, address).unwrap());
    }

    #[test]
    fn a_process_that_gives_up_its_network_is_gone_before_it_is_a_zombie() {
        assert!(!is_ending("212 (init) S 211 212 212 0 -1 4194560 180 0"));
        assert!(is_ending("212 (init) S 211 212 212 0 -1 4194564 180 0"), "PF_EXITING");
        assert!(is_ending("212 (a) S (b) Z 211 212 212 0 -1 4227084 180 0"));
        assert!(!is_ending("212 (a) Z (b) S 211 212 212 0 -1 4194560 180 0"));
    }

    #[test]
    fn where_it_cannot_look_it_says_so_and_names_no_holders() {
        let seen = instance("lb-1", PowerState::Running, own_pid());
        let elsewhere = instance("lb-2", PowerState::Running, None);
        assert_eq!(holders(vec![seen, elsewhere]), Err("lb-2 has no process on this machine to look at".into()));
        assert_eq!(holders(vec![]), Err("there is no list of the instances".into()));
    }
}
