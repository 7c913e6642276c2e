//! The roles that are part of the binary, from `fixtures/roles/`. To add one: a file and a row.

use std::path::Path;

use super::{Role, file};
use crate::infrastructure::yaml::Source;

/// A shipped role, not yet parsed.
#[derive(Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name in infrastructure files.
    pub name: &'static str,
    /// What the servers of a tier are named by: `web` makes `web-1`, `web-2`, …
    pub prefix: &'static str,
    text: &'static str,
}

const SHIPPED: &[Shipped] = &[
    Shipped { name: "webhaproxy", prefix: "lb", text: include_str!("../../fixtures/roles/webhaproxy.yaml") },
    Shipped { name: "webserver", prefix: "web", text: include_str!("../../fixtures/roles/webserver.yaml") },
];

impl Shipped {
    /// The role, parsed.
    pub fn role(&self) -> Role {
        let role = file::parse(self.name, &self.source(), None);
        role.expect("a test parses every shipped role")
    }

    /// Its text under a name for errors.
    pub(super) fn source(&self) -> Source {
        Source { path: Path::new("fixtures/roles").join(self.name).with_extension("yaml"), text: self.text.into() }
    }
}

/// The row of a shipped role.
pub(super) fn named(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// The shipped role of this name, parsed.
pub fn role(name: &str) -> Option<Role> {
    named(name).map(Shipped::role)
}

/// The shipped role that a step's word means: its word, or its name.
pub fn called(word: &str) -> Option<&'static Shipped> {
    named(word).or_else(|| SHIPPED.iter().find(|shipped| shipped.role().word == word))
}

/// The names of all shipped roles.
pub fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|shipped| shipped.name)
}

/// The words of all shipped roles, in the singular.
pub fn words() -> Vec<String> {
    SHIPPED.iter().map(|shipped| shipped.role().word).collect()
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
