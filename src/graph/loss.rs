//! What the loss of a server or a zone would do to the site, by the graph alone.
//!
//! Links are followed in their direction, from where the clients enter: that is how requests go. A server that shares
//! the entry's address with others is entered like them, so the loss of one holder is not fatal while another
//! remains. Servers of one role stand in for each other.
//!
//! The graph knows who is linked, and nothing of capacity, state, timing or what falls over with what: a prediction is
//! what a run is compared with, not a verdict.

use std::collections::BTreeMap;
use std::fmt;

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::NodeIndex;

use super::links::{CLIENTS, Links};
use crate::infrastructure::Infrastructure;

/// What a loss does to the servers that remain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Every server is lost.
    NothingLeft,
    /// The clients reach no server at all.
    NoEntry,
    /// The clients reach no server of these roles any more; without known clients: none is left.
    RolesGone(Vec<String>),
    /// These remain, but the clients no longer reach them; without known clients: they are no longer linked with the
    /// largest piece that they belonged to.
    CutOff(Vec<String>),
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Consequence::NothingLeft => f.write_str("no server is left"),
            Consequence::NoEntry => write!(f, "the {CLIENTS} reach no server"),
            Consequence::RolesGone(roles) => write!(f, "no {} is left that can be reached", listed(roles, "or")),
            Consequence::CutOff(servers) if servers.len() == 1 => write!(f, "{} is cut off", servers[0]),
            Consequence::CutOff(servers) => write!(f, "{} are cut off", listed(servers, "and")),
        }
    }
}

/// `web-1, web-2 and web-3`; of many the first and how many more.
fn listed(names: &[String], last: &str) -> String {
    const SHOWN: usize = 4;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., end] if names.len() <= SHOWN => format!("{} {last} {end}", some.join(", ")),
        _ => format!("{} {last} {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
    }
}

/// What the loss of these servers, by number, would do; empty where the rest of the site stays whole. A server or a
/// role that was out of reach before is not lost by it.
pub fn consequences(links: &Links, lost: &[usize]) -> Vec<Consequence> {
    let mut gone = vec![false; links.lasting().len()];
    lost.iter().for_each(|number| gone[*number] = true);
    if (0..links.servers().len()).all(|number| gone[number]) {
        return vec![Consequence::NothingLeft];
    }
    let before = alive(links, &vec![false; gone.len()]);
    let after = alive(links, &gone);
    let reached = (0..links.servers().len()).any(|number| after[number]);
    if !reached && (0..links.servers().len()).any(|number| before[number]) {
        return vec![Consequence::NoEntry];
    }
    let has = |set: &[bool], role: &str| {
        links.servers().iter().enumerate().any(|(number, server)| set[number] && server.role.as_deref() == Some(role))
    };
    let roles = links.roles().into_iter().filter(|role| has(&before, role) && !has(&after, role));
    let roles: Vec<String> = roles.map(String::from).collect();
    let mut consequences = Vec::new();
    if !roles.is_empty() {
        consequences.push(Consequence::RolesGone(roles));
    }
    let numbers = (0..links.servers().len()).filter(|number| before[*number] && !gone[*number] && !after[*number]);
    let cut_off: Vec<String> = numbers.map(|number| links.name(number).to_string()).collect();
    if !cut_off.is_empty() {
        consequences.push(Consequence::CutOff(cut_off));
    }
    consequences
}

/// Which nodes are of use: reached by the clients; without known clients, in the largest piece left of the piece that
/// they belonged to.
fn alive(links: &Links, gone: &[bool]) -> Vec<bool> {
    let net = links.lasting();
    if let Some(clients) = links.clients() {
        return net.reached(clients, gone);
    }
    let mut alive = vec![false; net.len()];
    let mut whole = vec![0; net.len()];
    for (number, piece) in net.pieces(&vec![false; net.len()]).iter().enumerate() {
        piece.iter().for_each(|node| whole[*node] = number);
    }
    let mut largest: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for piece in net.pieces(gone) {
        let kept = largest.entry(whole[piece[0]]).or_default();
        if piece.len() > kept.len() {
            *kept = piece;
        }
    }
    largest.into_values().flatten().for_each(|node| alive[node] = true);
    alive
}

/// The zones whose loss disconnects the site, each with what it does: leaves no server, no way in, a role without a
/// server, or servers cut off from the rest.
pub fn zones_that_disconnect(links: &Links) -> BTreeMap<String, Vec<Consequence>> {
    let losses = links.zones().into_iter().map(|(zone, servers)| (zone.to_string(), consequences(links, &servers)));
    losses.filter(|(_, consequences)| !consequences.is_empty()).collect()
}

/// For every server, by number, why it alone is a single point of failure, if it is: without it the clients would
/// reach no server of some role. Without known clients, no server is known to be one.
pub fn single_points_of_failure(links: &Links) -> Vec<Option<String>> {
    let servers = links.servers();
    let Some(clients) = links.clients() else { return vec![None; servers.len()] };
    let above = ways(links, clients);
    let everybody = common(&above, |_| true);
    let mut gone: Vec<Vec<String>> = vec![Vec::new(); servers.len()];
    for role in links.roles() {
        for number in common(&above, |number| servers[number].role.as_deref() == Some(role)) {
            gone[number].push(role.into());
        }
    }
    let reason = |(number, roles): (usize, Vec<String>)| {
        let own = servers[number].role.as_slice();
        match &roles[..] {
            _ if everybody.contains(&number) => Some("without it no server at all is reached".into()),
            [] => None,
            [role] if roles == own => Some(format!("it is the only {role} that is reached")),
            _ => Some(format!("without it no {} is reached", listed(&roles, "or"))),
        }
    };
    gone.into_iter().enumerate().map(reason).collect()
}

