//! Graphviz files, the common part: `graph` and `digraph`, names bare or quoted, chains of `->` or `--`, `{ a b }` on
//! either side of an arrow, comments, `strict`, ports.
//!
//! A node's name is its id. Of the attributes of a node `role` and `zone` are taken, all others and those of graphs and
//! edges are passed over; subgraphs are flattened. `--` is a link both ways. HTML texts are refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{GraphError, Sketch, Text, Wrong};
use crate::graph::links::{Links, Node};

mod lexer;

use lexer::{Placed, Token};

/// Reads a Graphviz file.
///
/// # Errors
/// What is not of the part that is read, with its place, and a node that is linked with itself.
pub(super) fn read(text: &Text) -> Result<Links, GraphError> {
    let placed = |(detail, hint): Wrong, at| text.error(Some(text.place(at)), detail, hint);
    let words = lexer::words(&text.text).map_err(|(wrong, at)| placed(wrong, at))?;
    let mut parser = Parser { words, next: 0, directed: false, nodes: BTreeMap::new(), links: Vec::new(), depth: 0 };
    parser.file().map_err(|wrong| placed(wrong, parser.at()))?;
    let mut sketch = Sketch::default();
    for (server, at) in parser.nodes.into_values() {
        if !Sketch::is_client(&server.name) {
            sketch.server(server).map_err(|wrong| placed(wrong, at))?;
        }
    }
    for (from, to, at) in parser.links {
        sketch.link(&from, &to).map_err(|wrong| placed(wrong, at))?;
    }
    sketch.finish(text)
}

const FORM: &str = "a graph is `digraph { \"lb-1\" -> \"web-1\" }`";
/// Deeper is no graph that anybody wrote; and every level takes a piece of the stack.
const DEEPEST: usize = 64;

type Parsed<T = ()> = Result<T, Wrong>;
/// Names of nodes: one, or all of a subgraph.
type Group = BTreeSet<String>;

