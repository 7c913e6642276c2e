//! `[auto_scaling]`: which servers Auto Scaling replaces.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::infrastructure::Infrastructure;

/// How the step begins that leaves servers to Auto Scaling.
pub(crate) const STEP: &str = "Auto Scaling replaces ";

/// `[auto_scaling]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoScalingSettings {
    /// The servers that the environment's Auto Scaling replaces, by what a step calls one of them: `webserver`, or `node` for all. Default none: the reconciler replaces servers. It leaves these alone.
    pub replaces: Vec<String>,
}

impl AutoScalingSettings {
    /// Adds the servers that are called so.
    pub(crate) fn replace(&mut self, word: &str) {
        if !self.replaces.iter().any(|other| other == word) {
            self.replaces.push(word.into());
        }
    }

    /// The names of the servers that it replaces.
    pub(crate) fn servers(&self, infrastructure: &Infrastructure) -> BTreeSet<String> {
        let called = self.replaces.iter().flat_map(|word| infrastructure.servers_called(word));
        called.map(|server| server.name.clone()).collect()
    }

    /// Whether all is as it is by default. What is recorded of most runs has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == AutoScalingSettings::default()
    }
}
