//! Who has which address: given when an infrastructure is provisioned, not when it is declared.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::infrastructure::Infrastructure;

/// The addresses of an infrastructure's servers and virtual IPs, all in one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// By server name.
    pub servers: BTreeMap<String, Ipv4Addr>,
    /// By virtual IP name.
    pub virtual_ips: BTreeMap<String, Ipv4Addr>,
    /// The length of the network's prefix: 24 for a /24.
    pub prefix: u8,
    /// Other names of servers, and whose they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
}

impl Addresses {
    /// Gives every server, in natural order of the names, then every virtual IP, by name, the next address;
    /// `address` is asked with 0, 1, 2, … Depends on the infrastructure alone.
    pub fn assign(infrastructure: &Infrastructure, address: impl Fn(u16) -> Ipv4Addr, prefix: u8) -> Self {
        let mut addresses = (0..).map(address);
        let mut next = || addresses.next().expect("there are more numbers than servers");
        let servers = infrastructure.in_order().into_iter().map(|server| (server.name.clone(), next())).collect();
        let virtual_ips = infrastructure.virtual_ips.iter().map(|ip| (ip.name.clone(), next())).collect();
        Addresses { servers, virtual_ips, prefix, aliases: infrastructure.aliases.clone() }
    }

    /// The addresses of another infrastructure in the same network: who has one keeps it, others get those after the
    /// highest that anybody has, in natural order of the names, then virtual IPs by name.
    pub fn extended(&self, infrastructure: &Infrastructure) -> Self {
        let highest = self.servers.values().chain(self.virtual_ips.values()).max().copied();
        let mut last = u32::from(highest.unwrap_or(Ipv4Addr::UNSPECIFIED));
        let mut next = || {
            last += 1;
            Ipv4Addr::from(last)
        };
        let mut keep = |known: &BTreeMap<String, Ipv4Addr>, name: &str| {
            (name.to_string(), known.get(name).copied().unwrap_or_else(&mut next))
        };
        let servers = infrastructure.in_order().into_iter().map(|server| keep(&self.servers, &server.name)).collect();
        let virtual_ips = infrastructure.virtual_ips.iter().map(|ip| keep(&self.virtual_ips, &ip.name)).collect();
        Addresses { servers, virtual_ips, prefix: self.prefix, aliases: infrastructure.aliases.clone() }
    }

    /// Addresses that nobody has (192.0.2.0/24 and on, RFC 5737), to try templates with.
    pub fn imagined(infrastructure: &Infrastructure) -> Self {
        let first = u32::from(Ipv4Addr::new(192, 0, 2, 1));
        Addresses::assign(infrastructure, |index| Ipv4Addr::from(first + u32::from(index)), 24)
    }

    /// Where users enter.
    pub fn entry(&self, infrastructure: &Infrastructure) -> Option<Ipv4Addr> {
        let host = &infrastructure.entry.host;
        self.virtual_ips.get(host).or_else(|| self.servers.get(host)).copied()
    }

    /// Every name that servers know: servers, virtual IPs, and other names of both.
    pub fn by_name(&self) -> BTreeMap<String, IpAddr> {
        let own = self.servers.iter().chain(&self.virtual_ips);
        let named = self.aliases.iter().filter_map(|(alias, whose)| {
            let address = self.servers.get(whose).or_else(|| self.virtual_ips.get(whose))?;
            Some((alias, address))
        });
        own.chain(named).map(|(name, address)| (name.clone(), IpAddr::from(*address))).collect()
    }

    /// The content of `/etc/hosts` on every server: all servers and virtual IPs by name.
    pub fn hosts_file(&self) -> String {
        let line = |(name, address): (&String, &Ipv4Addr)| {
            let aliases = self.aliases.iter().filter(|(_, whose)| *whose == name).map(|(alias, _)| format!(" {alias}"));
            format!("{address} {name}{}\n", aliases.collect::<String>())
        };
        let all = self.servers.iter().map(line).chain(self.virtual_ips.iter().map(line));
        std::iter::once("127.0.0.1 localhost\n".to_string()).chain(all).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    #[test]
    fn who_has_an_address_keeps_it_and_new_ones_come_after() {
        let site = |count| {
            let mut draft = Draft::default();
            draft.behind_haproxy(count, "webserver").unwrap();
            draft.build().unwrap()
        };
        let before = Addresses::assign(&site(2), |i| Ipv4Addr::new(198, 18, 0, i as u8 + 10), 16);
        let after = before.extended(&site(4));
        assert_eq!(
            (after.servers["web-2"], after.virtual_ips["www"]),
            (before.servers["web-2"], before.virtual_ips["www"])
        );
        assert_eq!(after.servers["web-3"], Ipv4Addr::new(198, 18, 0, 15));
        assert_eq!(after.servers["web-4"], Ipv4Addr::new(198, 18, 0, 16));
    }

    #[test]
    fn addresses_follow_the_natural_order_of_names() {
        let mut draft = Draft::default();
        draft.behind_haproxy(11, "webserver").unwrap();
        let site = draft.build().unwrap();
        let addresses = Addresses::assign(&site, |i| Ipv4Addr::new(198, 18, 0, i as u8 + 10), 16);
        assert_eq!(addresses.servers["lb-1"], Ipv4Addr::new(198, 18, 0, 10));
        assert_eq!(addresses.servers["web-2"], Ipv4Addr::new(198, 18, 0, 13));
        assert_eq!(addresses.servers["web-10"], Ipv4Addr::new(198, 18, 0, 21));
        assert_eq!(addresses.virtual_ips["www"], Ipv4Addr::new(198, 18, 0, 23));
        assert_eq!(addresses.entry(&site), Some(Ipv4Addr::new(198, 18, 0, 23)));
        assert!(addresses.hosts_file().contains("198.18.0.21 web-10\n"));
    }
}
