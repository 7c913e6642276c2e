//! Graphviz files: `graph` and `digraph`, names bare or quoted, chains of `->` or `--`, lists and subgraphs on either
//! side of an arrow, defaults, comments, `strict`, ports.
//!
//! A node's name is its id. Of the attributes of a node `role` and `zone` are taken, also where `node [zone=a]` sets
//! them for the nodes that follow. All others are passed over, and so are ports and the attributes of edges and
//! graphs. `--` is a link both ways. A subgraph on one side of an arrow stands for all of its nodes.

use std::collections::BTreeMap;

use super::sketch::{Edge, Raw};
use super::{GraphError, GraphFile, Sketch, Text, Wrong};

mod lexer;
mod scope;

use lexer::{Placed, Token};
use scope::Scopes;

/// Reads a Graphviz file.
///
/// # Errors
/// What Graphviz does not read, what is not of the part that is read here, and a second graph; with its place.
pub(super) fn read(text: &Text) -> Result<GraphFile, GraphError> {
    let placed = |(detail, hint): Wrong, at| text.error(Some(text.place(at)), detail, hint);
    let words = lexer::words(&text.text).map_err(|(wrong, at)| placed(wrong, at))?;
    let (sketch, scopes) = Default::default();
    let mut parser = Parser { words, next: 0, directed: false, depth: 0, sketch, scopes };
    parser.file().map_err(|wrong| placed(wrong, parser.at()))?;
    parser.sketch.finish(text, None)
}

const FORM: &str = "a graph is `digraph { \"lb-1\" -> \"web-1\" }`";
/// Deeper is no graph that anybody wrote; and every level takes a piece of the stack.
const DEEPEST: usize = 64;

type Parsed<T = ()> = Result<T, Wrong>;
type Attributes = BTreeMap<String, String>;

/// What stands on one side of an arrow.
enum Side {
    /// `a` or `a, b`
    Nodes(Vec<usize>),
    /// `{ a b }`: all nodes of this scope, also those of other places where it is written.
    Subgraph(usize),
}

