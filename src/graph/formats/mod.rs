//! Graphs from files, told apart by extension: an infrastructure (`.yaml`, `.yml`), a list of servers with their
//! links ([`json`]), GraphML ([`graphml`]), Graphviz ([`dot`]).
//!
//! What all have in common: a server has one name; a link joins two servers and counts once in each direction, however
//! often it is said; a node that is called `client` or `clients` stands for the site's users, and the servers that it
//! leads to are where they enter. The first thing that is wrong is the error, with file, line, column and a hint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::links::{Links, Node};
use crate::infrastructure::{self, InfrastructureError};
use crate::text;

pub mod dot;
pub mod graphml;
pub mod json;

/// What can be wrong with a graph's file: file, line, column, what was found, what was expected, what to do.
pub type GraphError = InfrastructureError;

/// What may stand for the site's users.
const CLIENT_NAMES: [&str; 2] = ["client", "clients"];

/// Reads a graph.
///
/// # Errors
/// A file that can't be read, an extension that is none of the known, or the first mistake in it.
pub fn read_links(path: &Path) -> Result<Links, GraphError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    match extension.as_str() {
        "yaml" | "yml" => Ok(Links::of(&infrastructure::file::read(path)?, None)),
        "json" => json::read(&Text::read(path)?),
        "graphml" | "xml" => graphml::read(&Text::read(path)?),
        "dot" | "gv" => dot::read(&Text::read(path)?),
        _ => {
            Err(GraphError { file: Some(path.into()), ..GraphError::new(format!("`.{extension}` is no known format")) }
                .with_hint(
                    "name it by its format: `.yaml` (an infrastructure), `.json` (servers with `in` and `out`), \
                 `.graphml` or `.dot`",
                ))
        }
    }
}

/// The text of a file, and where in it something is.
#[derive(Debug, Clone, Copy)]
struct Text<'f, S = String> {
    path: &'f Path,
    text: S,
}

impl<'f> Text<'f> {
    fn read(path: &'f Path) -> Result<Self, GraphError> {
        let text = text::read(path).map_err(|why| {
            let hint = "name a graph's file that is UTF-8 text";
            let (line, column) = why.place().unzip();
            let detail = format!("can't be read: {why}");
            GraphError { file: Some(path.into()), line, column, ..GraphError::new(detail) }.with_hint(hint)
        })?;
        Ok(Text { path, text })
    }

    /// An error at a line and column, both from 1.
    fn error(&self, place: Option<(usize, usize)>, detail: impl Into<String>, hint: impl Into<String>) -> GraphError {
        let (line, column) = place.unzip();
        GraphError { file: Some(self.path.into()), line, column, ..GraphError::new(detail) }.with_hint(hint)
    }

    /// The line and column, from 1, of a byte of the text; columns are characters.
    fn place(&self, byte: usize) -> (usize, usize) {
        let begin = (0..=byte.min(self.text.len())).rev().find(|byte| self.text.is_char_boundary(*byte)).unwrap_or(0);
        let before = &self.text[..begin];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// What is wrong with one item, and what to do; its place is added by whoever knows it.
type Wrong = (String, String);

/// A graph while it is read.
#[derive(Debug, Default)]
struct Sketch {
    servers: BTreeMap<String, Node>,
    links: BTreeSet<(String, String)>,
    entries: BTreeSet<String>,
}

impl Sketch {
    /// Whether it stands for the site's users.
    fn is_client(name: &str) -> bool {
        CLIENT_NAMES.contains(&name)
    }

    fn knows(&self, name: &str) -> bool {
        Self::is_client(name) || self.servers.contains_key(name)
    }

    fn server(&mut self, server: Node) -> Result<(), Wrong> {
        let name = server.name.clone();
        if name.is_empty() || name.chars().any(char::is_control) {
            let hint = "a name has at least one character, and no line ends or other control characters";
            return Err((format!("{name:?} can't be a server's name"), hint.into()));
        }
        if self.servers.insert(name.clone(), server).is_some() {
            return Err((format!("the server `{name}` is declared twice"), "leave one of the two out".into()));
        }
        Ok(())
    }

    /// A link between known names.
    fn link(&mut self, from: &str, to: &str) -> Result<(), Wrong> {
        if from == to {
            return Err((format!("`{from}` is linked with itself"), "a link joins two servers; leave it out".into()));
        }
        match (Self::is_client(from), Self::is_client(to)) {
            (false, false) => self.links.insert((from.into(), to.into())),
            (true, false) => self.entries.insert(to.into()),
            // An answer to the clients goes back on the link that the request came by.
            (false, true) => self.entries.insert(from.into()),
            (true, true) => true,
        };
        Ok(())
    }

    fn finish(self, text: &Text) -> Result<Links, GraphError> {
        if self.servers.is_empty() {
            return Err(text.error(None, "there are no servers", "declare at least one"));
        }
        let links: Vec<_> = self.links.into_iter().collect();
        let entries: Vec<_> = self.entries.into_iter().collect();
        Ok(Links::new(self.servers.into_values().collect(), &links, &entries))
    }
}

#[cfg(test)]
mod tests;
