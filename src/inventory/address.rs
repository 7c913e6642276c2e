//! The address of a host as a user writes it: IPv4 or a host name, and for everything else what it looks like and what to
//! write instead.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where a host is, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// Its IPv4 address.
    Ip(Ipv4Addr),
    /// Its name. It is looked up once, when the host is first needed.
    Name(String),
}

impl Address {
    /// The name, where it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Address::Ip(_) => None,
            Address::Name(name) => Some(name),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Name(name) => f.write_str(name),
        }
    }
}

/// What is wrong with an address, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub detail: String,
    pub hint: String,
}

/// Reads the address of one host. Looks nothing up.
///
/// # Errors
/// Names what was written instead.
pub(super) fn read(text: &str) -> Result<Address, Mistake> {
    let Ok(address) = text.parse::<Ipv4Addr>() else {
        return if is_name(text) && !is_range(text) {
            Ok(Address::Name(text.into()))
        } else {
            Err(instead_of_an_address(text))
        };
    };
    if !is_of_one_host(address) {
        let detail = format!("`address`: {address} is not the address of one host");
        return Err(Mistake { detail, hint: "write the host's own IPv4 address or its name".into() });
    }
    Ok(Address::Ip(address))
}

/// Reads an address that several hosts share, which is no name.
///
/// # Errors
/// As [`read`]'s, and that it is a name.
pub(super) fn read_shared(text: &str) -> Result<Ipv4Addr, Mistake> {
    match read(text)? {
        Address::Ip(address) => Ok(address),
        Address::Name(name) => {
            let detail = format!("`address`: `{name}` is a host name");
            Err(Mistake { detail, hint: "write the IPv4 address that the hosts share".into() })
        }
    }
}

/// Whether a machine can have it.
pub(super) fn is_of_one_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
}

/// Whether it can be the name of a host. The resolver would read a number as an address: `1234`, `0x7f.1`.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(sign) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x");
    text.len() <= 253 && text.split('.').all(is_label) && !is_number
}

/// Whether it stands for several: `web-[1:4]`, `web-[01:50:2]`, `web-{1..4}`, `10.0.0.1-4`, `10.0.0.*`.
pub(super) fn is_range(text: &str) -> bool {
    let bracket = text.contains(['[', '{']) && (text.contains([':', ',']) || text.contains("..") || text.contains('-'));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let dashed = |text: &str| {
        let Some((from, to)) = text.split_once('-') else { return false };
        is_dotted(from.trim()) && (digits(to.trim()) || is_dotted(to.trim()))
    };
    // An IPv6 address in brackets is one host.
    let of_ipv6 = text.strip_prefix('[').is_some_and(|rest| {
        rest.split(']').next().is_some_and(|inner| inner.contains("::") || inner.matches(':').count() > 2)
    });
    (bracket && !of_ipv6) || dashed(text) || text.contains(['*', '?'])
}

/// Digits and dots alone, some of each.
fn is_dotted(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// What to do where one entry stands for several hosts.
pub(super) const ONE_EACH: &str = "write an entry for each host, with its own name and address";

fn instead_of_an_address(text: &str) -> Mistake {
    let told = |what: &str, hint: String| Mistake { detail: format!("`address`: `{text}` {what}"), hint };
    let bare = text.trim();
    if bare.is_empty() {
        return told("is empty", "write the host's IPv4 address or its name, for example 192.0.2.11".into());
    }
    if bare.contains("://") {
        return told(
            "is a URL",
            "write only the IPv4 address or the name; `user` and `port` have their own fields".into(),
        );
    }
    if let Some((user, host)) = bare.split_once('@') {
        let hint = format!("write `user: {user}` beside `address: {host}`");
        return told("contains a user name", hint);
    }
    if is_range(bare) {
        return told("is a range", ONE_EACH.into());
    }
    let network = bare.split_once('/').map(|(network, _)| network);
    if network.is_some_and(|network| network.parse::<Ipv4Addr>().is_ok() || is_ipv6(network)) {
        return told("is a network", ONE_EACH.into());
    }
    if is_ipv6(bare.trim_start_matches('[').split(']').next().unwrap_or_default()) {
        let hint = "write the host's IPv4 address: network faults are made by iptables, which filters IPv4 only";
        return told("is an IPv6 address", hint.into());
    }
    if let Some((host, port)) = bare.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) {
        return told("contains a port", format!("write `port: {port}` beside `address: {host}`"));
    }
    if is_dotted(bare) {
        let hint = "four numbers from 0 to 255 without leading zeros, for example 192.0.2.11";
        return told("is not an IPv4 address", hint.into());
    }
    let hint = "write an IPv4 address, for example 192.0.2.11, or a name of letters, digits, hyphens and dots";
    told("is neither an IPv4 address nor a host name", hint.into())
}

/// Also with a zone: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_told(text: &str, what: &str, hint: &str) {
        let mistake = read(text).expect_err(text);
        assert!(mistake.detail.starts_with(&format!("`address`: `{text}` {what}")), "{mistake:?}");
        assert!(mistake.hint.contains(hint), "{mistake:?}");
    }

    #[test]
    fn one_host_has_one_ipv4_address() {
        assert_eq!(read("192.0.2.11"), Ok(Address::Ip(Ipv4Addr::new(192, 0, 2, 11))));
        for several in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
            assert!(read(several).unwrap_err().detail.contains("not the address of one host"));
        }
    }

    #[test]
    fn a_host_name_is_kept_as_it_was_written() {
        for name in ["web-1", "web-1.example.org", "localhost", "db-1-2", "Web_1", "3com.example", "a.1b"] {
            assert_eq!(read(name), Ok(Address::Name(name.into())));
        }
    }

    #[test]
    fn the_hint_fits_what_was_written() {
        for address in ["2001:db8::1", "::1", "fe80::1%eth0", "[2001:db8::1]", "[2001:db8::1]:22", "::ffff:192.0.2.1"] {
            assert_told(address, "is an IPv6 address", "IPv4");
        }
        assert_told("192.0.2.1:2222", "contains a port", "`port: 2222` beside `address: 192.0.2.1`");
        assert_told("web-1.example.org:22", "contains a port", "`port: 22` beside `address: web-1.example.org`");
        for range in ["web-[1:4]", "web-[01:50:2].example", "web-{1..4}", "10.0.0.1-4", "10.0.0.1-10.0.0.4", "10.0.0.*"]
        {
            assert_told(range, "is a range", "an entry for each host");
        }
        for network in ["10.0.0.0/24", "10.0.0.7/32", "2001:db8::/64"] {
            assert_told(network, "is a network", "an entry for each host");
        }
        assert_told("admin@192.0.2.1", "contains a user name", "`user: admin` beside `address: 192.0.2.1`");
        assert_told("ssh://192.0.2.1", "is a URL", "own fields");
        for dotted in ["192.0.2", "192.0.2.256", "192.0.2.01", "1.2.3.4.5"] {
            assert_told(dotted, "is not an IPv4 address", "four numbers");
        }
        for other in ["1234", "0x7f000001", "web-1.example.org.", "-web", "web..org", "wéb", "web 1", "web-1.0x7f"] {
            assert_told(other, "is neither an IPv4 address nor a host name", "letters, digits");
        }
        assert_told(" ", "is empty", "192.0.2.11");
    }

    #[test]
    fn a_name_with_hyphens_is_no_range() {
        assert!(!is_range("web-1") && !is_range("[2001:db8::1]:22") && is_range("web-[a:f]"));
    }
}
