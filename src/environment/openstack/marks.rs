//! What everything that a run makes in a cloud carries, so that it is found again: metadata of servers, tags of ports.

use std::collections::BTreeMap;

use crate::environment::cloud::marks::{SCENARIO, SERVER, of_server};
use crate::infrastructure::Server as Declared;
use crate::openstack::mark::Mark;
use crate::openstack::servers::Server;

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
        of_server(&self.scenario, name, declared)
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
