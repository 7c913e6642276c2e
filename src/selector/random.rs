//! By chance: N of them, or a share of them.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::{Selection, Selector, View};
use crate::infrastructure::Server;

/// `a random R`, `N random R`: distinct servers, each equally likely; protected ones are never drawn.
pub struct Random(pub usize);

/// `P% of the R`: rounded up, so that it is never nobody; protected ones count, and are never drawn.
pub struct Share(pub f64);

impl Selector for Random {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        draw(candidates, self.0, view, rng)
    }
}

impl Selector for Share {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        draw(candidates, share_of(self.0, candidates.len()), view, rng)
    }
}

/// How many servers a share of `among` is: rounded up.
pub fn share_of(percent: f64, among: usize) -> usize {
    ((among as f64 * percent / 100.0).ceil() as usize).min(among)
}

/// Draws among those that are not protected.
fn draw(candidates: &[&Server], count: usize, view: &View, rng: &mut StdRng) -> Result<Selection, String> {
    let mut names: Vec<String> = candidates.iter().map(|server| server.name.clone()).collect();
    names.retain(|name| !view.protected.contains(name));
    let (free, protected) = (names.len(), candidates.len() - names.len());
    let but = if protected > 0 { format!(", {protected} more are protected") } else { String::new() };
    if free < count {
        return Err(format!("{count} were asked for, but only {free} are declared{but}"));
    }
    names.shuffle(rng);
    names.truncate(count);
    Ok(Selection { servers: names, why: format!("{count} drawn at random of {free}{but}") })
}
