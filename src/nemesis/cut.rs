//! Who no longer hears whom: from a cut, as the plan says it, to the peers of each victim.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::plan::Cut;

/// For each victim, whom it no longer hears; names of servers.
pub(super) type Peers = BTreeMap<String, Vec<String>>;

/// Works out a cut over the servers `near`, the order's target; `far` are those that the cut itself names.
/// Halves and rings are drawn with `seed`.
///
/// # Errors
/// When nobody would be cut off from anybody.
pub(super) fn peers(cut: &Cut, near: &[String], far: &[String], seed: u64) -> Result<Peers, String> {
    let peers = match cut {
        Cut::Between(_) => between(near, &without(far, near)),
        Cut::From(_) => deaf(near, far),
        Cut::Halves => {
            let drawn = shuffled(near, seed);
            let (one, other) = drawn.split_at(drawn.len() / 2);
            between(one, other)
        }
        Cut::MajoritiesRing => ring(&shuffled(near, seed)),
    };
    if peers.is_empty() { Err("the cut separates nobody".into()) } else { Ok(peers) }
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

fn shuffled(servers: &[String], seed: u64) -> Vec<String> {
    let mut drawn = servers.to_vec();
    drawn.shuffle(&mut StdRng::seed_from_u64(seed));
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Choice, Target};

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("web-{number}")).collect()
    }

    fn someone() -> Target {
        Target { choice: Choice::Every, role: "node".into(), zone: None, tag: None, text: "every node".into() }
    }

    #[test]
    fn two_sides_hear_nothing_of_each_other_and_all_of_their_own() {
        let all = names(5);
        let peers = peers(&Cut::Between(someone()), &all[..2], &all, 7).unwrap();
        assert_eq!(peers.len(), 5);
        assert_eq!(peers["web-1"], ["web-3", "web-4", "web-5"]);
        assert_eq!(peers["web-4"], ["web-1", "web-2"]);
    }

    #[test]
    fn one_way_makes_only_the_target_deaf() {
        let all = names(3);
        let peers = peers(&Cut::From(someone()), &all[..1], &all[1..], 7).unwrap();
        assert_eq!(peers.into_iter().collect::<Vec<_>>(), [("web-1".to_string(), all[1..].to_vec())]);
    }

    #[test]
    fn halves_are_halves_drawn_with_the_seed() {
        let all = names(5);
        let drawn = |seed| peers(&Cut::Halves, &all, &[], seed).unwrap();
        assert_eq!(drawn(3), drawn(3));
        assert!((0..20).any(|seed| drawn(seed) != drawn(3)));
        let mut sizes: Vec<usize> = drawn(3).values().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [2, 2, 2, 3, 3]);
    }

    #[test]
    fn in_a_ring_each_hears_a_majority_and_no_two_the_same() {
        for count in [3, 4, 5, 7] {
            let all = names(count);
            let peers = peers(&Cut::MajoritiesRing, &all, &[], 1).unwrap();
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
        assert!(peers(&Cut::Between(someone()), &all, &all, 1).is_err());
        assert!(peers(&Cut::From(someone()), &all[..1], &all[..1], 1).is_err());
        assert!(peers(&Cut::Halves, &all[..1], &[], 1).is_err());
    }
}
