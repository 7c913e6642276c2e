//! The addresses of a scenario: one /22 of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks.

use std::net::Ipv4Addr;

/// A /22 of 198.18.0.0/15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    slot: u32,
}

impl Subnet {
    /// How many there are.
    pub const COUNT: u32 = 128;
    /// The length of the network's prefix.
    pub const PREFIX: u8 = 22;

    /// The subnet of a slot; slots beyond [`COUNT`](Self::COUNT) begin again at 0.
    pub fn of_slot(slot: u32) -> Self {
        Subnet { slot: slot % Self::COUNT }
    }

    /// Its `n`-th address, counted from 1. The first is the bridge's: there the harness lives, so servers get 2 to
    /// 1022.
    pub fn address(self, n: u16) -> Ipv4Addr {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + self.slot * 1024;
        Ipv4Addr::from(base + u32::from(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_do_not_overlap_and_stay_in_the_benchmark_range() {
        assert_eq!(Subnet::of_slot(0).address(1), Ipv4Addr::new(198, 18, 0, 1));
        assert_eq!(Subnet::of_slot(1).address(1), Ipv4Addr::new(198, 18, 4, 1));
        assert!(Subnet::of_slot(0).address(1022) < Subnet::of_slot(1).address(1));
        assert_eq!(Subnet::of_slot(127).address(1022), Ipv4Addr::new(198, 19, 255, 254));
    }
}
