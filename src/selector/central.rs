//! By the site's graph: the servers that the most shortest paths lead through.

use rand::rngs::StdRng;

use super::degree::by_measure;
use super::{Selection, Selector, View};
use crate::graph::Measure;
use crate::infrastructure::Server;

/// `the most central R`, `the N most central R`: by betweenness, the clients counted as a node. Ties are broken by the
/// seed and said.
pub struct MostCentral(pub usize);

impl Selector for MostCentral {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        by_measure(candidates, view, Measure::Betweenness, self.0, rng)
    }
}
