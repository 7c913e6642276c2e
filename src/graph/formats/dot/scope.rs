//! Subgraphs: which nodes each has, and what is set for the nodes that are first named in it.

use std::collections::{BTreeMap, BTreeSet};

use super::Attributes;

/// All subgraphs of a file, the graph itself first, and in which of them the reader is.
pub(super) struct Scopes {
    all: Vec<Scope>,
    now: usize,
}

#[derive(Default)]
struct Scope {
    parent: Option<usize>,
    /// Subgraphs by name: one that is written again is the same.
    named: BTreeMap<String, usize>,
    nodes: BTreeSet<usize>,
    /// What `node [zone=a]` has set.
    defaults: Attributes,
}

impl Default for Scopes {
    fn default() -> Self {
        Scopes { all: vec![Scope::default()], now: 0 }
    }
}

impl Scopes {
    /// Enters a subgraph, which is made unless it has the name of one that is there; its number.
    pub(super) fn enter(&mut self, name: Option<String>) -> usize {
        let known = name.as_ref().and_then(|name| self.all[self.now].named.get(name).copied());
        let scope = known.unwrap_or_else(|| {
            self.all.push(Scope { parent: Some(self.now), ..Scope::default() });
            self.all.len() - 1
        });
        if let Some(name) = name {
            self.all[self.now].named.insert(name, scope);
        }
        self.now = scope;
        scope
    }

    /// Goes back to the subgraph around this one.
    pub(super) fn leave(&mut self) {
        self.now = self.all[self.now].parent.unwrap_or(0);
    }

    /// Adds a node to this subgraph and to those around it. The graph itself has all nodes.
    pub(super) fn put(&mut self, node: usize) {
        let mut scope = self.now;
        while let Some(parent) = self.all[scope].parent {
            self.all[scope].nodes.insert(node);
            scope = parent;
        }
    }

    /// The nodes of a subgraph.
    pub(super) fn nodes(&self, scope: usize) -> Vec<usize> {
        self.all[scope].nodes.iter().copied().collect()
    }

    /// Sets attributes for the nodes that are first named from here on, in this subgraph and those within it.
    pub(super) fn set_defaults(&mut self, attributes: Attributes) {
        self.all[self.now].defaults.extend(attributes);
    }

    /// What is set for an attribute here; the innermost subgraph that sets it counts.
    pub(super) fn default_of(&self, attribute: &str) -> Option<String> {
        let around = std::iter::successors(Some(self.now), |scope| self.all[*scope].parent);
        around.filter_map(|scope| self.all[scope].defaults.get(attribute)).next().cloned()
    }
}
