//! The step language: what may stand in a feature file, by subject.
//!
//! Every step only declares (see [`crate::declare`]): it turns its text into units by the types of [`params`] and
//! calls one verb of the scenario's [`Declaration`](crate::declare::Declaration). Nothing is booted, sent or
//! broken here. What one fault does is said by the fault itself ([`Fault::phrases`](crate::fault::Fault::phrases)), and `faults` makes
//! steps of it. A text matches exactly one pattern across all keywords; `tests/vocabulary.rs` holds the table.

pub mod params;

mod agent;
mod attack;
mod data;
mod expect;
mod faults;
mod load;
mod names;
mod network;
mod phrase;
mod registered;
mod safeguards;
mod time;
mod topology;
