//! Faults that other crates add: see [`register!`](crate::register).

use super::{FAULTS, Fault};

/// A fault of another crate, and where it was registered.
#[derive(Clone, Copy)]
pub struct RegisteredFault {
    /// What it does.
    pub fault: &'static dyn Fault,
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredFault);

/// Those of other crates that are linked in, by place.
pub fn registered() -> Vec<RegisteredFault> {
    let mut all: Vec<RegisteredFault> =
        cucumber::codegen::inventory::iter::<RegisteredFault>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// Every fault that can be struck: the shipped ones, then those of other crates.
pub fn all() -> impl Iterator<Item = &'static dyn Fault> {
    FAULTS.iter().copied().chain(registered().into_iter().map(|registered| registered.fault))
}

/// The fault of this name.
pub fn named(name: &str) -> Option<&'static dyn Fault> {
    all().find(|fault| fault.name() == name)
}
