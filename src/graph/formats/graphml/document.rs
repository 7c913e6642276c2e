//! What a GraphML file says: keys, nodes with their data, edges; and the graph that this comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attributes, FORM, GraphError, GraphFile, Place, Text, Wrong};
use crate::graph::formats::Sketch;
use crate::graph::formats::sketch::{Edge, Raw};

/// What a key may be for, and whether its default is one of nodes.
const FOR: [(&str, bool); 8] = [
    ("all", true),
    ("node", true),
    ("graphml", false),
    ("graph", false),
    ("edge", false),
    ("hyperedge", false),
    ("port", false),
    ("endpoint", false),
];
const DIRECTIONS: [(&str, bool); 2] = [("directed", true), ("undirected", false)];
const TRUTHS: [(&str, bool); 4] = [("true", true), ("false", false), ("1", true), ("0", false)];

#[derive(Debug, Default)]
pub(super) struct Document {
    is_read: bool,
    keys: Vec<Key>,
    graphs: usize,
    /// `edgedefault` of the graphs that are open.
    directed: Vec<bool>,
    /// The nodes that are open, by number: more than one where graphs are in nodes.
    open: Vec<usize>,
    /// The key of the data that is being read, where it is a node's.
    key: Option<String>,
    nodes: Vec<Node>,
    edges: Vec<Joined>,
}

#[derive(Debug)]
struct Key {
    id: String,
    name: String,
    is_of_nodes: bool,
    default: Option<String>,
}

#[derive(Debug)]
struct Node {
    id: String,
    /// By the ids of the keys.
    data: BTreeMap<String, String>,
    drawn: Option<String>,
    around: Option<usize>,
    at: usize,
}

#[derive(Debug)]
struct Joined {
    from: String,
    to: String,
    directed: bool,
    at: usize,
}

impl Document {
    /// Whether the root was read.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    /// Takes in the attributes of an element that starts.
    pub(super) fn open(
        &mut self,
        place: Place,
        around: Option<Place>,
        attributes: &Attributes,
        at: usize,
    ) -> Result<(), Wrong> {
        match place {
            Place::File => self.is_read = true,
            Place::Key => self.key(attributes)?,
            Place::Graph => self.graph(around, attributes)?,
            Place::Node => {
                let (id, around) = (attributes.needed("id")?, self.open.last().copied());
                self.open.push(self.nodes.len());
                self.nodes.push(Node { id, data: BTreeMap::new(), drawn: None, around, at });
            }
            Place::Edge => {
                let default = self.directed.last().copied().unwrap_or_default();
                let directed = attributes.one_of("directed", &TRUTHS)?.unwrap_or(default);
                let (from, to) = (attributes.needed("source")?, attributes.needed("target")?);
                self.edges.push(Joined { from, to, directed, at });
            }
            Place::Data => self.key = Some(attributes.needed("key")?).filter(|_| around == Some(Place::Node)),
            _ => {}
        }
        Ok(())
    }

    fn key(&mut self, attributes: &Attributes) -> Result<(), Wrong> {
        let id = attributes.needed("id")?;
        if self.keys.iter().any(|key| key.id == id) {
            return Err((format!("the key `{id}` is declared twice"), "every key needs its own id".into()));
        }
        let name = attributes.get("attr.name")?.unwrap_or_else(|| id.clone());
        let is_of_nodes = attributes.one_of("for", &FOR)?.unwrap_or(true);
        self.keys.push(Key { id, name, is_of_nodes, default: None });
        Ok(())
    }

    fn graph(&mut self, around: Option<Place>, attributes: &Attributes) -> Result<(), Wrong> {
        if around == Some(Place::File) && self.graphs > 0 {
            return Err(("a second graph in the file".into(), "write each graph to its own file".into()));
        }
        self.graphs += 1;
        let inherited = self.directed.last().copied().unwrap_or_default();
        self.directed.push(attributes.one_of("edgedefault", &DIRECTIONS)?.unwrap_or(inherited));
        Ok(())
    }