/// For every server, by number, the servers without which the clients do not reach it, itself included, the clients'
/// side last: its dominators. `None` where the clients don't reach it anyway.
fn ways(links: &Links, clients: usize) -> Vec<Option<Vec<usize>>> {
    let dominators = simple_fast(&links.lasting().directed(), NodeIndex::new(clients));
    let way = |number| {
        let all = dominators.dominators(NodeIndex::new(number))?;
        Some(all.map(NodeIndex::index).filter(|node| *node != clients).collect())
    };
    (0..links.servers().len()).map(way).collect()
}

/// Those that the ways to all servers of a kind have in common.
fn common(ways: &[Option<Vec<usize>>], is: impl Fn(usize) -> bool) -> Vec<usize> {
    let kind = ways.iter().enumerate().filter(|(number, _)| is(*number)).filter_map(|(_, way)| way.clone());
    kind.reduce(common_end).unwrap_or_default()
}

/// What two ways up to the clients have in common: dominators are a tree.
fn common_end(a: Vec<usize>, b: Vec<usize>) -> Vec<usize> {
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    a[a.len() - same..].to_vec()
}

/// Every server called so (`webserver`, `load balancer`, `node`, a role's name), and by the graph alone the reason why
/// it is a single point of failure, if it is one: without it the clients would reach no server of some role.
pub fn predicts_single_point_of_failure(
    infrastructure: &Infrastructure,
    role: &str,
) -> BTreeMap<String, Option<String>> {
    let links = Links::of(infrastructure, None);
    let reasons = single_points_of_failure(&links);
    let of = |name: &str| links.number(name).and_then(|number| reasons[number].clone());
    infrastructure.in_place_called(role).iter().map(|server| (server.name.clone(), of(&server.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::tiers::Draft;

    fn drafted(draft: impl FnOnce(&mut Draft)) -> Infrastructure {
        let mut drafted = Draft::default();
        draft(&mut drafted);
        drafted.build().unwrap()
    }

    fn fatal(infrastructure: &Infrastructure) -> Vec<String> {
        let predicted = predicts_single_point_of_failure(infrastructure, "node");
        predicted.into_iter().filter_map(|(name, why)| Some(format!("{name}: {}", why?))).collect()
    }

    #[test]
    fn behind_two_balancers_that_share_an_address_nothing_is_fatal() {
        let site = drafted(|draft| draft.behind_haproxy(4, "webserver").unwrap());
        assert_eq!(fatal(&site), Vec::<String>::new());
        assert_eq!(predicts_single_point_of_failure(&site, "webserver").len(), 4, "every server is told of");
    }

    #[test]
    fn a_lone_balancer_is_the_only_way_in() {
        let site = drafted(|draft| draft.behind(4, "webserver", 1, "load balancer").unwrap());
        assert_eq!(fatal(&site), ["lb-1: without it no server at all is reached"]);
        let webservers = predicts_single_point_of_failure(&site, "webserver");
        assert!(webservers.values().all(Option::is_none), "{webservers:?}");
    }

    #[test]
    fn a_second_balancer_that_is_never_entered_saves_nobody() {
        let site = drafted(|draft| draft.behind(4, "webserver", 2, "load balancer").unwrap());
        assert_eq!(fatal(&site), ["lb-1: without it no server at all is reached"]);
    }

    #[test]
    fn the_only_server_of_its_role_is_fatal() {
        let site = drafted(|draft| draft.behind_haproxy(1, "webserver").unwrap());
        assert_eq!(fatal(&site), ["web-1: it is the only webserver that is reached"]);
    }

    #[test]
    fn a_zone_that_holds_a_whole_tier_disconnects() {
        let site = drafted(|draft| {
            draft.behind_haproxy(4, "webserver").unwrap();
            draft.spread("webserver", 2).unwrap();
        });
        assert_eq!(zones_that_disconnect(&Links::of(&site, None)).len(), 0);
        let site = drafted(|draft| {
            draft.behind_haproxy(4, "webserver").unwrap();
            draft.spread("webserver", 1).unwrap();
        });
        let zones = zones_that_disconnect(&Links::of(&site, None));
        assert_eq!(zones["a"], [Consequence::RolesGone(vec!["webserver".into()])]);
    }

    #[test]
    fn a_zone_with_every_server_leaves_nothing() {
        let site = drafted(|draft| {
            draft.behind_haproxy(2, "webserver").unwrap();
            draft.spread("node", 1).unwrap();
        });
        assert_eq!(zones_that_disconnect(&Links::of(&site, None))["a"], [Consequence::NothingLeft]);
    }

    #[test]
    fn many_that_are_cut_off_are_counted() {
        let names = |count: usize| (1..=count).map(|n| format!("web-{n}")).collect::<Vec<_>>();
        assert_eq!(Consequence::CutOff(names(1)).to_string(), "web-1 is cut off");
        assert_eq!(Consequence::CutOff(names(3)).to_string(), "web-1, web-2 and web-3 are cut off");
        assert_eq!(Consequence::CutOff(names(9)).to_string(), "web-1, web-2, web-3, web-4 and 5 more are cut off");
    }
}
