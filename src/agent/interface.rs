//! Which interface of the victim faults of its network are made on.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, Interfaces, if_nameindex, if_nametoindex};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::driver::DriverError;

/// The interface that carries this address in this network namespace.
///
/// # Errors
/// When none does, or it is the loopback, which is left alone.
pub(super) fn carrying(address: Ipv4Addr) -> Result<String, DriverError> {
    let all = getifaddrs().map_err(|errno| DriverError::at("list the interfaces")(errno.into()))?;
    let carries = |interface: &InterfaceAddress| {
        let own = interface.address.as_ref().and_then(|own| own.as_sockaddr_in().map(|own| own.ip()));
        own == Some(address) && !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
    };
    let found = all.into_iter().find(carries);
    found.map(|interface| interface.interface_name).ok_or_else(|| DriverError::Unfit {
        what: format!("the interface that carries {address}"),
        found: "missing".into(),
        expected: "one that is not the loopback".into(),
    })
}

/// Every IPv4 address of this network namespace, one of each interface but the loopback.
///
/// # Errors
/// When the interfaces can't be listed.
pub(super) fn addresses() -> Result<Vec<Ipv4Addr>, DriverError> {
    let all = getifaddrs().map_err(|errno| DriverError::at("list the interfaces")(errno.into()))?;
    let own = all.filter(|interface| !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK));
    let mut addresses: BTreeMap<String, Ipv4Addr> = BTreeMap::new();
    for interface in own {
        let Some(address) = interface.address.as_ref().and_then(|own| own.as_sockaddr_in().map(|own| own.ip())) else {
            continue;
        };
        addresses.entry(interface.interface_name).or_insert(address);
    }
    Ok(addresses.into_values().collect())
}

/// Every interface of this network namespace.
pub(super) fn all() -> Vec<String> {
    let names = |all: Interfaces| all.iter().map(|one| one.name().to_string_lossy().into_owned()).collect();
    if_nameindex().map(names).unwrap_or_default()
}

/// Whether there is an interface of this name in this network namespace.
pub(super) fn exists(name: &str) -> bool {
    if_nametoindex(name).is_ok()
}

/// The longest packet that an interface carries, in bytes from the IP header on; what Ethernet usually does where it does
/// not say.
pub(super) fn mtu(name: &str) -> u64 {
    const USUAL: u64 = 1500;
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    let Ok(socket) = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None) else {
        return USUAL;
    };
    // SAFETY: this ioctl reads the name and writes the number. Files below `/sys` may be of another network.
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU as _, &raw mut request) };
    // SAFETY: the kernel has just filled it in.
    if asked == 0 { u64::try_from(unsafe { request.ifr_ifru.ifru_mtu }).unwrap_or(USUAL) } else { USUAL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_and_an_address_of_nobody_are_refused_by_name() {
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 77)] {
            let why = carrying(address).unwrap_err().to_string();
            assert!(why.contains(&address.to_string()) && why.contains("is missing"), "{why}");
        }
        assert!(exists("lo") && !exists("no-such-one"));
        assert!(mtu("lo") >= 1500 && mtu("no-such-one") == 1500);
        assert!(addresses().unwrap().iter().all(|address| !address.is_loopback()));
    }
}
