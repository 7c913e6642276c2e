//! Whom an attack hits: drawn with the seed over the declared names, round by round, each server once.

use rand::seq::{IndexedRandom, SliceRandom};

use crate::draw::{Draw, Purpose};
use crate::infrastructure::{Infrastructure, Server};

/// How many servers a round takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HowMany {
    /// So many.
    Count(usize),
    /// So many percent of those that are left, rounded up.
    Percent(f64),
}

/// The servers that may be chosen, by name: all, or those with a tag.
///
/// # Errors
/// When there is none.
pub fn candidates(infrastructure: &Infrastructure, tag: Option<&str>) -> Result<Vec<String>, String> {
    let wanted = |server: &&Server| tag.is_none_or(|tag| server.tags.iter().any(|found| found == tag));
    let names: Vec<String> = infrastructure.servers.values().filter(wanted).map(|server| server.name.clone()).collect();
    match (names.is_empty(), tag) {
        (false, _) => Ok(names),
        (true, None) => Err("there is no server to attack".into()),
        (true, Some(tag)) => {
            let mut tags: Vec<&str> =
                infrastructure.servers.values().flat_map(|server| &server.tags).map(String::as_str).collect();
            tags.sort_unstable();
            tags.dedup();
            let there =
                if tags.is_empty() { "no server has one".into() } else { format!("there are {}", tags.join(", ")) };
            Err(format!("no server has the tag `{tag}`; {there}"))
        }
    }
}

/// Draws `rounds` rounds; who was drawn is taken off the list. The words say what each was drawn of.
///
/// # Errors
/// When the list runs out.
pub fn rounds(
    mut names: Vec<String>,
    how_many: HowMany,
    rounds: usize,
    draw: Draw,
) -> Result<Vec<(Vec<String>, String)>, String> {
    let all = names.len();
    (1..=rounds)
        .map(|round| {
            let count = match how_many {
                HowMany::Count(count) => count,
                HowMany::Percent(percent) => (names.len() as f64 * percent / 100.0).ceil() as usize,
            };
            let left = names.len();
            if count == 0 || count > left {
                return Err(format!("round {round} asks for {count} servers, and {left} of {all} are left"));
            }
            names.shuffle(&mut draw.for_purpose(Purpose::AttackServers, round as u64));
            let drawn = names.split_off(left - count);
            names.sort();
            Ok((drawn, format!("{count} drawn of {left}")))
        })
        .collect()
}

/// Draws a server of the list and one of its processes, for the round with this number.
///
/// # Errors
/// When the list is empty.
pub fn process(of: &[(String, Vec<String>)], draw: Draw, round: u64) -> Result<(String, String, String), String> {
    let of_servers = &mut draw.for_purpose(Purpose::AttackServers, round);
    let of_processes = &mut draw.for_purpose(Purpose::AttackProcess, round);
    let (server, processes) = of.choose(of_servers).ok_or("no server has a process to attack")?;
    let process = processes.choose(of_processes).ok_or_else(|| format!("{server} has no process to attack"))?;
    let why = format!("drawn of {} servers, and of {} processes there", of.len(), processes.len());
    Ok((server.clone(), process.clone(), why))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("web-{number}")).collect()
    }

    fn drawn(count: usize, how_many: HowMany, times: usize, seed: u64) -> Result<Vec<Vec<String>>, String> {
        let picked = rounds(names(count), how_many, times, Draw::of(seed))?;
        Ok(picked.into_iter().map(|(servers, _)| servers).collect())
    }

    proptest! {
        #[test]
        fn nobody_is_drawn_twice_and_the_seed_decides(seed: u64, count in 1usize..30, times in 1usize..30) {
            let picked = drawn(count, HowMany::Count(1), times, seed);
            prop_assert_eq!(&picked, &drawn(count, HowMany::Count(1), times, seed));
            match picked {
                Err(_) => prop_assert!(times > count),
                Ok(picked) => {
                    let mut all: Vec<String> = picked.concat();
                    all.sort();
                    all.dedup();
                    prop_assert_eq!(all.len(), times);
                }
            }
        }
    }

    #[test]
    fn a_percentage_is_of_those_that_are_left_and_never_nobody() {
        let sizes = |percent| -> Vec<usize> {
            drawn(10, HowMany::Percent(percent), 3, 1).unwrap().iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(50.0), [5, 3, 1]);
        assert_eq!(sizes(1.0), [1, 1, 1]);
    }

    #[test]
    fn a_list_that_runs_out_is_told_with_the_round() {
        let why = drawn(4, HowMany::Count(3), 2, 1).unwrap_err();
        assert_eq!(why, "round 2 asks for 3 servers, and 1 of 4 are left");
    }

    #[test]
    fn every_server_is_drawn_sooner_or_later() {
        let firsts: std::collections::BTreeSet<String> =
            (0..200).map(|seed| drawn(5, HowMany::Count(1), 1, seed).unwrap()[0][0].clone()).collect();
        assert_eq!(firsts.len(), 5);
    }

    #[test]
    fn the_server_and_its_process_are_drawn_separately_and_anew_each_round() {
        let processes = |server: &str| (server.to_string(), vec!["nginx".to_string(), "sshd".into(), "cron".into()]);
        let of = [processes("web-1"), processes("web-2"), processes("web-3")];
        let mut pairs: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (seed, round) in (0..30).flat_map(|seed| (1..=30).map(move |round| (seed, round))) {
            let (server, process, _) = process(&of, Draw::of(seed), round).unwrap();
            *pairs.entry((server, process)).or_default() += 1;
        }
        let bounds = 60..=140;
        assert!(pairs.len() == 9 && pairs.values().all(|n| bounds.contains(n)), "100 ± 10 are expected: {pairs:?}");
    }
}
