//! Which column a node belongs to.
//!
//! Where every server has a role, a role is a column: as far to the right as the longest way of a request to it. Where
//! roles depend on each other in a circle or are not known, the same is done for every server by itself; where that
//! fails too (links without a direction), a column is the distance from one end of the graph, the clients if they are
//! known.

use std::collections::BTreeMap;

use petgraph::algo::toposort;

use crate::graph::links::Links;
use crate::graph::net::Net;

/// The column of every node, from 0, by number; the clients' too.
pub fn layers(links: &Links) -> Vec<usize> {
    let net = links.lasting();
    let (roles, alone) = (by_role(links), (0..net.len()).collect::<Vec<usize>>());
    let ordered = roles.and_then(|roles| in_order(links, &roles)).or_else(|| in_order(links, &alone));
    ordered.unwrap_or_else(|| distances(net, links.clients()))
}

/// Which group a node belongs to: those of one role are one; `None` where a server has no role.
fn by_role(links: &Links) -> Option<Vec<usize>> {
    let roles: BTreeMap<&str, usize> = links.roles().into_iter().enumerate().map(|(n, role)| (role, n)).collect();
    let of = |server: &crate::graph::Node| server.role.as_deref().map(|role| roles[role]);
    let mut groups: Vec<usize> = links.servers().iter().map(of).collect::<Option<_>>()?;
    groups.extend(links.clients().map(|_| roles.len()));
    Some(groups)
}

/// The longest way to each node's group; `None` where there is a circle. Nobody stands left of the clients.
fn in_order(links: &Links, groups: &[usize]) -> Option<Vec<usize>> {
    let count = groups.iter().max().map_or(0, |last| last + 1);
    let mut group_links: Vec<(usize, usize)> =
        links.lasting().links().map(|(from, to)| (groups[from], groups[to])).collect();
    if let Some(clients) = links.clients() {
        group_links.extend((0..count).map(|group| (groups[clients], group)));
    }
    let net = Net::new(count, group_links);
    let mut layer = vec![0; count];
    for group in toposort(&net.directed(), None).ok()? {
        let group = group.index();
        layer[group] = net.incoming(group).iter().map(|before| layer[*before] + 1).max().unwrap_or(0);
    }
    Some(groups.iter().map(|group| layer[*group]).collect())
}

/// How far every node is from one end of its piece.
fn distances(net: &Net, clients: Option<usize>) -> Vec<usize> {
    let mut layers = vec![0; net.len()];
    for piece in net.pieces(&vec![false; net.len()]) {
        let end = clients.filter(|clients| piece.contains(clients)).unwrap_or_else(|| {
            let from_first = spread(net, piece[0]);
            let furthest = from_first.values().max().copied().unwrap_or(0);
            piece.iter().copied().find(|node| from_first[node] == furthest).unwrap_or(piece[0])
        });
        spread(net, end).into_iter().for_each(|(node, distance)| layers[node] = distance);
    }
    layers
}

/// The distance of every node of its piece from a node.
fn spread(net: &Net, start: usize) -> BTreeMap<usize, usize> {
    let mut distances = BTreeMap::from([(start, 0)]);
    let mut found = vec![start];
    let mut done = 0;
    while let Some(&node) = found.get(done) {
        done += 1;
        let further = distances[&node] + 1;
        for &near in net.near(node) {
            distances.entry(near).or_insert_with(|| {
                found.push(near);
                further
            });
        }
    }
    distances
}
