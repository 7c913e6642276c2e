//! `chimp up` and `chimp down`, for real: needs root, and says `skipped` without.

mod attack;
mod kept;
mod life;
mod names;
mod reconcile;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
