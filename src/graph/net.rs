//! Nodes by number and the links between them.

use petgraph::graph::{DiGraph, UnGraph};

/// Nodes `0..len` and directed links; a link in both directions is two. No link leads from a node to itself, and none
/// is there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Net {
    out: Vec<Vec<usize>>,
    into: Vec<Vec<usize>>,
    near: Vec<Vec<usize>>,
}

impl Net {
    /// A net of `len` nodes. Links from a node to itself and repeated links are left out.
    pub fn new(len: usize, links: impl IntoIterator<Item = (usize, usize)>) -> Net {
        let (mut out, mut into) = (vec![Vec::new(); len], vec![Vec::new(); len]);
        for (from, to) in links.into_iter().filter(|(from, to)| from != to) {
            out[from].push(to);
            into[to].push(from);
        }
        let mut near: Vec<Vec<usize>> = out.iter().zip(&into).map(|(out, into)| [&out[..], into].concat()).collect();
        for list in out.iter_mut().chain(&mut into).chain(&mut near) {
            list.sort_unstable();
            list.dedup();
        }
        Net { out, into, near }
    }

    /// How many nodes.
    pub fn len(&self) -> usize {
        self.near.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }

    /// The nodes that links lead to from this one, in order.
    pub fn outgoing(&self, node: usize) -> &[usize] {
        &self.out[node]
    }

    /// The nodes that links lead from to this one, in order.
    pub fn incoming(&self, node: usize) -> &[usize] {
        &self.into[node]
    }

    /// The nodes that are linked with this one, in either direction, in order.
    pub fn near(&self, node: usize) -> &[usize] {
        &self.near[node]
    }

    /// The directed links, in order.
    pub fn links(&self) -> impl Iterator<Item = (usize, usize)> {
        self.out.iter().enumerate().flat_map(|(from, out)| out.iter().map(move |to| (from, *to)))
    }

    /// Linked nodes, each pair once, the smaller number first, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.near.iter().enumerate().flat_map(|(node, near)| {
            let later = near.partition_point(|other| *other <= node);
            near[later..].iter().map(move |other| (node, *other))
        })
    }

    /// The net without some nodes, which keep their numbers and lose their links.
    pub fn without(&self, lost: &[bool]) -> Net {
        Net::new(self.len(), self.links().filter(|(from, to)| !lost[*from] && !lost[*to]))
    }

    /// What petgraph measures on, links having no direction. Node indices are the numbers.
    pub fn undirected(&self) -> UnGraph<(), ()> {
        let mut graph = UnGraph::with_capacity(self.len(), 0);
        let nodes: Vec<_> = (0..self.len()).map(|_| graph.add_node(())).collect();
        graph.extend_with_edges(self.pairs().map(|(a, b)| (nodes[a], nodes[b])));
        graph
    }

    /// The same with the links' directions.
    pub fn directed(&self) -> DiGraph<(), ()> {
        let mut graph = DiGraph::with_capacity(self.len(), 0);
        let nodes: Vec<_> = (0..self.len()).map(|_| graph.add_node(())).collect();
        graph.extend_with_edges(self.links().map(|(from, to)| (nodes[from], nodes[to])));
        graph
    }

    /// Which nodes links lead to from `start`, itself included, without passing a lost node.
    pub fn reached(&self, start: usize, lost: &[bool]) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        if lost[start] {
            return reached;
        }
        reached[start] = true;
        let mut next = vec![start];
        while let Some(node) = next.pop() {
            for &to in self.outgoing(node) {
                if !lost[to] && !std::mem::replace(&mut reached[to], true) {
                    next.push(to);
                }
            }
        }
        reached
    }

    /// The pieces that the nodes that are not lost fall into, links having no direction. In a piece, and among the
    /// pieces, the smallest number comes first.
    pub fn pieces(&self, lost: &[bool]) -> Vec<Vec<usize>> {
        let mut seen = lost.to_vec();
        let mut pieces = Vec::new();
        for start in 0..self.len() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut piece = vec![start];
            let mut done = 0;
            while let Some(&node) = piece.get(done) {
                piece.extend(self.near(node).iter().filter(|near| !std::mem::replace(&mut seen[**near], true)));
                done += 1;
            }
            piece.sort_unstable();
            pieces.push(piece);
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_both_ways_is_two_links_and_one_neighbour() {
        let net = Net::new(2, [(0, 1), (1, 0), (0, 1), (1, 1)]);
        assert_eq!((net.outgoing(0), net.incoming(0), net.near(0)), (&[1][..], &[1][..], &[1][..]));
        assert_eq!(net.links().collect::<Vec<_>>(), [(0, 1), (1, 0)]);
        assert_eq!(net.pairs().collect::<Vec<_>>(), [(0, 1)]);
    }

    #[test]
    fn pieces_are_what_hangs_together() {
        let net = Net::new(6, [(4, 0), (1, 2), (2, 3)]);
        assert_eq!(net.pieces(&[false; 6]), [vec![0, 4], vec![1, 2, 3], vec![5]]);
        assert_eq!(net.pieces(&[false, false, true, false, false, true]), [vec![0, 4], vec![1], vec![3]]);
    }

    #[test]
    fn links_are_followed_in_their_direction() {
        let net = Net::new(4, [(0, 1), (2, 1), (1, 3)]);
        assert_eq!(net.reached(0, &[false; 4]), [true, true, false, true]);
        assert_eq!(net.reached(0, &[false, true, false, false]), [true, false, false, false]);
        assert_eq!(net.reached(0, &[true, false, false, false]), [false; 4]);
    }
}
