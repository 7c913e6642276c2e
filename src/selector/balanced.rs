//! By what the balancers see: how many requests each server got, and which of them are out of rotation.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{Selection, Selector, View};
use crate::infrastructure::Server;

/// What living balancers see of the servers behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalancerView {
    /// By balancer and server. A balancer that does not answer has no entry.
    pub by_balancer: BTreeMap<String, BTreeMap<String, ServerView>>,
}

/// One server, as one balancer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerView {
    /// Whether it gets requests, or is a backup that could and stands by.
    pub usable: bool,
    /// How many requests it was given since the balancer (or its last reload) began.
    pub requests: u64,
}

impl BalancerView {
    /// Requests that a server was given, over all balancers; `None` where none knows it.
    pub fn requests(&self, server: &str) -> Option<u64> {
        let seen: Vec<u64> = self.of(server).map(|seen| seen.requests).collect();
        (!seen.is_empty()).then(|| seen.iter().sum())
    }

    /// Whether every balancer that knows a server has it in rotation, or standing by as a backup; `None` where none
    /// knows it.
    pub fn is_healthy(&self, server: &str) -> Option<bool> {
        let mut seen = self.of(server).peekable();
        seen.peek()?;
        Some(seen.all(|seen| seen.usable))
    }

    fn of(&self, server: &str) -> impl Iterator<Item = &ServerView> {
        self.by_balancer.values().filter_map(move |servers| servers.get(server))
    }
}

/// `the busiest R`, `the N busiest R`. Ties are broken by the seed and said.
pub struct Busiest(pub usize);
/// `the idlest R`, `the N idlest R`. Ties are broken by the seed and said.
pub struct Idlest(pub usize);
/// `every unhealthy R`: out of rotation at a balancer that lives. A backup that stands by is healthy.
pub struct Unhealthy;

impl Selector for Busiest {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        rank(candidates, view, rng, self.0, "most", Reverse)
    }
}

impl Selector for Idlest {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        rank(candidates, view, rng, self.0, "fewest", |requests| requests)
    }
}

impl Selector for Unhealthy {
    fn select(&self, candidates: &[&Server], view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        let sight = view.balancers.ok_or(UNSEEN)?;
        let is_out = |server: &&&Server| sight.is_healthy(&server.name) == Some(false);
        let servers: Vec<String> = candidates.iter().filter(is_out).map(|server| server.name.clone()).collect();
        if servers.is_empty() {
            return Err(format!("none of {} is out of rotation", candidates.len()));
        }
        Ok(Selection { servers, why: "out of rotation at a balancer".into() })
    }
}

const UNSEEN: &str = "no balancer is watched";

fn rank<K: Ord>(
    candidates: &[&Server],
    view: &View,
    rng: &mut StdRng,
    count: usize,
    word: &str,
    key: impl Fn(u64) -> K,
) -> Result<Selection, String> {
    let sight = view.balancers.ok_or(UNSEEN)?;
    let mut ranked: Vec<(u64, &str)> =
        candidates.iter().filter_map(|server| Some((sight.requests(&server.name)?, server.name.as_str()))).collect();
    if ranked.len() < count {
        return Err(format!("{count} were asked for, but balancers count the requests of only {}", ranked.len()));
    }
    ranked.shuffle(rng);
    ranked.sort_by_key(|(requests, _)| key(*requests));
    let (chosen, rest) = ranked.split_at(count);
    let last = chosen.last().map_or(0, |(requests, _)| *requests);
    let tied = rest.iter().filter(|(requests, _)| *requests == last).count();
    let told: Vec<String> = chosen.iter().map(|(requests, name)| format!("{name} got {requests} requests")).collect();
    let tie = if tied > 0 { format!("; {tied} more with {last} lost the draw") } else { String::new() };
    Ok(Selection {
        servers: chosen.iter().map(|(_, name)| (*name).to_string()).collect(),
        why: format!("{}, the {word} of {}{tie}", told.join(", "), ranked.len()),
    })
}
