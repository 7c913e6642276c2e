//! The eight steps of the paper's reconciler, in their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::document::error::one_of;

/// One step. The first three are about all servers, the others about one that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReconcilerStep {
    /// 1: the instances are listed.
    List,
    /// 2: they are compared with what is declared, by name and type.
    Compare,
    /// 3: a server is found missing.
    Missing,
    /// 4: the provider is asked for a boot; that it will be asked is on disk before.
    Ask,
    /// 5: what was booted is stored.
    Store,
    /// 6: its configuration is written down.
    Configure,
    /// 7: the old host key is forgotten and the new one accepted.
    Trust,
    /// 8: it is bootstrapped, which is waited for and recorded.
    Await,
}

impl ReconcilerStep {
    /// All of them, in order.
    pub const ALL: [ReconcilerStep; 8] = [
        ReconcilerStep::List,
        ReconcilerStep::Compare,
        ReconcilerStep::Missing,
        ReconcilerStep::Ask,
        ReconcilerStep::Store,
        ReconcilerStep::Configure,
        ReconcilerStep::Trust,
        ReconcilerStep::Await,
    ];

    /// Its name in features, on the command line and in the history.
    pub fn name(self) -> &'static str {
        match self {
            ReconcilerStep::List => "list",
            ReconcilerStep::Compare => "compare",
            ReconcilerStep::Missing => "missing",
            ReconcilerStep::Ask => "ask",
            ReconcilerStep::Store => "store",
            ReconcilerStep::Configure => "configure",
            ReconcilerStep::Trust => "trust",
            ReconcilerStep::Await => "await",
        }
    }
}

impl fmt::Display for ReconcilerStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ReconcilerStep {
    type Err = String;

    /// # Errors
    /// Names the steps that there are.
    fn from_str(text: &str) -> Result<ReconcilerStep, String> {
        let found = ReconcilerStep::ALL.into_iter().find(|step| step.name() == text);
        found.ok_or_else(|| {
            let hint = one_of(text, "steps", ReconcilerStep::ALL.iter().map(|step| step.name()));
            format!("the reconciler has no step `{text}`\n  help: {hint}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_its_step_everywhere() {
        for step in ReconcilerStep::ALL {
            assert_eq!(step.name().parse(), Ok(step));
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
        assert!("stor".parse::<ReconcilerStep>().unwrap_err().ends_with("did you mean `store`?"));
    }
}
