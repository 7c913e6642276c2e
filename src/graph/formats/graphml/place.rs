//! What an element of a GraphML file is, by its name and by what it stands in.

use super::{FORM, Wrong};
use crate::document::error::one_of;

/// What an element is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Key,
    /// The default of a key.
    Default,
    Graph,
    Node,
    Port,
    Edge,
    Data,
    /// Inside of data: what a tool draws. Labels are looked for.
    Drawing,
    /// The text that a tool draws on a node.
    Label,
    /// A description, or an element of another language: nothing in it counts.
    Passed,
}

/// Every element of GraphML, and in what it may stand.
const ELEMENTS: [(&str, &str); 12] = [
    ("graphml", "at the root"),
    ("key", "in `<graphml>`"),
    ("default", "in `<key>`"),
    ("desc", "in most others"),
    ("graph", "in `<graphml>` or in `<node>`"),
    ("node", "in `<graph>`"),
    ("edge", "in `<graph>`"),
    ("hyperedge", "in `<graph>`"),
    ("endpoint", "in `<hyperedge>`"),
    ("port", "in `<node>`"),
    ("locator", "in `<graph>` or in `<node>`"),
    ("data", "in `<graphml>`, `<graph>`, `<node>`, `<port>` or `<edge>`"),
];

impl Place {
    /// The root.
    pub(super) fn root(name: &str) -> Result<Place, Wrong> {
        if name == "graphml" { Ok(Place::File) } else { Err((format!("the root is `<{name}>`"), FORM.into())) }
    }

    /// An element inside this one; `is_graphml` if it is of GraphML's namespace.
    pub(super) fn inside(self, name: &str, is_graphml: bool) -> Result<Place, Wrong> {
        use Place::*;
        match (self, name) {
            (Data | Drawing, "NodeLabel" | "Label.Text") => Ok(Label),
            (Data | Drawing, _) => Ok(Drawing),
            (Label | Passed | Default, _) => Ok(Passed),
            _ if !is_graphml => Ok(Passed),
            (_, "desc") => Ok(Passed),
            (File, "key") => Ok(Key),
            (Key, "default") => Ok(Default),
            (File | Node, "graph") => Ok(Graph),
            (Graph, "node") => Ok(Node),
            (Graph, "edge") => Ok(Edge),
            (Node | Port, "port") => Ok(Port),
            (File | Graph | Node | Port | Edge, "data") => Ok(Data),
            (Graph, "hyperedge") => {
                Err(("a hyperedge joins more than two nodes".into(), "write an edge for each pair".into()))
            }
            (Graph | Node, "locator") => Err((
                "a `<locator>` names contents that are in another file".into(),
                "write one file with everything in it".into(),
            )),
            _ => Err(misplaced(self, name)),
        }
    }

    /// The name of the GraphML element, if it is one.
    pub(super) fn element(self) -> Option<&'static str> {
        match self {
            Place::File => Some("graphml"),
            Place::Key => Some("key"),
            Place::Default => Some("default"),
            Place::Graph => Some("graph"),
            Place::Node => Some("node"),
            Place::Port => Some("port"),
            Place::Edge => Some("edge"),
            Place::Data => Some("data"),
            Place::Drawing | Place::Label | Place::Passed => None,
        }
    }
}

fn misplaced(around: Place, name: &str) -> Wrong {
    let around = around.element().unwrap_or("graphml");
    match ELEMENTS.iter().find(|(known, _)| *known == name) {
        Some((_, place)) => (format!("a `<{name}>` inside `<{around}>`"), format!("it stands {place}")),
        None => {
            let known = ELEMENTS.iter().map(|(name, _)| *name);
            (format!("`<{name}>` is not an element of GraphML"), one_of(name, "elements", known))
        }
    }
}
