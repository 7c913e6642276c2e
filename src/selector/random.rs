//! By chance: N of them, or a share of them.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{Selection, Selector, View};
use crate::infrastructure::Server;

/// `a random R`, `N random R`: distinct servers, each equally likely.
pub struct Random(pub usize);

/// `P% of the R`: rounded up, so that it is never nobody.
pub struct Share(pub f64);

impl Selector for Random {
    fn select(&self, candidates: &[&Server], _view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        if candidates.len() < self.0 {
            return Err(format!("{} were asked for, but only {} are declared", self.0, candidates.len()));
        }
        Ok(draw(candidates, self.0, rng))
    }
}

impl Selector for Share {
    fn select(&self, candidates: &[&Server], _view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        let count = (candidates.len() as f64 * self.0 / 100.0).ceil() as usize;
        Ok(draw(candidates, count.min(candidates.len()), rng))
    }
}

fn draw(candidates: &[&Server], count: usize, rng: &mut StdRng) -> Selection {
    let mut names: Vec<String> = candidates.iter().map(|server| server.name.clone()).collect();
    names.shuffle(rng);
    names.truncate(count);
    Selection { servers: names, why: format!("{count} drawn at random of {}", candidates.len()) }
}
