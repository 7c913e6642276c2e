//! Plots as inline SVG, by plotters' SVG backend.
//!
//! One drawing unit is about half a pixel on a screen and 0.14 mm on A4, so whole units are fine enough. Colours that
//! the page's dark style must turn around ([`INK`](crate::palette::INK), [`MUTED`](crate::palette::MUTED), [`GRID`](crate::palette::GRID),
//! [`BLUE`](crate::palette::BLUE))
//! are overridden there by their value; the other colours of data serve on both.

mod brackets;
pub mod canvas;
pub mod frame;
pub mod labels;
pub mod latency;
pub mod outcomes;
pub mod sheet;
mod stacked;
pub mod states;
pub mod struck;
pub mod tracks;
pub mod waterfall;
pub mod writes;
