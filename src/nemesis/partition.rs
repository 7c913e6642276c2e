//! From a partition, as the plan says it, to the peers that each victim no longer hears.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::plan::Partition;

/// For each victim, whom it no longer hears; names of servers.
pub(super) type Peers = BTreeMap<String, Vec<String>>;

/// Works out a partition over the servers `near`, the order's target; `far` are those that the partition itself names.
/// Halves and rings are drawn with `rng`.
///
/// # Errors
/// When nobody would be cut off from anybody.
pub(super) fn peers(partition: &Partition, near: &[String], far: &[String], rng: &mut StdRng) -> Result<Peers, String> {
    let peers = match partition {
        Partition::Between(_) => {
            // Who is on both sides belongs to the one that would have no server without it.
            let rest = without(far, near);
            if rest.is_empty() { between(&without(near, far), far) } else { between(near, &rest) }
        }
        Partition::From(_) => deaf(near, far),
        Partition::Halves => {
            let drawn = shuffled(near, rng);
            let (one, other) = drawn.split_at(drawn.len() / 2);
            between(one, other)
        }
        Partition::MajoritiesRing => ring(&shuffled(near, rng)),
    };
    if peers.is_empty() { Err("the partition separates no servers".into()) } else { Ok(peers) }
}

/// Neither side hears the other.
fn between(one: &[String], other: &[String]) -> Peers {
    let mut peers = deaf(one, other);
    peers.extend(deaf(other, one));
    peers
}

/// `victims` do not hear `from`; nobody is deaf to itself.
fn deaf(victims: &[String], from: &[String]) -> Peers {
    let heard = |victim: &String| without(from, std::slice::from_ref(victim));
    victims.iter().map(|victim| (victim.clone(), heard(victim))).filter(|(_, peers)| !peers.is_empty()).collect()
}

/// Each hears the majority that begins with itself on the ring, so that no two hear the same one.
fn ring(servers: &[String]) -> Peers {
    let majority = servers.len() / 2 + 1;
    let heard = |at: usize| (0..majority).map(|step| servers[(at + step) % servers.len()].clone()).collect::<Vec<_>>();
    let cut_off = |at: usize| without(servers, &heard(at));
    let peers = servers.iter().enumerate().map(|(at, server)| (server.clone(), cut_off(at)));
    peers.filter(|(_, peers)| !peers.is_empty()).collect()
}

fn without(servers: &[String], left_out: &[String]) -> Vec<String> {
    let left_out: BTreeSet<&String> = left_out.iter().collect();
    servers.iter().filter(|server| !left_out.contains(server)).cloned().collect()
}

fn shuffled(servers: &[String], rng: &mut StdRng) -> Vec<String> {
    let mut drawn = servers.to_vec();
    drawn.shuffle(rng);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draw, Purpose};
    use crate::plan::{Choice, Target};

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("web-{number}")).collect()
    }

    fn someone() -> Target {
        Target { choice: Choice::Every, role: "node".into(), zone: None, tag: None, text: "every node".into() }
    }

    /// As the strike with this number of a scenario with this seed would draw it.
    fn drawn(partition: &Partition, near: &[String], far: &[String], seed: u64, strike: u64) -> Result<Peers, String> {
        peers(partition, near, far, &mut Draw::of(seed).for_purpose(Purpose::Sides, strike))
    }

    #[test]
    fn two_sides_hear_nothing_of_each_other_and_all_of_their_own() {
        let all = names(5);
        let peers = drawn(&Partition::Between(someone()), &all[..2], &all, 7, 0).unwrap();
        assert_eq!(peers.len(), 5);
        assert_eq!(peers["web-1"], ["web-3", "web-4", "web-5"]);
        assert_eq!(peers["web-4"], ["web-1", "web-2"]);
    }

    #[test]
    fn two_sides_are_the_same_whichever_is_named_first() {
        let all = names(4);
        let one = drawn(&Partition::Between(someone()), &all[..1], &all, 7, 0).unwrap();
        assert_eq!(one["web-1"], ["web-2", "web-3", "web-4"]);
        assert_eq!(drawn(&Partition::Between(someone()), &all, &all[..1], 7, 0).unwrap(), one);
    }

    #[test]
    fn one_way_from_a_server_to_all_leaves_out_the_server_itself() {
        let all = names(3);
        let peers = drawn(&Partition::From(someone()), &all, &all[..1], 7, 0).unwrap();
        let deaf = ["web-2", "web-3"].map(|name| (name.to_string(), all[..1].to_vec()));
        assert_eq!(peers.into_iter().collect::<Vec<_>>(), deaf);
        let mutual = drawn(&Partition::From(someone()), &all, &all, 7, 0).unwrap();
        assert_eq!(mutual["web-2"], ["web-1", "web-3"]);
    }

    #[test]
    fn one_way_makes_only_the_target_deaf() {
        let all = names(3);
        let peers = drawn(&Partition::From(someone()), &all[..1], &all[1..], 7, 0).unwrap();
        assert_eq!(peers.into_iter().collect::<Vec<_>>(), [("web-1".to_string(), all[1..].to_vec())]);
    }

    /// The servers that web-1 no longer hears, which tells how all fall into halves.
    fn other_half(all: &[String], seed: u64, strike: u64) -> BTreeSet<String> {
        drawn(&Partition::Halves, all, &[], seed, strike).unwrap()["web-1"].iter().cloned().collect()
    }

    #[test]
    fn halves_are_halves_drawn_with_the_seed() {
        let all = names(5);
        assert_eq!(other_half(&all, 3, 0), other_half(&all, 3, 0));
        let ways: BTreeSet<_> = (0..200).map(|seed| other_half(&all, seed, 0)).collect();
        assert_eq!(ways.len(), 10, "there are ten ways to choose two of five, and each comes up");
        let mut sizes: Vec<usize> =
            drawn(&Partition::Halves, &all, &[], 3, 0).unwrap().values().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [2, 2, 2, 3, 3]);
    }

    /// Four fall into halves in three ways, so two independent tiers agree in a third of all scenarios.
    #[test]
    fn how_one_tier_falls_into_halves_says_nothing_about_an_equal_one() {
        let all = names(4);
        let same = (0..900).filter(|seed| other_half(&all, *seed, 0) == other_half(&all, *seed, 1)).count();
        assert!((220..380).contains(&same), "{same} of 900 where 300 ± 14 are expected");
        let next = (0..900).filter(|seed| other_half(&all, *seed + 1, 0) == other_half(&all, *seed, 1)).count();
        assert!((220..380).contains(&next), "the next seed's first strike: {next} of 900 where 300 ± 14 are expected");
    }

    #[test]
    fn in_a_ring_each_hears_a_majority_and_no_two_the_same() {
        for count in [3, 4, 5, 7] {
            let all = names(count);
            let peers = drawn(&Partition::MajoritiesRing, &all, &[], 1, 0).unwrap();
            let heard: BTreeSet<Vec<String>> = all
                .iter()
                .map(|server| without(&all, peers.get(server).map_or(&[], Vec::as_slice)))
                .inspect(|heard| assert_eq!(heard.len(), count / 2 + 1))
                .collect();
            assert_eq!(heard.len(), count);
        }
    }

    #[test]
    fn a_cut_that_separates_nobody_is_an_error() {
        let all = names(2);
        assert!(drawn(&Partition::Between(someone()), &all, &all, 1, 0).is_err());
        assert!(drawn(&Partition::From(someone()), &all[..1], &all[..1], 1, 0).is_err());
        assert!(drawn(&Partition::Halves, &all[..1], &[], 1, 0).is_err());
    }
}
