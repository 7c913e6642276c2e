//! What falls apart without a node, or without a link: articulation points, bridges, cuts. Links have no direction
//! here. petgraph finds the first two in one search each, without recursion.

use petgraph::algo::articulation_points::articulation_points as articulation_nodes;
use petgraph::algo::bridges::bridges as bridge_edges;
use petgraph::visit::EdgeRef;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::net::Net;

/// The nodes whose loss breaks their piece of the net into more pieces, by number. O(nodes + links).
pub fn articulation_points(net: &Net) -> Vec<bool> {
    let mut cuts = vec![false; net.len()];
    for node in articulation_nodes(&net.undirected()) {
        cuts[node.index()] = true;
    }
    cuts
}

/// The links whose loss breaks their piece of the net in two, the smaller number first, in order. O(nodes + links).
pub fn bridges(net: &Net) -> Vec<(usize, usize)> {
    let graph = net.undirected();
    let mut bridges: Vec<(usize, usize)> = bridge_edges(&graph)
        .map(|edge| (edge.source().index(), edge.target().index()))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    bridges.sort_unstable();
    bridges
}

/// How many of the nodes that are left are outside the largest piece once all of `lost` are gone: the size of the cut.
pub fn cut_off(net: &Net, lost: &[bool]) -> usize {
    let left = lost.iter().filter(|lost| !**lost).count();
    left - net.pieces(lost).iter().map(Vec::len).max().unwrap_or(0)
}

/// The size of the cut that each node alone makes, by number. O(nodes + a · links) for `a` articulation points: the
/// net is gone through again for each of them only.
pub fn cuts(net: &Net) -> Vec<usize> {
    let mut lost = vec![false; net.len()];
    let articulation = articulation_points(net);
    let pieces = net.pieces(&lost);
    let largest = pieces.iter().map(Vec::len).max().unwrap_or(0);
    let alone = pieces.iter().filter(|piece| piece.len() == largest).count() == 1;
    let mut cuts = vec![0; net.len()];
    for piece in &pieces {
        let left = if alone && piece.len() == largest { largest - 1 } else { largest };
        for &node in piece {
            lost[node] = articulation[node];
            cuts[node] = if articulation[node] { cut_off(net, &lost) } else { net.len() - 1 - left };
            lost[node] = false;
        }
    }
    cuts
}

/// The nodes that together make the largest cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargestCut {
    /// Which, in order of number.
    pub nodes: Vec<usize>,
    /// How many of the rest are outside the largest piece.
    pub cut_off: usize,
    /// How many of the rest are in it.
    pub together: usize,
    /// How many other choices of as many nodes cut off as many; known only where all were tried.
    pub as_large: Option<usize>,
}

/// How much work is spent on trying all choices of several nodes; about a second.
const MOST_WORK: usize = 20_000_000;

/// The `count` of the candidates whose loss leaves the smallest largest piece of the net. Ties are drawn.
///
/// All choices are tried where that is little work. Else one is taken after the other, each time the one that cuts
/// off most of what is left, of those the one with the most links: never less than the largest cut of one node, but
/// not always the largest of all.
pub fn largest_cut(net: &Net, candidates: &[usize], count: usize, rng: &mut StdRng) -> LargestCut {
    let mut drawn = candidates.to_vec();
    drawn.shuffle(rng);
    let effort = net.len() + net.links().count();
    let (mut nodes, as_large) = match choices(drawn.len(), count) {
        Some(choices) if choices.saturating_mul(effort) <= MOST_WORK => {
            let (nodes, as_large) = best_of_all(net, &drawn, count);
            (nodes, Some(as_large))
        }
        _ => (one_after_the_other(net, drawn, count), None),
    };
    nodes.sort_unstable();
    let cut_off = cut_off(net, &marked(net.len(), &nodes));
    LargestCut { cut_off, together: net.len() - nodes.len() - cut_off, nodes, as_large }
}

/// In how many ways `count` of `all` can be chosen; `None` where that is out of reach.
fn choices(all: usize, count: usize) -> Option<usize> {
    (0..count).try_fold(1_usize, |ways, k| Some(ways.checked_mul(all.checked_sub(k)?)? / (k + 1)))
}

fn marked(len: usize, nodes: &[usize]) -> Vec<bool> {
    let mut lost = vec![false; len];
    nodes.iter().for_each(|node| lost[*node] = true);
    lost
}

/// The first best choice in the order in which they were drawn, and how many others are as good.
fn best_of_all(net: &Net, drawn: &[usize], count: usize) -> (Vec<usize>, usize) {
    let mut picks: Vec<usize> = (0..count).collect();
    let (mut best, mut best_cut, mut as_large) = (Vec::new(), None, 0);
    loop {
        let nodes: Vec<usize> = picks.iter().map(|pick| drawn[*pick]).collect();
        let cut = Some(cut_off(net, &marked(net.len(), &nodes)));
        if cut > best_cut {
            (best, best_cut, as_large) = (nodes, cut, 0);
        } else if cut == best_cut {
            as_large += 1;
        }
        // The next choice in lexical order: the last pick that can move on does, those behind it follow.
        let Some(moved) = (0..count).rev().find(|k| picks[*k] < drawn.len() - count + k) else {
            return (best, as_large);
        };
        picks[moved] += 1;
        (moved + 1..count).for_each(|k| picks[k] = picks[k - 1] + 1);
    }
}

fn one_after_the_other(net: &Net, mut drawn: Vec<usize>, count: usize) -> Vec<usize> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        let left = net.without(&marked(net.len(), &nodes));
        let cuts = cuts(&left);
        let worth = |node: usize| (cuts[node], left.near(node).len());
        // `max_by_key` would take the last of the best, a strict comparison takes the first drawn.
        let best = (1..drawn.len()).fold(0, |best, k| if worth(drawn[k]) > worth(drawn[best]) { k } else { best });
        nodes.push(drawn.remove(best));
    }
    nodes
}
