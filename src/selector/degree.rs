//! By the site's graph: the servers with the most links, the entry's counted.

use rand::rngs::StdRng;

use super::{Selection, Selector, View};
use crate::graph::{Links, Measure};
use crate::infrastructure::Server;

/// `the highest-degree R`, `the N highest-degree R`. Ties are broken by the seed and said.
pub struct HighestDegree(pub usize);

impl Selector for HighestDegree {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        by_measure(candidates, view, Measure::Degree, self.0, rng)
    }
}

/// The `count` candidates with the most of a measure of the site's graph as it is now.
pub(super) fn by_measure(
    candidates: &[&Server],
    view: &View,
    measure: Measure,
    count: usize,
    rng: &mut StdRng,
) -> Result<Selection, String> {
    let names: Vec<&str> = candidates.iter().map(|server| server.name.as_str()).collect();
    let links = Links::of(view.infrastructure, view.holder);
    let (servers, why) = links.choose_among(&names, measure, count, rng)?;
    Ok(Selection { servers, why })
}
