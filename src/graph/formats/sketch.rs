//! A graph while its file is read: nodes by id, links between them, and what is left out, on record.

use std::collections::{BTreeMap, BTreeSet};

use super::{GraphError, GraphFile, Text};
use crate::graph::links::{Links, Node};

/// What may stand for the site's users.
const CLIENT_NAMES: [&str; 2] = ["client", "clients"];

/// How many edges a file may have. A megabyte of DOT can say a million million of them (`{ … } -> { … }`), which no
/// memory holds.
const MOST_EDGES: usize = 1_000_000;

/// What is wrong with one item, and what to do; the caller adds the place.
pub(super) type Wrong = (String, String);

/// A node as a file has it.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) id: String,
    /// What the file shows, where that is not the id.
    pub(super) label: Option<String>,
    pub(super) role: Option<String>,
    pub(super) zone: Option<String>,
}

impl Raw {
    /// Whether it stands for the site's users.
    fn is_client(&self) -> bool {
        is_client(&self.id) || self.label.as_deref().is_some_and(is_client)
    }
}

/// Whether a node of this name stands for the site's users.
pub(super) fn is_client(name: &str) -> bool {
    CLIENT_NAMES.contains(&name)
}

/// An edge between two nodes, by number, and the byte of the text where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) directed: bool,
    pub(super) at: usize,
}

/// A graph while it is read.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    pub(super) nodes: Vec<Raw>,
    numbers: BTreeMap<String, usize>,
    links: BTreeSet<(usize, usize)>,
    edges: usize,
    /// Whether the file itself says that an edge that repeats another is none: then there is nothing to note.
    pub(super) strict: bool,
    loops: Aside,
    repeats: Aside,
}

/// Edges that are left out: how many, and the first of them.
#[derive(Debug, Default)]
struct Aside {
    count: usize,
    first: Option<Edge>,
}

impl Aside {
    fn put(&mut self, edge: Edge) {
        self.count += 1;
        self.first.get_or_insert(edge);
    }
}

impl Sketch {
    /// The number of a node.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// The ids of all nodes.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(String::as_str)
    }

    /// Adds a node and returns its number.
    ///
    /// # Errors
    /// An id or a label that can't be shown, and an id that is there already.
    pub(super) fn node(&mut self, node: Raw) -> Result<usize, Wrong> {
        for name in [Some(&node.id), node.label.as_ref()].into_iter().flatten() {
            if name.is_empty() || name.chars().any(char::is_control) {
                let hint = "a name has at least one character, and no line ends or other control characters";
                return Err((format!("{name:?} can't be a server's name"), hint.into()));
            }
        }
        let number = self.nodes.len();
        if self.numbers.insert(node.id.clone(), number).is_some() {
            return Err((format!("`{}` is declared twice", node.id), "every server needs its own name or id".into()));
        }
        self.nodes.push(node);
        Ok(number)
    }

    /// The number of the node that stands for the site's users by this name, which it is added by if it is not there.
    pub(super) fn client(&mut self, name: &str) -> usize {
        self.number(name).unwrap_or_else(|| {
            self.nodes.push(Raw { id: name.into(), ..Raw::default() });
            self.numbers.insert(name.into(), self.nodes.len() - 1);
            self.nodes.len() - 1
        })
    }

    /// Adds an edge. One from a node to itself is left out, and so is one that repeats a link; both are noted.
    ///
    /// # Errors
    /// More edges than a graph can have here.
    pub(super) fn edge(&mut self, edge: Edge) -> Result<(), Wrong> {
        self.edges += 1;
        if self.edges > MOST_EDGES {
            let detail = format!("there are more than {MOST_EDGES} edges");
            return Err((detail, "leave out the edges that do not join servers of the site".into()));
        }
        if edge.from == edge.to {
            self.loops.put(edge);
            return Ok(());
        }
        let is_new = self.links.insert((edge.from, edge.to));
        let is_new_back = !edge.directed && self.links.insert((edge.to, edge.from));
        if !is_new && !is_new_back && !self.strict {
            self.repeats.put(edge);
        }
        Ok(())
    }

    /// The graph, once all is read.
    ///
    /// # Errors
    /// When there are no servers.
    pub(super) fn finish(self, text: &Text, groups: Option<String>) -> Result<GraphFile, GraphError> {
        let clients: Vec<bool> = self.nodes.iter().map(Raw::is_client).collect();
        if clients.iter().all(|is| *is) {
            return Err(text.error(None, "there are no servers", "declare at least one"));
        }
        let notes = [self.loops_noted(text), self.repeats_noted(text), groups].into_iter().flatten().collect();
        let names = shown(&self.nodes);
        let (mut links, mut entries) = (Vec::new(), Vec::new());
        for (from, to) in self.links {
            match (clients[from], clients[to]) {
                (false, false) => links.push((names[from].clone(), names[to].clone())),
                (true, false) => entries.push(names[to].clone()),
                // An answer to the clients goes back on the link that the request came by.
                (false, true) => entries.push(names[from].clone()),
                (true, true) => {}
            }
        }
        let server = |(raw, name): (Raw, String)| {
            let id = (raw.id != name).then_some(raw.id);
            let said = |value: Option<String>| value.filter(|value| !value.is_empty());
            Node { name, id, role: said(raw.role), zone: said(raw.zone) }
        };
        let servers = self.nodes.into_iter().zip(names).zip(clients).filter(|(_, client)| !client);
        let servers = servers.map(|(named, _)| server(named)).collect();
        Ok(GraphFile { links: Links::new(servers, &links, &entries), notes })
    }

    fn loops_noted(&self, text: &Text) -> Option<String> {
        let edge = self.loops.first?;
        let what = match (self.loops.count, &self.nodes[edge.from].id) {
            (1, id) => format!("the edge from `{id}` to itself is left out"),
            (count, id) => format!("{count} edges from a node to itself are left out, the first of them at `{id}`"),
        };
        Some(text.note(edge.at, &what))
    }

    fn repeats_noted(&self, text: &Text) -> Option<String> {
        let edge = self.repeats.first?;
        let (from, to) = (&self.nodes[edge.from].id, &self.nodes[edge.to].id);
        let what = match self.repeats.count {
            1 => format!("another edge joins `{from}` and `{to}` already; both count as one link"),
            count => format!(
                "{count} edges join nodes that other edges join already, the first of them `{from}` and `{to}`; \
                 they count as one link each"
            ),
        };
        Some(text.note(edge.at, &what))
    }
}

/// What nodes are called, in their order: the label, else the id. A label that is not of one node alone, or that is
/// the id of another, is followed by the id.
fn shown(nodes: &[Raw]) -> Vec<String> {
    let mut bearers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in nodes {
        bearers.entry(&node.id).or_default().insert(&node.id);
        bearers.entry(node.label.as_ref().unwrap_or(&node.id)).or_default().insert(&node.id);
    }
    let name = |node: &Raw| match &node.label {
        Some(label) if bearers[label.as_str()].len() == 1 => label.clone(),
        Some(label) => format!("{label} ({})", node.id),
        None => node.id.clone(),
    };
    let names: Vec<String> = nodes.iter().map(name).collect();
    let ids: BTreeSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    let differ: BTreeSet<&String> = names.iter().collect();
    let is_of_another = |(node, name): (&Raw, &String)| *name != node.id && ids.contains(name.as_str());
    // `a (b)` may be a label as well; ids always differ.
    match differ.len() < names.len() || nodes.iter().zip(&names).any(is_of_another) {
        true => nodes.iter().map(|node| node.id.clone()).collect(),
        false => names,
    }
}
