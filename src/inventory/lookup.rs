//! From a host's name to one IPv4 address. It is looked up once: afterwards every fault and every look goes to the same machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::time::timeout;

use super::address::is_of_one_host;
use crate::instance::{Command, Output};
use crate::provider::Remote;
use crate::units::show_duration;

/// How long a lookup may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// Looks a name up as programs of this machine do.
///
/// # Errors
/// In words: no IPv4 address, several, or one that no host has.
pub(super) async fn here(name: &str) -> Result<Ipv4Addr, String> {
    let found = match timeout(LOOKUP, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => found,
        Ok(Err(why)) => return Err(format!("the name `{name}` can't be looked up: {why}; {INSTEAD}")),
        Err(_) => {
            return Err(format!("looking the name `{name}` up took longer than {}; {INSTEAD}", show_duration(LOOKUP)));
        }
    };
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = found.map(|found| found.ip()).partition(IpAddr::is_ipv4);
    let v4 = v4.into_iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    one(name, v4.collect(), !v6.is_empty())
}

/// Looks a name up on a jump host, whose network may know other names than this one.
///
/// # Errors
/// As [`here`]'s, or that the jump host did not say.
pub(super) async fn on(jump: &str, remote: &dyn Remote, name: &str) -> Result<Ipv4Addr, String> {
    let mut command = Command::new(["getent", "ahostsv4", name]);
    command.timeout = LOOKUP;
    let told =
        |detail: String| format!("the name `{name}` is looked up on the jump host `{jump}`: {detail}; {INSTEAD}");
    let output = remote.exec(&command).await.map_err(|why| told(why.to_string()))?;
    match output {
        Output { status: Some(0), stdout, .. } => {
            let addresses = stdout.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
            one(name, addresses.collect(), false).map_err(told)
        }
        Output { status: Some(2), .. } => Err(told("it has no IPv4 address there".into())),
        Output { stderr, .. } => Err(told(format!("`getent` failed there: {}", stderr.trim()))),
    }
}

const INSTEAD: &str = "correct `address`, or write the IPv4 address itself";

fn one(name: &str, found: BTreeSet<Ipv4Addr>, has_ipv6: bool) -> Result<Ipv4Addr, String> {
    let mut each = found.iter().copied();
    match (each.next(), each.next()) {
        (Some(address), None) if is_of_one_host(address) => Ok(address),
        (Some(address), None) => {
            Err(format!("the name `{name}` leads to {address}, which is not the address of one host; {INSTEAD}"))
        }
        (None, _) if has_ipv6 => {
            Err(format!("the name `{name}` has IPv6 addresses only, and network faults are made for IPv4; {INSTEAD}"))
        }
        (None, _) => Err(format!("the name `{name}` has no IPv4 address; {INSTEAD}")),
        (Some(_), Some(_)) => {
            let listed: Vec<String> = found.iter().map(Ipv4Addr::to_string).collect();
            Err(format!(
                "the name `{name}` has several IPv4 addresses ({}), which may be several machines: write the one that is meant \
                 as `address`",
                listed.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(addresses: &[[u8; 4]], has_ipv6: bool) -> Result<Ipv4Addr, String> {
        one("web", addresses.iter().map(|octets| Ipv4Addr::from(*octets)).collect(), has_ipv6)
    }

    #[test]
    fn a_name_leads_to_one_address_or_to_an_error_that_says_why_not() {
        assert_eq!(told(&[[192, 0, 2, 1]], true), Ok(Ipv4Addr::new(192, 0, 2, 1)));
        let several = told(&[[192, 0, 2, 9], [192, 0, 2, 1]], false).unwrap_err();
        assert!(several.contains("several IPv4 addresses (192.0.2.1, 192.0.2.9)"), "{several}");
        assert!(told(&[], false).unwrap_err().contains("has no IPv4 address"));
        assert!(told(&[], true).unwrap_err().contains("has IPv6 addresses only"));
        assert!(told(&[[0, 0, 0, 0]], false).unwrap_err().contains("leads to 0.0.0.0"));
    }

    #[tokio::test]
    async fn names_of_this_machine_are_looked_up() {
        assert_eq!(here("localhost").await, Ok(Ipv4Addr::LOCALHOST));
    }
}