struct Parser {
    words: Vec<Placed>,
    next: usize,
    directed: bool,
    depth: usize,
    sketch: Sketch,
    scopes: Scopes,
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
            Token::Word(word) | Token::Number(word) | Token::Quoted(word) => format!("`{word}`"),
            Token::Html(_) => "an HTML text".into(),
            Token::Arrow { directed } => if *directed { "`->`" } else { "`--`" }.into(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => return (format!("expected {what}, but the file ends"), FORM.into()),
        };
        (format!("expected {what}, but there is {found}"), FORM.into())
    }

    /// `strict? (graph | digraph) name? { … }`
    fn file(&mut self) -> Parsed {
        if self.word().as_deref() == Some("strict") {
            self.take();
            self.sketch.strict = true;
        }
        self.directed = match self.word().as_deref() {
            Some("digraph") => true,
            Some("graph") => false,
            _ => return Err(self.expected("`graph` or `digraph`")),
        };
        self.take();
        self.name()?;
        self.block()?;
        match self.word().as_deref() {
            Some("strict" | "graph" | "digraph") => {
                let hint = "a file holds one graph: write each to its own file, for example with `gvpr`";
                Err(("a second graph starts here".into(), hint.into()))
            }
            _ if *self.token() == Token::End => Ok(()),
            _ => Err(self.expected("the end of the file")),
        }
    }

    /// The name of a graph or of a subgraph, which may have none.
    fn name(&mut self) -> Parsed<Option<String>> {
        if matches!(self.token(), Token::Sign(_) | Token::Arrow { .. } | Token::End) {
            return Ok(None);
        }
        self.text("a name").map(Some)
    }

    /// `{ statement ; … }`
    fn block(&mut self) -> Parsed {
        if !self.sign('{') {
            return Err(self.expected("`{`"));
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err((format!("subgraphs more than {DEEPEST} deep"), "flatten some of them".into()));
        }
        while !self.sign('}') {
            self.statement()?;
            while self.sign(';') {}
        }
        self.depth -= 1;
        Ok(())
    }

    fn statement(&mut self) -> Parsed {
        if let Some(kind @ ("graph" | "node" | "edge")) = self.word().as_deref() {
            self.take();
            if *self.token() != Token::Sign('[') {
                return Err(self.expected("`[`"));
            }
            let attributes = self.attributes()?;
            if kind == "node" {
                self.scopes.set_defaults(attributes);
            }
            return Ok(());
        }
        let Some(first) = self.side()? else { return Ok(()) };
        if !matches!(self.token(), Token::Arrow { .. }) {
            return self.node_attributes(&first);
        }
        let mut from = first;
        while let Token::Arrow { directed } = *self.token() {
            let at = self.at();
            if directed != self.directed {
                let (kind, arrow) = if self.directed { ("digraph", "->") } else { ("graph", "--") };
                return Err(("the wrong arrow".into(), format!("in a `{kind}` an edge is written `{arrow}`")));
            }
            self.take();
            let to = self.side()?.ok_or_else(|| self.expected("a node or a subgraph"))?;
            self.edges(&from, &to, at)?;
            from = to;
        }
        self.attributes().map(drop)
    }

    /// The attributes after nodes. Those after a subgraph belong to nothing, as Graphviz reads them.
    fn node_attributes(&mut self, side: &Side) -> Parsed {
        let at = self.next;
        let mut attributes = self.attributes()?;
        let (role, zone) = (attributes.remove("role"), attributes.remove("zone"));
        match side {
            Side::Nodes(nodes) => {
                for node in nodes {
                    let node = &mut self.sketch.nodes[*node];
                    node.role = role.clone().or(node.role.take());
                    node.zone = zone.clone().or(node.zone.take());
                }
                Ok(())
            }
            Side::Subgraph(_) if role.is_some() || zone.is_some() => {
                self.next = at;
                let hint = "write them inside, before its nodes: `{ node [zone=a] … }`";
                Err(("attributes after a subgraph are not those of its nodes".into(), hint.into()))
            }
            Side::Subgraph(_) => Ok(()),
        }
    }

    fn edges(&mut self, from: &Side, to: &Side, at: usize) -> Parsed {
        let (from, to) = (self.nodes(from), self.nodes(to));
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
            self.sketch.edge(Edge { from, to, directed: self.directed, at })?;
        }
        Ok(())
    }

    fn nodes(&self, side: &Side) -> Vec<usize> {
        match side {
            Side::Nodes(nodes) => nodes.clone(),
            Side::Subgraph(scope) => self.scopes.nodes(*scope),
        }
    }

    /// Nodes `a, b`, or a subgraph and all of its nodes; `None` for an attribute of the graph, `rankdir = LR`.
    fn side(&mut self) -> Parsed<Option<Side>> {
        let named = self.word().as_deref() == Some("subgraph");
        if named || *self.token() == Token::Sign('{') {
            let name = if named {
                self.take();
                self.name()?
            } else {
                None
            };
            let scope = self.scopes.enter(name);
            self.block()?;
            self.scopes.leave();
            return Ok(Some(Side::Subgraph(scope)));
        }
        let at = self.next;
        let name = self.node_name()?;
        if self.sign('=') {
            self.value()?;
            return Ok(None);
        }
        let mut nodes = vec![self.node(name, at)?];
        while self.sign(',') {
            let (at, name) = (self.next, self.node_name()?);
            nodes.push(self.node(name, at)?);
        }
        Ok(Some(Side::Nodes(nodes)))
    }

    fn node_name(&mut self) -> Parsed<String> {
        if matches!(self.token(), Token::Html(_)) {
            let hint = "name the node by a quoted text, and give it the HTML text as its `label`";
            return Err(("an HTML text is not read as the name of a node".into(), hint.into()));
        }
        self.text("a node, an edge or `}`")
    }

    /// The node of this name, which its first mention makes, and its port: `node:port:compass`. `word` is where the
    /// name stands.
    fn node(&mut self, id: String, word: usize) -> Parsed<usize> {
        for _ in 0..2 {
            if self.sign(':') {
                self.value()?;
            }
        }
        let node = match self.sketch.number(&id) {
            Some(node) => node,
            None => {
                let [role, zone] = ["role", "zone"].map(|attribute| self.scopes.default_of(attribute));
                let made = self.sketch.node(Raw { id, role, zone, label: None });
                made.inspect_err(|_| self.next = word)?
            }
        };
        self.scopes.put(node);
        Ok(node)
    }

    /// A name, a number, or a quoted text; quoted texts may be joined by `+`.
    fn text(&mut self, what: &str) -> Parsed<String> {
        match self.token() {
            Token::Word(word) if is_keyword(word) => {
                let hint = format!("`{word}` is a keyword; a name stands in quotes: `\"{word}\"`");
                return Err((self.expected(what).0, hint));
            }
            Token::Word(_) | Token::Number(_) | Token::Quoted(_) => {}
            _ => return Err(self.expected(what)),
        }
        let (mut text, joined) = match self.take() {
            Token::Quoted(text) => (text, true),
            Token::Word(text) | Token::Number(text) => (text, false),
            _ => return Ok(String::new()),
        };
        while joined && self.sign('+') {
            let Token::Quoted(more) = self.token() else { return Err(self.expected("a quoted text")) };
            text.push_str(more);
            self.take();
        }
        Ok(text)
    }

    /// A text, or an HTML text.
    fn value(&mut self) -> Parsed<String> {
        if let Token::Html(text) = self.token() {
            let text = text.clone();
            self.take();
            return Ok(text);
        }
        self.text("a value")
    }

    /// `[a=b, c=d] [e=f]`, or nothing.
    fn attributes(&mut self) -> Parsed<Attributes> {
        let mut attributes = Attributes::new();
        while self.sign('[') {
            while !self.sign(']') {
                let name = self.text("an attribute or `]`")?;
                let value = if self.sign('=') { self.value()? } else { "true".into() };
                attributes.insert(name, value);
                while self.sign(',') || self.sign(';') {}
            }
        }
        Ok(attributes)
    }
}

/// The words that name nothing unless they are quoted, in any case.
fn is_keyword(word: &str) -> bool {
    ["strict", "graph", "digraph", "node", "edge", "subgraph"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
