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
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredSelector);

/// Those that are linked in, by place.
pub fn registered() -> Vec<RegisteredSelector> {
    let mut all: Vec<RegisteredSelector> =
        cucumber::codegen::inventory::iter::<RegisteredSelector>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// Whether there is one of this name.
pub fn is_registered(name: &str) -> bool {
    find(name).is_some()
}

fn find(name: &str) -> Option<RegisteredSelector> {
    registered().into_iter().find(|one| one.name == name)
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