    /// Takes in what an element said, once it ends.
    pub(super) fn close(&mut self, place: Place, words: &str) {
        let said = || words.split_whitespace().collect::<Vec<_>>().join(" ");
        let node = self.open.last().map(|node| &mut self.nodes[*node]);
        match place {
            Place::Graph => drop(self.directed.pop()),
            Place::Node => drop(self.open.pop()),
            Place::Default => {
                if let Some(key) = self.keys.last_mut() {
                    key.default = Some(said());
                }
            }
            Place::Data => {
                if let (Some(node), Some(key)) = (node, self.key.take()) {
                    node.data.insert(key, said());
                }
            }
            Place::Label => {
                if let (Some(node), true) = (node, self.key.is_some()) {
                    node.drawn = node.drawn.take().or_else(|| Some(said()).filter(|label| !label.is_empty()));
                }
            }
            _ => {}
        }
    }

    /// The graph.
    ///
    /// # Errors
    /// A file without a graph or without servers, ids that are not unique, edges that lead nowhere.
    pub(super) fn finish(self, text: &Text) -> Result<GraphFile, GraphError> {
        if self.graphs == 0 {
            return Err(text.error(None, "there is no `<graph>` in it", FORM));
        }
        let placed = |at, (detail, hint): Wrong| text.error(Some(text.place(at)), detail, hint);
        let groups = self.groups();
        let mut sketch = Sketch::default();
        let mut ids = BTreeSet::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if !ids.insert(node.id.as_str()) {
                let detail = format!("the node id `{}` is given twice", node.id);
                return Err(placed(node.at, (detail, "every node needs its own id".into())));
            }
            if !groups.contains(&number) {
                sketch.node(self.raw(node)).map_err(|wrong| placed(node.at, wrong))?;
            }
        }
        for edge in &self.edges {
            edge.put(&mut sketch).map_err(|wrong| placed(edge.at, wrong))?;
        }
        sketch.finish(text, self.groups_noted(text, &groups))
    }

    /// The nodes that have others inside and that no edge ends at, by number.
    fn groups(&self) -> BTreeSet<usize> {
        let ends: BTreeSet<&str> = self.edges.iter().flat_map(|edge| [edge.from.as_str(), &edge.to]).collect();
        let around = self.nodes.iter().filter_map(|node| node.around);
        around.filter(|group| !ends.contains(self.nodes[*group].id.as_str())).collect()
    }

    fn groups_noted(&self, text: &Text, groups: &BTreeSet<usize>) -> Option<String> {
        let first = &self.nodes[*groups.first()?];
        let label = self.raw(first).label.unwrap_or_else(|| first.id.clone());
        let what = match groups.len() {
            1 => format!("the group `{label}` has nodes inside and no edges: it is not a server, and is left out"),
            count => format!(
                "{count} groups have nodes inside and no edges, the first of them `{label}`: they are not servers, and \
                 are left out"
            ),
        };
        Some(text.note(first.at, &what))
    }

    /// A node as it is shown, with the defaults of the keys.
    fn raw(&self, node: &Node) -> Raw {
        let label = self.said(node, "name").or_else(|| self.said(node, "label")).or_else(|| node.drawn.clone());
        Raw { id: node.id.clone(), label, role: self.said(node, "role"), zone: self.said(node, "zone") }
    }

    /// What the data of this name says of a node. Several keys may have the name: the first that says something counts.
    /// Data whose key is not declared has the key for its name.
    fn said(&self, node: &Node, name: &str) -> Option<String> {
        let declared = self.keys.iter().filter(|key| key.name == name);
        let said = |key: &Key| match node.data.get(&key.id) {
            None if key.is_of_nodes => key.default.clone(),
            said => said.cloned(),
        };
        let undeclared = || node.data.get(name).filter(|_| self.keys.iter().all(|key| key.id != name)).cloned();
        let mut all = declared.filter_map(said).chain(std::iter::once_with(undeclared).flatten());
        all.find(|said| !said.is_empty())
    }
}

impl Joined {
    fn put(&self, sketch: &mut Sketch) -> Result<(), Wrong> {
        let number = |id: &String| {
            sketch.number(id).ok_or_else(|| {
                let detail =
                    format!("an edge leads from `{}` to `{}`, but there is no node `{id}`", self.from, self.to);
                (detail, "declare the node, or leave the edge out".to_string())
            })
        };
        let (from, to) = (number(&self.from)?, number(&self.to)?);
        sketch.edge(Edge { from, to, directed: self.directed, at: self.at })
    }
}
