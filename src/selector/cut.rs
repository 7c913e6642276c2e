//! By the site's graph: the servers whose loss leaves the smallest largest piece.

use rand::rngs::StdRng;

use super::degree::by_measure;
use super::{Selection, Selector, View};
use crate::graph::Measure;
use crate::infrastructure::Server;

/// The N servers that together make the largest cut, see [`crate::graph::cut::largest_cut`]. Ties are broken by the
/// seed and said.
pub struct LargestCut(pub usize);

impl Selector for LargestCut {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        by_measure(candidates, view, Measure::LargestCut, self.0, rng)
    }
}
