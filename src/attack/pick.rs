//! Which servers an attack hits: drawn with the seed over the declared names, round by round, each server once.

use rand::seq::{IndexedRandom, SliceRandom};

use crate::document::error::one_of;
use crate::draw::{Draw, Purpose};
use crate::environment::Ended;
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
        (true, None) => {
            Err("there is no server to attack\n  help: write `attack: allowed` beside a host that may be struck".into())
        }
        (true, Some(tag)) => {
            let mut tags: Vec<&str> =
                infrastructure.servers.values().flat_map(|server| &server.tags).map(String::as_str).collect();
            tags.sort_unstable();
            tags.dedup();
            let hint = match tags.is_empty() {
                true => "none of them has any: leave out `--tag`, or write `tags: [NAME]` beside a server in its file"
                    .into(),
                false => one_of(tag, "tags", tags),
            };
            Err(format!("no server has the tag `{tag}`\n  help: {hint}"))
        }
    }
}

/// Draws `rounds` rounds; what was drawn is taken off the list. The words say what each was drawn of. Servers that have
/// ended are drawn as well, and passed over: so they change the choice only where it would have been one of them.
///
/// # Errors
/// When the list runs out.
pub fn rounds(
    mut names: Vec<String>,
    ended: &Ended,
    how_many: HowMany,
    rounds: usize,
    draw: Draw,
) -> Result<Vec<(Vec<String>, String)>, String> {
    let all = names.len();
    (1..=rounds)
        .map(|round| {
            let left = names.iter().filter(|name| !ended.contains_key(*name)).count();
            let count = match how_many {
                HowMany::Count(count) => count,
                HowMany::Percent(percent) => (left as f64 * percent / 100.0).ceil() as usize,
            };
            if count == 0 || count > left {
                return Err(too_few(round as u64, count, (left, all), ended));
            }
            names.shuffle(&mut draw.for_purpose(Purpose::AttackServers, round as u64));
            let drawn = take_last(&mut names, count, ended);
            names.sort();
            Ok((drawn, format!("{count} drawn of {left}")))
        })
        .collect()
}

/// The last so many that have not ended, in their order.
fn take_last(names: &mut Vec<String>, count: usize, ended: &Ended) -> Vec<String> {
    let living = |at: &usize| !ended.contains_key(&names[*at]);
    let chosen: Vec<usize> = (0..names.len()).rev().filter(living).take(count).collect();
    let mut drawn: Vec<String> = chosen.into_iter().map(|at| names.remove(at)).collect();
    drawn.reverse();
    drawn
}

/// Why a round can't be drawn, of so many servers that are left and so many that there are.
pub fn too_few(round: u64, count: usize, (left, all): (usize, usize), ended: &Ended) -> String {
    let skipped: Vec<String> = ended.iter().map(|(server, how)| format!("{server} ({how})")).collect();
    let skipped =
        if skipped.is_empty() { String::new() } else { format!("; these have ended: {}", skipped.join(", ")) };
    let servers = if count == 1 { "server" } else { "servers" };
    let hint = match (left, round) {
        (0, _) if !ended.is_empty() => "boot one again; `chimp reconcile` boots what is missing".into(),
        (1.., 1) => format!("ask for at most {left} with `--count`"),
        _ => "no server is drawn twice: ask for fewer with `--count`, or for fewer rounds with `--repeat`".to_string(),
    };
    format!("round {round} asks for {count} {servers}, and {left} of {all} are left{skipped}\n  help: {hint}")
}

/// The servers that have processes to attack, each with these.
#[derive(Debug, Clone, Copy)]
pub struct Processed<'a> {
    /// All of them.
    pub of: &'a [(String, Vec<String>)],
    /// Those that have ended, and are passed over.
    pub ended: &'a Ended,
}

