//! Which interface of the victim faults of its network are made on.

use std::net::Ipv4Addr;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, Interfaces, if_nameindex, if_nametoindex};

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
    let told = std::fs::read_to_string(format!("/sys/class/net/{name}/mtu"));
    told.ok().and_then(|mtu| mtu.trim().parse().ok()).unwrap_or(1500)
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
    }
}
