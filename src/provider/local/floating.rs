//! Floating IPs of a scenario: addresses that no instance has. What is sent to one from the sandbox's own network, where the
//! prober and the users stand, is translated by `iptables` to the address of the server that it leads to.
//!
//! When one is led elsewhere, its open connections are forgotten, as a cloud's router does: their next packet meets a
//! server that does not know them. Instances reach none of these addresses.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::Ipv4Addr;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use std::os::fd::AsRawFd;
use tokio::sync::Mutex;

use super::filter::restore;

/// From linux/netlink.h, linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h: the request to delete every connection that is
/// tracked and has a mark, to be acknowledged by an error with the number 0.
const DELETE_CONNECTIONS: u16 = 1 << 8 | 2;
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
const ERROR: u16 = 2;
const MARK: u16 = 8;
const MARK_MASK: u16 = 21;
/// Of the request: two headers, of 16 and 4 bytes, and two attributes of 8.
const LENGTH: u32 = 36;

/// The floating IPs of one scenario, by name.
#[derive(Debug, Default)]
pub(super) struct FloatingIps(Mutex<BTreeMap<String, FloatingIp>>);

#[derive(Debug, Clone)]
struct FloatingIp {
    address: Ipv4Addr,
    /// Where it may lead: servers by name.
    servers: BTreeMap<String, Ipv4Addr>,
    leads_to: String,
}

impl FloatingIps {
    /// Adds one, which leads to this server.
    ///
    /// # Errors
    /// `iptables-restore` is missing or refuses, or there is no such server.
    pub async fn add(
        &self,
        slot: u32,
        (name, address): (&str, Ipv4Addr),
        servers: BTreeMap<String, Ipv4Addr>,
        to: &str,
    ) -> io::Result<()> {
        let mut all = self.0.lock().await;
        let ip = FloatingIp { address, servers, leads_to: String::new() };
        let is_first = all.is_empty();
        let changed = led(&all, (name, ip), to)?;
        let jump = if is_first { format!("-A OUTPUT -j {}\n", chain(slot)) } else { String::new() };
        apply(slot, &changed, &jump).await?;
        *all = changed;
        Ok(())
    }

    /// Leads one to another of its servers.
    ///
    /// # Errors
    /// There is no such thing; `iptables-restore` refuses.
    pub async fn lead(&self, slot: u32, name: &str, to: &str) -> io::Result<()> {
        let mut all = self.0.lock().await;
        let ip = all.get(name).ok_or(io::ErrorKind::NotFound)?.clone();
        let address = ip.address;
        let changed = led(&all, (name, ip), to)?;
        apply(slot, &changed, "").await?;
        *all = changed;
        forget_connections(address)
    }

    /// The server that it leads to.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn leads_to(&self, name: &str) -> io::Result<String> {
        let all = self.0.lock().await;
        Ok(all.get(name).ok_or(io::ErrorKind::NotFound)?.leads_to.clone())
    }

    /// Removes all of them.
    ///
    /// # Errors
    /// Those of `iptables-restore`.
    pub async fn remove(&self, slot: u32) -> io::Result<()> {
        let mut all = self.0.lock().await;
        if std::mem::take(&mut *all).is_empty() {
            return Ok(());
        }
        let chain = chain(slot);
        restore(&format!("*nat\n:{chain} -\n-D OUTPUT -j {chain}\n-X {chain}\nCOMMIT\n"), &BESIDE_OTHERS).await
    }
}

/// Other scenarios have rules in the same tables.
const BESIDE_OTHERS: [&str; 3] = ["--noflush", "-w", "5"];

fn chain(slot: u32) -> String {
    format!("floating-{slot}")
}

/// All of them, when this one leads there.
fn led(
    all: &BTreeMap<String, FloatingIp>,
    (name, ip): (&str, FloatingIp),
    to: &str,
) -> io::Result<BTreeMap<String, FloatingIp>> {
    if !ip.servers.contains_key(to) {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{name} can't lead to {to}")));
    }
    let mut changed = all.clone();
    changed.insert(name.into(), FloatingIp { leads_to: to.into(), ..ip });
    Ok(changed)
}

/// The rules of a scenario are replaced in one stroke.
async fn apply(slot: u32, all: &BTreeMap<String, FloatingIp>, jump: &str) -> io::Result<()> {
    let chain = chain(slot);
    let mut table = format!("*nat\n:{chain} -\n{jump}");
    for ip in all.values() {
        let (address, to) = (ip.address, ip.servers[&ip.leads_to]);
        let _ = writeln!(table, "-A {chain} -d {address} -j CONNMARK --set-mark {}", u32::from(address));
        let _ = writeln!(table, "-A {chain} -d {address} -j DNAT --to-destination {to}");
    }
    restore(&(table + "COMMIT\n"), &BESIDE_OTHERS).await
}

/// Forgets the connections of a floating IP, which are marked with it. One that goes on is tracked again from its next
/// packet on, and led by the rules of then. No other may be forgotten: an answer that is under way would be lost.
fn forget_connections(of: Ipv4Addr) -> io::Result<()> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
    bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(DELETE_CONNECTIONS.to_ne_bytes());
    request.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    // Sequence number and port; then the family, a version and no resource.
    request.extend([0; 8]);
    request.extend([AddressFamily::Inet as u8, 0, 0, 0]);
    for (attribute, value) in [(MARK, u32::from(of)), (MARK_MASK, u32::MAX)] {
        request.extend(8_u16.to_ne_bytes());
        request.extend(attribute.to_ne_bytes());
        request.extend(value.to_be_bytes());
    }
    send(netlink.as_raw_fd(), &request, MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    acknowledged(&answer[..length])
}

/// The kernel's answer: its header has the type at byte 4, and 16 bytes; then the negative number of an error, or 0.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| Some(u16::from_ne_bytes(bytes.try_into().ok()?)));
    let error = answer.get(16..20).and_then(|bytes| Some(i32::from_ne_bytes(bytes.try_into().ok()?)));
    match (kind, error) {
        (Some(ERROR), Some(0)) => Ok(()),
        (Some(ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "netlink answered a request about connections otherwise")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floating_ip_leads_only_to_a_server_that_may_hold_it() {
        let servers = BTreeMap::from([("lb-1".to_string(), Ipv4Addr::LOCALHOST)]);
        let ip = FloatingIp { address: Ipv4Addr::LOCALHOST, servers, leads_to: String::new() };
        let all = led(&BTreeMap::new(), ("www", ip.clone()), "lb-1").unwrap();
        assert_eq!(all["www"].leads_to, "lb-1");
        assert_eq!(led(&all, ("www", ip), "web-1").unwrap_err().to_string(), "www can't lead to web-1");
    }

    #[test]
    fn only_an_acknowledgement_is_one() {
        let answer = |kind: u16, error: i32| {
            let mut bytes = vec![0; 16];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes.extend(error.to_ne_bytes());
            acknowledged(&bytes)
        };
        assert!(answer(ERROR, 0).is_ok());
        assert_eq!(answer(ERROR, -1).unwrap_err().raw_os_error(), Some(1));
        assert!(answer(3, 0).is_err() && acknowledged(&[]).is_err());
    }
}
