//! Attacks without a feature file, and the formats they read.

mod by_server;
pub mod passwords;
pub mod processes;