struct Parser {
    words: Vec<Placed>,
    next: usize,
    directed: bool,
    nodes: BTreeMap<String, (Node, usize)>,
    links: Vec<(String, String, usize)>,
    depth: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.words[self.next].0
    }

    fn at(&self) -> usize {
        self.words[self.next].1
    }

    fn take(&mut self) -> Token {
        let token = self.token().clone();
        // The last is the end, which can be taken again and again.
        self.next = (self.next + 1).min(self.words.len() - 1);
        token
    }

    /// Takes the sign if it is next.
    fn sign(&mut self, sign: char) -> bool {
        let is = *self.token() == Token::Sign(sign);
        if is {
            self.take();
        }
        is
    }

    fn word(&self) -> Option<String> {
        if let Token::Word(word) = self.token() { Some(word.to_lowercase()) } else { None }
    }

    fn expected(&self, what: &str) -> Wrong {
        let found = match self.token() {
            Token::Word(word) | Token::Quoted(word) => format!("`{word}`"),
            Token::Arrow { directed } => if *directed { "`->`" } else { "`--`" }.into(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the file ends".into(),
        };
        (
            format!("expected {what}, but there is {found}").replace("there is the file ends", "the file ends"),
            FORM.into(),
        )
    }

    /// `strict? (graph | digraph) name? { … }`
    fn file(&mut self) -> Parsed {
        if self.word().as_deref() == Some("strict") {
            self.take();
        }
        self.directed = match self.word().as_deref() {
            Some("digraph") => true,
            Some("graph") => false,
            _ => return Err(self.expected("`graph` or `digraph`")),
        };
        self.take();
        if matches!(self.token(), Token::Word(_) | Token::Quoted(_)) {
            self.take();
        }
        self.block()?;
        if *self.token() == Token::End { Ok(()) } else { Err(self.expected("the end of the file")) }
    }

    /// `{ statement ; … }`; the nodes that are named in it.
    fn block(&mut self) -> Parsed<Group> {
        if !self.sign('{') {
            return Err(self.expected("`{`"));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((format!("subgraphs more than {DEEPEST} deep"), "flatten some of them".into()));
        }
        let mut named = Group::new();
        while !self.sign('}') {
            named.extend(self.statement()?);
            while self.sign(';') || self.sign(',') {}
        }
        self.depth -= 1;
        Ok(named)
    }

    fn statement(&mut self) -> Parsed<Group> {
        if let Some("graph" | "node" | "edge") = self.word().as_deref() {
            self.take();
            self.attributes()?;
            return Ok(Group::new());
        }
        let begun = self.at();
        let first = self.group()?;
        if self.sign('=') {
            // `rankdir = LR`: what was read as a node is the name of an attribute of the graph.
            self.forget(&first, begun);
            self.text("a value")?;
            return Ok(Group::new());
        }
        let mut named = first.clone();
        let mut from = first;
        while let Token::Arrow { directed } = *self.token() {
            let at = self.at();
            if directed != self.directed {
                let (kind, arrow) = if self.directed { ("digraph", "->") } else { ("graph", "--") };
                return Err(("the wrong arrow".into(), format!("in a `{kind}` an edge is written `{arrow}`")));
            }
            self.take();
            let to = self.group()?;
            self.edges(&from, &to, at);
            named.extend(to.iter().cloned());
            from = to;
        }
        let attributes = self.attributes()?;
        if let (1, Some((node, _))) = (named.len(), named.first().and_then(|name| self.nodes.get_mut(name))) {
            node.role = attributes.get("role").cloned().or(node.role.take());
            node.zone = attributes.get("zone").cloned().or(node.zone.take());
        }
        Ok(named)
    }

    /// Takes back a node that nothing but this statement has named.
    fn forget(&mut self, group: &Group, at: usize) {
        self.nodes.retain(|name, (_, first)| !group.contains(name) || *first != at);
    }

    fn edges(&mut self, from: &Group, to: &Group, at: usize) {
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
            self.links.push((from.clone(), to.clone(), at));
            if !self.directed {
                self.links.push((to.clone(), from.clone(), at));
            }
        }
    }

    /// A node, or a subgraph and all that it names.
    fn group(&mut self) -> Parsed<Group> {
        if self.word().as_deref() == Some("subgraph") {
            self.take();
            if matches!(self.token(), Token::Word(_) | Token::Quoted(_)) {
                self.take();
            }
            return self.block();
        }
        if *self.token() == Token::Sign('{') {
            return self.block();
        }
        let at = self.at();
        let name = self.text("a node, an edge or `}`")?;
        // `node:port:compass`
        while self.sign(':') {
            self.text("a port")?;
        }
        let node = Node { name: name.clone(), ..Node::default() };
        self.nodes.entry(name.clone()).or_insert((node, at));
        Ok(Group::from([name]))
    }

    /// A name or a quoted text, or several of those joined by `+`.
    fn text(&mut self, what: &str) -> Parsed<String> {
        if !matches!(self.token(), Token::Word(_) | Token::Quoted(_)) {
            return Err(self.expected(what));
        }
        let (Token::Word(mut text) | Token::Quoted(mut text)) = self.take() else { return Ok(String::new()) };
        while self.sign('+') {
            text.push_str(&self.text("a quoted text")?);
        }
        Ok(text)
    }

    /// `[a=b, c=d] [e=f]`, or nothing.
    fn attributes(&mut self) -> Parsed<BTreeMap<String, String>> {
        let mut attributes = BTreeMap::new();
        while self.sign('[') {
            while !self.sign(']') {
                let name = self.text("an attribute or `]`")?;
                let value = if self.sign('=') { self.text("a value")? } else { "true".into() };
                attributes.insert(name, value);
                while self.sign(',') || self.sign(';') {}
            }
        }
        Ok(attributes)
    }
}
