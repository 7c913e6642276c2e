//! The addresses of a network, as its kernel lists them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Where a kernel lists the addresses of the reader's own network.
pub const OWN: &str = "/proc/net/fib_trie";

/// Which of these addresses a network has, by its `fib_trie`: it lists an address and, on the next line, `/32 host LOCAL`
/// when it is one's own.
pub fn among(trie: &str, wanted: &[Ipv4Addr]) -> BTreeSet<Ipv4Addr> {
    let mut found = BTreeSet::new();
    let mut lines = trie.lines();
    while let Some(line) = lines.next() {
        let leaf = line.trim_start().strip_prefix("|-- ").and_then(|leaf| leaf.parse::<Ipv4Addr>().ok());
        if let Some(address) = leaf.filter(|address| wanted.contains(address))
            && lines.next().is_some_and(|next| next.contains("/32 host LOCAL"))
        {
            found.insert(address);
        }
    }
    found
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
        let address = |last| Ipv4Addr::new(198, 18, 0, last);
        let wanted: Vec<Ipv4Addr> = [0, 10, 12, 100].map(address).into();
        assert_eq!(among(TRIE, &wanted), [address(12), address(100)].into());
        assert_eq!(among(TRIE, &wanted[..2]), [].into());
    }
}