/// Draws a server of the list and one of its processes, for the round with this number.
///
/// # Errors
/// When the list is empty, or all of it has ended.
pub fn process(processed: &Processed<'_>, draw: Draw, round: u64) -> Result<(String, String, String), String> {
    let Processed { of, ended } = *processed;
    let living = of.iter().filter(|(server, _)| !ended.contains_key(server)).count();
    if living == 0 && !of.is_empty() {
        return Err(too_few(round, 1, (0, of.len()), ended));
    }
    let of_servers = &mut draw.for_purpose(Purpose::AttackServers, round);
    let of_processes = &mut draw.for_purpose(Purpose::AttackProcess, round);
    let (server, processes) = loop {
        let drawn = of.choose(of_servers).ok_or("no server has a process to attack")?;
        if !ended.contains_key(&drawn.0) {
            break drawn;
        }
    };
    let process = processes.choose(of_processes).ok_or_else(|| format!("{server} has no process to attack"))?;
    let why = format!("drawn of {living} servers, and of {} processes there", processes.len());
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
        let picked = rounds(names(count), &Ended::new(), how_many, times, Draw::of(seed))?;
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
        assert_eq!(
            why,
            "round 2 asks for 3 servers, and 1 of 4 are left\n  help: no server is drawn twice: ask for fewer with `--count`, or for fewer rounds with `--repeat`"
        );
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
        let of = Processed { of: &of, ended: &Ended::new() };
        let mut pairs: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (seed, round) in (0..30).flat_map(|seed| (1..=30).map(move |round| (seed, round))) {
            let (server, process, _) = process(&of, Draw::of(seed), round).unwrap();
            *pairs.entry((server, process)).or_default() += 1;
        }
        let bounds = 60..=140;
        assert!(pairs.len() == 9 && pairs.values().all(|n| bounds.contains(n)), "100 ± 10 are expected: {pairs:?}");
    }

    #[test]
    fn servers_that_have_ended_are_passed_over_and_change_no_other_choice() {
        let with = |ended: &Ended, seed| rounds(names(5), ended, HowMany::Count(2), 1, Draw::of(seed)).unwrap();
        let dead = Ended::from([("web-2".to_string(), "terminated".to_string())]);
        for seed in 0..100 {
            let (among_all, _) = with(&Ended::new(), seed).remove(0);
            let (among_living, why) = with(&dead, seed).remove(0);
            assert_eq!(why, "2 drawn of 4");
            assert!(!among_living.contains(&"web-2".to_string()), "{among_living:?}");
            let kept: Vec<&String> = among_all.iter().filter(|server| *server != "web-2").collect();
            assert!(kept.iter().all(|server| among_living.contains(server)), "{among_all:?} {among_living:?}");
        }
    }

    #[test]
    fn where_too_few_are_left_those_that_have_ended_are_named() {
        let ended: Ended = ["web-0", "web-1"].map(|name| (name.to_string(), "terminated".to_string())).into();
        let told = "round 1 asks for 2 servers, and 1 of 3 are left; these have ended: web-0 (terminated), web-1 (terminated)\n  help: ask for at most 1 with `--count`";
        assert_eq!(rounds(names(3), &ended, HowMany::Count(2), 1, Draw::of(1)), Err(told.to_string()));
        let of: Vec<_> = ["web-0", "web-1"].map(|name| (name.to_string(), vec!["nginx".to_string()])).into();
        let told = "round 4 asks for 1 server, and 0 of 2 are left; these have ended: web-0 (terminated), web-1 (terminated)\n  help: boot one again; `chimp reconcile` boots what is missing";
        assert_eq!(process(&Processed { of: &of, ended: &ended }, Draw::of(1), 4), Err(told.to_string()));
        let living = [of, vec![("web-2".into(), vec!["nginx".into()])]].concat();
        for seed in 0..20 {
            let drawn = process(&Processed { of: &living, ended: &ended }, Draw::of(seed), 1).unwrap();
            assert_eq!((drawn.0.as_str(), drawn.2.as_str()), ("web-2", "drawn of 1 servers, and of 1 processes there"));
        }
    }
}
