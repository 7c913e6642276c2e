//! What everything that a run makes in a cloud carries, so that it is found again: metadata of servers, tags of ports.

use std::collections::BTreeMap;

use super::opted_in::{ROLE, TAGS, ZONE};
use crate::infrastructure::Server as Declared;
use crate::openstack::mark::Mark;
use crate::openstack::servers::Server;

const SCENARIO: &str = "chimp_scenario";
const SERVER: &str = "chimp_server";
/// How much of a text Nova's metadata holds, in bytes.
const LONGEST: usize = 255;

/// Of all that is made for a scenario.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    /// The run's, by which what it made is found again.
    pub run: Mark,
    scenario: String,
}

impl Marks {
    /// Of the scenario of this index.
    pub fn new(run: &str, index: u32) -> Marks {
        Marks { run: Mark::new(run), scenario: index.to_string() }
    }

    /// The metadata of a server, beside the run.
    pub fn of_server(&self, name: &str, declared: Option<&Declared>) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([(SCENARIO.into(), self.scenario.clone()), (SERVER.into(), name.into())]);
        let Some(declared) = declared else { return all };
        all.insert(ROLE.into(), cut(&declared.role));
        all.extend(declared.zone.iter().map(|zone| (ZONE.into(), cut(zone))));
        if !declared.tags.is_empty() {
            all.insert(TAGS.into(), cut(&declared.tags.join(",")));
        }
        all
    }

    /// Whether a server was made for the scenario.
    pub fn are_of(&self, server: &Server) -> bool {
        server.run() == Some(self.run.run()) && server.metadata.get(SCENARIO) == Some(&self.scenario)
    }
}

/// The name of the declared server that one stands for.
pub(super) fn server(server: &Server) -> Option<&str> {
    server.metadata.get(SERVER).map(String::as_str)
}

fn cut(text: &str) -> String {
    let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].into()
}
