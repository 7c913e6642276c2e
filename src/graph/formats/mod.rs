//! Graphs from files, told apart by extension: an infrastructure (`.yaml`, `.yml`), a list of servers with their
//! links ([`json`]), GraphML ([`graphml`]), Graphviz ([`dot`]).
//!
//! # What counts
//! All formats are read as the same simple graph:
//!
//! - A node's identity is its id. Where the format has labels, the label is shown; labels that several nodes share are
//!   shown with the id, `None (7)`.
//! - A link joins two servers and counts once in each direction, however many edges there are between the two. An edge
//!   without a direction is a link both ways.
//! - An edge from a server to itself is no link.
//! - A node that is called `client` or `clients` stands for the site's users. The servers that it is joined with are
//!   where users enter, whatever the direction of the edge.
//!
//! What a file says and this graph cannot hold is either an error, with file, line, column and a hint, or a note beside
//! the graph.

use std::path::Path;

use super::links::Links;
use crate::document::DocumentError;
use crate::infrastructure;

pub mod dot;
pub mod graphml;
pub mod json;
mod sketch;
mod source;

use sketch::{Sketch, Wrong};
use source::Text;

/// What can be wrong with a graph's file: file, line, column, what was found, what was expected, what to do.
pub type GraphError = DocumentError;

/// A graph from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFile {
    /// The graph.
    pub links: Links,
    /// What the file says and the graph does not: edges from a server to itself, edges that repeat a link, groups. A
    /// note is one line with file, line and column.
    pub notes: Vec<String>,
}

/// Reads a graph.
///
/// # Errors
/// A file that can't be read, an extension that is none of the known, or the first mistake in it.
pub fn read_links(path: &Path) -> Result<GraphFile, GraphError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    match extension.as_str() {
        "yaml" | "yml" => {
            Ok(GraphFile { links: Links::of(&infrastructure::file::read(path)?, None), notes: Vec::new() })
        }
        "json" => json::read(&Text::read(path)?),
        "graphml" | "xml" => graphml::read(&Text::read(path)?),
        "dot" | "gv" => dot::read(&Text::read(path)?),
        _ => {
            let detail = format!("`.{extension}` is not a known format");
            Err(GraphError { file: Some(path.into()), ..GraphError::new(detail) }.with_hint(
                "name it by its format: `.yaml` (an infrastructure), `.json` (servers with `in` and `out`), \
                 `.graphml` or `.dot`",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
