//! Who holds a virtual IP, read from the kernel of each server that may.

use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::instances::living;
use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::infrastructure::VirtualIp;
use crate::provider::Instance;

/// Reads `/proc/<first process>/net/fib_trie` of every possible holder each 10 ms: no need to enter its network,
/// and a cut link hides nothing.
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
        let instances = self.instances.borrow().clone();
        // Nothing was listed yet: nobody can tell who holds it.
        if instances.is_empty() {
            return Ok(());
        }
        let holds = |server: &&String| {
            let first_process = living(&instances, server).and_then(|instance| instance.first_process);
            first_process.is_some_and(|pid| has_address(pid, self.address))
        };
        let holders: Vec<String> = self.candidates.iter().filter(holds).cloned().collect();
        if self.known.as_ref() != Some(&holders) {
            look.changed(Event::VirtualIpHolders { name: self.name.clone(), holders: holders.clone() });
            if let Some(publish) = &self.publish {
                publish.send_replace(holders.first().cloned());
            }
            self.known = Some(holders);
        }
        Ok(())
    }
}

/// Whether the network of this process has the address; a process that is gone has none.
fn has_address(pid: i32, address: Ipv4Addr) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/net/fib_trie")).is_ok_and(|trie| is_local(&trie, address))
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
}
