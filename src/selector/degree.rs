//! By the site's graph: the servers with the most links, the entry's counted.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{Selection, Selector, View};
use crate::infrastructure::{Server, SiteGraph};

/// `the highest-degree R`, `the N highest-degree R`. Ties are broken by the seed and said.
pub struct HighestDegree(pub usize);

impl Selector for HighestDegree {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        if candidates.len() < self.0 {
            return Err(format!("{} were asked for, but only {} are declared", self.0, candidates.len()));
        }
        let graph = SiteGraph::of(view.infrastructure, view.holder);
        let mut ranked: Vec<(usize, &str)> =
            candidates.iter().filter_map(|server| Some((graph.degree(&server.name)?, server.name.as_str()))).collect();
        ranked.shuffle(rng);
        ranked.sort_by_key(|(degree, _)| std::cmp::Reverse(*degree));
        let (chosen, rest) = ranked.split_at(self.0);
        let least = chosen.last().map_or(0, |(degree, _)| *degree);
        let tied = rest.iter().filter(|(degree, _)| *degree == least).count();
        let degrees: Vec<String> = chosen.iter().map(|(degree, name)| format!("{name} has degree {degree}")).collect();
        let tie = if tied > 0 { format!("; {tied} more with degree {least} lost the draw") } else { String::new() };
        Ok(Selection {
            servers: chosen.iter().map(|(_, name)| (*name).to_string()).collect(),
            why: format!("{}, the highest{tie}", degrees.join(", ")),
        })
    }
}
