//! The roles that are part of the binary, from `fixtures/roles/`. To add one: a file and a row.

use std::path::Path;
use std::sync::LazyLock;

use super::{Role, file};
use crate::document::yaml::Source;

/// A shipped role, not yet parsed.
#[derive(Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name in infrastructure files.
    pub name: &'static str,
    /// What the servers of a tier are named by: `web` makes `web-1`, `web-2`, …
    pub prefix: &'static str,
    text: &'static str,
}

/// One text for both: what a database is for is said by the infrastructure, under `databases`.
const DATABASE: &str = include_str!("../../fixtures/roles/database.yaml");

const SHIPPED: &[Shipped] = &[
    Shipped { name: "webhaproxy", prefix: "lb", text: include_str!("../../fixtures/roles/webhaproxy.yaml") },
    Shipped { name: "webserver", prefix: "web", text: include_str!("../../fixtures/roles/webserver.yaml") },
    Shipped {
        name: "webserver-apache",
        prefix: "web",
        text: include_str!("../../fixtures/roles/webserver-apache.yaml"),
    },
    Shipped { name: "site", prefix: "site", text: include_str!("../../fixtures/roles/site.yaml") },
    Shipped { name: "dbhaproxy", prefix: "dblb", text: include_str!("../../fixtures/roles/dbhaproxy.yaml") },
    Shipped { name: "dbmaster", prefix: "db", text: DATABASE },
    Shipped { name: "dbslave", prefix: "slave", text: DATABASE },
    Shipped { name: "puppet", prefix: "puppet", text: include_str!("../../fixtures/roles/puppet.yaml") },
];

/// Texts that shipped roles copy, by the path they name them by.
const TEXTS: &[(&str, &str)] = &[("../site/schema.sql", include_str!("../../fixtures/site/schema.sql"))];

/// Templates that roles include by name.
pub(super) const PARTS: &[(&str, &str)] = &[
    ("keepalived.conf", include_str!("../../fixtures/roles/keepalived.conf")),
    ("announce.sh", include_str!("../../fixtures/roles/announce.sh")),
];

/// Programs of this workspace that shipped roles run, and the packages that they are built from.
const PROGRAMS: &[(&str, &str)] = &[("chimp-site", "fixtures/site"), ("chimp-dbcheck", "fixtures/site")];

impl Shipped {
    /// The role, parsed: once, since each step of a scenario asks for the words of all.
    pub fn role(&self) -> &'static Role {
        static PARSED: LazyLock<Vec<Role>> = LazyLock::new(|| SHIPPED.iter().map(Shipped::parse).collect());
        PARSED.iter().find(|role| role.name == self.name).expect("it is a row of the table")
    }

    fn parse(&self) -> Role {
        let role = file::parse(self.name, &self.source(), None);
        role.expect("a test parses every shipped role")
    }

    /// Its text under a name for errors.
    pub(crate) fn source(&self) -> Source {
        let file = if self.text == DATABASE { "database" } else { self.name };
        Source { path: Path::new("fixtures/roles").join(file).with_extension("yaml"), text: self.text.into() }
    }
}

/// The row of a shipped role.
pub(crate) fn named(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// A text that shipped roles copy.
pub(super) fn text(path: &Path) -> Option<&'static str> {
    TEXTS.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| *text)
}

/// The package of this workspace that a program is built from.
pub(crate) fn package(program: &str) -> Option<&'static str> {
    PROGRAMS.iter().find(|(name, _)| *name == program).map(|(_, package)| *package)
}

/// The shipped role of this name, parsed.
pub fn role(name: &str) -> Option<Role> {
    named(name).map(Shipped::role).cloned()
}

/// The shipped role that a step's word means: its word, or its name. Where several answer to a word, the first.
pub fn called(word: &str) -> Option<&'static Shipped> {
    named(word).or_else(|| SHIPPED.iter().find(|shipped| shipped.role().noun == word))
}

/// The names of all shipped roles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// The words of all shipped roles, in the singular; a word of several is one.
pub fn words() -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in SHIPPED.iter().map(|shipped| &shipped.role().noun) {
        if !words.contains(word) {
            words.push(word.clone());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_role_parses() {
        for shipped in SHIPPED {
            file::parse(shipped.name, &shipped.source(), None).unwrap();
        }
    }

    #[test]
    fn a_role_is_called_by_its_word_or_its_name() {
        assert_eq!(called("load balancer").unwrap().name, "webhaproxy");
        assert_eq!(called("webhaproxy").unwrap().name, "webhaproxy");
        assert_eq!(called("webserver").unwrap().prefix, "web");
        assert_eq!(called("toaster"), None);
    }
}
