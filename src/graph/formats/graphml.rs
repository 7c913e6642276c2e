//! GraphML: nodes and edges, as networkx, igraph, Gephi and yEd write them.
//!
//! A node's name is its data `name`, else `label`, else its id; data `role` and `zone` are taken, all other data is
//! passed over. An edge without a direction (`edgedefault="undirected"`, or `directed="false"`) is a link both ways.
//! Hyperedges and graphs inside nodes are refused.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::{GraphError, Sketch, Text, Wrong};
use crate::graph::links::{Links, Node};

/// Reads a GraphML file.
///
/// # Errors
/// What is no XML, what is no GraphML or not of the part that is read, and what is wrong with servers and links.
pub(super) fn read(text: &Text) -> Result<Links, GraphError> {
    let mut reader = Reader::from_str(&text.text);
    let mut file = GraphMl::default();
    loop {
        let begun = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|why| {
            let at = text.place(reader.error_position() as usize);
            text.error(Some(at), format!("this is no XML: {why}"), "mend it, or write it again with what made it")
        })?;
        let taken = match event {
            Event::Start(element) => file.open(&element, begun),
            Event::Empty(element) => {
                file.open(&element, begun).and_then(|()| file.close(element.local_name().as_ref()))
            }
            Event::End(element) => file.close(element.local_name().as_ref()),
            Event::Text(words) => words.decode().map(|words| file.data.push_str(&words)).map_err(unreadable),
            Event::GeneralRef(named) => file.reference(&named),
            Event::CData(words) => words.decode().map(|words| file.data.push_str(&words)).map_err(unreadable),
            Event::Eof => return file.finish(text),
            _ => Ok(()),
        };
        taken.map_err(|(detail, hint)| text.error(Some(text.place(begun)), detail, hint))?;
    }
}

#[derive(Debug, Default)]
struct GraphMl {
    /// What data is called, by its key.
    keys: BTreeMap<String, String>,
    graphs: usize,
    directed_by_default: bool,
    node: Option<Open>,
    /// The key of the data that is being read.
    key: Option<String>,
    data: String,
    nodes: Vec<Open>,
    edges: Vec<Edge>,
}

/// A node while its data is read.
#[derive(Debug, Default)]
struct Open {
    id: String,
    data: BTreeMap<String, String>,
    at: usize,
}

#[derive(Debug)]
struct Edge {
    from: String,
    to: String,
    directed: bool,
    at: usize,
}

impl GraphMl {
    fn open(&mut self, element: &BytesStart, at: usize) -> Result<(), Wrong> {
        match local(element).as_str() {
            "key" => {
                let id = needed(element, "id")?;
                let name = attribute(element, "attr.name")?.unwrap_or_else(|| id.clone());
                self.keys.insert(id, name);
            }
            "graph" => {
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err((
                        "a second graph in the file".into(),
                        "leave one graph, and none inside a node".into(),
                    ));
                }
                self.directed_by_default = attribute(element, "edgedefault")?.as_deref() == Some("directed");
            }
            "node" => self.node = Some(Open { id: needed(element, "id")?, at, ..Open::default() }),
            "edge" => {
                let directed = attribute(element, "directed")?;
                let directed = directed.map_or(self.directed_by_default, |directed| directed == "true");
                let (from, to) = (needed(element, "source")?, needed(element, "target")?);
                self.edges.push(Edge { from, to, directed, at });
            }
            "hyperedge" => {
                return Err(("a hyperedge joins more than two nodes".into(), "write an edge for each pair".into()));
            }
            "data" => {
                self.key = attribute(element, "key")?;
                self.data.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &[u8]) -> Result<(), Wrong> {
        match name {
            b"node" => self.nodes.extend(self.node.take()),
            b"data" => {
                let key = self.key.take().unwrap_or_default();
                let name = self.keys.get(&key).cloned().unwrap_or(key);
                if let Some(node) = &mut self.node {
                    node.data.insert(name, self.data.trim().to_string());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `&amp;` and its like in a text.
    fn reference(&mut self, named: &quick_xml::events::BytesRef) -> Result<(), Wrong> {
        let word = named.decode().map_err(unreadable)?;
        let number = named.resolve_char_ref().map_err(unreadable)?;
        let known = quick_xml::escape::resolve_predefined_entity(&word);
        match (number, known) {
            (Some(letter), _) => self.data.push(letter),
            (None, Some(letters)) => self.data.push_str(letters),
            (None, None) => return Err((format!("`&{word};` is not known"), "write the character itself".into())),
        }
        Ok(())
    }

    fn finish(self, text: &Text) -> Result<Links, GraphError> {
        if self.graphs == 0 {
            let hint = "a GraphML file has `<graphml><graph edgedefault=\"directed\">` with nodes and edges in it";
            return Err(text.error(None, "there is no `<graph>` in it", hint));
        }
        let mut sketch = Sketch::default();
        let mut names = BTreeMap::new();
        let placed = |at, (detail, hint): Wrong| text.error(Some(text.place(at)), detail, hint);
        for node in self.nodes {
            let (id, at) = (node.id.clone(), node.at);
            let server = node.server();
            if names.insert(id.clone(), server.name.clone()).is_some() {
                let detail = format!("the node id `{id}` is given twice");
                return Err(placed(at, (detail, "every node needs an id of its own".into())));
            }
            if !Sketch::is_client(&server.name) {
                sketch.server(server).map_err(|wrong| placed(at, wrong))?;
            }
        }
        for edge in self.edges {
            edge.link(&names, &mut sketch).map_err(|wrong| placed(edge.at, wrong))?;
        }
        sketch.finish(text)
    }
}

impl Open {
    fn server(mut self) -> Node {
        let mut said = |what: &str| self.data.remove(what).filter(|value| !value.is_empty());
        let name = said("name").or_else(|| said("label"));
        let (role, zone) = (said("role"), said("zone"));
        Node { name: name.unwrap_or(self.id), role, zone }
    }
}

impl Edge {
    fn link(&self, names: &BTreeMap<String, String>, sketch: &mut Sketch) -> Result<(), Wrong> {
        let name = |id: &String| {
            names.get(id).ok_or_else(|| {
                let detail =
                    format!("an edge leads from `{}` to `{}`, but there is no node `{id}`", self.from, self.to);
                (detail, "declare the node, or leave the edge out".to_string())
            })
        };
        let (from, to) = (name(&self.from)?, name(&self.to)?);
        sketch.link(from, to)?;
        if self.directed { Ok(()) } else { sketch.link(to, from) }
    }
}

/// The element's name without its prefix.
fn local(element: &BytesStart) -> String {
    String::from_utf8_lossy(element.local_name().as_ref()).into_owned()
}

fn attribute(element: &BytesStart, name: &str) -> Result<Option<String>, Wrong> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(unreadable)?;
        if attribute.key.as_ref() == name.as_bytes() {
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(unreadable)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

fn needed(element: &BytesStart, name: &str) -> Result<String, Wrong> {
    attribute(element, name)?.ok_or_else(|| {
        let kind = local(element);
        (format!("a `<{kind}>` without `{name}`"), format!("add it: `<{kind} {name}=\"…\">`"))
    })
}

fn unreadable(why: impl std::fmt::Display) -> Wrong {
    (format!("this is no XML: {why}"), "mend it, or write it again with what made it".into())
}
