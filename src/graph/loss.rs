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
    /// The clients reach no server of this role any more; without known clients: none is left.
    RoleGone(String),
    /// These remain, but the clients no longer reach them; without known clients: they are no longer linked with the
    /// largest piece that they belonged to.
    CutOff(Vec<String>),
}

impl fmt::Display for Consequence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Consequence::NothingLeft => f.write_str("no server is left"),
            Consequence::NoEntry => write!(f, "the {CLIENTS} reach no server"),
            Consequence::RoleGone(role) => write!(f, "no {role} is left that can be reached"),
            Consequence::CutOff(servers) => write!(f, "{} cut off", listed(servers)),
        }
    }
}

/// `web-1, web-2 and web-3 are`; of many the first and how many more.
fn listed(servers: &[String]) -> String {
    const SHOWN: usize = 4;
    match servers {
        [one] => format!("{one} is"),
        [some @ .., last] if servers.len() <= SHOWN => format!("{} and {last} are", some.join(", ")),
        _ => format!("{} and {} more are", servers[..SHOWN].join(", "), servers.len() - SHOWN),
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
    let mut consequences: Vec<Consequence> = roles.map(|role| Consequence::RoleGone(role.into())).collect();
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
/// reach no server of some role. Without known clients, no server is known to be one. O(nodes · links) at worst, in
/// practice about O(nodes + links): by the dominators of what the clients reach.
pub fn single_points_of_failure(links: &Links) -> Vec<Option<String>> {
    let mut reasons = vec![None; links.servers().len()];
    let Some(clients) = links.clients() else { return reasons };
    let dominators = simple_fast(&links.lasting().directed(), NodeIndex::new(clients));
    let every: Vec<usize> = (0..links.servers().len()).collect();
    let of_role = |role: &str| {
        let is = |number: &usize| links.servers()[*number].role.as_deref() == Some(role);
        every.iter().copied().filter(is).collect::<Vec<usize>>()
    };
    let mut tiers = vec![("server at all".to_string(), every.clone())];
    tiers.extend(links.roles().into_iter().map(|role| (role.to_string(), of_role(role))));
    for (what, tier) in tiers {
        let paths = tier.iter().filter_map(|number| dominators.dominators(NodeIndex::new(*number)));
        let common = paths.map(|path| path.map(NodeIndex::index).collect::<Vec<_>>()).reduce(common_end);
        for number in common.unwrap_or_default().into_iter().filter(|number| *number != clients) {
            let alone = tier.len() == 1 && tier[0] == number && what != "server at all";
            let why = if alone { format!("it is the only {what}") } else { format!("without it no {what} is reached") };
            reasons[number].get_or_insert(why);
        }
    }
    reasons
}

/// What two ways up to the clients have in common.
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
    infrastructure.servers_called(role).iter().map(|server| (server.name.clone(), of(&server.name))).collect()
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
        assert_eq!(fatal(&site), ["web-1: it is the only webserver"]);
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
        assert_eq!(zones["a"], [Consequence::RoleGone("webserver".into())]);
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
