//! A site as a graph: who is linked with whom, who matters most, and whose loss cuts what off.
//!
//! # Start here
//! ```text
//! site.yaml, *.json, *.graphml, *.dot ─ formats ─▶ Links ─┬─ Measure ─▶ choose: whom a strike hits
//! Infrastructure ─────────────────────────────────────────┤
//!                                                         ├─ Table ─▶ text, JSON
//!                                                         └─ picture ─▶ SVG
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`links`] | [`Links`]: servers by name, who talks to whom, where the clients enter |
//! | [`net`] | the same by numbers only: what everything is computed on |
//! | [`betweenness`], [`cut`] | paths that lead through a node; what falls apart without it |
//! | [`measure`], [`choice`] | one word for each measure; the highest of it, ties drawn with the seed |
//! | [`loss`] | what the loss of a server or a zone would do to the site; predictions |
//! | [`formats`] | from files to [`Links`], or one clear error |
//! | [`table`], [`picture`] | everything measured, as text and as data; the site drawn |
//!
//! # Two nets
//! The site's entry counts as a link: one more node, the clients, is joined with the server where requests arrive.
//! Where servers share a virtual IP, only its holder is joined for what is measured *now* (degree, betweenness): the
//! highest-degree node of `4 webservers behind haproxy` is the active balancer, with five links. For what a *loss*
//! would leave (articulation points, bridges, cuts, zones) every server that may hold the address is joined, because
//! one of them takes it over. In a file that knows no virtual IP both are the same.

pub mod betweenness;
pub mod choice;
pub mod cut;
pub mod formats;
pub mod links;
pub mod loss;
pub mod measure;
pub mod net;
pub mod picture;
pub mod table;

#[cfg(test)]
mod tests;

pub use formats::{GraphError, GraphFile, read_links};
pub use links::{Links, Node};
pub use loss::predicts_single_point_of_failure;
pub use measure::Measure;
pub use table::Table;
