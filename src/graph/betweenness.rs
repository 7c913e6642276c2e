//! Betweenness: which share of the shortest paths between the others leads through a node.
//!
//! Brandes' algorithm (*A faster algorithm for betweenness centrality*, 2001), unweighted, links having no direction:
//! one breadth-first search from every node, O(nodes · links). Searches are shared out over the cores. The sums do
//! not depend on which thread did what: searches belong to fixed groups, a group is summed in order, and so are the
//! groups.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::net::Net;

/// Into how many groups searches are divided at most. Enough that cores finish together; each costs a float a node.
const GROUPS: usize = 64;
/// A core is taken for each of this many nodes. A site is smaller and so is measured without a thread of its own:
/// what was declared is measured before the process forks into the sandbox, when there must be no other thread.
const NODES_A_CORE: usize = 600;

/// The betweenness of every node, from 0 (on no shortest path) to 1 (on all of them), by number.
///
/// Of two others `s` and `t` a node gets the share of their shortest paths that pass it; the sum over all pairs is
/// divided by the number of pairs. Pairs without a path count as pairs. With fewer than three nodes it is 0.
pub fn betweenness(net: &Net) -> Vec<f64> {
    let len = net.len();
    if len < 3 {
        return vec![0.0; len];
    }
    let sheet = Sheet::of(net);
    let mut groups = searched(&sheet);
    groups.sort_by_key(|(group, _)| *group);
    let mut sums = vec![0.0; len];
    for (_, group) in groups {
        sums.iter_mut().zip(group).for_each(|(sum, part)| *sum += part);
    }
    // Each pair was met from both its ends.
    let pairs = (len - 1) as f64 * (len - 2) as f64;
    sums.iter().map(|sum| sum / pairs).collect()
}

/// The sums of every group, in any order.
fn searched(sheet: &Sheet) -> Vec<(usize, Vec<f64>)> {
    let groups = GROUPS.min(sheet.len);
    let cores = thread::available_parallelism().map_or(1, usize::from).min(1 + sheet.len / NODES_A_CORE);
    let next = AtomicUsize::new(0);
    let work = || {
        let (mut search, mut done) = (Search::new(sheet.len), Vec::new());
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups {
                return done;
            }
            let mut sums = vec![0.0; sheet.len];
            (group..sheet.len).step_by(groups).for_each(|source| search.add(sheet, source, &mut sums));
            done.push((group, sums));
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().expect("a search does not panic"));
        }
        done
    })
}

/// All neighbours in one row, so that a search runs through memory in order.
struct Sheet {
    len: usize,
    starts: Vec<usize>,
    near: Vec<u32>,
}

impl Sheet {
    fn of(net: &Net) -> Sheet {
        let len = net.len();
        let mut starts = vec![0];
        let mut near = Vec::new();
        for node in 0..len {
            near.extend(net.near(node).iter().map(|other| *other as u32));
            starts.push(near.len());
        }
        Sheet { len, starts, near }
    }

    fn near(&self, node: u32) -> &[u32] {
        &self.near[self.starts[node as usize]..self.starts[node as usize + 1]]
    }
}

const UNSEEN: u32 = u32::MAX;

/// The memory of a search, used again for the next.
struct Search {
    /// In the order in which they were found: the nearest first.
    found: Vec<u32>,
    distance: Vec<u32>,
    /// How many shortest paths lead there.
    paths: Vec<f64>,
    /// How much of the paths to nodes further on passes here.
    passed: Vec<f64>,
}

impl Search {
    fn new(len: usize) -> Search {
        let zeros = vec![0.0; len];
        Search { found: Vec::with_capacity(len), distance: vec![UNSEEN; len], paths: zeros.clone(), passed: zeros }
    }

    /// Adds to every node what it gets of the paths from `source`.
    fn add(&mut self, sheet: &Sheet, source: usize, sums: &mut [f64]) {
        self.spread(sheet, source as u32);
        for &node in self.found.iter().skip(1).rev() {
            let at = node as usize;
            let share = (1.0 + self.passed[at]) / self.paths[at];
            for &before in sheet.near(node) {
                if self.distance[before as usize].wrapping_add(1) == self.distance[at] {
                    self.passed[before as usize] += self.paths[before as usize] * share;
                }
            }
            sums[at] += self.passed[at];
        }
        for &node in &self.found {
            self.distance[node as usize] = UNSEEN;
        }
        self.found.clear();
    }

    /// Breadth first: distances and numbers of paths.
    fn spread(&mut self, sheet: &Sheet, source: u32) {
        self.meet(source, 0);
        self.paths[source as usize] = 1.0;
        let mut done = 0;
        while let Some(&node) = self.found.get(done) {
            done += 1;
            let (further, paths) = (self.distance[node as usize] + 1, self.paths[node as usize]);
            for &near in sheet.near(node) {
                if self.distance[near as usize] == UNSEEN {
                    self.meet(near, further);
                }
                if self.distance[near as usize] == further {
                    self.paths[near as usize] += paths;
                }
            }
        }
    }

    fn meet(&mut self, node: u32, distance: u32) {
        let at = node as usize;
        (self.distance[at], self.paths[at], self.passed[at]) = (distance, 0.0, 0.0);
        self.found.push(node);
    }
}
