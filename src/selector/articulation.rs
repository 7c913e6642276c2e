//! By the site's graph: every server without which it falls apart.

use rand::rngs::StdRng;

use super::{Selection, Selector, View};
use crate::graph::Links;
use crate::infrastructure::Server;

/// All articulation points. Servers that share the site's address stand in for each other. A site that has none can't
/// be struck so: nobody is chosen, and that is an error.
pub struct ArticulationPoints;

impl Selector for ArticulationPoints {
    fn select(&self, candidates: &[&Server], view: &View, _rng: &mut StdRng) -> Result<Selection, String> {
        let names: Vec<&str> = candidates.iter().map(|server| server.name.as_str()).collect();
        let points = Links::of(view.infrastructure, view.holder).articulation_points_among(&names);
        if points.is_empty() {
            return Err(format!(
                "the site stays whole without any one of {} servers: none is an articulation point",
                candidates.len()
            ));
        }
        let servers: Vec<String> = points.iter().map(|name| name.to_string()).collect();
        Ok(Selection { why: format!("without {} the site falls apart", servers.join(", or without ")), servers })
    }
}
