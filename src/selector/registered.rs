//! Selectors that other crates add: see [`register!`](crate::register).

use rand::rngs::StdRng;

use super::{Selection, Selector, View};
use crate::infrastructure::Server;

/// A way to choose of another crate.
#[derive(Clone, Copy)]
pub struct RegisteredSelector {
    /// What [`Choice::Registered`](crate::plan::Choice::Registered) says.
    pub name: &'static str,
    /// How it chooses.
    pub selector: &'static (dyn Selector + Sync),
}

cucumber::codegen::collect!(RegisteredSelector);

/// Whether there is one of this name.
pub fn is_registered(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<RegisteredSelector> {
    cucumber::codegen::inventory::iter::<RegisteredSelector>.into_iter().find(|one| one.name == name).copied()
}

/// Chooses by the selector of this name.
pub(super) struct Registered(pub String);

impl Selector for Registered {
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String> {
        let Registered(name) = self;
        let own = find(name).ok_or_else(|| format!("this program has no selector “{name}”"))?;
        own.selector.select(candidates, view, rng)
    }
}
