//! A graph as a picture that people would rather look at than read a table: an SVG without network or script.
//!
//! Requests go from left to right: the clients, then tier after tier. A node's size is its betweenness, its colour the
//! zone (else the role), a ring says that the graph falls apart without it, a thick link that it is a bridge, a cross
//! that a strike hit it. [`layers`] says which column a node belongs to, [`layout`] where it stands, [`draw`] draws,
//! [`pen`] writes SVG. (plotters, which draws the charts of reports, has no curves.)

use super::links::Links;
use super::table::Table;
use layout::Layout;

pub mod draw;
pub mod layers;
pub mod layout;
mod pen;

/// More servers than this are a tangle, not a picture.
pub const MOST_SERVERS: usize = 60;

/// There are too many servers for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} servers are too many for a picture that can be read (at most {MOST_SERVERS})\n  help: ask for `--format text` or `--format json`"
)]
pub struct TooLarge(pub usize);

/// The picture for a page that has a style of its own: an `<svg>` element whose accessible name is the table's
/// summary. Every text in it is escaped.
///
/// # Errors
/// More than [`MOST_SERVERS`] servers.
pub fn element(links: &Links, table: &Table, struck: &[&str]) -> Result<String, TooLarge> {
    if links.servers().len() > MOST_SERVERS {
        return Err(TooLarge(links.servers().len()));
    }
    Ok(draw::drawn(links, table, struck, Layout::of(links)))
}

/// The same for a phone; `None` where the graph is too large or has too many columns for it.
pub fn narrow(links: &Links, table: &Table, struck: &[&str]) -> Option<String> {
    let layout = Layout::narrow(links).filter(|_| links.servers().len() <= MOST_SERVERS)?;
    Some(draw::drawn(links, table, struck, layout))
}

/// The picture as a file: on paper of its own, light or dark as the reader's browser is.
///
/// # Errors
/// More than [`MOST_SERVERS`] servers.
pub fn page(links: &Links, table: &Table) -> Result<String, TooLarge> {
    let element = element(links, table, &[])?;
    let (head, body) = element.split_once("</title>").unwrap_or(("", &element));
    let head = head.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    Ok(format!("{head}</title><style>{STYLE}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>{body}\n"))
}

/// What a report's page says for all its plots, see `style.css`.
const STYLE: &str = include_str!("style.css");
