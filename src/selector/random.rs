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

/// Draws among those that are neither protected nor on the other side of the same cut.
fn draw(candidates: &[&Server], count: usize, view: &View, rng: &mut StdRng) -> Result<Selection, String> {
    let mut names: Vec<String> = candidates.iter().map(|server| server.name.clone()).collect();
    // All are shuffled before some are left out, so that those that stay keep their order whoever is left out.
    names.shuffle(rng);
    names.retain(|name| !view.protected.contains(name));
    let protected = candidates.len() - names.len();
    names.retain(|name| !view.other_side.contains(name));
    let (free, opposite) = (names.len(), candidates.len() - protected - names.len());
    let all = candidates.len();
    let mut except = Vec::new();
    for (left_out, how) in [(protected, "protected"), (opposite, "on the opposite side")] {
        match left_out {
            0 => {}
            1 => except.push(format!("1 is {how}")),
            _ => except.push(format!("{left_out} are {how}")),
        }
    }
    let of_all = if except.is_empty() { String::new() } else { format!(": of all {all}, {}", except.join(" and ")) };
    if free < count {
        return Err(match except.is_empty() {
            true => format!("{count} were asked for, and there are only {all}"),
            false => format!("{count} were asked for, and only {free} may be struck{of_all}"),
        });
    }
    let free_ones = if except.is_empty() { "" } else { " that may be struck" };
    names.truncate(count);
    Ok(Selection { servers: names, why: format!("{count} drawn at random of {free}{free_ones}{of_all}") })
}
